//! A little more every week.
//!
//! Idea: whatever learns can be taught, by growth that is too slow for any day to stand out.
//! So the first three whole weeks of a destination are frozen, and never learn.
//!
//! Formula: a week is the third largest of its seven days. Told where the last three weeks
//! are 1.6, 2 and 2.5 times the median of the frozen ones, in that order, and a day has 5 MB
//! more, and where it came by rising: the median of the three weeks before those lies 1.3 times
//! above the reference, and that of the last three as far above it again. A month of much is no
//! growth. What is 4 times as much for three weeks is told however it came. What was told is the
//! next reference. The budget of false alerts does not silence
//! it: a slow rise is no rare event by any day's measure. The chance that is shown is how
//! often weeks of the site go so far beyond their references.
//!
//! Cost: one comparison a destination and day.
//!
//! Blind spot: what has grown before the sensor came, or in its first three weeks; growth in
//! one or two days of a week; a jump that stays below 4 times the reference, which is for the
//! detectors of volume to tell; an asset that changes its key.

use crate::baseline::{Grown, Maturity, Measure, Role};
use crate::geo::Country;
use crate::policy::law::Text;

use super::{Bytes, Detector, Finding, Judge, Told};

/// What is to be told of a destination that has grown.
pub fn told(judge: &Judge, role: Role, country: Country, grown: &Grown) -> Told {
    let ratio = grown.ratio();
    let curves = judge.curves();
    let [latest, before, first] = grown.levels.map(|level| Bytes(level as u64));
    let (reference, frozen) = (Bytes(grown.reference as u64), grown.frozen);
    let sentence = Text {
        en: format!(
            "a day to {country} has come to {latest}, {ratio:.1} times the {reference} of the \
             weeks until {frozen}; the last three weeks had {first}, {before} and {latest}"
        ),
        zh: format!(
            "每天发往 {country} 的数据已达 {latest}，为截至 {frozen} 各周的 {reference} 的 \
             {ratio:.1} 倍；最近三周依次为 {first}、{before}、{latest}"
        ),
    };
    let finding = Finding {
        detector: Detector::Growth,
        cell: None,
        p: curves.chance_of_ratio(Measure::Growth, role, Maturity::Grown, ratio),
        since: grown.since,
        bytes: grown.week_bytes,
        expected_bytes: grown.expected_bytes(),
        sentence,
    };
    Told {
        score: (50.0 + SCORE_PER_DOUBLING * (ratio / RATIO_TOLD).log2()).clamp(50.0, 100.0),
        findings: vec![finding],
        // There is no hour that would have kept it silent.
        allowance_bytes: 0,
    }
}

/// The least growth that is told.
const RATIO_TOLD: f64 = 2.5;

/// By how much a score is higher for twice the growth.
const SCORE_PER_DOUBLING: f64 = 25.0;
