//! One score of what all detectors measure, and whether it is worth an alert.

use std::cmp::Reverse;

use crate::baseline::{Baseline, ByStage, Cell, Curves, Measure, PAST_SECONDS, Stage};
use crate::time::{SECONDS_PER_HOUR, Tick};

use super::{Detector, Finding, Ground, Scene, novelty, odd_hour, slow, volume};

/// The pools and the threshold of the running hour.
#[derive(Debug, Default)]
pub struct Judge {
    curves: Curves,
    thresholds: ByStage,
}

/// What the detectors measured.
#[derive(Clone, Debug, Default)]
pub struct Weighed {
    grounds: Vec<Ground>,
    /// The sum of their weights.
    pub score: f64,
    /// The autonomous system that got most in the running hour.
    pub asn: u32,
}

/// What is to be told of an asset and a country.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// 0 to 100: 50 where it is just rare enough for the alert budget.
    pub score: f64,
    /// What the detectors say, the rarest first; at least one.
    pub findings: Vec<Finding>,
    /// Bytes to the country in the running hour up to which nothing would have been told.
    pub allowance_bytes: u64,
}

impl Weighed {
    /// Whether it rests on a run of high hours, too.
    pub fn is_run(&self) -> bool {
        let mut runs = self.grounds.iter();
        runs.any(|ground| ground.measure == Measure::CellRun && ground.rarity() >= RARITY_RUN_MIN)
    }
}

impl Judge {
    /// What is rare, and what is worth an alert, by what was learned so far.
    pub fn new(baseline: &Baseline, budget: f64) -> Self {
        Self {
            curves: baseline.pools.curves(),
            thresholds: baseline.thresholds(budget),
        }
    }

    /// The scores from which on an alert is raised.
    pub const fn thresholds(&self) -> ByStage {
        self.thresholds
    }

    /// How rare things are.
    pub const fn curves(&self) -> &Curves {
        &self.curves
    }

    /// Measures a scene by all detectors.
    pub fn weigh(scene: &Scene<'_>) -> Weighed {
        let mut grounds = Vec::with_capacity(GROUNDS);
        volume::of_asset(scene, &mut grounds);
        volume::of_country(scene, &mut grounds);
        novelty::of_country(scene, &mut grounds);
        novelty::of_recipient(scene, &mut grounds);
        slow::of_country(scene, &mut grounds);
        odd_hour::of_asset(scene, &mut grounds);
        let mut of_cells = Vec::with_capacity(GROUNDS);
        for (key, cell) in scene.cells() {
            volume::of_cell(scene, key, cell, &mut of_cells);
            volume::of_service(scene, key, cell, &mut of_cells);
            novelty::of_cell(scene, key, cell, &mut of_cells);
            novelty::of_service(scene, key, cell, &mut of_cells);
            slow::of_cell(scene, key, cell, &mut of_cells);
            volume::of_sink(scene, key, &mut of_cells);
        }
        // Of several cells the rarest counts, once for each measure.
        for ground in of_cells {
            let same = |known: &&mut Ground| kind(known.measure) == kind(ground.measure);
            match grounds.iter_mut().find(same) {
                Some(known) if known.p <= ground.p => {}
                Some(known) => *known = ground,
                None => grounds.push(ground),
            }
        }
        Weighed {
            score: grounds.iter().map(Ground::weight).sum(),
            grounds,
            asn: scene.asn(),
        }
    }

    /// What is to be told of a scene whose score, less what others share, is `score`:
    /// nothing, unless that passes the threshold of the asset's stage.
    pub fn tell(
        &self,
        scene: &Scene<'_>,
        weighed: &Weighed,
        score: f64,
        stage: Stage,
    ) -> Option<Told> {
        let threshold = self.thresholds.of(stage);
        let is_too_young = stage < Stage::Own && scene.record.all.hour_peaks.days() < DAYS_MIN;
        if score < threshold || is_too_young {
            return None;
        }
        let mut grounds: Vec<&Ground> = weighed.grounds.iter().collect();
        grounds.sort_by(|a, b| a.p.total_cmp(&b.p));
        let mut findings: Vec<Finding> = Vec::new();
        for ground in grounds {
            let detector = Detector::of(ground.measure);
            let is_first = findings.is_empty();
            let is_known = findings.iter().any(|known| known.detector == detector);
            if !is_known && (is_first || ground.rarity() >= RARITY_TOLD_MIN) {
                findings.push(finding(scene, ground));
            }
        }
        // What is rare, and yet no more than is expected, is a mix of many small things.
        if findings
            .iter()
            .all(|known| known.bytes <= known.expected_bytes)
        {
            return None;
        }
        let discount = weighed.score - score;
        let beyond = (score - threshold) / SCORE_PER_TENFOLD;
        Some(Told {
            score: (50.0 + 25.0 * beyond).min(100.0),
            findings,
            allowance_bytes: allowance_bytes(scene, threshold + discount),
        })
    }
}

/// The most that could have left in the running hour without a score of `threshold`.
fn allowance_bytes(scene: &Scene<'_>, threshold: f64) -> u64 {
    let bytes = scene.country_bytes();
    let (mut silent, mut told) = (0, bytes);
    while told - silent > bytes / 64 + 1 {
        let middle = silent + (told - silent) / 2;
        let less = Scene {
            without_bytes: bytes - middle,
            ..*scene
        };
        if Judge::weigh(&less).score < threshold {
            silent = middle;
        } else {
            told = middle;
        }
    }
    silent
}

impl Told {
    /// Whether it rests on single hours and days, which then must not become the norm. What
    /// has grown over weeks has become it already, and what is past a ceiling may be normal.
    pub fn is_of_days(&self) -> bool {
        let mut findings = self.findings.iter();
        findings.any(|finding| !finding.detector.is_beside_budget())
    }

    /// The finding that an incident is told by: the one with the most excess, and the
    /// shortest of those that have nearly as much.
    pub fn main(&self) -> Option<&Finding> {
        let excess = |finding: &Finding| finding.bytes.saturating_sub(finding.expected_bytes);
        let most = self.findings.iter().map(excess).max()?;
        let near = self
            .findings
            .iter()
            .filter(|finding| excess(finding) >= most / 3 * 2);
        near.min_by_key(|finding| Reverse(finding.since))
    }
}

fn finding(scene: &Scene<'_>, ground: &Ground) -> Finding {
    let cell = ground.cell.and_then(|key| scene.state.cells.get(&key));
    let all = cell.unwrap_or(&scene.destination.all);
    let bytes = all.hour_bytes;
    let (since, bytes, expected_bytes) = match ground.measure {
        Measure::AssetHour | Measure::CountryHour | Measure::CellHour(_) | Measure::OddHour => {
            (scene.hour_start(), bytes, all.expected(scene.slot).bytes())
        }
        Measure::AssetDay
        | Measure::CountryDay
        | Measure::CellDay(_)
        | Measure::ServiceDay(_)
        | Measure::Growth
        | Measure::SinkDay => {
            let since = scene.hour_start().0 + SECONDS_PER_HOUR;
            let since = Tick(since.saturating_sub(PAST_SECONDS)).max(all.novelty.since);
            let bytes = scene.day_bytes(all, bytes) as u64;
            (since, bytes, day_expected_bytes(scene, all))
        }
        Measure::NewCountry | Measure::NewNetwork | Measure::NewService => {
            (all.novelty.since, all.novelty.bytes, 0)
        }
        Measure::NewRecipient => {
            let new = scene.record.receivers.largest_new(scene.country);
            let novelty = new.map_or(&all.novelty, |new| &new.novelty);
            (novelty.since, novelty.bytes, 0)
        }
        Measure::CellRun | Measure::CountryRun => {
            let run = slow::run(scene, all, bytes).unwrap_or_default();
            let expected = run.bytes.saturating_sub(run.excess_bytes);
            (Tick::of_hour(run.since_hour), run.bytes, expected)
        }
    };
    let sentence = match ground.measure {
        Measure::NewCountry | Measure::NewNetwork => novelty::sentence(scene, ground),
        Measure::NewService => novelty::service_sentence(scene, ground),
        Measure::NewRecipient => novelty::recipient_sentence(scene),
        Measure::CellRun | Measure::CountryRun => slow::sentence(scene, ground),
        Measure::OddHour => odd_hour::sentence(scene),
        Measure::SinkDay => volume::sink_sentence(scene, ground),
        _ => volume::sentence(scene, ground),
    };
    Finding {
        detector: Detector::of(ground.measure),
        cell: ground.cell,
        p: ground.p,
        since,
        bytes,
        expected_bytes,
        sentence,
    }
}

/// Expected bytes of a day of this kind.
fn day_expected_bytes(scene: &Scene<'_>, cell: &Cell) -> u64 {
    let slots = (0..24).map(|back| scene.slot.shifted(-back));
    slots.fold(0, |sum: u64, slot| {
        sum.saturating_add(cell.expected(slot).bytes())
    })
}

/// A measure whatever the service.
const fn kind(measure: Measure) -> std::mem::Discriminant<Measure> {
    std::mem::discriminant(&measure)
}

/// Grounds of a scene with one cell.
const GROUNDS: usize = 12;

/// Whole days before an asset that rests on the pools is judged.
const DAYS_MIN: u16 = 2;

/// A detector adds its sentence from one in ten on.
const RARITY_TOLD_MIN: f64 = 1.0;

/// How rare a run of high hours is that began before what others do now.
const RARITY_RUN_MIN: f64 = 2.0;

/// By how much a score is higher that comes a tenth as often.
const SCORE_PER_TENFOLD: f64 = 7.6;
