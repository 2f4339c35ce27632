//! Where the analyst's results go.

use crate::alert::Alert;
use crate::sink::{FlowRecord, FlowWriter, JsonLines, OutFolder, SinkError, TransferLine};
use crate::transfer::{Order, Transfer, sort_by_tick};

/// Alerts that are kept for the summary on the terminal.
pub(super) const ALERTS_KEPT_MAX: usize = 1_000;

/// The files and streams of one run.
#[derive(Debug, Default)]
pub struct Outputs {
    alerts: Option<JsonLines>,
    shadow: Option<JsonLines>,
    flows: Option<JsonLines>,
    transfers: Option<JsonLines>,
    flow_writer: FlowWriter,
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
            flow_writer: FlowWriter::default(),
        })
    }

    /// Alerts to one stream, nothing else.
    pub fn alerts_to(stream: JsonLines) -> Self {
        Self {
            alerts: Some(stream),
            ..Self::default()
        }
    }

    /// Whether flow records are wanted.
    pub const fn wants_flows(&self) -> bool {
        self.flows.is_some()
    }

    /// An alert is on its way at once.
    pub(super) fn alert(&mut self, alert: &Alert) -> Result<(), SinkError> {
        write(&mut self.alerts, alert)?;
        self.alerts.as_mut().map_or(Ok(()), JsonLines::flush)
    }

    pub(super) fn shadow(&mut self, alert: &Alert) -> Result<(), SinkError> {
        write(&mut self.shadow, alert)?;
        self.shadow.as_mut().map_or(Ok(()), JsonLines::flush)
    }

    pub(super) fn transfers(&mut self, transfers: &[Transfer]) -> Result<(), SinkError> {
        let Some(lines) = &mut self.transfers else {
            return Ok(());
        };
        let mut of_all = transfers.iter().map(TransferLine::from);
        of_all.try_for_each(|line| lines.write(&line))
    }

    /// Writes flows in the order of tick and key. Where there are several of one key and
    /// tick, they are of one worker and stay in the order in which they ended.
    pub(super) fn flows(&mut self, mut flows: Vec<FlowRecord>) -> Result<(), SinkError> {
        let Some(lines) = &mut self.flows else {
            return Ok(());
        };
        sort_by_tick(&mut flows, |flow| flow.tick);
        let writer = &mut self.flow_writer;
        let mut order = Order::default();
        for of_tick in flows.chunk_by(|a, b| a.tick == b.tick) {
            order.sort(of_tick, FlowRecord::prefix, |a, b| a.key.cmp(&b.key));
            order.batches(of_tick, 0, |flows| {
                let mut of_batch = flows.iter();
                of_batch.try_for_each(|flow| lines.write_raw(writer.line(flow)))
            })?;
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) -> Result<(), SinkError> {
        [
            &mut self.alerts,
            &mut self.shadow,
            &mut self.flows,
            &mut self.transfers,
        ]
        .into_iter()
        .flatten()
        .try_for_each(JsonLines::flush)
    }
}

fn write(lines: &mut Option<JsonLines>, line: &impl serde::Serialize) -> Result<(), SinkError> {
    lines.as_mut().map_or(Ok(()), |lines| lines.write(line))
}
