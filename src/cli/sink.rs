//! `borderflow sink`: whether alerts get where they are to go.

#![allow(
    clippy::disallowed_methods,
    reason = "a person is told how long it took"
)]

use std::sync::Arc;
use std::time::Instant;

use crate::config::Config;
use crate::pipeline::{self, Sending, Sinks, Telemetry, Tell, wall_clock_tick};
use crate::report::clean;
use crate::sink::{Carrier, Event, FlowEvent, Origin, SinkKind, SinkSettings};

use super::arguments::{SinkCommand, SinkTestArguments};
use super::terminal::Terminal;
use super::{CommandError, Outcome};

/// Letters of an answer that are shown.
const SHOWN_LETTERS_MAX: usize = 400;

pub(super) fn run(command: &SinkCommand, terminal: &Terminal) -> Result<Outcome, CommandError> {
    let SinkCommand::Test(arguments) = command;
    test(arguments, terminal)
}

/// Sends a marked event through each sink, and says what became of it.
fn test(arguments: &SinkTestArguments, terminal: &Terminal) -> Result<Outcome, CommandError> {
    let config = Config::read(&arguments.config)?;
    let wanted = |sink: &&SinkSettings| {
        let name = arguments.name.as_deref();
        name.is_none_or(|name| name == sink.name())
    };
    let sinks: Vec<_> = config.sink.iter().filter(wanted).collect();
    if sinks.is_empty() {
        let file = arguments.config.display();
        let why = match &arguments.name {
            Some(name) => format!("{file}: no [[sink]] is called `{name}`"),
            None => format!("{file}: there is no [[sink]]; docs/sinks.md has examples"),
        };
        return Err(CommandError::Usage(why));
    }
    let origin = pipeline::origin();
    let event = Event::test(wall_clock_tick(), &origin.host);
    let mut failed = 0;
    for sink in &sinks {
        let begun = Instant::now();
        let sent = try_out(sink, &event, &origin);
        let milliseconds = begun.elapsed().as_millis();
        let said = match sent {
            Ok(()) => format!("{} in {milliseconds} ms", taken(sink)),
            Err(why) => {
                failed += 1;
                format!("FAILED: {}", clean(&why, SHOWN_LETTERS_MAX))
            }
        };
        terminal.print(&format!("{} ({}): {said}\n", sink.name(), sink.place()))?;
    }
    if failed > 0 {
        let count = sinks.len();
        terminal.complain(&format!(
            "{failed} of {count} sinks did not take the test event"
        ));
        return Ok(Outcome::Lost);
    }
    terminal.print(&format!("the event is {}\n", event.id()))?;
    Ok(Outcome::Complete)
}

/// Sends the event, or a flow to a sink that takes flows.
fn try_out(sink: &SinkSettings, event: &Event, origin: &Origin) -> Result<(), String> {
    if let Some(mut target) = sink.open_flows() {
        let (_, sent) = target.send(&[FlowEvent::test(wall_clock_tick())], origin);
        return sent.map_err(|error| error.to_string());
    }
    let target = sink.open().map_err(|error| error.to_string())?;
    let prepared = target.and_then(|mut target| {
        let prepared = target.prepare(event, origin)?;
        Some((target, prepared))
    });
    match prepared {
        Some((mut target, prepared)) => target.send(&prepared).map_err(|error| error.to_string()),
        None => Ok(()),
    }
}

/// What is known of an event that no error was told of.
fn taken(sink: &SinkSettings) -> &'static str {
    let carrier = sink.carrier.as_ref().map(|carrier| *carrier.get_ref());
    match (sink.kind.get_ref(), carrier) {
        (SinkKind::File | SinkKind::FlowFile, _) => "written",
        (SinkKind::Syslog | SinkKind::Ipfix, Some(Carrier::Udp) | None) => {
            "sent (UDP tells nothing back: look for it at the other side)"
        }
        (SinkKind::Syslog | SinkKind::Ipfix, Some(Carrier::Tcp | Carrier::Tls)) => {
            "handed over (nothing is told back: look for it at the other side)"
        }
        (SinkKind::Webhook | SinkKind::Alertmanager, _) => "taken",
    }
}

/// Starts the sinks of a run, if it has any.
pub(super) fn start(
    config: &Config,
    sending: Sending,
    telemetry: &Telemetry,
) -> Result<Option<Sinks>, CommandError> {
    if config.sink.is_empty() {
        return Ok(None);
    }
    let terminal = Terminal::new();
    let tell: Tell = Arc::new(move |text| terminal.complain(text));
    let state = config.state.dir.as_deref();
    let sinks = Sinks::start(&config.sink, state, sending, telemetry, &tell)?;
    Ok(Some(sinks))
}
