//! Alerts, verdicts, flows and transfers to files and streams; alerts and heads of the ledger to
//! other systems, and flows too.
//!
//! An [`Event`] is all that may leave. A [`Format`] writes it, a [`Target`] sends it, and a
//! [`Spool`] keeps it while the other side is away. Of a flow a [`FlowEvent`] is all that may
//! leave, a [`FlowTarget`] sends it, and nothing keeps it. None of these has a thread or a clock.

mod community_id;
mod event;
mod flow_event;
mod flow_line;
mod flow_lines;
mod flow_record;
mod flow_target;
mod folder;
mod format;
mod ipfix;
mod json_lines;
mod result_file;
mod settings;
mod spool;
mod target;
mod transfer_line;
mod transport;
mod verdict_line;

pub use event::{
    AlertEvent, DETECTORS_MAX, DetectorPart, Event, FLOWS_MAX, FlowPart, Moment, Name, PolicyPart,
    Sentence, Step, Text,
};
pub use flow_event::FlowEvent;
pub use flow_line::FlowWriter;
pub use flow_lines::FlowLines;
pub use flow_record::FlowRecord;
pub use flow_target::FlowTarget;
pub use folder::OutFolder;
pub use format::{Alertmanager, Format, Origin, zeek_closed, zeek_header};
pub use ipfix::{DATAGRAM_BYTES_MAX, IpfixMessage, IpfixMessages, STREAM_MESSAGE_BYTES_MAX};
pub use json_lines::{JsonLines, SinkError};
pub use result_file::ResultCounts;
pub use settings::{
    ROTATE_BYTES, ROTATE_FILES, SINKS_MAX, SPOOL_BYTES, SinkKind, SinkOpenError, SinkSettings,
    SinkWrong,
};
pub use spool::Spool;
pub use target::{Prepared, Target};
pub use transfer_line::TransferLine;
pub use transport::{
    Carrier, Http, HttpTarget, IpfixTarget, PATH_OF_ALERTS, RotatingFile, SendError, SyslogTarget,
    TIMEOUT, Trust, TrustError,
};
pub use verdict_line::{DayRow, VerdictLine};
