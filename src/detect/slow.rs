//! A little too much, hour after hour.
//!
//! Idea: a slow leak never makes a large hour, but it never stops either. Clipped deviations
//! from what is normal for the hour add up while they last (one-sided CUSUM, Page 1954), and
//! so do the bytes beyond what was expected.
//!
//! Formula: `sum = max(0, sum + min(z, 2.5) - 0.5)` per hour. Where the sum has reached 6,
//! the excess bytes of the run, of no hour more than half of a large one, are held against
//! the largest runs of days before, as in [`volume`](super::volume).
//!
//! Cost: the expectation of three hours, and a search in a curve.
//!
//! Blind spot: growth as slow as the learning.

use crate::baseline::{Cell, CellKey, Excursion, Measure};
use crate::policy::law::Text;
use crate::time::Tick;

use super::{Bytes, Ground, Scene};

/// Of all exports to the country.
pub(super) fn of_country(scene: &Scene<'_>, grounds: &mut Vec<Ground>) {
    let bytes = scene.country_bytes();
    of_one(
        scene,
        &scene.destination.all,
        bytes,
        Measure::CountryRun,
        None,
        grounds,
    );
}

/// Of what goes to a cell.
pub(super) fn of_cell(scene: &Scene<'_>, key: CellKey, cell: &Cell, grounds: &mut Vec<Ground>) {
    let bytes = scene.cell_bytes(key, cell);
    of_one(scene, cell, bytes, Measure::CellRun, Some(key), grounds);
}

fn of_one(
    scene: &Scene<'_>,
    cell: &Cell,
    bytes: u64,
    measure: Measure,
    key: Option<CellKey>,
    grounds: &mut Vec<Ground>,
) {
    let moved = key.map_or(scene.moved, |key| scene.state.moved(key, cell, scene.hour));
    // What has moved here is no run: it went on elsewhere.
    if moved.stayed_share() < STAYED_SHARE_MIN {
        return;
    }
    if let (Some(run), Some(record)) = (run(scene, cell, bytes), cell.record()) {
        let peaks = &record.habit.run_peaks;
        grounds.push(scene.ground(measure, peaks, run.told_bytes() as f64, key));
    }
}

/// The run of a cell if the running hour ended now.
pub(super) fn run(scene: &Scene<'_>, cell: &Cell, bytes: u64) -> Option<Excursion> {
    let record = cell.record()?;
    let clip_bytes = record.clip_bytes();
    Some(
        record
            .habit
            .run_with(bytes, scene.slot, scene.hour, clip_bytes),
    )
}

/// What is to be said of a run.
pub(super) fn sentence(scene: &Scene<'_>, ground: &Ground) -> Text {
    let cell = ground
        .cell
        .and_then(|key| Some((key, scene.state.cells.get(&key)?)));
    let (all, [place, place_zh]) = match cell {
        Some((key, cell)) => {
            let (asn, service) = (key.asn, key.service.name());
            let place = [
                format!("AS{asn} over {service}"),
                format!("AS{asn}（经 {service}）"),
            ];
            (cell, place)
        }
        None => {
            let country = scene.country.to_string();
            (&scene.destination.all, [country.clone(), country])
        }
    };
    let run = run(scene, all, all.hour_bytes).unwrap_or_default();
    let bytes = Bytes(run.excess_bytes);
    let hours = (scene.hour + 1).saturating_sub(run.since_hour);
    let since = Tick::of_hour(run.since_hour);
    Text {
        en: format!("{bytes} more than expected to {place} in the {hours} hours since {since}"),
        zh: format!("自 {since} 起 {hours} 小时内，发往 {place_zh} 的数据比预期多 {bytes}"),
    }
}

/// The share of a day that must not have come from elsewhere.
const STAYED_SHARE_MIN: f64 = 0.5;
