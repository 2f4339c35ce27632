//! Capture files through the pipeline.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::capture::{CaptureError, FileSource, first_timestamp};
use crate::time::Timestamp;

use super::reader::Reader;
use super::{PipelineError, RunReport, Setup};

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

/// Replays files in the order of their first frames. Damage ends a file and not the
/// replay; it is returned beside the report.
///
/// # Errors
/// Where the pipeline cannot start, a file cannot be opened, or a result cannot be written.
pub fn replay(
    files: &[PathBuf],
    setup: Setup,
    stop: &AtomicBool,
    mut progress: impl FnMut(Progress),
) -> Result<(RunReport, Vec<CaptureError>), PipelineError> {
    let files = in_order_of_time(files)?;
    let mut notes = Vec::new();
    let (mut reader, context) = setup.start(false)?;
    let mut damage = Vec::new();
    let mut position_bytes = 0;
    let mut latest = None;
    for (first, file) in &files {
        if first.is_some() && *first < latest {
            notes.push(format!(
                "{} begins before what was read before it ends: captures overlap in time; merge \
                 them first if the second of a packet matters",
                file.display()
            ));
        }
        match read_file(
            file,
            &mut reader,
            stop,
            position_bytes,
            &mut latest,
            &mut progress,
        ) {
            Ok(bytes) => position_bytes += bytes,
            Err(PipelineError::Capture(error)) if error.is_damage() => damage.push(error),
            // The analyst has stopped; `finish` knows why.
            Err(PipelineError::Stopped) => break,
            Err(error) => return Err(error),
        }
        if stop.load(Ordering::Relaxed) {
            notes.push("interrupted: the rest of the input was not read".to_owned());
            break;
        }
    }
    let report = context.finish(reader, notes)?;
    Ok((report, damage))
}

fn read_file(
    path: &Path,
    reader: &mut Reader,
    stop: &AtomicBool,
    position_before: u64,
    latest: &mut Option<Timestamp>,
    progress: &mut impl FnMut(Progress),
) -> Result<u64, PipelineError> {
    let mut source = FileSource::open(path)?;
    let mut until_report = FRAMES_PER_REPORT;
    while let Some(frame) = source.next_frame()? {
        *latest = (*latest).max(Some(frame.timestamp));
        reader.frame(&frame)?;
        until_report -= 1;
        if until_report == 0 {
            until_report = FRAMES_PER_REPORT;
            let position_bytes = position_before + source.position_bytes();
            progress(Progress {
                frames: reader.counts.frames,
                position_bytes,
            });
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
    }
    Ok(source.position_bytes())
}

/// A file and the time of its first frame, where that is known.
type Begun = (Option<Timestamp>, PathBuf);

/// Sorts several files by their first frame.
fn in_order_of_time(files: &[PathBuf]) -> Result<Vec<Begun>, PipelineError> {
    if let [file] = files {
        return Ok(vec![(None, file.clone())]);
    }
    let mut begun = Vec::with_capacity(files.len());
    for file in files {
        // Damage in the first record is told when the file's turn comes.
        let first = match first_timestamp(file) {
            Err(error) if error.is_damage() => None,
            result => result?,
        };
        begun.push((first, file.clone()));
    }
    begun.sort_by_key(|(first, _)| *first);
    Ok(begun)
}
