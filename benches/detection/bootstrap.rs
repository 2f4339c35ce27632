//! How far a figure might have fallen otherwise: resampling of whole assets.

use super::statistics::Dice;

/// A figure and its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Interval {
    /// The figure over what there is.
    pub(crate) value: f64,
    /// 2.5 % of the resamples lie below.
    pub(crate) low: f64,
    /// 2.5 % of the resamples lie above.
    pub(crate) high: f64,
}

/// The figures that `statistic` makes of how often each of `units` counts, with intervals
/// from [`RESAMPLES`] draws with replacement. The draws are the same for every detector.
pub(crate) fn intervals<const N: usize>(
    units: usize,
    statistic: impl Fn(&[u32]) -> [f64; N],
) -> [Interval; N] {
    let values = statistic(&vec![1; units]);
    let mut drawn: Vec<[f64; N]> = Vec::with_capacity(RESAMPLES);
    let mut dice = Dice::new(DRAW_SEED);
    let mut weights = vec![0; units];
    for _ in 0..RESAMPLES {
        weights.fill(0);
        for _ in 0..units {
            if let Some(weight) = weights.get_mut(dice.below(units)) {
                *weight += 1;
            }
        }
        drawn.push(statistic(&weights));
    }
    std::array::from_fn(|figure| {
        let value = |row: &[f64; N]| row.get(figure).copied().filter(|value| !value.is_nan());
        let mut sorted: Vec<f64> = drawn.iter().filter_map(value).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let value = values.get(figure).copied().unwrap_or(f64::NAN);
        let rank = |share: f64| {
            let place = (share * sorted.len() as f64) as usize;
            sorted.get(place).copied().unwrap_or(value)
        };
        Interval {
            value,
            low: rank(0.025),
            high: rank(0.975),
        }
    })
}

/// Resamples behind an interval.
const RESAMPLES: usize = 1_000;

/// Seed of the draws.
const DRAW_SEED: u64 = 20_260_302;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_as_wide_as_theory_says() {
        // A share of 0.5 over 400 has a standard error of 0.025.
        let share = |weights: &[u32]| {
            let odd = weights.iter().skip(1).step_by(2).sum::<u32>();
            [f64::from(odd) / f64::from(weights.iter().sum::<u32>())]
        };
        let [interval] = intervals(400, share);
        assert_eq!(interval.value, 0.5);
        assert!((interval.low - 0.451).abs() < 0.012, "{interval:?}");
        assert!((interval.high - 0.549).abs() < 0.012, "{interval:?}");
    }

    #[test]
    fn a_figure_that_does_not_vary_has_no_width() {
        let [interval] = intervals(10, |_| [3.0]);
        assert_eq!(
            interval,
            Interval {
                value: 3.0,
                low: 3.0,
                high: 3.0
            }
        );
    }
}
