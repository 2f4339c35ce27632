//! The analyst's thread: what the workers tell, tick by tick.

use crossbeam::channel::{Receiver, RecvTimeoutError};

use crate::time::Tick;

use super::super::PipelineError;
use super::super::sensor::SensorOutput;
use super::{BEAT, Desk, Finished, Told};

/// Takes what the workers tell, and closes a tick when all of them are past it, so that the
/// slowest sets the pace.
pub(super) fn analyse(
    mut desk: Desk,
    workers: &[Receiver<Told>],
) -> Result<Finished, PipelineError> {
    // None is past everything; before its first word a worker is past nothing.
    let mut fronts = vec![Some(None::<Tick>); workers.len()];
    let mut gathered: Vec<SensorOutput> = workers.iter().map(|_| SensorOutput::default()).collect();
    loop {
        let slowest = (0..workers.len()).filter(|worker| fronts[*worker].is_some());
        let Some(worker) = slowest.min_by_key(|worker| fronts[*worker]) else {
            desk.take(gathered, None)?;
            return desk.finish();
        };
        let closed = fronts.iter().flatten().min().copied();
        let told = loop {
            desk.telemetry.vitals.analyst();
            match workers[worker].recv_timeout(BEAT) {
                Ok(told) => break told,
                Err(RecvTimeoutError::Timeout) => {}
                // A worker has failed.
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(desk.give_up(PipelineError::Stopped));
                }
            }
        };
        fronts[worker] = told.until.map(Some);
        gathered[worker].append(told.output);
        let Some(Some(until)) = fronts.iter().flatten().min().copied() else {
            continue;
        };
        if closed.flatten().is_none_or(|closed| until > closed) {
            let outputs = gathered.iter_mut().map(|output| output.before(until));
            desk.take(outputs.collect(), Some(until))?;
        }
    }
}
