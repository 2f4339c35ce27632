//! What one asset normally sends to one destination, hour by hour.

use serde::{Deserialize, Serialize};

use crate::time::{HourSlot, Tick};

use super::{Allowances, Novelty, Pool};

/// Added to bytes before the logarithm is taken, so that small change is no surprise.
pub const OFFSET_BYTES: f64 = 1_048_576.0;

/// What is normal for a cell in one hour.
///
/// Bytes are judged on the scale `ln(1 + bytes / 1 MiB)`, on which a doubling is a step of
/// the same size for a large sender and a small one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// Location for this hour, on the logarithmic scale.
    pub location: f32,
    /// The highest location of this hour and its two neighbours: what comes an hour early
    /// or late is no surprise.
    pub location_near: f32,
    /// Spread on the logarithmic scale.
    pub scale: f32,
}

impl Expected {
    /// Expected bytes of this hour.
    pub fn bytes(&self) -> u64 {
        bytes_at(self.location)
    }

    /// Whether so little is expected that bytes themselves are the surprise, not their
    /// ratio to what is expected.
    pub fn is_quiet(&self) -> bool {
        f64::from(self.location_near) < QUIET_LOCATION
    }

    /// How many spreads `bytes` lies above what is expected around this hour.
    pub fn deviation(&self, bytes: u64) -> f64 {
        f64::from((location_of(bytes) - self.location_near) / self.scale.max(SCALE_MIN))
    }

    /// The bytes that lie `deviation` spreads above what is expected around this hour.
    pub fn bytes_at_deviation(&self, deviation: f64) -> u64 {
        let spread = f64::from(self.scale.max(SCALE_MIN));
        bytes_at((f64::from(self.location_near) + deviation * spread) as f32)
    }
}

/// A run of hours in which more left than expected (one-sided CUSUM, Page 1954, of
/// clipped deviations).
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Excursion {
    /// The sum of clipped deviations, less the allowance per hour; 0 ends the excursion.
    pub sum: f32,
    /// The highest that the sum has been.
    pub peak: f32,
    /// Bytes beyond what was expected since the excursion began.
    pub excess_bytes: u64,
    /// Bytes since the excursion began.
    pub bytes: u64,
    /// The hour in which it began, counted from the epoch.
    pub since_hour: u64,
    /// Whether it has been told.
    pub alerted: bool,
}

/// One asset's normal towards one (country, autonomous system, service).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cell {
    /// By hour of the day: working days, then other days. None before an hour was learned,
    /// which many cells do not live to see.
    slots: Option<Box<[[Slot; 24]; 2]>>,
    /// Bytes in the running hour.
    pub hour_bytes: u64,
    /// What is normal for the running hour.
    pub expected: Expected,
    /// Bytes in the running hour beyond which the volume is told, computed ahead.
    pub allowance_bytes: u64,
    /// Excess bytes of an excursion beyond which it is told, computed ahead.
    pub excursion_allowance_bytes: u64,
    /// Whether a detector spoke of this cell in the running hour.
    pub alerted: bool,
    /// Whether the destination is new to the asset.
    pub novelty: Novelty,
    /// The run of high hours, if any.
    pub excursion: Excursion,
    /// The latest hour with an export, counted from the epoch.
    pub last_hour: u64,
}

/// Robust location and spread of one hour of the day.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Slot {
    location: f32,
    scale: f32,
    observations: u16,
    /// Observations in a row that were not learned from because of an alert.
    refused: u8,
}

impl Cell {
    /// A destination to which nothing was sent before.
    pub fn new(since: Tick, first_day_of_asset: bool) -> Self {
        let since_hour = since.hour();
        Self {
            slots: None,
            hour_bytes: 0,
            expected: Expected {
                location: 0.0,
                location_near: 0.0,
                scale: SCALE_UNKNOWN,
            },
            allowance_bytes: 0,
            excursion_allowance_bytes: u64::MAX,
            alerted: false,
            novelty: Novelty::begin(since, first_day_of_asset),
            excursion: Excursion {
                since_hour,
                ..Excursion::default()
            },
            last_hour: since_hour,
        }
    }

    /// Counts bytes in the running hour.
    pub(super) fn add(&mut self, tick: Tick, bytes: u64) {
        self.hour_bytes = self.hour_bytes.saturating_add(bytes);
        self.novelty.add(tick, bytes);
    }

    /// Begins an hour: says what is normal for it.
    pub fn open_hour(&mut self, slot: HourSlot) {
        let here = self.effective(slot);
        let near = [
            self.effective(slot.shifted(-1)),
            self.effective(slot.shifted(1)),
        ];
        let highest = near.into_iter().fold(here, |highest, next| {
            if next.location > highest.location {
                next
            } else {
                highest
            }
        });
        self.expected = Expected {
            location: here.location,
            location_near: highest.location,
            scale: highest.scale,
        };
    }

    /// Sets what may be sent without being told of.
    pub fn allow(&mut self, allowances: Allowances) {
        self.allowance_bytes = allowances.hour_bytes;
        self.excursion_allowance_bytes = allowances.excursion_bytes;
    }

    /// Ends an hour: follows the excursion, lets the pools learn, and learns unless the hour
    /// was alerted on. Of an hour that was, the pools learn the part within its allowance:
    /// leaving it out would let the thresholds sink below the budget.
    pub fn close_hour(&mut self, slot: HourSlot, hour: u64, pools: &mut [&mut Pool]) {
        let bytes = std::mem::take(&mut self.hour_bytes);
        if bytes > 0 {
            self.last_hour = hour;
        }
        self.follow_excursion(bytes, hour, pools);
        let tails = pools.iter_mut().map(|pool| &mut pool.cell_first_day_bytes);
        self.novelty.close_hour(Tick::of_hour(hour + 1), tails);
        let hour_alerted = std::mem::take(&mut self.alerted);
        let within = if hour_alerted {
            bytes.min(self.allowance_bytes)
        } else {
            bytes
        };
        for pool in pools {
            pool.learn_hour(&self.expected, within);
        }
        let is_suspect = hour_alerted || self.excursion.alerted;
        self.slot_mut(slot).learn(location_of(bytes), is_suspect);
    }

    /// Ends an hour of which too little was seen to learn from it.
    pub(super) const fn skip_hour(&mut self) {
        (self.hour_bytes, self.alerted) = (0, false);
    }

    fn follow_excursion(&mut self, bytes: u64, hour: u64, pools: &mut [&mut Pool]) {
        let run = &mut self.excursion;
        if run.sum <= 0.0 {
            *run = Excursion {
                since_hour: hour,
                ..Excursion::default()
            };
        }
        let deviation = self.expected.deviation(bytes).min(DEVIATION_CLIP) as f32;
        run.sum = (run.sum + deviation - DEVIATION_ALLOWANCE).max(0.0);
        run.peak = run.peak.max(run.sum);
        if run.sum > 0.0 {
            run.bytes = run.bytes.saturating_add(bytes);
            let excess = bytes.saturating_sub(self.expected.bytes());
            run.excess_bytes = run.excess_bytes.saturating_add(excess);
        } else if run.peak >= EXCURSION_PEAK_MIN {
            let allowance_bytes = self.excursion_allowance_bytes;
            let most = if run.alerted {
                allowance_bytes
            } else {
                u64::MAX
            };
            let excess_bytes = run.excess_bytes.min(most);
            for pool in pools {
                pool.excursions.record(excess_bytes);
            }
        }
    }

    /// What is known of an hour of the day: its own history, else that of the same hour on
    /// the other kind of day, else, once there are days of them, that of all hours.
    fn effective(&self, slot: HourSlot) -> Slot {
        let Some(slots) = &self.slots else {
            return Slot {
                scale: SCALE_UNKNOWN,
                ..Slot::default()
            };
        };
        let own = slots[usize::from(!slot.is_working())][usize::from(slot.hour())];
        if own.observations >= OBSERVATIONS_MIN {
            return own.with_spread();
        }
        let other = slots[usize::from(slot.is_working())][usize::from(slot.hour())];
        if other.observations >= OBSERVATIONS_MIN {
            return Slot {
                scale: other.with_spread().scale.max(SCALE_BORROWED),
                ..other
            };
        }
        let (mut location, mut observations) = (0.0, 0.0f32);
        for slot in slots.iter().flatten() {
            location += slot.location * f32::from(slot.observations);
            observations += f32::from(slot.observations);
        }
        let known = observations >= OBSERVATIONS_ALL_MIN;
        let location = if known { location / observations } else { 0.0 };
        Slot {
            location,
            scale: SCALE_UNKNOWN,
            observations: 0,
            refused: 0,
        }
    }

    fn slot_mut(&mut self, slot: HourSlot) -> &mut Slot {
        let slots = self.slots.get_or_insert_default();
        &mut slots[usize::from(!slot.is_working())][usize::from(slot.hour())]
    }
}

impl Slot {
    /// Moves towards an observation, at most [`LEARN_CLIP`] spreads of it (Huber 1964), so
    /// that one odd hour does not become the norm. A suspect one is refused, until it has
    /// come [`REFUSALS_MAX`] times in a row at this hour of the day: then it is the norm.
    fn learn(&mut self, value: f32, is_suspect: bool) {
        if is_suspect && self.refused < REFUSALS_MAX {
            self.refused += 1;
            return;
        }
        if !is_suspect {
            self.refused = 0;
        }
        let rate = (1.0 / (f32::from(self.observations) + 1.0)).max(LEARN_RATE_MIN);
        if self.observations == 0 {
            (self.location, self.scale) = (value, SCALE_UNKNOWN);
        } else {
            let reach = LEARN_CLIP * self.scale.max(SCALE_MIN);
            let step = (value - self.location).clamp(-reach, reach);
            self.location += rate * step;
            // The mean absolute deviation of a normal law is 0.8 standard deviations.
            self.scale += rate * (step.abs() / 0.8 - self.scale);
        }
        self.observations = self.observations.saturating_add(1);
    }

    /// With a spread that is drawn towards the assumed one while observations are few.
    fn with_spread(self) -> Self {
        let observations = f32::from(self.observations);
        let scale = (self.scale * observations + SCALE_UNKNOWN * SCALE_PRIOR_WEIGHT)
            / (observations + SCALE_PRIOR_WEIGHT);
        Self {
            scale: scale.max(SCALE_MIN),
            ..self
        }
    }
}

fn location_of(bytes: u64) -> f32 {
    (bytes as f64 / OFFSET_BYTES).ln_1p() as f32
}

fn bytes_at(location: f32) -> u64 {
    (f64::from(location.max(0.0)).exp_m1() * OFFSET_BYTES) as u64
}

/// Below this location nothing to speak of is expected: 1 MiB.
const QUIET_LOCATION: f64 = std::f64::consts::LN_2;

/// The least spread: nobody is more regular than a factor of 1.5.
const SCALE_MIN: f32 = 0.4;

/// The spread of an hour of which nothing is known.
const SCALE_UNKNOWN: f32 = 1.0;

/// The least spread where the other kind of day stands in.
const SCALE_BORROWED: f32 = 0.8;

/// How many observations the assumed spread weighs.
const SCALE_PRIOR_WEIGHT: f32 = 3.0;

/// Observations from which on an hour of the day speaks for itself.
const OBSERVATIONS_MIN: u16 = 2;

/// Observations from which on all hours together speak for one of which little is known:
/// two days.
const OBSERVATIONS_ALL_MIN: f32 = 48.0;

/// The slowest learning: about ten days of the same hour.
const LEARN_RATE_MIN: f32 = 0.1;

/// Deviations beyond which learning takes no larger steps.
const LEARN_CLIP: f32 = 2.5;

/// Deviations beyond which an hour adds no more to an excursion, so that one burst is left
/// to the volume detector.
const DEVIATION_CLIP: f64 = 2.5;

/// What is taken off an excursion every hour, in deviations.
const DEVIATION_ALLOWANCE: f32 = 0.5;

/// An excursion that peaks lower is noise and is not counted.
pub const EXCURSION_PEAK_MIN: f32 = 8.0;

/// How often in a row what was alerted on is refused before it is the new normal: ten
/// working days, or five weekends.
const REFUSALS_MAX: u8 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Calendar, SECONDS_PER_HOUR};

    const MIB: u64 = 1 << 20;

    /// Runs a cell for `days` days from a Monday, with the bytes that `habit` gives for an hour.
    fn live(cell: &mut Cell, days: u64, habit: impl Fn(u64) -> u64) -> Pool {
        let calendar = Calendar::new("UTC", &[]).unwrap();
        let mut pool = Pool::default();
        for hour in 0..days * 24 {
            let slot = calendar.slot(Tick(1_772_409_600 + hour * SECONDS_PER_HOUR));
            cell.open_hour(slot);
            cell.hour_bytes = habit(hour % 24);
            cell.close_hour(slot, hour, &mut [&mut pool]);
        }
        cell.open_hour(calendar.slot(Tick(1_772_409_600 + days * 24 * SECONDS_PER_HOUR)));
        pool
    }

    #[test]
    fn a_nightly_backup_is_expected_at_night() {
        let mut cell = Cell::new(Tick(0), true);
        live(
            &mut cell,
            10,
            |hour| if hour == 0 { 5_000 * MIB } else { 0 },
        );
        let expected = cell.expected.bytes();
        assert!((4_000 * MIB..6_000 * MIB).contains(&expected), "{expected}");
        assert!(!cell.expected.is_quiet());
        assert!(cell.expected.deviation(5_000 * MIB).abs() < 1.0);
        assert!(cell.expected.deviation(100_000 * MIB) > 4.0);
    }

    #[test]
    fn an_hour_late_is_no_surprise_and_noon_is() {
        let mut cell = Cell::new(Tick(0), true);
        live(
            &mut cell,
            10,
            |hour| if hour == 23 { 5_000 * MIB } else { 0 },
        );
        assert!(cell.expected.bytes() < MIB, "midnight itself is quiet");
        assert!(
            cell.expected.deviation(5_000 * MIB) < 1.0,
            "but 23:00 is near"
        );
        let mut noon = Cell::new(Tick(0), true);
        live(
            &mut noon,
            10,
            |hour| if hour == 12 { 5_000 * MIB } else { 0 },
        );
        assert!(noon.expected.is_quiet());
    }

    #[test]
    fn a_steady_leak_makes_an_excursion_with_its_bytes() {
        let mut cell = Cell::new(Tick(0), true);
        live(&mut cell, 7, |_| MIB / 4);
        assert_eq!(cell.excursion.sum, 0.0);
        let before = cell.clone();
        cell.alerted = true;
        let calendar = Calendar::new("UTC", &[]).unwrap();
        let mut pool = Pool::default();
        for hour in 168..180 {
            let slot = calendar.slot(Tick(1_772_409_600 + hour * SECONDS_PER_HOUR));
            cell.open_hour(slot);
            cell.hour_bytes = 8 * MIB;
            cell.close_hour(slot, hour, &mut [&mut pool]);
        }
        assert!(
            cell.excursion.sum > EXCURSION_PEAK_MIN,
            "{:?}",
            cell.excursion
        );
        assert_eq!(cell.excursion.since_hour, 168);
        assert!((80 * MIB..96 * MIB).contains(&cell.excursion.excess_bytes));
        assert_eq!(before.excursion.excess_bytes, 0);
    }

    #[test]
    fn what_was_alerted_on_is_not_learned() {
        let mut cell = Cell::new(Tick(0), true);
        live(&mut cell, 10, |_| MIB);
        let before = cell.expected;
        let slot = Calendar::new("UTC", &[]).unwrap().slot(Tick(0));
        cell.hour_bytes = 10_000 * MIB;
        cell.alerted = true;
        cell.close_hour(slot, 240, &mut []);
        cell.open_hour(slot);
        assert_eq!(cell.expected.bytes(), before.bytes());
    }

    #[test]
    fn a_cell_stays_within_its_budget_of_memory() {
        assert!(size_of::<Cell>() <= 768, "{}", size_of::<Cell>());
    }
}
