//! Alerts, verdicts, flows and transfers to files and streams.

mod community_id;
mod flow_line;
mod flow_lines;
mod flow_record;
mod folder;
mod json_lines;
mod transfer_line;
mod verdict_line;

pub use flow_line::FlowWriter;
pub use flow_lines::FlowLines;
pub use flow_record::FlowRecord;
pub use folder::OutFolder;
pub use json_lines::{JsonLines, SinkError};
pub use transfer_line::TransferLine;
pub use verdict_line::{DayRow, VerdictLine};
