//! Capture files through the pipeline.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::capture::{CaptureError, FileSource};
use crate::time::Timestamp;

use super::merge::Merge;
use super::reader::Reader;
use super::{PipelineError, RunReport, Setup};

/// The files of a replay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Captures<'a> {
    pub(super) files: &'a [PathBuf],
    /// Whether the last of them still grows.
    pub(super) follows_last: bool,
}

/// How far a replay has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Frames read so far.
    pub frames: u64,
    /// Bytes read so far, of all files.
    pub position_bytes: u64,
}

/// Frames between two looks at the stop flag and two reports of progress.
const FRAMES_PER_REPORT: u64 = 8_192;

/// How long a silent pipe or a followed file is waited for before the next look at the stop
/// flag.
const WAIT: Duration = Duration::from_millis(100);

/// Damaged places that are told one by one.
const DAMAGES_TOLD_MAX: usize = 20;

/// Replays files as one capture, merged by the times of their frames. Damage does not end
/// the replay; it is returned beside the report.
///
/// # Errors
/// Where the pipeline cannot start, a file cannot be opened, or a result cannot be written.
pub fn replay(
    files: &[PathBuf],
    setup: Setup,
    stop: &AtomicBool,
    progress: impl FnMut(Progress),
) -> Result<(RunReport, Vec<CaptureError>), PipelineError> {
    let follows_last = false;
    read_all(
        Captures {
            files,
            follows_last,
        },
        setup,
        stop,
        progress,
    )
}

/// As [`replay`], but the last file still grows: at its end more is waited for, until `stop`
/// is set or the file is replaced. Time passes only with packets, as in any replay.
///
/// # Errors
/// Those of [`replay`].
pub fn follow(
    files: &[PathBuf],
    setup: Setup,
    stop: &AtomicBool,
    progress: impl FnMut(Progress),
) -> Result<(RunReport, Vec<CaptureError>), PipelineError> {
    let follows_last = true;
    read_all(
        Captures {
            files,
            follows_last,
        },
        setup,
        stop,
        progress,
    )
}

fn read_all(
    captures: Captures<'_>,
    setup: Setup,
    stop: &AtomicBool,
    progress: impl FnMut(Progress),
) -> Result<(RunReport, Vec<CaptureError>), PipelineError> {
    let merge = match captures.files {
        [_] => None,
        _ => Some(Merge::new(captures)?),
    };
    let (reader, context) = setup.start(false)?;
    let mut replay = Replay {
        reader,
        stop,
        progress,
        damage: Vec::new(),
        untold_damage: 0,
        until_report: FRAMES_PER_REPORT,
    };
    let read = match (merge, captures.files) {
        (Some(merge), _) => merge.read(&mut replay),
        (None, [file]) if captures.follows_last => replay.read_alone(FileSource::follow(file)?),
        (None, [file]) => replay.read_alone(FileSource::open(file)?),
        (None, _) => Ok(()),
    };
    match read {
        // The analyst has stopped; `finish` knows why.
        Ok(()) | Err(PipelineError::Stopped) => {}
        Err(error) => return Err(error),
    }
    let notes = replay.notes(captures);
    let report = context.finish(replay.reader, notes)?;
    Ok((report, replay.damage))
}

/// A replay in its course.
pub(super) struct Replay<'a, P> {
    pub(super) reader: Reader,
    stop: &'a AtomicBool,
    progress: P,
    damage: Vec<CaptureError>,
    /// Damaged places beyond those in `damage`.
    untold_damage: u64,
    until_report: u64,
}

impl<P: FnMut(Progress)> Replay<'_, P> {
    /// Reads a file to its end, with nothing beside it.
    fn read_alone(&mut self, mut source: FileSource) -> Result<(), PipelineError> {
        let end = Timestamp::from_nanos(u64::MAX);
        loop {
            let mut frames = self.reader.take_ready(&mut source, end)?;
            if frames == 0 {
                match source.next_frame() {
                    Ok(Some(frame)) => {
                        self.reader.frame(&frame)?;
                        frames = 1;
                    }
                    Ok(None) => {}
                    Err(error) => {
                        self.damaged(error)?;
                        frames = 1;
                    }
                }
            }
            let has_more = frames > 0;
            if !has_more && source.has_ended() {
                return Ok(());
            }
            let is_due = self.is_report_due(frames) || !has_more;
            if is_due && self.report(source.position_bytes()) {
                return Ok(());
            }
            if !has_more {
                self.wait_for(&source)?;
            }
        }
    }

    /// Waits for the next frame of a source; nothing if it has ended or there is no time.
    pub(super) fn await_timestamp(
        &mut self,
        source: &mut FileSource,
    ) -> Result<Option<Timestamp>, PipelineError> {
        loop {
            match source.next_timestamp() {
                Ok(None) if source.has_ended() || self.is_stopped() => return Ok(None),
                Ok(None) => self.wait_for(source)?,
                Ok(next) => return Ok(next),
                Err(error) => self.damaged(error)?,
            }
        }
    }

    /// Waits until more may have come, and shows all that was read before. Time does not pass.
    fn wait_for(&mut self, source: &FileSource) -> Result<(), PipelineError> {
        self.reader.flush()?;
        self.reader.publish();
        source.wait(WAIT);
        Ok(())
    }

    /// Whether it is time for [`Self::report`] after so many frames more.
    pub(super) const fn is_report_due(&mut self, frames: u64) -> bool {
        self.until_report = self.until_report.saturating_sub(frames);
        self.until_report == 0
    }

    /// Reports how far it has come. Says whether it is to stop.
    pub(super) fn report(&mut self, position_bytes: u64) -> bool {
        self.until_report = FRAMES_PER_REPORT;
        (self.progress)(Progress {
            frames: self.reader.counts.frames,
            position_bytes,
        });
        self.is_stopped()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Keeps damage to be told at the end, and passes on what is worse.
    fn damaged(&mut self, error: CaptureError) -> Result<(), PipelineError> {
        if !error.is_damage() {
            return Err(error.into());
        }
        if self.damage.len() < DAMAGES_TOLD_MAX {
            self.damage.push(error);
        } else {
            self.untold_damage = self.untold_damage.saturating_add(1);
        }
        Ok(())
    }

    fn notes(&self, captures: Captures<'_>) -> Vec<String> {
        let mut notes = Vec::new();
        // A followed file has no end but this.
        if self.is_stopped() && !captures.follows_last {
            notes.push("interrupted: the rest of the input was not read".to_owned());
        }
        if self.untold_damage > 0 {
            let count = self.untold_damage;
            notes.push(format!(
                "the input is damaged in {count} more places than were told one by one"
            ));
        }
        notes
    }
}
