//! SPOT and DSPOT: the tail of extreme values.

use std::collections::VecDeque;

use super::super::statistics::{Pareto, quantile};

/// Idea: whatever the distribution, what exceeds a high threshold follows a generalised
/// Pareto distribution; score a value by its chance under it.
/// Formula: P(X > x) = peaks / n (1 + shape (x - t) / scale)^(-1 / shape) with t the 98 %
/// quantile of the first two weeks; score -log10 P. Values of a chance below q = 1e-4 are
/// alarms and not learned, other peaks are, and the fit is made anew.
/// Source: Siffer, Fouque, Termier, Largouet, Anomaly detection in streams with extreme
/// value theory (KDD 2017), the level and q of its code.
pub(super) fn spot(hours: &[f64]) -> Vec<f64> {
    let mut scores = vec![0.0; hours.len()];
    let Some((first, rest)) = hours.split_at_checked(LEARN_HOURS) else {
        return scores;
    };
    let mut tail = Tail::new(first);
    for (bytes, score) in rest.iter().zip(scores.iter_mut().skip(LEARN_HOURS)) {
        (*score, _) = tail.score(*bytes);
    }
    scores
}

/// The same on what a value has over the mean of the last 24 that were no alarm, which
/// follows a drift. Source: the same paper, DSPOT.
pub(super) fn dspot(hours: &[f64]) -> Vec<f64> {
    let mut scores = vec![0.0; hours.len()];
    if hours.len() < LEARN_HOURS {
        return scores;
    }
    let mut window: VecDeque<f64> = VecDeque::new();
    let mut learned = Vec::new();
    let mut tail: Option<Tail> = None;
    for (bytes, score) in hours.iter().zip(&mut scores) {
        let residual = bytes - window.iter().sum::<f64>() / window.len().max(1) as f64;
        let mut is_alarm = false;
        if let Some(tail) = &mut tail {
            (*score, is_alarm) = tail.score(residual);
        } else if window.len() == DEPTH {
            learned.push(residual);
            if learned.len() + DEPTH == LEARN_HOURS {
                tail = Some(Tail::new(&learned));
            }
        }
        if !is_alarm {
            window.push_back(*bytes);
            if window.len() > DEPTH {
                window.pop_front();
            }
        }
    }
    scores
}

/// The tail of what was seen.
struct Tail {
    threshold: f64,
    peaks: Vec<f64>,
    count: f64,
    fitted: Option<Pareto>,
}

impl Tail {
    fn new(values: &[f64]) -> Self {
        let threshold = quantile(&mut values.to_vec(), LEVEL);
        let peaks = values
            .iter()
            .map(|value| value - threshold)
            .filter(|peak| *peak > 0.0);
        let peaks: Vec<f64> = peaks.collect();
        Self {
            threshold,
            fitted: fit(&peaks),
            peaks,
            count: values.len() as f64,
        }
    }

    /// Scores a value, tells whether it is an alarm, and learns it if it is none.
    fn score(&mut self, value: f64) -> (f64, bool) {
        let excess = value - self.threshold;
        let mut score = 0.0;
        if let (true, Some(fitted)) = (excess > 0.0, self.fitted) {
            let share = self.peaks.len() as f64 / self.count;
            score = -(share.ln() + fitted.log_tail(excess)) / std::f64::consts::LN_10;
        }
        if score > ALARM {
            return (score, true);
        }
        self.count += 1.0;
        if excess > 0.0 {
            self.peaks.push(excess);
            self.fitted = fit(&self.peaks);
        }
        (score, false)
    }
}

/// The most likely tail that has no end. A tail that ends, as few peaks often suggest, would
/// call all beyond it impossible and could not tell apart a leak from a busy hour.
fn fit(peaks: &[f64]) -> Option<Pareto> {
    let fitted = Pareto::fit(peaks)?;
    let mean = peaks.iter().sum::<f64>() / peaks.len() as f64;
    Some(if fitted.shape < 0.0 {
        Pareto {
            shape: 0.0,
            scale: mean,
        }
    } else {
        fitted
    })
}

/// Hours that set the first threshold.
const LEARN_HOURS: usize = 336;

/// The quantile above which the tail begins.
const LEVEL: f64 = 0.98;

/// -log10 of the risk q.
const ALARM: f64 = 4.0;

/// Hours of the moving mean.
const DEPTH: usize = 24;
