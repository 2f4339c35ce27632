//! The same exports under two packs: what a change of law or of a list would change.

use super::facts::{Amount, Facts, Question};
use super::judge::{Judged, Verdict, judge};
use super::pack::Pack;
use super::rule::RuleId;

/// An export and its amounts.
#[expect(missing_debug_implementations, reason = "a function has no text")]
pub struct Case<'a> {
    /// What it is called in the answer.
    pub name: &'a str,
    /// What is known of it.
    pub facts: Facts<'a>,
    /// How much there was.
    pub amounts: &'a dyn Fn(&Question<'_>) -> Amount,
}

/// An export of which two packs say something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// What it is called.
    pub name: String,
    /// Verdict and rule under the first; nothing where that pack is not about it.
    pub before: Option<(Verdict, Option<RuleId>)>,
    /// Under the second.
    pub after: Option<(Verdict, Option<RuleId>)>,
}

/// The exports whose verdict is not the same under two packs, in their order.
pub fn what_if(before: &Pack, after: &Pack, cases: &[Case<'_>]) -> Vec<Changed> {
    let told = |pack, case: &Case<'_>| {
        let judged: Option<Judged<'_>> = judge(pack, &case.facts, case.amounts);
        judged.map(|judged| (judged.verdict, judged.rule.map(|rule| rule.id.clone())))
    };
    let verdict = |told: &Option<(Verdict, Option<RuleId>)>| told.as_ref().map(|told| told.0);
    let changed = cases.iter().filter_map(|case| {
        let (before, after) = (told(before, case), told(after, case));
        let is_same = verdict(&before) == verdict(&after);
        (!is_same).then(|| Changed {
            name: case.name.to_owned(),
            before,
            after,
        })
    });
    changed.collect()
}
