//! What stands beside a run for as long as it goes on: signals, the service manager, reloads.

#![allow(clippy::disallowed_methods, reason = "it watches in real time")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGUSR1};
use signal_hook::flag;

use crate::config::Config;
use crate::pipeline::{Beats, Exchange, Reloaded, Telemetry, wall_clock_tick};

use super::CommandError;
use super::notify::Notifier;
use super::replay::open_geo;
use super::terminal::Terminal;

/// Signals that a run answers beside those that end it.
#[derive(Debug)]
pub(super) struct Signals {
    reload: Arc<AtomicBool>,
    status: Arc<AtomicBool>,
}

impl Signals {
    /// Answers them from now on.
    pub(super) fn new() -> Result<Self, CommandError> {
        let flag = |signal| {
            let flag = Arc::new(AtomicBool::new(false));
            let registered = flag::register(signal, Arc::clone(&flag));
            registered.map(|_| flag).map_err(CommandError::Signals)
        };
        Ok(Self {
            reload: flag(SIGHUP)?,
            status: flag(SIGUSR1)?,
        })
    }
}

/// Takes care of a run.
#[derive(Debug)]
pub(super) struct Caretaker<'a> {
    pub(super) terminal: &'a Terminal,
    pub(super) notifier: Notifier,
    pub(super) signals: Signals,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) exchange: Arc<Exchange>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) settings: Settings,
}

/// Where settings come from, and what they were at the start.
#[derive(Debug)]
pub(super) struct Settings {
    path: Option<PathBuf>,
    at_start: toml::Table,
    inspects: bool,
}

/// What is remembered between looks.
#[derive(Debug)]
struct Memory {
    beats: Beats,
    fed: Instant,
    told: Instant,
    is_ready: bool,
    is_stopping: bool,
    failures: [u64; 4],
}

/// How often signals are looked for.
const LOOK: Duration = Duration::from_millis(100);

/// How often the service manager is told how things are.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);

/// The shortest time in which every thread must have moved.
const MOVE_MIN: Duration = Duration::from_millis(2_500);

/// How long a run may take to go by settings that it was offered.
const TAKE_MAX: Duration = Duration::from_secs(30);

/// Sections whose settings a running sensor can change. All others hold from the start.
const CHANGEABLE: [&str; 6] = ["alert", "asset", "baseline", "geo", "policy", "site"];

impl Caretaker<'_> {
    /// Runs `run`, and takes care of it meanwhile.
    pub(super) fn beside<T>(&self, run: impl FnOnce() -> T) -> T {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let begun = thread::Builder::new()
                .name("caretaker".to_owned())
                .spawn_scoped(scope, || self.watch(scope, &is_over));
            if let Err(error) = &begun {
                let text = format!("no thread for signals, reloads and the watchdog: {error}");
                self.terminal.complain(&text);
            }
            let result = run();
            is_over.store(true, Relaxed);
            result
        })
    }

    fn watch<'scope>(&'scope self, scope: &'scope thread::Scope<'scope, '_>, is_over: &AtomicBool) {
        let now = Instant::now();
        let mut memory = Memory {
            beats: Beats::default(),
            fed: now,
            told: now,
            is_ready: false,
            is_stopping: false,
            failures: [0; 4],
        };
        let mut reload: Option<thread::ScopedJoinHandle<'_, ()>> = None;
        while !is_over.load(Relaxed) {
            self.tell_manager(&mut memory);
            if self.signals.status.swap(false, Relaxed) {
                for line in self.telemetry.status().screen().lines() {
                    self.terminal.complain(line);
                }
            }
            let is_idle = reload
                .as_ref()
                .is_none_or(thread::ScopedJoinHandle::is_finished);
            if is_idle && memory.is_ready && self.signals.reload.swap(false, Relaxed) {
                // Files may lie on a disk that does not answer: nothing waits for it.
                let thread = thread::Builder::new().name("reload".to_owned());
                match thread.spawn_scoped(scope, || self.reload()) {
                    Ok(begun) => reload = Some(begun),
                    Err(error) => self.failed(&format!("no thread: {error}")),
                }
            }
            thread::sleep(LOOK);
        }
    }

    fn tell_manager(&self, memory: &mut Memory) {
        if !memory.is_ready && self.telemetry.is_ready() && !self.telemetry.beats().is_empty() {
            memory.is_ready = true;
            self.notifier.ready();
        }
        if !memory.is_stopping && self.stop.load(Relaxed) {
            memory.is_stopping = true;
            self.notifier.stopping();
        }
        let every = self
            .notifier
            .watchdog
            .map(|limit| (limit / 4).max(MOVE_MIN));
        if every.is_some_and(|every| memory.fed.elapsed() >= every) {
            let beats = self.telemetry.beats();
            let stuck = beats.stuck_since(&memory.beats);
            match stuck.is_empty() {
                true => self.notifier.feed_watchdog(),
                false => self.terminal.complain(&format!(
                    "the watchdog is not fed: {} does not move",
                    stuck.join(", ")
                )),
            }
            (memory.beats, memory.fed) = (beats, Instant::now());
        }
        if memory.told.elapsed() >= STATUS_INTERVAL {
            memory.told = Instant::now();
            let status = self.telemetry.status();
            self.notifier.status(&status.line());
            let failures = [
                status.save_failures,
                status.ledger_failures,
                status.result_failures[0],
                status.history_failures,
            ];
            let what = [
                "the learned state (state.dir)",
                "the ledger (ledger.dir)",
                "alerts or verdicts (--out)",
                "the history (history.dir)",
            ];
            for (what, (now, before)) in what.iter().zip(failures.iter().zip(memory.failures)) {
                if *now > before {
                    self.terminal.complain(&format!(
                        "ALARM: {what} could not be written, {now} times so far; capture goes on, \
                         and it is tried again: look at the disk with `borderflow doctor`"
                    ));
                }
            }
            memory.failures = failures;
        }
    }

    /// Reads everything anew, and says how that went.
    fn reload(&self) {
        self.notifier.reloading();
        match self.read_anew() {
            Ok(text) => {
                self.telemetry
                    .reloaded(Reloaded::Success, wall_clock_tick());
                self.terminal.complain(&format!("reloaded: {text}"));
            }
            Err(why) => self.failed(&why),
        }
        self.notifier.ready();
    }

    fn failed(&self, why: &str) {
        self.telemetry
            .reloaded(Reloaded::Failure, wall_clock_tick());
        let text = format!("not reloaded, everything is as it was: {why}");
        self.terminal.complain(&text);
    }

    fn read_anew(&self) -> Result<String, String> {
        let path = self.settings.path.as_deref();
        let path = path.ok_or("there is no --config to read")?;
        let config = Config::read(path).map_err(|error| error.to_string())?;
        let policy = config.open_policy().map_err(|error| error.to_string())?;
        let geo = open_geo(&config).map_err(|error| error.to_string())?;
        let mut text = format!(
            "{} assets, {} approvals, {} packs, {} databases",
            config.asset.known.len(),
            policy.register().approvals().len(),
            policy.packs().len(),
            geo.databases().len(),
        );
        let waits = self.settings.that_wait(&config, &table(path));
        let offered = self.exchange.offer(config, geo, policy, wall_clock_tick());
        let number = offered.map_err(|error| error.to_string())?;
        let begun = Instant::now();
        while !self.exchange.is_taken(number) {
            if self.stop.load(Relaxed) {
                return Err("the run ends".to_owned());
            }
            if begun.elapsed() > TAKE_MAX {
                let seconds = TAKE_MAX.as_secs();
                return Err(format!(
                    "no thread took it within {seconds} s, and it may yet hold"
                ));
            }
            thread::sleep(LOOK);
        }
        if !waits.is_empty() {
            text += "; only a restart changes ";
            text += &waits.join(", ");
        }
        Ok(text)
    }
}

impl Settings {
    /// Remembers what was read at the start.
    pub(super) fn new(path: Option<&Path>, config: &Config) -> Self {
        Self {
            path: path.map(Path::to_owned),
            at_start: path.map(table).unwrap_or_default(),
            inspects: inspects(config),
        }
    }

    /// Names of settings that differ from the start and cannot change before the next one.
    fn that_wait(&self, config: &Config, now: &toml::Table) -> Vec<String> {
        let sections = self.at_start.keys().chain(now.keys());
        let mut sections: Vec<_> = sections
            .filter(|section| !CHANGEABLE.contains(&section.as_str()))
            .collect();
        sections.sort_unstable();
        sections.dedup();
        let mut names = Vec::new();
        for section in sections {
            let (before, after) = (self.at_start.get(section), now.get(section));
            names.extend(changed(before, after).map(|key| format!("{section}.{key}")));
        }
        if inspects(config) && !self.inspects {
            names.push("asset.known.is_inspected, where none was".to_owned());
        }
        names
    }
}

/// Keys of a section whose values differ.
fn changed<'a>(
    before: Option<&'a toml::Value>,
    after: Option<&'a toml::Value>,
) -> impl Iterator<Item = &'a String> {
    let [before, after] = [before, after].map(|section| section.and_then(toml::Value::as_table));
    let keys = [before, after]
        .into_iter()
        .flatten()
        .flat_map(toml::Table::keys);
    let mut keys: Vec<_> = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    let value = |section: Option<&'a toml::Table>, key: &str| section?.get(key);
    keys.into_iter()
        .filter(move |key| value(before, key) != value(after, key))
}

fn inspects(config: &Config) -> bool {
    let mut known = config.asset.known.iter();
    known.any(|known| known.declared.is_inspected)
}

/// The text of a configuration that was read already, as it is written.
fn table(path: &Path) -> toml::Table {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    text.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reload_cannot_change_is_named() {
        let before = "[state]\ndir = \"a\"\n[alert]\nbudget_per_asset_week = 0.1\n\
            [capture]\npromiscuous = true\n";
        let after = "[alert]\nbudget_per_asset_week = 0.5\n[capture]\npromiscuous = true\n\
            buffer_bytes = 4096\n[limits]\nflows = 5\n\
            [[asset.known]]\nname = \"a\"\naddresses = [\"10.0.0.1\"]\nis_inspected = true\n";
        let settings = Settings {
            path: None,
            at_start: before.parse().unwrap(),
            inspects: false,
        };
        let config = Config::parse(after, "x.toml").unwrap();
        let waits = settings.that_wait(&config, &after.parse().unwrap());
        let named = [
            "capture.buffer_bytes",
            "limits.flows",
            "state.dir",
            "asset.known.is_inspected, where none was",
        ];
        assert_eq!(waits, named);
    }
}
