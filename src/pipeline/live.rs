//! Live interfaces through the pipeline.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::capture::{self, CaptureError, LiveSource};
use crate::time::{SECONDS_PER_HOUR, Tick, Timestamp};

use super::flow_input::Listening;
use super::reader::{Reader, ReaderCounts};
use super::setup::Context;
use super::silence::SilenceWatch;
use super::{PipelineError, RunReport, Setup};

/// Frames taken from one interface before the next has its turn.
const FRAMES_PER_TURN: u64 = 1_024;

/// How long a silent link is waited for before time passes without it.
const WAIT: Duration = Duration::from_millis(100);

/// The kernel hands frames over in blocks, so they may be this late.
const HANDOVER: Duration = Duration::from_millis(300);

/// How often lost frames are asked for.
const DROPS_INTERVAL: Duration = Duration::from_secs(1);

/// Captures until `stop` is set, then says everything that is left to say. An interface
/// that fails ends the run; its error is returned beside the report.
///
/// `interfaces` has the sources of each: as many as there are workers, each of which then
/// reads its own, or one, whose frames are dealt to the workers.
///
/// # Errors
/// Where the pipeline cannot start or a result cannot be written.
pub fn live(
    interfaces: Vec<Vec<LiveSource>>,
    setup: Setup,
    stop: &AtomicBool,
    announce: &(dyn Fn(&str) + Sync),
) -> Result<(RunReport, Vec<CaptureError>), PipelineError> {
    let members = interfaces.iter().map(Vec::len).min().unwrap_or(1);
    if members > 1 {
        return by_members(interfaces, members, setup, stop, announce);
    }
    let mut sources: Vec<_> = interfaces.into_iter().flatten().collect();
    let processors = setup.config.capture.processors.clone();
    let silence_seconds = setup.config.capture.silence_seconds;
    let (mut reader, mut context) = setup.start(true)?;
    let listening = context.listen()?;
    context.notes.iter().for_each(|note| announce(note));
    pin(&processors, 0, announce);
    let watch = Watch {
        context: &context,
        stop,
        failed: &AtomicBool::new(false),
        announce,
        silence: Mutex::new(SilenceWatch::new(silence_seconds)),
    };
    let lost = watch.capture(0, &mut sources, &mut reader)?;
    let notes = watch.notes(listening)?;
    let report = context.finish(reader, notes)?;
    Ok((report, lost.into_iter().collect()))
}

/// Every worker captures, follows flows and gathers transfers in its own thread.
fn by_members(
    interfaces: Vec<Vec<LiveSource>>,
    members: usize,
    setup: Setup,
    stop: &AtomicBool,
    announce: &(dyn Fn(&str) + Sync),
) -> Result<(RunReport, Vec<CaptureError>), PipelineError> {
    let mut of_members: Vec<Vec<LiveSource>> = (0..members).map(|_| Vec::new()).collect();
    for sources in interfaces {
        for (own, source) in of_members.iter_mut().zip(sources) {
            own.push(source);
        }
    }
    let processors = setup.config.capture.processors.clone();
    let silence_seconds = setup.config.capture.silence_seconds;
    let (readers, analysis, mut context) = setup.start_members(members)?;
    let mut listening = context.listen()?;
    context.notes.iter().for_each(|note| announce(note));
    let watch = Watch {
        context: &context,
        stop,
        failed: &AtomicBool::new(false),
        announce,
        silence: Mutex::new(SilenceWatch::new(silence_seconds)),
    };
    let ends: Vec<_> = thread::scope(|scope| {
        let pairs = readers.into_iter().zip(of_members).enumerate();
        let threads = pairs.map(|(number, (mut reader, mut sources))| {
            let (watch, processors) = (&watch, &processors);
            let run = move || -> Result<_, PipelineError> {
                pin(processors, number, announce);
                let lost = watch.capture(number, &mut sources, &mut reader)?;
                Ok((reader.finish()?.0, lost))
            };
            let thread = thread::Builder::new().name(format!("worker-{number}"));
            thread.spawn_scoped(scope, run)
        });
        let threads: Vec<_> = threads.collect();
        let join = |thread: std::io::Result<thread::ScopedJoinHandle<'_, _>>| {
            let thread = thread.map_err(PipelineError::Thread)?;
            let panicked = |_| PipelineError::Panicked("a worker");
            thread.join().map_err(panicked)?
        };
        threads.into_iter().map(join).collect()
    });
    let mut counts = ReaderCounts::default();
    let mut errors = Vec::new();
    for end in ends {
        match end {
            Ok((of_reader, lost)) => {
                counts = counts + of_reader;
                // All members lose an interface in the same way; once is enough to tell.
                errors.extend(lost.filter(|error| !errors.contains(error)));
            }
            // The analyst stopped early, and has the reason.
            Err(PipelineError::Stopped) => {}
            Err(error) => return Err(error),
        }
    }
    let finished = analysis.join()?;
    let notes = watch.notes(listening.take())?;
    Ok((context.report(&counts, finished, notes), errors))
}

/// Keeps this thread on a processor, if the settings name some.
fn pin(processors: &[usize], number: usize, announce: &(dyn Fn(&str) + Sync)) {
    let Some(processor) = processors.get(number % processors.len().max(1)) else {
        return;
    };
    if let Err(error) = capture::pin_current_thread(*processor) {
        announce(&format!("capture.processors: {processor}: {error}"));
    }
}

/// What a thread that captures goes by.
struct Watch<'a> {
    context: &'a Context,
    stop: &'a AtomicBool,
    /// Whether another thread has failed, which ends the run.
    failed: &'a AtomicBool,
    announce: &'a (dyn Fn(&str) + Sync),
    silence: Mutex<SilenceWatch>,
}

impl Watch<'_> {
    /// Captures until the run is to end. Returns the error of an interface that failed.
    fn capture(
        &self,
        number: usize,
        sources: &mut [LiveSource],
        reader: &mut Reader,
    ) -> Result<Option<CaptureError>, PipelineError> {
        let begun = Instant::now();
        let mut drops_read = begun;
        let mut stopped: Option<Instant> = None;
        let mut lost = None;
        // What had happened before the signal may still be on its way here.
        while stopped.is_none_or(|at| at.elapsed() < HANDOVER) {
            let is_over = self.stop.load(Relaxed) || self.failed.load(Relaxed);
            if stopped.is_none() && is_over {
                stopped = Some(Instant::now());
            }
            self.context.telemetry.vitals.reader(number);
            match turn(sources, reader) {
                Ok(()) => {}
                Err(error) => {
                    self.failed.store(true, Relaxed);
                    match error {
                        PipelineError::Capture(error) => lost = Some(error),
                        PipelineError::Stopped => {}
                        error => return Err(error),
                    }
                    break;
                }
            }
            for source in sources.iter_mut() {
                // All members see the same; the first tells.
                if let Some(event) = source.take_event()
                    && number == 0
                {
                    (self.announce)(&format!("{}: {event}", source.interface()));
                }
            }
            if drops_read.elapsed() >= DROPS_INTERVAL {
                drops_read = Instant::now();
                self.context.publish_drops(number, sources);
                if number == 0 {
                    self.look_for_silence(begun.elapsed().as_secs());
                    let news = self.context.news();
                    news.iter().for_each(|line| (self.announce)(line));
                }
                let seconds = reader.seconds_ahead_of(wall_clock_tick());
                if seconds > SECONDS_PER_HOUR {
                    self.failed.store(true, Relaxed);
                    return Err(PipelineError::ClockSetBack { seconds });
                }
            }
        }
        self.context.publish_drops(number, sources);
        Ok(lost)
    }

    /// Says of what interface nothing comes, `seconds` after the start.
    fn look_for_silence(&self, seconds: u64) {
        let telemetry = &self.context.telemetry;
        let mut silence = self.silence.lock().unwrap_or_else(PoisonError::into_inner);
        for (interface, drops) in telemetry.drops() {
            let (silent, word) = silence.look(&interface, drops.received, seconds);
            telemetry.vitals.set_silent(&interface, silent);
            if let Some(word) = word {
                (self.announce)(&word.line(&interface));
            }
        }
    }

    /// What is to be said in the end of what was lost and what was silent.
    fn notes(&self, listening: Option<Listening>) -> Result<Vec<String>, PipelineError> {
        let mut notes = self.context.drop_notes();
        let silence = self.silence.lock().unwrap_or_else(PoisonError::into_inner);
        notes.extend(silence.notes());
        if let Some(listening) = listening {
            notes.extend(listening.finish()?);
        }
        self.context
            .news()
            .iter()
            .for_each(|line| (self.announce)(line));
        Ok(notes)
    }
}

/// Takes what waits on each interface; where nothing does, waits a little.
fn turn(sources: &mut [LiveSource], reader: &mut Reader) -> Result<(), PipelineError> {
    let mut silent = true;
    for source in sources.iter_mut() {
        let mut left = FRAMES_PER_TURN;
        while left > 0 {
            let mut frames = reader.take_ready(source, Timestamp::from_nanos(u64::MAX))?;
            if frames == 0 {
                let Some(frame) = source.next_frame()? else {
                    break;
                };
                reader.frame(&frame)?;
                frames = 1;
            }
            left = left.saturating_sub(frames);
            silent = false;
        }
    }
    if !silent {
        return Ok(());
    }
    reader.flush()?;
    capture::wait(sources, WAIT)?;
    // What woke this may all be frames that are no packets; time passes all the same.
    reader.idle(wall_clock_tick())
}

/// The tick that is certainly over on a silent link.
pub fn wall_clock_tick() -> Tick {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Tick(now.saturating_sub(HANDOVER).as_secs())
}
