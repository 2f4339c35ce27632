//! What is reported of one detector at one budget.

use std::collections::BTreeMap;

use super::bootstrap::{Interval, intervals};
use super::claim::Incident;
use super::trial::{Event, Outcome, Trial};

/// How one detector did over all trials at one budget.
#[derive(Debug)]
pub(crate) struct Figures {
    /// The detector.
    pub(crate) name: String,
    /// False alerts per asset-week that it was granted.
    pub(crate) budget: f64,
    /// The threshold that was fitted, for those that set none.
    pub(crate) threshold: Option<f64>,
    /// Mean over the kinds of leaks of the share found, of leaks of [`RATIO_LARGE`] and more.
    pub(crate) macro_recall: Interval,
    /// The same in the seed in which it is least.
    pub(crate) worst_seed: f64,
    /// Leaks found by ratio, in the order of [`RATIOS`].
    pub(crate) by_ratio: [Share; RATIOS.len()],
    /// Leaks found by kind, of [`RATIO_LARGE`] and more.
    pub(crate) by_kind: BTreeMap<String, Share>,
    /// Leaks found that went to networks already in use, of [`RATIO_LARGE`] and more.
    pub(crate) known: Share,
    /// Leaks found that went to new networks, of [`RATIO_LARGE`] and more.
    pub(crate) new: Share,
    /// Mean share of a leak that was gone before the alert, of [`RATIO_LARGE`] and more.
    pub(crate) gone: Interval,
    /// Median of the same.
    pub(crate) gone_median: f64,
    /// Median share gone of bulk leaks of [`BULK_BYTES`] and more.
    pub(crate) bulk_gone_median: f64,
    /// Mean share gone of bulk leaks of [`BULK_BYTES`] and more.
    pub(crate) bulk_gone_mean: f64,
    /// Median hours from the first byte of a slow leak to the alert; infinite if most were
    /// missed.
    pub(crate) slow_hours: f64,
    /// Benign surprises that were told, by kind.
    pub(crate) benign: BTreeMap<String, Benign>,
    /// Moves that were told and would not have been without them, by kind; of detectors that
    /// have seen a world without.
    pub(crate) caused: Option<BTreeMap<String, Share>>,
    /// False alerts per asset-week.
    pub(crate) false_rate: Interval,
    /// Places of the missed leaks, by trial.
    pub(crate) missed: Vec<Vec<usize>>,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    /// How many were found.
    pub(crate) found: u32,
    /// How many there were.
    pub(crate) of: u32,
}

/// Benign surprises of a kind that were told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Benign {
    /// Surprises as a whole, of which any part was told.
    pub(crate) surprises: Share,
    /// What one asset sent to one country in them.
    pub(crate) parts: Share,
}

impl Share {
    fn add(&mut self, is_found: bool, weight: u32) {
        self.found += if is_found { weight } else { 0 };
        self.of += weight;
    }

    const fn join(&mut self, other: Self) {
        self.found += other.found;
        self.of += other.of;
    }

    /// The share; not a number of none.
    pub(crate) fn value(self) -> f64 {
        f64::from(self.found) / f64::from(self.of)
    }
}

impl Figures {
    /// Judges the merged incidents of each trial.
    pub(crate) fn new(
        name: &str,
        budget: f64,
        threshold: Option<f64>,
        trials: &[Trial],
        incidents: &[Vec<Incident>],
    ) -> Self {
        let judged = trials.iter().zip(incidents);
        let outcomes: Vec<Outcome> = judged.map(|(trial, of)| trial.judge(of)).collect();
        let leaks = leaks(trials, &outcomes);
        let large: Vec<&Leak<'_>> = leaks.iter().filter(|leak| leak.is_large()).collect();
        let units = Units::new(trials, &outcomes, &large);
        let [macro_recall, gone, false_rate] = intervals(units.len(), |w| units.figures(w));
        let bulk = leaks.iter().filter(|leak| {
            BULK_KINDS.contains(&leak.event.kind.as_str()) && leak.event.bytes >= BULK_BYTES
        });
        let bulk: Vec<f64> = bulk.map(|leak| leak.gone).collect();
        let slow = leaks
            .iter()
            .filter(|leak| leak.event.kind == SLOW_KIND && leak.is_large());
        let slow = slow.map(|leak| leak.hours.unwrap_or(f64::INFINITY));
        let mut figures = Self {
            name: name.to_owned(),
            budget,
            threshold,
            macro_recall,
            worst_seed: worst_seed(trials.len(), &large),
            by_ratio: [Share::default(); RATIOS.len()],
            by_kind: BTreeMap::new(),
            known: Share::default(),
            new: Share::default(),
            gone,
            gone_median: median(large.iter().map(|leak| leak.gone).collect()),
            bulk_gone_mean: bulk.iter().sum::<f64>() / bulk.len() as f64,
            bulk_gone_median: median(bulk),
            slow_hours: median(slow.collect()),
            benign: BTreeMap::new(),
            caused: None,
            false_rate,
            missed: vec![Vec::new(); trials.len()],
        };
        figures.count(trials, &outcomes, &leaks);
        figures
    }

    fn count(&mut self, trials: &[Trial], outcomes: &[Outcome], leaks: &[Leak<'_>]) {
        for leak in leaks {
            let is_found = leak.hours.is_some();
            if let Some(share) = self.by_ratio.get_mut(ratio_class(leak.event.ratio)) {
                share.add(is_found, 1);
            }
            if let (false, Some(missed)) = (is_found, self.missed.get_mut(leak.trial)) {
                missed.push(leak.index);
            }
            if leak.is_large() {
                let kind = self.by_kind.entry(leak.event.kind.clone()).or_default();
                kind.add(is_found, 1);
                let known = if leak.event.is_known {
                    &mut self.known
                } else {
                    &mut self.new
                };
                known.add(is_found, 1);
            }
        }
        for (trial, outcome) in trials.iter().zip(outcomes) {
            let told = trial.events.iter().zip(&outcome.told);
            let mut wholes: BTreeMap<(&str, &str), bool> = BTreeMap::new();
            for (event, told) in told.filter(|(event, _)| event.is_benign) {
                let kind = self.benign.entry(event.kind.clone()).or_default();
                kind.parts.add(told.is_some(), 1);
                *wholes.entry((&event.kind, event.whole())).or_default() |= told.is_some();
            }
            for ((kind, _), is_told) in wholes {
                let kind = self.benign.entry(kind.to_owned()).or_default();
                kind.surprises.add(is_told, 1);
            }
        }
    }

    /// Counts the moves that have caused an alert: `incidents` are those of [`Self::new`], and
    /// `without` those of the same worlds without moves.
    pub(crate) fn count_caused(
        &mut self,
        trials: &[Trial],
        incidents: &[Vec<Incident>],
        without: &[Vec<Incident>],
    ) {
        let mut caused: BTreeMap<String, Share> = BTreeMap::new();
        for (trial, (incidents, without)) in trials.iter().zip(incidents.iter().zip(without)) {
            let outcome = trial.judge(incidents);
            let places = trial.caused(&outcome, without);
            let mut wholes: BTreeMap<(&str, &str), bool> = BTreeMap::new();
            for (place, event) in trial.events.iter().enumerate() {
                if event.is_move() {
                    let whole = wholes.entry((&event.kind, event.whole())).or_default();
                    *whole |= places.contains(&place);
                }
            }
            for ((kind, _), is_caused) in wholes {
                caused.entry(kind.to_owned()).or_default().add(is_caused, 1);
            }
        }
        self.caused = Some(caused);
    }

    /// Benign surprises of all kinds that were told.
    pub(crate) fn all_benign(&self) -> Benign {
        let mut all = Benign::default();
        for benign in self.benign.values() {
            all.surprises.join(benign.surprises);
            all.parts.join(benign.parts);
        }
        all
    }
}

/// The sizes of leaks that are told apart, in 99.9th percentile hours of the asset.
pub(crate) const RATIOS: [f64; 4] = [1.0, 3.0, 10.0, 30.0];

/// Leaks of this ratio and more are in the headline figures.
pub(crate) const RATIO_LARGE: f64 = 3.0;

/// Bulk leaks of this many bytes and more are told apart.
pub(crate) const BULK_BYTES: u64 = 1_000_000_000;

/// Kinds of leaks that go as fast as they can.
const BULK_KINDS: [&str; 2] = ["bulk", "quic"];

/// The kind of leaks whose time to detection is told apart.
const SLOW_KIND: &str = "slow";

/// A leak that was made to measure may miss its ratio by this much.
const RATIO_SLACK: f64 = 0.98;

/// A leak, and what became of it.
#[derive(Debug)]
struct Leak<'a> {
    trial: usize,
    index: usize,
    event: &'a Event,
    hours: Option<f64>,
    gone: f64,
}

impl Leak<'_> {
    fn is_large(&self) -> bool {
        self.event.ratio >= RATIO_LARGE * RATIO_SLACK
    }
}

fn leaks<'a>(trials: &'a [Trial], outcomes: &[Outcome]) -> Vec<Leak<'a>> {
    let mut leaks = Vec::new();
    for (number, (trial, outcome)) in trials.iter().zip(outcomes).enumerate() {
        for (index, event) in trial.leaks() {
            let told = outcome.told.get(index).copied().flatten();
            leaks.push(Leak {
                trial: number,
                index,
                event,
                hours: told.map(|told| event.hours_to_tell(told)),
                gone: event.leaked_share(told),
            });
        }
    }
    leaks
}

/// The class of [`RATIOS`] that is nearest on a logarithmic scale.
fn ratio_class(ratio: f64) -> usize {
    let distance = |class: f64| (ratio.max(1e-9) / class).ln().abs();
    let classes = RATIOS.iter().enumerate();
    let nearest = classes.min_by(|(_, a), (_, b)| distance(**a).total_cmp(&distance(**b)));
    nearest.map_or(0, |(place, _)| place)
}

fn median(values: Vec<f64>) -> f64 {
    let mut values = values;
    values.sort_unstable_by(f64::total_cmp);
    values
        .get(values.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or(f64::NAN)
}

fn worst_seed(trials: usize, large: &[&Leak<'_>]) -> f64 {
    let recall = |trial| macro_mean(large.iter().filter(|l| l.trial == trial).map(|l| (*l, 1)));
    (0..trials).map(recall).fold(f64::NAN, f64::min)
}

/// The mean over the kinds of leaks of the share that was found.
fn macro_mean<'a>(leaks: impl Iterator<Item = (&'a Leak<'a>, u32)>) -> f64 {
    let mut kinds: BTreeMap<&str, Share> = BTreeMap::new();
    for (leak, weight) in leaks.filter(|(_, weight)| *weight > 0) {
        kinds
            .entry(&leak.event.kind)
            .or_default()
            .add(leak.hours.is_some(), weight);
    }
    kinds.values().map(|share| share.value()).sum::<f64>() / kinds.len() as f64
}

/// The assets of all trials: what is drawn with replacement.
#[derive(Debug)]
struct Units<'a> {
    /// For each asset its false alerts and its share of the clean weeks.
    assets: Vec<(u32, f64)>,
    /// The large leaks with the place of their asset.
    leaks: Vec<(usize, &'a Leak<'a>)>,
}

impl<'a> Units<'a> {
    fn new(trials: &[Trial], outcomes: &[Outcome], large: &[&'a Leak<'a>]) -> Self {
        let mut assets = Vec::new();
        let mut places = BTreeMap::new();
        for (number, (trial, outcome)) in trials.iter().zip(outcomes).enumerate() {
            for asset in &trial.assets {
                places.insert((number, *asset), assets.len());
                let false_alerts = outcome.false_alerts.get(asset).copied().unwrap_or(0);
                let weeks = trial.clean_asset_weeks / trial.assets.len() as f64;
                assets.push((false_alerts, weeks));
            }
        }
        let leaks = large.iter().filter_map(|leak| {
            let place = places.get(&(leak.trial, leak.event.asset))?;
            Some((*place, *leak))
        });
        Self {
            leaks: leaks.collect(),
            assets,
        }
    }

    fn len(&self) -> usize {
        self.assets.len()
    }

    /// Macro recall, mean share gone and false alerts per asset-week, if each asset counts
    /// as often as `weights` says.
    fn figures(&self, weights: &[u32]) -> [f64; 3] {
        let weight = |place: usize| weights.get(place).copied().unwrap_or(0);
        let weighted = self
            .leaks
            .iter()
            .map(|(place, leak)| (*leak, weight(*place)));
        let (mut gone, mut count) = (0.0, 0.0);
        for (leak, weight) in weighted.clone() {
            gone += leak.gone * f64::from(weight);
            count += f64::from(weight);
        }
        let (mut alerts, mut weeks) = (0.0, 0.0);
        for ((of_asset, weeks_of_asset), weight) in self.assets.iter().zip(weights) {
            alerts += f64::from(of_asset * weight);
            weeks += weeks_of_asset * f64::from(*weight);
        }
        [macro_mean(weighted), gone / count, alerts / weeks]
    }
}

#[cfg(test)]
mod tests {
    use super::super::claim::merge;
    use super::super::claim::tests::claim;
    use super::super::trial::tests::world;
    use super::*;
    use borderflow::time::Timestamp;

    #[test]
    fn figures_of_a_hit_half_way_and_one_false_alert() {
        let trials = [Trial::new(&world(), 7, Timestamp::ZERO)];
        let claims = [claim(1, "DE", 49.0, 1.0), claim(1, "SG", 31.0, 1.0)];
        let incidents = [merge(&claims, 0.0).collect()];
        let figures = Figures::new("x", 0.1, None, &trials, &incidents);
        assert_eq!(figures.macro_recall.value, 1.0);
        assert_eq!(figures.worst_seed, 1.0);
        assert!((figures.gone.value - 0.5).abs() < 1e-9);
        assert_eq!(figures.by_ratio[1], Share { found: 1, of: 1 });
        assert_eq!(figures.new, Share { found: 1, of: 1 });
        assert_eq!(figures.benign["release"].parts, Share { found: 1, of: 1 });
        let rate = 1.0 / trials[0].clean_asset_weeks;
        assert!((figures.false_rate.value - rate).abs() < 1e-9);
        let silent = Figures::new("x", 0.1, None, &trials, &[Vec::new()]);
        assert_eq!(silent.macro_recall.value, 0.0);
        assert_eq!((silent.gone.value, silent.gone_median), (1.0, 1.0));
        assert_eq!(silent.missed, [[0]]);
    }

    #[test]
    fn a_surprise_of_several_assets_is_one_that_is_told_if_any_part_is() {
        let mut world = world();
        for (index, id) in ["one/a", "one/b", "two/a"].iter().enumerate() {
            let mut injection = world.injections[1].clone();
            injection.truth.id = (*id).to_owned();
            injection.truth.asset = std::net::IpAddr::from([10, 0, 0, 1 + index as u8]);
            world.injections.push(injection);
        }
        world.injections.remove(1);
        let trials = [Trial::new(&world, 7, Timestamp::ZERO)];
        let incidents = [merge(&[claim(2, "SG", 31.0, 1.0)], 0.0).collect()];
        let figures = Figures::new("x", 0.1, None, &trials, &incidents);
        let expected = Benign {
            surprises: Share { found: 1, of: 2 },
            parts: Share { found: 1, of: 3 },
        };
        assert_eq!(figures.benign["release"], expected);
        assert_eq!(figures.all_benign(), expected);
    }

    #[test]
    fn a_move_as_a_whole_has_caused_an_alert_if_any_part_has() {
        let mut world = world();
        for (index, id) in ["one/a", "one/b", "two/a"].iter().enumerate() {
            let mut injection = world.injections[1].clone();
            injection.truth.id = (*id).to_owned();
            injection.truth.kind = "relocation".to_owned();
            injection.truth.asset = std::net::IpAddr::from([10, 0, 0, 1 + index as u8]);
            world.injections.push(injection);
        }
        world.injections.remove(1);
        let trials = [Trial::new(&world, 7, Timestamp::ZERO)];
        let told = [claim(1, "SG", 31.0, 1.0), claim(3, "SG", 31.0, 1.0)];
        let incidents = [merge(&told, 0.0).collect::<Vec<_>>()];
        let mut figures = Figures::new("x", 0.1, None, &trials, &incidents);
        assert_eq!(figures.caused, None);
        let without = [merge(&[claim(3, "FR", 30.5, 1.0)], 0.0).collect::<Vec<_>>()];
        figures.count_caused(&trials, &incidents, &without);
        assert_eq!(
            figures.benign["relocation"].surprises,
            Share { found: 2, of: 2 }
        );
        let caused = figures.caused.unwrap();
        assert_eq!(caused["relocation"], Share { found: 1, of: 2 });
    }

    #[test]
    fn ratios_fall_into_the_nearest_class() {
        let classes = [0.2, 1.1, 2.0, 3.1, 6.0, 29.0].map(ratio_class);
        assert_eq!(classes, [0, 0, 1, 1, 2, 3]);
    }
}
