//! Flow records as they come: sockets and logs on one side, transfers for the engine on the other.
//!
//! One thread reads all of them and puts what counts into a schedule; the engine takes from that
//! as it passes on from tick to tick. Neither waits for the other.

mod families;
mod tail;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::geo::Geo;
use crate::intake::{Collector, ConnLog, Counts, FlowInputConfig, PassedOver, Schedule};
use crate::time::{Tick, Timestamp};

use super::exchange::{Exchange, Taken};
use super::sensor::Seen;
use super::telemetry::Telemetry;
use super::{PipelineError, spawn};
pub(super) use families::{families, health};
use tail::{Piece, Tail};

/// Sockets and logs that are open, or will be.
#[derive(Debug)]
pub struct FlowInput {
    config: FlowInputConfig,
    sockets: Vec<UdpSocket>,
    records: Arc<Records>,
}

/// What the thread that reads, and those that ask it, have in common.
#[derive(Debug, Default)]
pub(super) struct Records {
    schedule: Mutex<Schedule>,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    view: FlowInputView,
    /// Lines that the operator has not been told.
    news: Vec<String>,
}

/// What of it can be scraped.
#[derive(Clone, Debug, Default)]
pub(super) struct FlowInputView {
    pub(super) counts: Counts,
    /// Exporters that are heard, and those of them that are silent.
    pub(super) exporters: [usize; 2],
    /// Transfers that wait for their ticks.
    pub(super) waiting: usize,
    /// Names of the entries of the configuration.
    pub(super) names: Arc<[String]>,
}

/// The thread that reads.
#[derive(Debug)]
pub(super) struct Listening {
    thread: Option<JoinHandle<()>>,
    over: Arc<AtomicBool>,
    records: Arc<Records>,
}

/// The longest that is waited for a datagram, and how often logs are looked at.
const WAIT: Duration = Duration::from_millis(100);

/// Datagrams that are taken of one socket before others have their turn.
const DATAGRAMS_PER_TURN: usize = 64;

/// Turns in which is taken what has come when the run ends.
const LAST_TURNS: usize = 64;

/// The longest datagram.
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// News that wait to be told.
const NEWS_MAX: usize = 256;

/// Bad lines of a log that are told.
const BAD_LINES_TOLD_MAX: u64 = 5;

impl FlowInput {
    /// Opens what the configuration names; nothing if it names nothing.
    ///
    /// # Errors
    /// An address that cannot be listened on.
    pub fn open(config: &FlowInputConfig) -> Result<Option<Self>, PipelineError> {
        if !config.is_on() {
            return Ok(None);
        }
        let bind = |address: &SocketAddr| {
            let bound = UdpSocket::bind(address).and_then(|socket| {
                socket.set_nonblocking(true)?;
                // The system gives as much as net.core.rmem_max lets it.
                rustix::net::sockopt::set_socket_recv_buffer_size(&socket, config.buffer_bytes)?;
                Ok(socket)
            });
            bound.map_err(|source| PipelineError::Listen {
                address: *address,
                source,
            })
        };
        let sockets: Result<_, _> = config.listen.iter().map(bind).collect();
        Ok(Some(Self {
            config: config.clone(),
            sockets: sockets?,
            records: Arc::default(),
        }))
    }

    /// The addresses on which it listens, with the ports that the system chose.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let addresses = self.sockets.iter().map(UdpSocket::local_addr);
        addresses.filter_map(Result::ok).collect()
    }

    pub(super) fn records(&self) -> Arc<Records> {
        Arc::clone(&self.records)
    }

    /// Begins to read.
    pub(super) fn start(
        self,
        geo: Arc<Geo>,
        exchange: Arc<Exchange>,
        telemetry: Arc<Telemetry>,
    ) -> Result<Listening, PipelineError> {
        let records = self.records();
        let over = Arc::new(AtomicBool::new(false));
        let logs = self.config.conn_logs.iter().cloned();
        let names = self.config.exporter.iter().map(|one| one.name.clone());
        let mut intake = Intake {
            names: names.collect(),
            collector: Collector::new(self.config.clone()),
            sockets: self.sockets,
            logs: logs.map(Log::new).collect(),
            records: Arc::clone(&records),
            geo,
            exchange,
            taken: Taken::default(),
            telemetry,
            buffer: vec![0; DATAGRAM_BYTES_MAX],
        };
        let ends = Arc::clone(&over);
        let thread = spawn("flow-input".to_owned(), move || intake.run(&ends))?;
        Ok(Listening {
            thread: Some(thread),
            over,
            records,
        })
    }
}

impl Listening {
    /// Takes what has come, and ends. Returns what the operator should know.
    pub(super) fn finish(mut self) -> Result<Vec<String>, PipelineError> {
        self.over.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let panicked = |_| PipelineError::Panicked("the thread of flow input");
            thread.join().map_err(panicked)?;
        }
        Ok(families::notes(&self.records.view()))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
    }
}

impl Records {
    /// Takes what counts before the tick `to`, or in the end, in the tick `running`, all that
    /// waits; nothing if that is nothing.
    pub(super) fn due(&self, to: Option<Tick>, running: Tick) -> Option<Seen> {
        let mut schedule = self.schedule();
        let transfers = match to {
            Some(to) => schedule.take(to),
            None => schedule.take_all(running),
        };
        (!transfers.is_empty()).then(|| Seen {
            transfers,
            ..Seen::default()
        })
    }

    /// What the operator has not been told.
    pub(super) fn take_news(&self) -> Vec<String> {
        std::mem::take(&mut self.told().news)
    }

    pub(super) fn view(&self) -> FlowInputView {
        self.told().view.clone()
    }

    fn tell(&self, line: String) {
        let news = &mut self.told().news;
        if news.len() < NEWS_MAX {
            news.push(line);
        }
    }

    /// A poisoned lock guards plain rows and numbers, which are as good as they were.
    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the thread works with.
#[derive(Debug)]
struct Intake {
    collector: Collector,
    sockets: Vec<UdpSocket>,
    logs: Vec<Log>,
    records: Arc<Records>,
    geo: Arc<Geo>,
    exchange: Arc<Exchange>,
    taken: Taken,
    telemetry: Arc<Telemetry>,
    names: Arc<[String]>,
    buffer: Vec<u8>,
}

/// A log of connections, and how to read it.
#[derive(Debug)]
struct Log {
    tail: Tail,
    lines: ConnLog,
    bad_lines: u64,
    has_failed: bool,
}

impl Log {
    fn new(path: std::path::PathBuf) -> Self {
        Self {
            tail: Tail::new(path),
            lines: ConnLog::default(),
            bad_lines: 0,
            has_failed: false,
        }
    }
}

impl Intake {
    fn run(&mut self, over: &AtomicBool) {
        let mut looked = Instant::now();
        while !over.load(Relaxed) {
            self.telemetry.vitals.flow_input();
            self.wait();
            self.turn();
            if looked.elapsed() >= WAIT {
                looked = Instant::now();
                self.look(now());
            }
        }
        for _ in 0..LAST_TURNS {
            if !self.turn() {
                break;
            }
        }
        self.look(now());
    }

    /// Waits until a datagram has come, or a little.
    fn wait(&self) {
        let descriptors = self.sockets.iter();
        let mut descriptors: Vec<_> = descriptors
            .map(|socket| PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN))
            .collect();
        // Where that fails, the next turn finds out why.
        let _ = poll(&mut descriptors, Timespec::try_from(WAIT).ok().as_ref());
    }

    /// Takes what has come, up to a bound. Says whether there was something.
    fn turn(&mut self) -> bool {
        let mut taken = 0;
        let records = Arc::clone(&self.records);
        let mut schedule = records.schedule();
        for socket in &self.sockets {
            for _ in 0..DATAGRAMS_PER_TURN {
                match socket.recv_from(&mut self.buffer) {
                    Ok((length, from)) => {
                        let datagram = self.buffer.get(..length).unwrap_or_default();
                        let (from, geo) = (from.ip(), &self.geo);
                        self.collector
                            .datagram(from, datagram, now(), geo, &mut schedule);
                        taken += 1;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    // What an earlier answer of ours met there, of which there is none.
                    Err(_) => break,
                }
            }
        }
        taken > 0
    }

    /// Looks at logs and the clock, and publishes.
    fn look(&mut self, now: Timestamp) {
        if let Some(new) = self.exchange.due(&mut self.taken, now.tick()) {
            self.geo = Arc::clone(&new.geo);
        }
        for log in &mut self.logs {
            let (collector, records, geo) = (&mut self.collector, &*self.records, &*self.geo);
            log.read(now, geo, collector, records);
        }
        self.collector.look_for_silence(now.tick());
        let news = self.collector.take_news();
        news.iter().for_each(|news| self.records.tell(news.line()));
        let waiting = self.records.schedule().waiting();
        self.records.told().view = FlowInputView {
            counts: self.collector.counts,
            exporters: self.collector.exporters(),
            waiting,
            names: Arc::clone(&self.names),
        };
    }
}

impl Log {
    fn read(&mut self, now: Timestamp, geo: &Geo, collector: &mut Collector, records: &Records) {
        let path = self.tail.path().display().to_string();
        let (lines, bad_lines) = (&mut self.lines, &mut self.bad_lines);
        let mut schedule = records.schedule();
        let read = self.tail.read(&mut |piece| {
            let why = match piece {
                Piece::Begins => {
                    *lines = ConnLog::default();
                    return;
                }
                Piece::Line(line) => {
                    let into = (&mut *collector, &mut *schedule);
                    lines.line(line, now, geo, into).err()
                }
                Piece::TooLong => {
                    collector.counts.passed_over[PassedOver::BadLine as usize] += 1;
                    Some("a line is too long".to_owned())
                }
            };
            if let Some(why) = why {
                *bad_lines += 1;
                if *bad_lines <= BAD_LINES_TOLD_MAX {
                    records.tell(format!("{path}: a line is passed over: {why}"));
                }
            }
        });
        drop(schedule);
        match read {
            Ok(_) => self.has_failed = false,
            Err(error) => {
                if !std::mem::replace(&mut self.has_failed, true) {
                    let line = format!("{path}: {error}; it is tried again");
                    records.tell(line);
                }
            }
        }
    }
}

/// The wall clock, which a record is held against.
fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = now.unwrap_or_default().as_nanos();
    Timestamp::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
