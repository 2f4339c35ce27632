//! A sink that is ready: a format and what carries it.

use super::event::{Event, Moment};
use super::format::{Alertmanager, Format, Origin, zeek_closed, zeek_header};
use super::transport::{Http, RotatingFile, SendError, SyslogTarget};

/// Where events go.
#[derive(Debug)]
pub enum Target {
    /// Lines in a file.
    File(RotatingFile, Format),
    /// Messages of syslog.
    Syslog(Box<SyslogTarget>, Format),
    /// Requests.
    Webhook(Http, Format),
    /// Requests to Alertmanager.
    Alertmanager(Http, Alertmanager),
}

/// An event as it is going to be sent, however often that is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    text: String,
    /// What a new file begins with, and what one ends with that is complete.
    header: String,
    footer: String,
}

impl Target {
    /// Writes an event in the format of the sink; nothing where that has no place for it.
    pub fn prepare(&mut self, event: &Event, origin: &Origin) -> Option<Prepared> {
        let (mut header, mut footer) = (String::new(), String::new());
        let text = match self {
            Self::File(_, format) => {
                if *format == Format::Zeek
                    && let Event::Alert(alert) = event
                {
                    let at: Moment = alert.time;
                    (header, footer) = (zeek_header(at), zeek_closed(at));
                }
                format.line(event, origin)
            }
            Self::Syslog(_, format) => format.syslog(event, origin),
            Self::Webhook(_, format) => format.line(event, origin),
            Self::Alertmanager(_, alerts) => alerts.body(event, origin),
        };
        Some(Prepared {
            text: text?,
            header,
            footer,
        })
    }

    /// Sends it, and waits until that is done.
    ///
    /// # Errors
    /// Where it was not taken.
    pub fn send(&mut self, prepared: &Prepared) -> Result<(), SendError> {
        let text = &prepared.text;
        match self {
            Self::File(file, _) => file.send(text, &prepared.header, &prepared.footer),
            Self::Syslog(syslog, _) => syslog.send(text),
            Self::Webhook(http, _) | Self::Alertmanager(http, _) => http.send(text),
        }
    }
}
