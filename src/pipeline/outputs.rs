//! Where the analyst's results go.

use crate::alert::Alert;
use crate::sink::{JsonLines, OutFolder, SinkError, TransferLine};
use crate::transfer::Transfer;

use super::sensor::ClosedFlow;

/// Alerts that are kept for the summary on the terminal.
pub(super) const ALERTS_KEPT_MAX: usize = 1_000;

/// The files and streams of one run.
#[derive(Debug, Default)]
pub struct Outputs {
    alerts: Option<JsonLines>,
    shadow: Option<JsonLines>,
    flows: Option<JsonLines>,
    transfers: Option<JsonLines>,
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

    pub(super) fn transfer(&mut self, transfer: &Transfer) -> Result<(), SinkError> {
        if self.transfers.is_none() {
            return Ok(());
        }
        write(&mut self.transfers, &TransferLine::from(transfer))
    }

    pub(super) fn flows(&mut self, flows: &[ClosedFlow]) -> Result<(), SinkError> {
        if let Some(lines) = &mut self.flows {
            for flow in flows {
                lines.write_raw(&flow.line)?;
            }
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
