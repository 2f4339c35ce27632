//! How a leak lies in time: its parts, each with a begin, a length and a weight.

use super::super::chance::{Chance, exp, ln};

/// One conversation of a leak.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// Begin, hours after that of the leak.
    pub after_hours: f64,
    pub hours: f64,
    /// Its share of the bytes, among the weights of all.
    pub weight: f64,
}

/// When a leak of a kind sends what, within so many hours.
pub(super) fn parts(
    kind: &str,
    total: u64,
    room: f64,
    profile: &[f64],
    chance: &mut Chance,
) -> Vec<Part> {
    let bytes = total as f64;
    let fit = |hours: f64| hours.min(room * 0.9);
    match kind {
        "slow" => slow(fit(spread_evenly(24.0, 240.0, chance)), chance),
        "many_flows" => {
            let count = spread_evenly(1e3, 1e4, chance).min(bytes / 20.0) as u64;
            many(count, fit(chance.between(2.0, 24.0)), chance)
        }
        "drain" => {
            let count = spread_evenly(5.0, 200.0, chance) as u64;
            let hours = fit(chance.between(0.5, 6.0));
            let long = |part: Part| Part {
                hours: part.hours * 10.0,
                ..part
            };
            many(count, hours, chance).into_iter().map(long).collect()
        }
        "mimicry" => mimicry(profile, fit(chance.between(48.0, 120.0)), chance),
        "staged" => staged(fit(chance.between(24.0, 72.0)), chance),
        "dns" => {
            let count = (bytes / chance.between(300.0, 1_500.0)).clamp(50.0, 2e4) as u64;
            many(count, fit(chance.between(24.0, 120.0)), chance)
        }
        "icmp" => {
            let count = (bytes / chance.between(5e3, 6e4)).clamp(20.0, 5e3) as u64;
            many(count, fit(chance.between(6.0, 72.0)), chance)
        }
        "new_country" => {
            let flows = 1 + chance.below(4);
            bulk(fit(chance.between(1.0, 3.0)), flows, chance)
        }
        "odd_hour" => {
            let flows = 1 + chance.below(4);
            bulk(fit(chance.between(0.33, 1.0)), flows, chance)
        }
        _ => {
            let flows = 1 + chance.below(8);
            bulk(fit(chance.between(0.084, 1.0)), flows, chance)
        }
    }
}

/// Some flows side by side, for this long.
pub(super) fn bulk(hours: f64, flows: u64, chance: &mut Chance) -> Vec<Part> {
    let mut part = |_| {
        let after_hours = hours * chance.between(0.0, 0.2);
        let rest = hours - after_hours;
        Part {
            after_hours,
            hours: rest * chance.between(0.6, 1.0),
            weight: chance.lognormal(0.5),
        }
    };
    (0..flows.max(1)).map(&mut part).collect()
}

/// A little in most hours.
fn slow(hours: f64, chance: &mut Chance) -> Vec<Part> {
    let presence = chance.between(0.7, 0.97);
    let mut parts = Vec::new();
    for hour in 0..hours as u64 {
        if hour > 0 && !chance.happens(presence) {
            continue;
        }
        for _ in 0..1 + chance.below(3) {
            let after_hours = hour as f64 + chance.unit();
            let hours = chance.between(0.001, 0.2);
            parts.push(Part {
                after_hours,
                hours,
                weight: chance.lognormal(0.5),
            });
        }
    }
    parts
}

/// Very many of much the same size.
fn many(count: u64, hours: f64, chance: &mut Chance) -> Vec<Part> {
    let mut part = |_| Part {
        after_hours: hours * chance.unit(),
        hours: chance.between(0.0002, 0.003),
        weight: chance.lognormal(0.1),
    };
    (0..count.max(1)).map(&mut part).collect()
}

/// Three bursts, spread over this time.
fn staged(hours: f64, chance: &mut Chance) -> Vec<Part> {
    let mut parts = Vec::new();
    for burst in 0..3 {
        let begin = hours * (f64::from(burst) + chance.between(0.0, 0.7)) / 3.0;
        let (length, flows) = (chance.between(0.08, 0.5), 1 + chance.below(3));
        for part in bulk(length, flows, chance) {
            parts.push(Part {
                after_hours: begin + part.after_hours,
                ..part
            });
        }
    }
    parts
}

/// What an asset sends by the hour of the week, from that of the leak's begin.
fn mimicry(profile: &[f64], hours: f64, chance: &mut Chance) -> Vec<Part> {
    let mut parts = Vec::new();
    for hour in 0..hours as usize {
        let level = profile
            .get(hour % profile.len().max(1))
            .copied()
            .unwrap_or(0.0);
        if level <= 0.0 {
            continue;
        }
        let count = 1 + chance.below(6);
        for _ in 0..count {
            let after_hours = hour as f64 + chance.unit();
            let weight = level / count as f64 * chance.lognormal(0.3);
            parts.push(Part {
                after_hours,
                hours: chance.between(0.001, 0.1),
                weight,
            });
        }
    }
    parts
}

/// Splits bytes by weights, without losing one. Every part gets something, if there is
/// enough for all.
pub(super) fn split(total: u64, weights: impl Iterator<Item = f64>) -> Vec<u64> {
    let weights: Vec<f64> = weights.collect();
    let least = u64::from(total >= weights.len() as u64);
    let mut left = total - least * weights.len() as u64;
    let mut weight_left: f64 = weights.iter().sum();
    let mut bytes: Vec<u64> = Vec::with_capacity(weights.len());
    for weight in weights {
        let share = if weight_left > 0.0 {
            weight / weight_left
        } else {
            0.0
        };
        let own = ((left as f64 * share) as u64).min(left);
        left -= own;
        weight_left -= weight;
        bytes.push(own + least);
    }
    if let Some(last) = bytes.last_mut() {
        *last += left;
    }
    bytes
}

/// A whole number whose logarithm is spread evenly between these.
fn spread_evenly(low: f64, high: f64, chance: &mut Chance) -> f64 {
    exp(chance.between(ln(low), ln(high)))
}
