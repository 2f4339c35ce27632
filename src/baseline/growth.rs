//! A reference that does not learn: whether an export has grown, week by week, into another.
//!
//! Everything else here learns, and what learns can be taught: an export that grows by a
//! seventh every week is never far beyond the week before, and is eleven times as large
//! after four months. So the first whole weeks of a destination are frozen, and later ones
//! are held against them. The reference moves only when people have been told.

use std::iter::zip;

use serde::{Deserialize, Serialize};

use crate::time::Tick;

/// The days of a destination by the week.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Growth {
    /// The largest days of the running week, bytes, the largest first.
    running: [f32; RANK],
    /// Bytes of the running week.
    week_bytes: f32,
    /// What a day came to in the latest whole weeks, the latest first: the third largest of
    /// seven, so that two bursts make no week.
    levels: [f32; 2 * WEEKS],
    /// What it came to in the weeks that were frozen.
    reference: f32,
    /// When that was, hours from the epoch.
    frozen_hour: u32,
    /// Days of the running week, and weeks since the reference was frozen or taken back.
    days: u8,
    weeks: u8,
}

/// A week beside the reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Week {
    /// How much larger it was.
    pub(super) ratio: f64,
    /// What is to be told of it.
    pub(super) grown: Option<Grown>,
}

/// Something that has grown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grown {
    /// What a day came to in the latest three weeks, the latest first, bytes.
    pub levels: [f64; WEEKS],
    /// What it came to in the weeks that were frozen, bytes.
    pub reference: f64,
    /// When those ended.
    pub frozen: Tick,
    /// When the latest week began.
    pub since: Tick,
    /// Bytes of it.
    pub week_bytes: u64,
}

impl Grown {
    /// How much larger a day is.
    pub fn ratio(&self) -> f64 {
        self.levels[0] / self.reference
    }

    /// Bytes of the latest week, had it been as the weeks that were frozen.
    pub fn expected_bytes(&self) -> u64 {
        (self.week_bytes as f64 / self.ratio()) as u64
    }
}

impl Growth {
    /// Ends a day, of which the last hour was `hour`. Where that ended a week that is held
    /// against the reference, says how.
    pub(super) fn close_day(&mut self, bytes: f64, is_suspect: bool, hour: u64) -> Option<Week> {
        let mut bytes = if is_suspect { 0.0 } else { bytes as f32 };
        self.week_bytes += bytes;
        for largest in &mut self.running {
            if bytes > *largest {
                std::mem::swap(largest, &mut bytes);
            }
        }
        self.days += 1;
        if self.days < DAYS {
            return None;
        }
        let [_, _, level] = self.running;
        let week_bytes = self.week_bytes;
        (self.running, self.week_bytes, self.days) = ([0.0; RANK], 0.0, 0);
        self.levels.rotate_right(1);
        self.levels[0] = level;
        self.weeks = self.weeks.saturating_add(1);
        if self.reference == 0.0 {
            if usize::from(self.weeks) >= WEEKS {
                self.freeze(median(self.latest()), hour);
            }
            return None;
        }
        if usize::from(self.weeks) < WEEKS {
            return None;
        }
        let ratio = f64::from(level / self.reference);
        let grown = self.judge(week_bytes, hour);
        Some(Week { ratio, grown })
    }

    /// Says where the last three weeks are larger than the reference allows. Then the latest
    /// is the next reference, so that the same is not told again.
    fn judge(&mut self, week_bytes: f32, hour: u64) -> Option<Grown> {
        let latest = self.latest();
        let level = latest[0];
        let reaches = |ratios: [f32; WEEKS]| {
            zip(latest, ratios).all(|(level, of)| level >= self.reference * of)
        };
        let has_grown = (reaches(RATIOS) && self.has_risen()) || reaches([RATIO_FAR; WEEKS]);
        if has_grown && level - self.reference >= EXCESS_BYTES_MIN {
            let grown = Grown {
                levels: latest.map(f64::from),
                reference: self.reference.into(),
                frozen: Tick::of_hour(self.frozen_hour.into()),
                since: Tick::of_hour((hour + 1).saturating_sub(u64::from(DAYS) * 24)),
                week_bytes: week_bytes as u64,
            };
            self.freeze(level, hour);
            return Some(grown);
        }
        // What has fallen for good is held against what it fell to.
        let highest = latest.into_iter().fold(0.0, f32::max);
        if highest < self.reference * FALLEN {
            self.freeze(highest, hour);
        }
        None
    }

    /// Whether it came by rising: the three weeks before the last three lie well above the
    /// reference, and the last three well above those. What jumps, or swings, does not.
    fn has_risen(&self) -> bool {
        let [latest, before] = [self.latest(), self.before()].map(median);
        let are_after_reference = usize::from(self.weeks) >= 2 * WEEKS;
        are_after_reference && before >= self.reference * RISEN && latest >= before * RISEN
    }

    /// The last three weeks.
    const fn latest(&self) -> [f32; WEEKS] {
        let [latest, second, third, ..] = self.levels;
        [latest, second, third]
    }

    /// The three weeks before those.
    const fn before(&self) -> [f32; WEEKS] {
        let [.., latest, second, third] = self.levels;
        [latest, second, third]
    }

    fn freeze(&mut self, level: f32, hour: u64) {
        self.reference = level.max(REFERENCE_BYTES_MIN);
        self.frozen_hour = u32::try_from(hour + 1).unwrap_or(u32::MAX);
        self.weeks = 0;
    }
}

const fn median([a, b, c]: [f32; WEEKS]) -> f32 {
    a.min(b).max(a.max(b).min(c))
}

/// Weeks that are frozen, and that must have grown.
const WEEKS: usize = 3;

/// Days of a week.
const DAYS: u8 = 7;

/// The day of a week that stands for it, by size.
const RANK: usize = 3;

/// How much larger than the reference the last three weeks must be, the latest first: what
/// grows by 15 % a week is told at 2.7 times at the latest, before it is four times as large.
const RATIOS: [f32; WEEKS] = [2.5, 2.0, 1.6];

/// How much larger three weeks must be than those before them. What grows by 15 % a week grows
/// by half in three weeks; what grows by a seventh in a month does by a ninth.
const RISEN: f32 = 1.3;

/// What is so much larger than the reference for three weeks is told however it came.
const RATIO_FAR: f32 = 4.0;

/// A reference is taken back where three weeks did not come to so much of it.
const FALLEN: f32 = 0.5;

/// Growth by less than so much a day is nobody's concern.
const EXCESS_BYTES_MIN: f32 = 5e6;

/// The least reference, bytes of a day.
const REFERENCE_BYTES_MIN: f32 = 1e6;

#[cfg(test)]
mod tests {
    use super::*;

    /// Weeks in which something was told, and how large it was by then, beside the second.
    fn told(weeks: u32, day_bytes: impl Fn(u32, u32) -> f64) -> Vec<(u32, f64)> {
        let mut growth = Growth::default();
        let mut told = Vec::new();
        for day in 0..weeks * 7 {
            let bytes = day_bytes(day / 7, day % 7);
            let hour = u64::from(day) * 24 + 23;
            let week = growth.close_day(bytes, false, hour);
            if let Some(grown) = week.and_then(|week| week.grown) {
                told.push((day / 7, grown.ratio()));
                assert_eq!(grown.since, Tick::of_hour(hour - 167));
            }
        }
        told
    }

    #[test]
    fn a_boiling_frog_is_told_before_it_is_four_times_as_large() {
        let frog = |week: u32, _| 2e7 * 1.15_f64.powi(week as i32);
        let told = told(16, frog);
        // It is told again where it is 2.5 times as large again.
        assert!(matches!(told[..], [(8, _), (15, _)]), "{told:?}");
        assert!(
            told.iter().all(|(_, ratio)| (2.5..2.9).contains(ratio)),
            "{told:?}"
        );
    }

    #[test]
    fn bursts_and_what_is_steady_are_not_told() {
        let steady = |_, _| 2e9;
        assert_eq!(told(30, steady), []);
        let bursts = |_, day| if day < 2 { 1e12 } else { 1e7 };
        assert_eq!(told(30, bursts), []);
        let small = |week: u32, _| 1e5 * 1.15_f64.powi(week as i32);
        assert_eq!(told(16, small), []);
        let once = |week, _| if week == 9 || week == 10 { 1e9 } else { 1e7 };
        assert_eq!(told(30, once), []);
        // A month of much, and half as much again from one week to the next.
        let month = |week, _| if (9..13).contains(&week) { 3e7 } else { 1e7 };
        assert_eq!(told(30, month), []);
        let jump = |week, _| if week < 9 { 1e7 } else { 3e7 };
        assert_eq!(told(30, jump), []);
    }

    #[test]
    fn what_stays_far_above_is_told_however_it_came() {
        let jump = |week, _| if week < 9 { 1e7 } else { 5e7 };
        assert_eq!(told(30, jump), [(11, 5.0)]);
    }

    #[test]
    fn what_fell_is_held_against_what_it_fell_to() {
        let frog = |week: u32, _| match week {
            0..5 => 1e9,
            week => 1e8 * 1.15_f64.powi(week as i32 - 5),
        };
        assert_eq!(told(20, frog).len(), 1);
    }
}
