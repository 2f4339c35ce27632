//! How high scores come by themselves, and so which of them are worth an alert.

use serde::{Deserialize, Serialize};

use super::Tail;

/// The highest score of each day of an asset and a country, over the last weeks.
///
/// Idea: what an operator grants is a number of false alerts, so the threshold is the score
/// that is passed so often. High scores are about exponential, since a score is a sum of
/// logarithms of chances; the fit, and not the highest seen, decides. What was alerted on
/// counts as well where it passed the threshold by little, as most of what is false does:
/// leaving it out would let the threshold sink until the budget was spent on what is usual.
/// What passed it by far is no chance and counts nowhere, and no more of the rest counts than
/// twice what was granted, so that noise does not buy silence.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Scores {
    weeks: Vec<Week>,
}

/// What a week of days has brought.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Week {
    thousandths: Tail,
    /// Alerts that count.
    told: u32,
    days: u8,
    asset_days: u64,
}

impl Scores {
    /// Counts the highest score of a day without an alert.
    pub(super) fn record(&mut self, score: f64) {
        let week = self.running();
        week.thousandths.record((score.max(0.0) * THOUSAND) as u64);
    }

    /// Counts the highest score of a day with one, of a week in which `granted` alerts are.
    pub(super) fn record_told(&mut self, score: f64, threshold: f64, granted: f64) {
        let told_max = (TOLD_FACTOR_MAX * granted).max(TOLD_MIN);
        let week = self.running();
        if score < threshold + TOLD_BAND && f64::from(week.told) < told_max {
            week.told += 1;
            self.record(score);
        }
    }

    /// Ends a day on which so many assets were there.
    pub(super) fn close_day(&mut self, assets: u64) {
        let week = self.running();
        week.days += 1;
        week.asset_days += assets;
        if week.days == DAYS_PER_WEEK {
            self.weeks.push(Week::default());
        }
        if self.weeks.len() > WEEKS_MAX {
            self.weeks.remove(0);
        }
    }

    /// The score that is passed `budget` times per asset and week: the lower median of what
    /// each whole week says, so that a week of noise, or of leaks, buys no silence.
    pub fn threshold(&self, budget: f64) -> f64 {
        let (running, whole) = self.weeks.split_last().unzip();
        let mut of_weeks: Vec<f64> = whole
            .into_iter()
            .flatten()
            .filter(|week| week.asset_days > 0)
            .map(|week| week.threshold(budget))
            .collect();
        if of_weeks.is_empty() {
            let first = running.map(|week| week.threshold(budget));
            return first.unwrap_or_else(|| Week::default().threshold(budget));
        }
        of_weeks.sort_by(f64::total_cmp);
        of_weeks[(of_weeks.len() - 1) / 2]
    }

    fn running(&mut self) -> &mut Week {
        if self.weeks.is_empty() {
            self.weeks.push(Week::default());
        }
        let last = self.weeks.len() - 1;
        &mut self.weeks[last]
    }
}

impl Week {
    fn threshold(&self, budget: f64) -> f64 {
        let asset_weeks = self.asset_days as f64 / f64::from(DAYS_PER_WEEK);
        let granted = budget * asset_weeks;
        let steps = self.thousandths.steps();
        let all = steps.first().map_or(0.0, |(_, beyond)| *beyond);
        let wanted = (granted * TAIL_FACTOR).max(TAIL_MIN).min(all / 5.0);
        let place = steps.partition_point(|(_, beyond)| *beyond > wanted);
        let tail = steps.get(place..).unwrap_or_default();
        let (knot, beyond) = match tail.first() {
            Some((value, beyond)) => (value / THOUSAND, *beyond),
            None => (LEVEL_ASSUMED, 0.0),
        };
        let mut excess = 0.0;
        for (at, (value, beyond)) in tail.iter().enumerate() {
            let further = tail.get(at + 1).map_or(0.0, |(_, further)| *further);
            excess += (beyond - further) * (value / THOUSAND - knot);
        }
        let assumed = RATE_ASSUMED * ((LEVEL_ASSUMED - knot) / SLOPE_ASSUMED).exp();
        let rate = CAUTION * (beyond + assumed * WEEKS_ASSUMED) / (asset_weeks + WEEKS_ASSUMED);
        let slope = (excess + SLOPE_ASSUMED * TAIL_ASSUMED) / (beyond + TAIL_ASSUMED);
        let slope = slope.clamp(SLOPE_MIN, SLOPE_MAX);
        (knot + slope * (rate / budget).ln()).max(LEVEL_MIN)
    }
}

const THOUSAND: f64 = 1_000.0;
const DAYS_PER_WEEK: u8 = 7;

/// Weeks that are remembered, the running one included.
const WEEKS_MAX: usize = 5;

/// By how much a score that is false may pass the threshold: nine in ten do by less.
const TOLD_BAND: f64 = 7.0;

/// Alerts of a week that count at most, by what was granted, and at least.
const TOLD_FACTOR_MAX: f64 = 2.0;
const TOLD_MIN: f64 = 3.0;

/// The tail that is fitted, by what was granted, and the least number of scores in it if
/// there are five times as many.
const TAIL_FACTOR: f64 = 5.0;
const TAIL_MIN: f64 = 20.0;

/// What a slope can be.
const SLOPE_MIN: f64 = 1.5;
const SLOPE_MAX: f64 = 6.0;

/// What is assumed before anything was seen: that so high a score comes at such a rate per
/// asset and week, and how fast the rate falls; and how many asset-weeks and scores that
/// weighs. From simulated sites other than those of `docs/detection.md`.
const LEVEL_ASSUMED: f64 = 20.0;
const RATE_ASSUMED: f64 = 0.05;
const SLOPE_ASSUMED: f64 = 3.3;
const WEEKS_ASSUMED: f64 = 10.0;
const TAIL_ASSUMED: f64 = 10.0;

/// How much more often high scores come than quiet weeks let expect, because now and then
/// something happens that they did not have.
const CAUTION: f64 = 1.6;

/// No lower score is worth an alert, whatever the budget.
const LEVEL_MIN: f64 = 5.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_data_it_assumes() {
        let scores = Scores::default();
        let at =
            |budget: f64| LEVEL_ASSUMED + SLOPE_ASSUMED * (CAUTION * RATE_ASSUMED / budget).ln();
        for budget in [0.02, 0.1] {
            assert!((scores.threshold(budget) - at(budget)).abs() < 1e-9);
        }
        assert!(scores.threshold(0.02) > scores.threshold(0.1));
    }

    #[test]
    fn the_threshold_is_passed_as_often_as_the_budget_says() {
        // 40 assets with 5 countries each, whose days are exponential with mean 2.
        let mut scores = Scores::default();
        let days = 28;
        let count = f64::from(days * 200);
        for at in 0..days * 200 {
            // All quantiles, in an order that looks random.
            let place = f64::from(at * 7_919 % (days * 200));
            scores.record(-2.0 * ((place + 0.5) / count).ln());
            if at % 200 == 199 {
                scores.close_day(40);
            }
        }
        for budget in [0.02, 0.1, 1.0] {
            let daily = (-scores.threshold(budget) / 2.0).exp();
            let per_asset_week = daily * 35.0;
            let ratio: f64 = per_asset_week / budget;
            // On the quiet side: slopes are drawn towards a larger one, and there is caution.
            assert!((0.2..1.2).contains(&ratio), "{budget}: {ratio}");
        }
    }

    #[test]
    fn a_noisy_week_buys_no_silence_and_old_weeks_are_forgotten() {
        let mut scores = Scores::default();
        let mut weeks = |count: u32, score: f64| {
            for _ in 0..count * 7 {
                (0..200).for_each(|at| scores.record(score * f64::from(at) / 200.0));
                scores.close_day(50);
            }
            scores.threshold(0.02)
        };
        let calm = weeks(3, 6.0);
        let disturbed = weeks(1, 60.0);
        let noisy = weeks(5, 60.0);
        assert_eq!(calm, disturbed);
        assert!(noisy > 2.0 * calm, "{noisy} {calm}");
        assert_eq!(weeks(6, 6.0), calm);
    }

    #[test]
    fn alerts_raise_the_threshold_no_further_than_twice_the_budget_does() {
        let threshold = |told: u32, score: f64| {
            let mut scores = Scores::default();
            for day in 0..7 {
                (0..200).for_each(|at| scores.record(0.1 * f64::from(at)));
                if day == 0 {
                    (0..told).for_each(|_| scores.record_told(score, 20.0, 1.0));
                }
                scores.close_day(50);
            }
            scores.threshold(0.02)
        };
        assert_eq!(threshold(3, 22.0), threshold(1_000, 22.0));
        assert!(threshold(3, 22.0) > threshold(0, 22.0));
        assert_eq!(
            threshold(1_000, 40.0),
            threshold(0, 0.0),
            "a leak is no noise"
        );
    }
}
