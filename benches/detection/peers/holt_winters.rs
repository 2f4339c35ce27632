//! Holt-Winters smoothing with a week's season (Brutlag).

/// Idea: forecast each hour from level, trend and the same hour of the week before, and
/// compare with how far such hours usually miss.
/// Formula: level = a (x - season') + (1 - a)(level' + trend'), trend = b (level - level') +
/// (1 - b) trend', season = g (x - level) + (1 - g) season', deviation of that hour of the
/// week = g |x - forecast| + (1 - g) deviation'. Score: (x - forecast) / deviation.
/// Source: Brutlag, Aberrant behavior detection in time series for network monitoring (LISA
/// 2000), as in RRDtool, with a = 0.1, b = 0.0035, g = 0.1 of its manual; there 2 alerts.
/// The first week gives level and season; a deviation is not below the mean deviation, as
/// hours that are usually empty would give infinite scores.
pub(super) fn scores(hours: &[f64]) -> Vec<f64> {
    let mut scores = vec![0.0; hours.len()];
    let Some((first, rest)) = hours.split_at_checked(SEASON) else {
        return scores;
    };
    let mut level = first.iter().sum::<f64>() / SEASON as f64;
    let mut trend = 0.0;
    let mut season: Vec<f64> = first.iter().map(|bytes| bytes - level).collect();
    let spread = season.iter().map(|part| part.abs()).sum::<f64>() / SEASON as f64;
    let mut deviations = vec![spread; SEASON];
    let mut deviation = spread;
    let judged = scores.iter_mut().skip(SEASON);
    let slots = (0..SEASON).cycle();
    for ((bytes, score), slot) in rest.iter().zip(judged).zip(slots) {
        let (Some(part), Some(usual)) = (season.get_mut(slot), deviations.get_mut(slot)) else {
            continue;
        };
        let error = bytes - (level + trend + *part);
        let scale = usual.max(deviation);
        if scale > 0.0 {
            *score = error / scale;
        }
        let last = level;
        level = ALPHA * (bytes - *part) + (1.0 - ALPHA) * (level + trend);
        trend = BETA * (level - last) + (1.0 - BETA) * trend;
        *part = GAMMA * (bytes - level) + (1.0 - GAMMA) * *part;
        *usual = GAMMA * error.abs() + (1.0 - GAMMA) * *usual;
        deviation += (error.abs() - deviation) / SEASON as f64;
    }
    scores
}

/// Hours of a week.
const SEASON: usize = 168;

const ALPHA: f64 = 0.1;
const BETA: f64 = 0.0035;
const GAMMA: f64 = 0.1;
