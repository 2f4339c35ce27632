//! The flows of all workers as one file and for one set of sinks.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::thread::JoinHandle;

use crossbeam::channel::{Receiver, Sender, bounded};

use crate::flow::FlowKey;
use crate::sink::{FlowLines, FlowWriter, JsonLines, SinkError};
use crate::time::Tick;

use super::PipelineError;
use super::flow_delivery::FlowTap;
use super::spawn;

/// What the lines of the file are in the order of, before their keys: a tick, and parts of
/// it where it holds very many packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    pub(super) tick: Tick,
    part: u32,
}

impl Moment {
    pub(super) const fn start_of(tick: Tick) -> Self {
        Self { tick, part: 0 }
    }

    pub(super) const fn next_part(self) -> Self {
        Self {
            part: self.part.saturating_add(1),
            ..self
        }
    }
}

/// Where the lines of a worker go.
#[derive(Debug)]
pub(super) enum FlowOut {
    /// To the end: there is no other worker, or their order does not matter.
    Alone(FlowEnd),
    /// To the thread that merges them with those of the others.
    Merged {
        tell: Sender<Told>,
        /// Lines that are written, whose memory can be used again.
        used: Receiver<FlowLines>,
    },
}

/// Where all flows go.
#[derive(Debug)]
pub(super) struct FlowEnd {
    pub(super) file: Option<JsonLines>,
    /// Other systems.
    pub(super) tap: Option<FlowTap>,
}

impl FlowEnd {
    fn is_none(&self) -> bool {
        self.file.is_none() && self.tap.is_none()
    }

    /// Takes the next lines whose keys are `wanted`.
    fn take(
        &mut self,
        lines: &mut FlowLines,
        wanted: impl Fn(&FlowKey) -> bool,
    ) -> Result<(), SinkError> {
        let (text, events) = lines.take_both(wanted);
        if let Some(tap) = &mut self.tap {
            tap.add(events);
        }
        match &mut self.file {
            Some(file) => file.write_raw(text),
            None => Ok(()),
        }
    }

    /// Hands on to other systems what was gathered for them.
    fn hand_over(&mut self) {
        if let Some(tap) = &mut self.tap {
            tap.hand_over();
        }
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.hand_over();
        self.file.as_mut().map_or(Ok(()), JsonLines::flush)
    }
}

/// What a worker tells: lines of a moment, and that the next are not before `next`.
#[derive(Debug)]
pub(super) struct Told {
    lines: FlowLines,
    moment: Moment,
    next: Moment,
}

impl FlowOut {
    /// Hands on what `writer` has written, if anything.
    pub(super) fn send(
        &mut self,
        writer: &mut FlowWriter,
        moment: Moment,
        next: Moment,
    ) -> Result<(), PipelineError> {
        match self {
            Self::Alone(end) => {
                end.take(writer.lines(), |_| true)?;
                end.hand_over();
                writer.lines().clear();
                Ok(())
            }
            Self::Merged { tell, used } => {
                let lines = match writer.lines().next_key() {
                    Some(_) => writer.replace(used.try_recv().ok()),
                    None => FlowLines::default(),
                };
                let told = Told {
                    lines,
                    moment,
                    next,
                };
                tell.send(told).map_err(|_| PipelineError::Stopped)
            }
        }
    }

    /// Nothing more is coming.
    pub(super) fn flush(&mut self) -> Result<(), PipelineError> {
        match self {
            Self::Alone(end) => Ok(end.flush()?),
            Self::Merged { .. } => Ok(()),
        }
    }
}

/// The thread that writes the file, if several workers share one.
#[derive(Debug)]
pub(super) struct FlowFile(Option<JoinHandle<Result<(), SinkError>>>);

impl FlowFile {
    /// Parts where flows go, if they go anywhere, between so many workers. Where a worker must
    /// never wait for another (`is_live`) and there is no file, each has its own way to sinks.
    pub(super) fn share(
        end: FlowEnd,
        workers: usize,
        is_live: bool,
    ) -> Result<(Vec<Option<FlowOut>>, Self), PipelineError> {
        if end.is_none() {
            return Ok(((0..workers).map(|_| None).collect(), Self(None)));
        }
        if workers == 1 {
            return Ok((vec![Some(FlowOut::Alone(end))], Self(None)));
        }
        if let FlowEnd {
            file: None,
            tap: Some(tap),
        } = &end
            && is_live
        {
            let own = || FlowEnd {
                file: None,
                tap: Some(tap.clone()),
            };
            let outs = (0..workers).map(|_| Some(FlowOut::Alone(own())));
            return Ok((outs.collect(), Self(None)));
        }
        let (outs, ins) = (0..workers).map(|_| channels()).unzip();
        let thread = spawn("flows".to_owned(), move || merge(end, ins))?;
        Ok((outs, Self(Some(thread))))
    }

    /// Waits until all is written.
    pub(super) fn join(self) -> Result<(), PipelineError> {
        let Some(thread) = self.0 else {
            return Ok(());
        };
        let written = thread.join();
        Ok(written.map_err(|_| PipelineError::Panicked("the writer of flows"))??)
    }
}

/// A worker, as the thread that merges knows it.
struct Worker {
    told: Receiver<Told>,
    used: Sender<FlowLines>,
    lines: FlowLines,
    /// Of the lines; where there are none left, the next are not before it.
    moment: Moment,
    /// The moment of what comes behind the lines, or a later one.
    next: Moment,
}

/// How far a worker has come. Without a key the next line is still to be told.
type Position = (Moment, Option<FlowKey>);

impl Worker {
    fn position(&self) -> Position {
        match self.lines.next_key() {
            Some(key) => (self.moment, Some(key)),
            None => (self.next, None),
        }
    }

    /// Waits for what it tells next. Says whether it has told anything.
    fn listen(&mut self) -> bool {
        let Ok(told) = self.told.recv() else {
            return false;
        };
        (self.moment, self.next) = (told.moment, told.next);
        let used = std::mem::replace(&mut self.lines, told.lines);
        // Where there are enough, these are not needed any more.
        let _ = self.used.try_send(used);
        true
    }
}

fn channels() -> (Option<FlowOut>, Worker) {
    let (tell, told) = bounded(QUEUE_LENGTH);
    let (give_back, used) = bounded(QUEUE_LENGTH);
    let worker = Worker {
        told,
        used: give_back,
        lines: FlowLines::default(),
        moment: Moment::default(),
        next: Moment::default(),
    };
    (Some(FlowOut::Merged { tell, used }), worker)
}

/// Takes the lines of all workers in order. It goes on with the worker that is furthest
/// behind and waits for no other, so that none waits for one that waits for it.
fn merge(mut end: FlowEnd, mut workers: Vec<Worker>) -> Result<(), SinkError> {
    let first = |number| Reverse((Position::default(), number));
    let mut behind: BinaryHeap<_> = (0..workers.len()).map(first).collect();
    while let Some(Reverse(((moment, key), number))) = behind.pop() {
        let worker = &mut workers[number];
        if key.is_some() {
            let next = behind.peek().map(|Reverse((position, _))| *position);
            let is_next = |key: &FlowKey| next.is_none_or(|next| (moment, Some(*key)) <= next);
            end.take(&mut worker.lines, is_next)?;
        } else {
            end.hand_over();
            if !worker.listen() {
                continue;
            }
        }
        behind.push(Reverse((worker.position(), number)));
    }
    end.flush()
}

/// What a worker may tell before it is written.
const QUEUE_LENGTH: usize = 16;

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::thread;

    use proptest::prelude::*;

    use super::*;
    use crate::decode::TunnelPath;
    use crate::flow::{End, Endpoint, Flow, Traffic};
    use crate::geo::{Geo, GeoConfig, Jurisdictions, Place};
    use crate::sink::FlowRecord;
    use crate::time::Timestamp;

    /// Steps of a worker: how far its time goes on with each, and keys of lines.
    type Steps = Vec<(u64, Vec<u16>)>;

    /// A record whose line shows the number of its worker, the step and its key.
    fn record(worker: u64, step: u64, port: u16, geo: &Geo) -> FlowRecord {
        let end = |port| Endpoint {
            address: IpAddr::from([10, 0, 0, 1]),
            port,
        };
        let key = FlowKey {
            low_port: port,
            ..FlowKey::default()
        };
        let packets = Traffic {
            packets: step,
            ..Traffic::default()
        };
        let flow = Flow {
            key,
            src: end(port),
            dst: end(1),
            has_ports: true,
            midstream: false,
            overlap: false,
            vlan: None,
            tunnel: TunnelPath::default(),
            first: Timestamp::from_nanos(worker),
            last: Timestamp::ZERO,
            forward: packets,
            reverse: Traffic::default(),
            export: None,
            peer: Place::LOCAL,
            round_trip_nanos: None,
        };
        FlowRecord::new(&flow, End::Idle, Tick(step), geo)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_file_is_in_order_whoever_is_behind(
            workers in prop::collection::vec(
                prop::collection::vec((0u64..3, prop::collection::vec(0u16..9, 0..6)), 0..40),
                2..5,
            ),
        ) {
            let geo = &geo();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("flows.jsonl");
            let file = JsonLines::append(&path).unwrap();
            let (outs, thread) = FlowFile::share(to(file), workers.len(), false).unwrap();
            let mut expected = Vec::new();
            thread::scope(|scope| {
                for (number, (out, steps)) in outs.into_iter().zip(&workers).enumerate() {
                    let number = number as u64;
                    expected.extend(lines(number, steps, geo));
                    scope.spawn(move || tell(number, steps, out.unwrap(), geo));
                }
            });
            thread.join().unwrap();
            // Each of two workers has flows of its own; here what they share comes in the
            // order of the workers.
            expected.sort_by_key(|(tick, key, _)| (*tick, *key));
            let expected: String = expected.into_iter().map(|(_, _, line)| line).collect();
            prop_assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
        }
    }

    /// The ticks, keys and lines of a worker.
    fn lines(number: u64, steps: &Steps, geo: &Geo) -> Vec<(u64, u16, String)> {
        let mut tick = 0;
        let mut lines = Vec::new();
        for (later, keys) in steps {
            tick += later;
            for key in keys {
                let mut writer = FlowWriter::default();
                writer.add(&record(
                    number * 10 + u64::from(*key),
                    tick,
                    own(number, *key),
                    geo,
                ));
                let line = String::from_utf8(writer.lines().take(|_| true).to_vec()).unwrap();
                lines.push((tick, own(number, *key), line));
            }
        }
        lines
    }

    /// A key that only this worker has.
    fn own(number: u64, key: u16) -> u16 {
        key * 8 + number as u16
    }

    fn tell(number: u64, steps: &Steps, mut out: FlowOut, geo: &Geo) {
        let mut writer = FlowWriter::default();
        let mut now = 0;
        let mut at = 0;
        while at < steps.len() {
            // All of a tick, in the order of keys.
            let tick = now + steps[at].0;
            let moment = Moment::start_of(Tick(tick));
            let same = 1 + steps[at + 1..]
                .iter()
                .take_while(|(later, _)| *later == 0)
                .count();
            let mut keys: Vec<_> = steps[at..at + same]
                .iter()
                .flat_map(|step| &step.1)
                .collect();
            keys.sort();
            out.send(&mut writer, Moment::start_of(Tick(now)), moment)
                .unwrap();
            for (place, key) in keys.into_iter().enumerate() {
                writer.add(&record(
                    number * 10 + u64::from(*key),
                    tick,
                    own(number, *key),
                    geo,
                ));
                if place % 3 == 2 {
                    out.send(&mut writer, moment, moment).unwrap();
                }
            }
            out.send(&mut writer, moment, moment).unwrap();
            (now, at) = (tick, at + same);
        }
    }

    #[test]
    fn a_file_that_takes_nothing_stops_its_workers_and_says_why() {
        struct Full;
        impl std::io::Write for Full {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let geo = geo();
        let file = JsonLines::to("full".to_owned(), Box::new(Full));
        let (outs, thread) = FlowFile::share(to(file), 2, false).unwrap();
        let mut out = outs.into_iter().flatten().next().unwrap();
        let mut writer = FlowWriter::default();
        let mut send = || {
            while !writer.add(&record(0, 0, 0, &geo)) {}
            out.send(&mut writer, Moment::default(), Moment::default())
        };
        let stopped = (0..10_000).find_map(|_| send().err());
        assert!(matches!(stopped, Some(PipelineError::Stopped)));
        assert!(matches!(
            thread.join(),
            Err(PipelineError::Sink(SinkError::Io { .. }))
        ));
    }

    fn to(file: JsonLines) -> FlowEnd {
        FlowEnd {
            file: Some(file),
            tap: None,
        }
    }

    fn geo() -> Geo {
        let jurisdictions = Jurisdictions::new(&["CN"]).unwrap();
        Geo::open(&GeoConfig::default(), &[], jurisdictions).unwrap()
    }
}
