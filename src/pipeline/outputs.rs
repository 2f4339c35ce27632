//! Where the analyst's results go.

use std::sync::Arc;

use crate::alert::Alert;
use crate::geo::Country;
use crate::inventory::Station;
use crate::policy::Judgement;
use crate::privacy::Veil;
use crate::sink::{JsonLines, OutFolder, ResultCounts, SinkError, TransferLine, VerdictLine};
use crate::time::Tick;
use crate::transfer::Transfer;

use super::delivery::Sinks;
use super::flow_file::FlowEnd;
use super::historian::Historian;
use super::recorder::Recorder;

/// Alerts that are kept for the summary on the terminal.
pub(super) const ALERTS_KEPT_MAX: usize = 1_000;

/// The files and streams of one run.
#[derive(Debug, Default)]
pub struct Outputs {
    alerts: Option<JsonLines>,
    shadow: Option<JsonLines>,
    flows: Option<JsonLines>,
    transfers: Option<JsonLines>,
    verdicts: Option<JsonLines>,
    recorder: Option<Recorder>,
    /// What a sensor could not write to the files.
    results: Arc<ResultCounts>,
    /// Other systems.
    sinks: Option<Sinks>,
    historian: Option<Historian>,
    /// Alerts that wait for a caller that wants them itself.
    kept: Option<Vec<Alert>>,
    /// What hides addresses in all of it.
    veil: Arc<Veil>,
}

impl Outputs {
    /// No output but the summary.
    pub fn none() -> Self {
        Self::default()
    }

    /// The files of a folder; `flows` and `transfers` as asked.
    ///
    /// # Errors
    /// Where a file cannot be created.
    pub fn to_folder(folder: &OutFolder, flows: bool, transfers: bool) -> Result<Self, SinkError> {
        let file = |wanted: bool, name| wanted.then(|| folder.json_lines(name)).transpose();
        Ok(Self {
            alerts: file(true, "alerts.jsonl")?,
            shadow: file(true, "shadow.jsonl")?,
            flows: file(flows, "flows.jsonl")?,
            transfers: file(transfers, "transfers.jsonl")?,
            ..Self::default()
        })
    }

    /// The files of a sensor, which goes on where a disk takes nothing. Verdicts as asked.
    ///
    /// # Errors
    /// Where a file cannot be created.
    pub fn of_sensor(folder: &OutFolder, verdicts: bool) -> Result<Self, SinkError> {
        let results = Arc::<ResultCounts>::default();
        let file = |wanted: bool, name| {
            let open = || folder.patient_lines(name, &results);
            wanted.then(open).transpose()
        };
        Ok(Self {
            alerts: file(true, "alerts.jsonl")?,
            shadow: file(true, "shadow.jsonl")?,
            verdicts: file(verdicts, "verdicts.jsonl")?,
            results,
            ..Self::default()
        })
    }

    /// Writes what waits for a disk, and tells how often it did not take something, and how many
    /// lines were lost.
    pub(super) fn retry(&mut self) -> [u64; 2] {
        if self.results.failures() > 0 {
            let files = [&mut self.alerts, &mut self.shadow, &mut self.verdicts];
            let files = files.into_iter().flatten();
            // They do not fail: what they do not take is counted.
            files.for_each(|file| drop(file.flush()));
        }
        [self.results.failures(), self.results.lost_lines()]
    }

    /// Verdicts to a file of a folder, too.
    ///
    /// # Errors
    /// Where the file cannot be created.
    pub fn with_verdicts(mut self, folder: &OutFolder) -> Result<Self, SinkError> {
        self.verdicts = Some(folder.json_lines("verdicts.jsonl")?);
        Ok(self)
    }

    /// A ledger, too.
    #[must_use]
    pub fn with_ledger(mut self, recorder: Recorder) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// Other systems, too.
    #[must_use]
    pub fn with_sinks(mut self, sinks: Option<Sinks>) -> Self {
        self.sinks = sinks;
        self
    }

    /// Hands heads that the ledger has signed to sinks that keep them as witnesses.
    pub(super) fn hand_over_heads(&mut self) {
        let heads = self.recorder.as_mut().map(Recorder::take_heads);
        if let Some(sinks) = &self.sinks
            && sinks.wants_heads()
        {
            heads
                .into_iter()
                .flatten()
                .for_each(|head| sinks.head(head));
        }
    }

    /// A history, and those that look on, too.
    #[must_use]
    pub fn with_history(mut self, historian: Historian) -> Self {
        self.historian = Some(historian);
        self
    }

    pub(super) const fn historian(&mut self) -> Option<&mut Historian> {
        self.historian.as_mut()
    }

    /// Counts transfers for the history.
    pub(super) fn count(&mut self, country: Country, transfers: &[Transfer]) {
        if let Some(historian) = &mut self.historian {
            historian.count(country, transfers);
        }
    }

    /// Hides addresses from now on, in the ledger too.
    pub(super) fn set_veil(&mut self, veil: &Arc<Veil>) {
        self.veil = Arc::clone(veil);
        if let Some(recorder) = &mut self.recorder {
            recorder.veil = Arc::clone(veil);
        }
    }

    /// What hides addresses.
    pub(super) const fn veil(&self) -> &Arc<Veil> {
        &self.veil
    }

    /// Whether days are wanted, by who sent what to whom.
    pub(super) const fn wants_account(&self) -> bool {
        self.recorder.is_some()
    }

    pub(super) const fn recorder(&mut self) -> Option<&mut Recorder> {
        self.recorder.as_mut()
    }

    pub(super) fn judgement(&mut self, tick: Tick, judgement: &Judgement) -> Result<(), SinkError> {
        if self.recorder.is_none() && self.verdicts.is_none() {
            return Ok(());
        }
        let line = VerdictLine::new(tick, judgement, &self.veil);
        if let Some(recorder) = &mut self.recorder {
            recorder.judgement(tick, &line);
        }
        write(&mut self.verdicts, &line)?;
        self.verdicts.as_mut().map_or(Ok(()), JsonLines::flush)
    }

    /// Alerts to one stream, nothing else.
    pub fn alerts_to(stream: JsonLines) -> Self {
        Self {
            alerts: Some(stream),
            ..Self::default()
        }
    }

    /// Alerts to the caller, who takes them with [`Outputs::take_kept`] at every tick.
    pub(super) fn keeping() -> Self {
        Self {
            kept: Some(Vec::new()),
            ..Self::default()
        }
    }

    /// The alerts since the last time that this was asked.
    pub(super) fn take_kept(&mut self) -> Vec<Alert> {
        self.kept.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Where flows go, if they are wanted, for those that write them.
    pub(super) fn take_flows(&mut self) -> FlowEnd {
        FlowEnd {
            file: self.flows.take(),
            tap: self.sinks.as_ref().and_then(Sinks::flow_tap),
        }
    }

    /// An alert is on its way at once. Its addresses are hidden first, so that whoever takes it
    /// from here on takes it as it is told.
    pub(super) fn alert(&mut self, alert: &mut Alert) -> Result<(), SinkError> {
        alert.veil(&self.veil);
        let alert = &*alert;
        if let Some(kept) = &mut self.kept {
            kept.push(alert.clone());
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.alert(alert);
        }
        if let Some(sinks) = &self.sinks {
            sinks.alert(alert);
        }
        write(&mut self.alerts, alert)?;
        self.alerts.as_mut().map_or(Ok(()), JsonLines::flush)
    }

    pub(super) fn shadow(&mut self, mut alert: Alert) -> Result<(), SinkError> {
        alert.veil(&self.veil);
        write(&mut self.shadow, &alert)?;
        self.shadow.as_mut().map_or(Ok(()), JsonLines::flush)
    }

    pub(super) fn transfers(
        &mut self,
        transfers: &[Transfer],
        label: impl Fn(Station) -> String,
    ) -> Result<(), SinkError> {
        let Some(lines) = &mut self.transfers else {
            return Ok(());
        };
        let veil = &self.veil;
        let line = |transfer| TransferLine::new(transfer, label(transfer.station()), veil);
        let mut of_all = transfers.iter().map(line);
        of_all.try_for_each(|line| lines.write(&line))
    }

    pub(super) fn flush(&mut self) -> Result<(), SinkError> {
        [&mut self.alerts, &mut self.shadow, &mut self.transfers]
            .into_iter()
            .flatten()
            .try_for_each(JsonLines::flush)
    }
}

fn write(lines: &mut Option<JsonLines>, line: &impl serde::Serialize) -> Result<(), SinkError> {
    lines.as_mut().map_or(Ok(()), |lines| lines.write(line))
}
