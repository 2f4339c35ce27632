//! The lines of all workers as one file of flows.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::thread::JoinHandle;

use crossbeam::channel::{Receiver, Sender, bounded};

use crate::flow::FlowKey;
use crate::sink::{FlowLines, FlowWriter, JsonLines, SinkError};
use crate::time::Tick;

use super::PipelineError;
use super::engine::spawn;

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
    /// To the file: there is no other worker.
    File(JsonLines),
    /// To the thread that merges them with those of the others.
    Merged {
        tell: Sender<Told>,
        /// Lines that are written, whose memory can be used again.
        used: Receiver<FlowLines>,
    },
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
            Self::File(file) => {
                file.write_raw(writer.lines().take(|_| true))?;
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
            Self::File(file) => Ok(file.flush()?),
            Self::Merged { .. } => Ok(()),
        }
    }
}

/// The thread that writes the file, if several workers share one.
#[derive(Debug)]
pub(super) struct FlowFile(Option<JoinHandle<Result<(), SinkError>>>);

impl FlowFile {
    /// Parts a file, if there is one, between so many workers.
    pub(super) fn share(
        file: Option<JsonLines>,
        workers: usize,
    ) -> Result<(Vec<Option<FlowOut>>, Self), PipelineError> {
        let Some(file) = file else {
            return Ok(((0..workers).map(|_| None).collect(), Self(None)));
        };
        if workers == 1 {
            return Ok((vec![Some(FlowOut::File(file))], Self(None)));
        }
        let (outs, ins) = (0..workers).map(|_| channels()).unzip();
        let thread = spawn("flows".to_owned(), move || merge(file, ins))?;
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

/// Writes the lines of all workers in order. It goes on with the worker that is furthest
/// behind and waits for no other, so that none waits for one that waits for it.
fn merge(mut file: JsonLines, mut workers: Vec<Worker>) -> Result<(), SinkError> {
    let first = |number| Reverse((Position::default(), number));
    let mut behind: BinaryHeap<_> = (0..workers.len()).map(first).collect();
    while let Some(Reverse(((moment, key), number))) = behind.pop() {
        let worker = &mut workers[number];
        if key.is_some() {
            let next = behind.peek().map(|Reverse((position, _))| *position);
            let is_next = |key: &FlowKey| next.is_none_or(|next| (moment, Some(*key)) <= next);
            file.write_raw(worker.lines.take(is_next))?;
        } else if !worker.listen() {
            continue;
        }
        behind.push(Reverse((worker.position(), number)));
    }
    file.flush()
}

/// What a worker may tell before it is written.
const QUEUE_LENGTH: usize = 16;
