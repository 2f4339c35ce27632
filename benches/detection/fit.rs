//! The lowest threshold that keeps false alerts within a budget.

use super::claim::{Claim, merge};
use super::trial::Trial;

/// Fits one threshold to the claims of one detector over all trials, with the trials
/// themselves at hand: false alerts per clean asset-week come as near to `budget` as the
/// scores allow, and not over it.
pub(crate) fn threshold(trials: &[Trial], claims: &[&[Claim]], budget: f64) -> f64 {
    let asset_weeks: f64 = trials.iter().map(|trial| trial.clean_asset_weeks).sum();
    let allowed = (budget * asset_weeks).floor() as usize;
    let mut scores: Vec<f64> = claims
        .iter()
        .copied()
        .flatten()
        .map(|claim| claim.score)
        .collect();
    scores.sort_unstable_by(f64::total_cmp);
    scores.dedup();
    let is_within = |index: usize| {
        let score = scores.get(index).copied().unwrap_or(f64::INFINITY);
        false_alerts(trials, claims, score) <= allowed
    };
    // Fewer claims never need more windows of a day to cover them, so the number of
    // incidents falls as the threshold rises.
    let (mut low, mut high) = (0, scores.len());
    while low < high {
        let middle = low.midpoint(high);
        if is_within(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    // That of the false ones nearly does: one that opened before a leak may hide a hit.
    while low < scores.len() && !is_within(low) {
        low += 1;
    }
    scores.get(low).copied().unwrap_or(f64::INFINITY)
}

fn false_alerts(trials: &[Trial], claims: &[&[Claim]], threshold: f64) -> usize {
    let pairs = trials.iter().zip(claims);
    let counts = pairs.map(|(trial, claims)| {
        merge(claims, threshold)
            .filter(|incident| trial.is_false(incident))
            .count()
    });
    counts.sum()
}

#[cfg(test)]
mod tests {
    use super::super::claim::tests::claim;
    use super::super::trial::tests::world;
    use super::*;
    use borderflow::time::Timestamp;

    #[test]
    fn the_threshold_spends_the_budget_and_no_more() {
        let trial = Trial::new(&world(), 1, Timestamp::ZERO);
        let countries = ["AT", "BE", "CH", "DE", "ES", "FR"];
        let claims = (1..).zip(countries);
        let claims: Vec<Claim> = claims
            .map(|(score, country)| claim(1, country, 49.0, f64::from(score)))
            .collect();
        let fitted = |alerts: f64| {
            let budget = alerts / trial.clean_asset_weeks;
            threshold(std::slice::from_ref(&trial), &[&claims], budget)
        };
        assert_eq!(fitted(1.01), 6.0);
        assert_eq!(
            fitted(2.01),
            4.0,
            "the claim of score 4 is the leak and costs nothing"
        );
        assert_eq!(fitted(3.01), 3.0);
        assert_eq!(fitted(100.0), 1.0);
        assert_eq!(fitted(0.5), f64::INFINITY, "not even one is allowed");
    }
}
