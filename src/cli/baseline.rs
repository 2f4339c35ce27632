//! `borderflow baseline`: what is normal, learned from logs.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::config::Config;
use crate::geo::Country;
use crate::intake::{self, Record, Window};
use crate::pipeline::{Import, Imported, Outputs};
use crate::sink::OutFolder;
use crate::time::Tick;
use crate::transfer::Transfer;

use super::arguments::ImportArguments;
use super::replay::open_geo;
use super::terminal::Terminal;
use super::{CommandError, Outcome};

/// What is told to a person at the end.
#[derive(Debug, Default)]
struct Seen {
    records: u64,
    unknown_bytes: u64,
    bad: u64,
    countries: BTreeSet<Country>,
    times: Option<(Tick, Tick)>,
}

pub(super) fn import(
    arguments: &ImportArguments,
    terminal: &Terminal,
) -> Result<Outcome, CommandError> {
    let mut config = match &arguments.config {
        Some(path) => Config::read(path)?,
        None => {
            terminal.complain("no --config: home is CN and assets are the private ranges");
            Config::default()
        }
    };
    config.state.dir = Some(arguments.state.clone());
    let geo = Arc::new(open_geo(&config)?);
    // Before anything is touched, every input must be there.
    for path in &arguments.files {
        intake::open(path).map_err(|source| log_error(path, source))?;
    }
    let folder = arguments.out.as_deref();
    let folder = folder
        .map(|path| OutFolder::create(path, &arguments.files))
        .transpose()?;
    let outputs = match &folder {
        Some(folder) => {
            folder.clear()?;
            Outputs::to_folder(folder, false, false)?
        }
        None => Outputs::none(),
    };
    let mut import = Import::start(config, Arc::clone(&geo), outputs)?;
    let mut window = Window::default();
    let mut seen = Seen::default();
    for path in &arguments.files {
        let mut records = intake::open(path).map_err(|source| log_error(path, source))?;
        loop {
            let record = match records.next(&geo) {
                Ok(Some(record)) => record,
                Ok(None) => break,
                Err(error) => {
                    seen.complain(terminal, &format!("{}: {error}", path.display()));
                    break;
                }
            };
            match record {
                Record::Transfer(transfer) => {
                    seen.take(&transfer);
                    if let Some(earliest) = window.push(transfer) {
                        import.add(earliest)?;
                    }
                }
                Record::NoExport => {}
                Record::Bad(bad) => {
                    let text = format!("{}:{}: {}", path.display(), bad.line, bad.reason);
                    seen.complain(terminal, &text);
                }
            }
        }
        seen.records += records.records;
        seen.unknown_bytes += records.unknown_bytes;
    }
    while let Some(transfer) = window.pop() {
        import.add(transfer)?;
    }
    terminal.print(&seen.text(&import.finish()?))?;
    Ok(if seen.bad == 0 {
        Outcome::Complete
    } else {
        Outcome::Damaged
    })
}

fn log_error(path: &Path, source: std::io::Error) -> CommandError {
    let path = path.display().to_string();
    CommandError::Log { path, source }
}

impl Seen {
    fn take(&mut self, transfer: &Transfer) {
        self.countries.insert(transfer.country);
        let tick = transfer.tick;
        let (first, last) = self.times.unwrap_or((tick, tick));
        self.times = Some((first.min(tick), last.max(tick)));
    }

    fn complain(&mut self, terminal: &Terminal, text: &str) {
        self.bad += 1;
        if self.bad <= BAD_TOLD_MAX {
            terminal.complain(text);
        }
    }

    fn text(&self, imported: &Imported) -> String {
        let taken = &imported.taken;
        let mut text = format!(
            "{} records, {} transfers, {} countries of receivers\n",
            self.records,
            taken.transfers,
            self.countries.len(),
        );
        if taken.transfers == 0 {
            text += "nothing was exported: set site.networks to the networks of the assets, and \
                     site.jurisdictions to where home is\n";
        }
        if let Some((first, last)) = self.times {
            text += &format!("from {first} to {last}\n");
        }
        text += &format!(
            "the state now knows {} assets and {} cells, from {} hours with traffic (an asset has \
             a normal of its own after 168)\n",
            taken.assets, taken.cells, imported.hours_learned,
        );
        let [told, young] = imported.incidents;
        text += &format!("{told} incidents told, {young} of assets too young to tell\n");
        let counts = [
            (self.bad, "bad lines were left out"),
            (
                self.unknown_bytes,
                "connections did not say how much was sent, and count as none",
            ),
            (
                taken.late,
                "transfers were out of order and count in the running second",
            ),
        ];
        for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
            text += &format!("{count} {what}\n");
        }
        for note in &imported.notes {
            text += &format!("note: {note}\n");
        }
        text
    }
}

/// Bad lines that are told one by one.
const BAD_TOLD_MAX: u64 = 20;
