//! What one kind of export is like hour by hour, and runs of hours that are higher.

use serde::{Deserialize, Serialize};

use crate::time::HourSlot;

use super::Peaks;

/// Added to bytes before the logarithm is taken, so that small change is no surprise.
pub const OFFSET_BYTES: f64 = 100_000.0;

/// What is normal for an hour.
///
/// Bytes are judged on the scale `ln(1 + bytes / 100 kB)`, on which a doubling is a step of
/// the same size for a large sender and a small one.
#[derive(Clone, Copy, Debug, PartialEq)]
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
    /// Where nothing was learned, nothing is expected.
    pub const UNKNOWN: Self = Self {
        location: 0.0,
        location_near: 0.0,
        scale: SCALE_UNKNOWN,
    };

    /// Expected bytes of this hour.
    pub fn bytes(&self) -> u64 {
        bytes_at(self.location)
    }

    /// How many spreads `bytes` lies above what is expected around this hour.
    pub fn deviation(&self, bytes: u64) -> f64 {
        f64::from((location_of(bytes) - self.location_near) / self.scale.max(SCALE_MIN))
    }
}

/// A run of hours in which more left than expected (one-sided CUSUM, Page 1954, of
/// clipped deviations).
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Excursion {
    /// The sum of clipped deviations, less the allowance per hour; 0 ends the excursion.
    pub sum: f32,
    /// Bytes beyond what was expected since it began, of no hour more than is usual for a
    /// large one.
    pub excess_bytes: u64,
    /// Bytes since it began.
    pub bytes: u64,
    /// The hour in which it began, counted from the epoch.
    pub since_hour: u64,
}

/// The hours of the day of one kind of export.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Habit {
    /// By hour of the day: working days, then other days.
    slots: [[Slot; 24]; 2],
    /// The run of high hours, if any.
    pub run: Excursion,
    /// The largest excess of runs, one of each day.
    pub run_peaks: Peaks,
    /// The largest excess of a run in the running day.
    pub(super) running: f32,
}

/// Robust location and spread of one hour of the day, in whole parts of a step so that a
/// cell stays small.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Slot {
    location: u16,
    scale: u16,
    observations: u8,
    /// Observations in a row that were not learned from because of an alert.
    refused: u8,
}

impl Habit {
    /// What is normal for an hour of the day.
    pub fn expected(&self, slot: HourSlot) -> Expected {
        let here = self.effective(slot);
        let near = [slot.shifted(-1), slot.shifted(1)].map(|slot| self.effective(slot));
        let highest = near.into_iter().fold(
            here,
            |highest, next| {
                if next.0 > highest.0 { next } else { highest }
            },
        );
        Expected {
            location: here.0,
            location_near: highest.0,
            scale: highest.1,
        }
    }

    /// The run as it would be if the running hour ended with so many bytes, of which no
    /// more than `clip_bytes` count.
    pub fn run_with(&self, bytes: u64, slot: HourSlot, hour: u64, clip_bytes: f64) -> Excursion {
        let expected = self.expected(slot);
        let mut run = self.run;
        if run.sum <= 0.0 {
            run = Excursion {
                since_hour: hour,
                ..Excursion::default()
            };
        }
        let deviation = expected.deviation(bytes).min(DEVIATION_CLIP) as f32;
        run.sum = (run.sum + deviation - DEVIATION_ALLOWANCE).max(0.0);
        run.bytes = run.bytes.saturating_add(bytes);
        let excess = bytes
            .min(clip_bytes as u64)
            .saturating_sub(expected.bytes());
        run.excess_bytes = run.excess_bytes.saturating_add(excess);
        run
    }

    /// Ends an hour: follows the run, and learns unless the hour was alerted on.
    pub(super) fn close_hour(
        &mut self,
        bytes: u64,
        slot: HourSlot,
        hour: u64,
        clip_bytes: f64,
        is_suspect: bool,
    ) {
        self.run = self.run_with(bytes, slot, hour, clip_bytes);
        self.running = self.running.max(self.run.told_bytes() as f32);
        self.slots[usize::from(!slot.is_working())][usize::from(slot.hour())]
            .learn(location_of(bytes), is_suspect);
    }

    /// The largest excess of a run in the running day.
    pub(super) const fn running(&self) -> f64 {
        self.running as f64
    }

    pub(super) fn close_day(&mut self, is_suspect: bool) {
        let running = std::mem::take(&mut self.running);
        self.run_peaks.close_day(running, is_suspect);
    }

    /// Forgets how often hours were refused, so that what is refused next does not stay.
    pub(super) fn forget_refusals(&mut self) {
        for slot in self.slots.iter_mut().flatten() {
            slot.refused = 0;
        }
    }

    /// What is known of an hour of the day, location and spread: its own history, else that
    /// of the same hour on the other kind of day, else, once there are days of them, that of
    /// all hours.
    fn effective(&self, slot: HourSlot) -> (f32, f32) {
        let own = &self.slots[usize::from(!slot.is_working())][usize::from(slot.hour())];
        if own.observations >= OBSERVATIONS_MIN {
            return (own.location(), own.spread());
        }
        let other = &self.slots[usize::from(slot.is_working())][usize::from(slot.hour())];
        if other.observations >= OBSERVATIONS_MIN {
            return (other.location(), other.spread().max(SCALE_BORROWED));
        }
        let (mut location, mut observations) = (0.0, 0.0f32);
        for slot in self.slots.iter().flatten() {
            location += slot.location() * f32::from(slot.observations);
            observations += f32::from(slot.observations);
        }
        let known = observations >= OBSERVATIONS_ALL_MIN;
        (
            if known { location / observations } else { 0.0 },
            SCALE_UNKNOWN,
        )
    }
}

impl Excursion {
    /// The excess that counts: that of a run that has gone on for some hours.
    pub const fn told_bytes(&self) -> u64 {
        if self.sum >= EXCURSION_SUM_MIN {
            self.excess_bytes
        } else {
            0
        }
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
        let (mut location, mut scale) = (value, SCALE_UNKNOWN);
        if self.observations > 0 {
            (location, scale) = (self.location(), self.scale());
            let reach = LEARN_CLIP * scale.max(SCALE_MIN);
            let step = (value - location).clamp(-reach, reach);
            location += rate * step;
            // The mean absolute deviation of a normal law is 0.8 standard deviations.
            scale += rate * (step.abs() / 0.8 - scale);
        }
        self.location = (location.max(0.0) * LOCATION_STEPS).round() as u16;
        self.scale = (scale.max(0.0) * SCALE_STEPS).round() as u16;
        self.observations = self.observations.saturating_add(1);
    }

    fn location(self) -> f32 {
        f32::from(self.location) / LOCATION_STEPS
    }

    fn scale(self) -> f32 {
        f32::from(self.scale) / SCALE_STEPS
    }

    /// The spread, drawn towards the assumed one while observations are few.
    fn spread(self) -> f32 {
        let observations = f32::from(self.observations);
        let scale = (self.scale() * observations + SCALE_UNKNOWN * SCALE_PRIOR_WEIGHT)
            / (observations + SCALE_PRIOR_WEIGHT);
        scale.max(SCALE_MIN)
    }
}

fn location_of(bytes: u64) -> f32 {
    (bytes as f64 / OFFSET_BYTES).ln_1p() as f32
}

fn bytes_at(location: f32) -> u64 {
    (f64::from(location.max(0.0)).exp_m1() * OFFSET_BYTES) as u64
}

/// Whole parts of a step of the logarithmic scale: locations reach to 32, far beyond any
/// number of bytes, spreads to 16.
const LOCATION_STEPS: f32 = 2_048.0;
const SCALE_STEPS: f32 = 4_096.0;

/// The least spread: nobody is more regular than a factor of 1.5.
const SCALE_MIN: f32 = 0.4;

/// The spread of an hour of which nothing is known.
const SCALE_UNKNOWN: f32 = 1.0;

/// The least spread where the other kind of day stands in.
const SCALE_BORROWED: f32 = 0.8;

/// How many observations the assumed spread weighs.
const SCALE_PRIOR_WEIGHT: f32 = 3.0;

/// Observations from which on an hour of the day speaks for itself.
const OBSERVATIONS_MIN: u8 = 2;

/// Observations from which on all hours together speak for one of which little is known:
/// two days.
const OBSERVATIONS_ALL_MIN: f32 = 48.0;

/// The slowest learning: about ten days of the same hour.
const LEARN_RATE_MIN: f32 = 0.1;

/// Deviations beyond which learning takes no larger steps.
const LEARN_CLIP: f32 = 2.5;

/// Deviations beyond which an hour adds no more to an excursion, so that one burst is left
/// to the detectors of volume.
const DEVIATION_CLIP: f64 = 2.5;

/// What is taken off an excursion every hour, in deviations.
const DEVIATION_ALLOWANCE: f32 = 0.5;

/// An excursion that has not come so far is noise: three hours at least.
const EXCURSION_SUM_MIN: f32 = 6.0;

/// How often in a row what was alerted on is refused before it is the new normal: ten
/// working days, or five weekends.
const REFUSALS_MAX: u8 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Calendar, SECONDS_PER_HOUR, Tick};

    const MB: u64 = 1_000_000;

    fn slot(hour: u64) -> HourSlot {
        let calendar = Calendar::new("UTC", &[]).unwrap();
        calendar.slot(Tick(1_772_409_600 + hour * SECONDS_PER_HOUR))
    }

    /// A habit after some days from a Monday on, with the bytes that `of` gives for an hour.
    fn live(days: u64, of: impl Fn(u64) -> u64) -> Habit {
        let mut habit = Habit::default();
        for hour in 0..days * 24 {
            habit.close_hour(of(hour % 24), slot(hour), hour, 1e12, false);
        }
        habit
    }

    #[test]
    fn a_nightly_backup_is_expected_at_night() {
        let habit = live(10, |hour| if hour == 0 { 5_000 * MB } else { 0 });
        let expected = habit.expected(slot(240));
        let bytes = expected.bytes();
        assert!((4_900 * MB..5_100 * MB).contains(&bytes), "{bytes}");
        assert!(expected.deviation(5_000 * MB).abs() < 1.0);
        assert!(expected.deviation(100_000 * MB) > 4.0);
        // An hour late is no surprise, and noon is one.
        let late = habit.expected(slot(241));
        assert!(late.bytes() < MB && late.deviation(5_000 * MB) < 1.0);
        assert!(habit.expected(slot(252)).deviation(5_000 * MB) > 4.0);
    }

    #[test]
    fn a_steady_leak_makes_an_excursion_with_its_bytes() {
        let mut habit = live(7, |_| MB / 4);
        assert_eq!(habit.run.sum, 0.0);
        for hour in 168..180 {
            habit.close_hour(8 * MB, slot(hour), hour, 1e12, true);
        }
        assert_eq!(habit.run.since_hour, 168);
        let excess = habit.run.told_bytes();
        assert!((90 * MB..96 * MB).contains(&excess), "{excess}");
        assert_eq!(habit.running(), excess as f32 as f64);
        // What one hour adds is bounded, and it takes some hours.
        let once = live(7, |_| MB / 4).run_with(8_000 * MB, slot(168), 168, 2e6);
        assert_eq!((once.told_bytes(), once.excess_bytes / MB), (0, 1));
    }

    #[test]
    fn what_was_alerted_on_is_learned_only_when_it_stays() {
        let mut habit = live(10, |_| MB);
        let before = habit.expected(slot(240)).bytes();
        habit.close_hour(10_000 * MB, slot(240), 240, 1e12, true);
        assert_eq!(habit.expected(slot(240)).bytes(), before);
        for day in 11..30 {
            habit.close_hour(10_000 * MB, slot(day * 24), day * 24, 1e12, true);
        }
        assert!(habit.expected(slot(240)).bytes() > before * 3 / 2);
    }
}
