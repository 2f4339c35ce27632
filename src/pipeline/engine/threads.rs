//! The loops of threads: a worker does what the reader orders, and the analyst takes what all
//! workers tell, tick by tick.

use std::thread::JoinHandle;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};

use crate::time::Tick;

use super::super::PipelineError;
use super::super::flow_file::FlowFile;
use super::super::pieces::WorkerBatch;
use super::super::sensor::{Sensor, SensorOutput};
use super::{BEAT, Desk, Finished, Order, Told};

/// Does what the reader orders, and gives a sign of life with each turn.
pub(super) fn work(
    mut sensor: Sensor,
    ordered: &Receiver<Order>,
    tell: &Sender<Told>,
    give_back: &Sender<WorkerBatch>,
    beat: &dyn Fn(),
) {
    loop {
        beat();
        let order = match ordered.recv_timeout(BEAT) {
            Ok(order) => order,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let told = match order {
            Order::Packets(mut batch) => {
                sensor.packets(&batch.packets, &mut batch.pieces);
                batch.clear();
                // Where there are enough, this one is not needed any more.
                let _ = give_back.try_send(batch);
                continue;
            }
            Order::Saw(seen) => {
                sensor.saw(seen);
                continue;
            }
            Order::Part => sensor.part(),
            Order::Advance(to) => sensor.advance(to).and_then(|output| {
                let until = Some(to);
                tell.send(Told { output, until })
                    .map_err(|_| PipelineError::Stopped)
            }),
            Order::Finish => {
                let (output, until) = (sensor.finish(), None);
                // The analyst takes it while flows are written.
                let _ = tell.send(Told { output, until });
                let _ = sensor.finish_flows();
                return;
            }
        };
        if told.is_err() {
            // The analyst or the file of flows has stopped and has the reason.
            return;
        }
    }
}

/// Waits for the analyst to have said everything and for all flows to be written.
pub(in crate::pipeline) fn join(
    analyst: JoinHandle<Result<Finished, PipelineError>>,
    file: FlowFile,
) -> Result<Finished, PipelineError> {
    let finished = analyst
        .join()
        .map_err(|_| PipelineError::Panicked("the analyst"));
    // Where flows cannot be written all others stop, and have no reason to tell.
    file.join()?;
    finished?
}

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
                Err(RecvTimeoutError::Timeout) => desk.rest(),
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
