//! What left in the last day, and how large hours and days have been before.

use serde::{Deserialize, Serialize};

use crate::time::SECONDS_PER_HOUR;

/// The last day of one kind of export hour by hour, and its largest hours and days.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Past {
    /// Bytes of the last 24 hours, by the hour's number modulo 24.
    pub(super) hours: [f32; HOURS],
    /// The largest hours, one of each day.
    pub hour_peaks: Peaks,
    /// The largest sums of 24 hours, one of each day.
    pub day_peaks: Peaks,
    /// The largest hour and the largest sum of 24 hours of the running day.
    pub(super) running: [f32; 2],
}

/// The largest values that days have had, of which each counts for less every day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Peaks {
    largest: [f32; 3],
    days: u16,
}

/// For how many days something has been observed, in steps: what is young is compared with
/// what was as young.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Maturity {
    /// Less than three days.
    Young,
    /// Less than ten days.
    Growing,
    /// Ten days and more.
    Grown,
}

impl Past {
    /// Bytes of the 23 hours before `hour`.
    pub fn before(&self, hour: u64) -> f64 {
        let running = place(hour);
        let others = self.hours.iter().enumerate();
        others
            .filter(|(at, _)| *at != running)
            .map(|(_, bytes)| f64::from(*bytes))
            .sum()
    }

    /// Bytes of one of the last 24 hours that were closed.
    pub fn hour(&self, hour: u64) -> u64 {
        self.hours[place(hour)] as u64
    }

    /// Ends an hour. Those since `previous`, of which nothing was seen, had nothing.
    pub(super) fn close_hour(&mut self, hour: u64, previous: u64, bytes: u64) {
        let unseen = hour.saturating_sub(previous.saturating_add(1));
        for back in 1..=unseen.min(HOURS as u64 - 1) {
            self.hours[place(hour - back)] = 0.0;
        }
        self.hours[place(hour)] = bytes as f32;
        let day_bytes = self.before(hour) as f32 + bytes as f32;
        self.running[0] = self.running[0].max(bytes as f32);
        self.running[1] = self.running[1].max(day_bytes);
    }

    /// The largest hour and the largest sum of 24 hours of the running day.
    pub(super) fn running(&self) -> [f64; 2] {
        self.running.map(f64::from)
    }

    /// Ends a day. What was alerted on does not become the norm.
    pub(super) fn close_day(&mut self, is_suspect: bool) {
        let [hour, day] = std::mem::take(&mut self.running);
        self.hour_peaks.close_day(hour, is_suspect);
        self.day_peaks.close_day(day, is_suspect);
    }
}

impl Peaks {
    /// What the largest values come to: their geometric mean, drawn towards `prior_bytes`
    /// while there are few. The third weighs half.
    pub fn reference(&self, prior_bytes: f64) -> f64 {
        let log = |bytes: f32| (f64::from(bytes) + prior_bytes * PRIOR_SHARE).ln();
        let [first, second, third] = self.largest.map(log);
        ((first + second + 0.5 * third + 0.5 * prior_bytes.ln()) / 3.0).exp()
    }

    /// The largest, with what it counts for by now.
    pub const fn largest(&self) -> f64 {
        self.largest[0] as f64
    }

    /// The third largest.
    pub(super) const fn third(&self) -> f64 {
        self.largest[2] as f64
    }

    /// How long there has been anything to observe.
    pub const fn maturity(&self) -> Maturity {
        match self.days {
            0..3 => Maturity::Young,
            3..10 => Maturity::Growing,
            10.. => Maturity::Grown,
        }
    }

    /// Days observed.
    pub const fn days(&self) -> u16 {
        self.days
    }

    pub(super) fn close_day(&mut self, value: f32, is_suspect: bool) {
        self.days = self.days.saturating_add(1);
        for largest in &mut self.largest {
            *largest *= KEPT_PER_DAY;
        }
        let mut value = if is_suspect { 0.0 } else { value };
        for largest in &mut self.largest {
            if value > *largest {
                std::mem::swap(largest, &mut value);
            }
        }
    }
}

impl Maturity {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Young, Self::Growing, Self::Grown];
}

const fn place(hour: u64) -> usize {
    (hour % HOURS as u64) as usize
}

const HOURS: usize = 24;

/// Seconds of a [`Past`].
pub const PAST_SECONDS: u64 = HOURS as u64 * SECONDS_PER_HOUR;

/// The part of the prior that is added to every peak, so that nothing is no peak of zero.
const PRIOR_SHARE: f64 = 0.1;

/// What is left of a peak after a day: half after ten weeks.
const KEPT_PER_DAY: f32 = 0.99;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_the_last_24_hours_whatever_was_not_seen() {
        let mut past = Past::default();
        for hour in 100..130 {
            past.close_hour(hour, hour - 1, 10);
        }
        assert_eq!(past.before(130), 230.0);
        assert_eq!(past.running(), [10.0, 240.0]);
        past.close_hour(140, 129, 7);
        assert_eq!(past.before(141), 12.0 * 10.0 + 7.0);
        past.close_hour(900, 140, 1);
        assert_eq!(past.before(901), 1.0);
    }

    #[test]
    fn one_large_day_is_no_reference_and_what_was_told_is_none_either() {
        let peaks = |days: &[f32]| {
            let mut peaks = Peaks::default();
            days.iter().for_each(|day| peaks.close_day(*day, false));
            peaks
        };
        let usual = peaks(&[1e6; 10]);
        let one = peaks(&[1e6, 1e6, 1e9, 1e6, 1e6]);
        let two = peaks(&[1e6, 1e9, 1e9, 1e6, 1e6]);
        let of = |peaks: &Peaks| peaks.reference(1e5);
        assert!(of(&one) < of(&usual) * 12.0 && of(&two) > of(&usual) * 80.0);
        let mut told = usual;
        told.close_day(1e12, true);
        assert!(of(&told) <= of(&usual) && told.days() == 11);
        assert_eq!(told.maturity(), Maturity::Grown);
    }
}
