//! A sink of flows that is ready: a format and what carries it.

use super::event::Moment;
use super::flow_event::FlowEvent;
use super::format::{Format, Origin};
use super::transport::{IpfixTarget, RotatingFile, SendError};

/// Where flows go.
#[derive(Debug)]
pub enum FlowTarget {
    /// Lines in a file.
    File(RotatingFile, Format),
    /// Messages of IPFIX.
    Ipfix(Box<IpfixTarget>),
}

impl FlowTarget {
    /// Sends flows, and waits until that is done. Returns how many were taken, and why not all.
    pub fn send(&mut self, flows: &[FlowEvent], origin: &Origin) -> (usize, Result<(), SendError>) {
        let (file, format) = match self {
            Self::Ipfix(target) => return target.send(flows),
            Self::File(file, format) => (file, *format),
        };
        let (Some(first), Some(last)) = (flows.first(), flows.last()) else {
            return (0, Ok(()));
        };
        let mut lines = String::new();
        for line in flows
            .iter()
            .filter_map(|flow| format.flow_line(flow, origin))
        {
            lines += &line;
            lines.push('\n');
        }
        let header = format.flow_header(Moment(first.tick));
        let footer = format.flow_footer(Moment(last.tick));
        match file.send_lines(&lines, &header, &footer) {
            Ok(()) => (flows.len(), Ok(())),
            Err(error) => (0, Err(error)),
        }
    }
}
