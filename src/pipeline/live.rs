//! Live interfaces through the pipeline.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::capture::{self, CaptureError, LiveSource};
use crate::time::Tick;

use super::reader::Reader;
use super::{PipelineError, RunReport, Setup};

/// Frames taken from one interface before the next has its turn.
const FRAMES_PER_TURN: usize = 1_024;

/// How long a silent link is waited for before time passes without it.
const WAIT: Duration = Duration::from_millis(100);

/// The kernel hands frames over in blocks, so they may be this late.
const HANDOVER: Duration = Duration::from_millis(300);

/// How often lost frames are asked for.
const DROPS_INTERVAL: Duration = Duration::from_secs(1);

/// Captures until `stop` is set, then says everything that is left to say. An interface
/// that fails ends the run; its error is returned beside the report.
///
/// # Errors
/// Where the pipeline cannot start or a result cannot be written.
pub fn live(
    mut sources: Vec<LiveSource>,
    setup: Setup,
    stop: &AtomicBool,
    announce: impl Fn(&str),
) -> Result<(RunReport, Vec<CaptureError>), PipelineError> {
    let (mut reader, context) = setup.start(true)?;
    context.notes.iter().for_each(|note| announce(note));
    let mut lost = Vec::new();
    let mut drops_read = Instant::now();
    let mut stopped: Option<Instant> = None;
    // What had happened before the signal may still be on its way here.
    while stopped.is_none_or(|at| at.elapsed() < HANDOVER) {
        if stopped.is_none() && stop.load(Ordering::Relaxed) {
            stopped = Some(Instant::now());
        }
        match turn(&mut sources, &mut reader) {
            Ok(()) => {}
            Err(PipelineError::Capture(error)) => {
                lost.push(error);
                break;
            }
            Err(PipelineError::Stopped) => break,
            Err(error) => return Err(error),
        }
        for source in &mut sources {
            if let Some(event) = source.take_event() {
                announce(&format!("{}: {event}", source.interface()));
            }
        }
        if drops_read.elapsed() >= DROPS_INTERVAL {
            drops_read = Instant::now();
            context.publish_drops(&mut sources);
        }
    }
    let notes = context.publish_drops(&mut sources);
    let report = context.finish(reader, notes)?;
    Ok((report, lost))
}

/// Takes what waits on each interface; where nothing does, waits a little.
fn turn(sources: &mut [LiveSource], reader: &mut Reader) -> Result<(), PipelineError> {
    let mut silent = true;
    for source in sources.iter_mut() {
        for _ in 0..FRAMES_PER_TURN {
            let Some(frame) = source.next_frame()? else {
                break;
            };
            reader.frame(&frame)?;
            silent = false;
        }
    }
    if !silent {
        return Ok(());
    }
    reader.flush()?;
    if !capture::wait(sources, WAIT)? {
        reader.idle(wall_clock_tick())?;
    }
    Ok(())
}

/// The tick that is certainly over on a silent link.
fn wall_clock_tick() -> Tick {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Tick(now.saturating_sub(HANDOVER).as_secs())
}
