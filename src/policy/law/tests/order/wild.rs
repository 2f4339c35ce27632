//! Whatever the facts are.

use super::*;

/// Everything that varies of an export.
#[derive(Clone, Debug)]
struct Wild {
    at: Timestamp,
    home: Country,
    to: Country,
    categories: Vec<Category>,
    seen: Vec<Category>,
    grade: Grade,
    zone: Option<&'static str>,
    sector: Option<&'static str>,
    scenario: Option<&'static str>,
    flags: (bool, bool, bool),
    standing: Standing<'static>,
    observed: u64,
    estimated: Option<u64>,
}

fn wild() -> impl Strategy<Value = Wild> {
    let land = || prop::sample::select(&CODES[..]).prop_map(country);
    let kinds = || prop::collection::vec(prop::sample::select(&CATEGORIES[..]), 0..4);
    let word = |words: &'static [&'static str]| prop::option::of(prop::sample::select(words));
    let number = prop_oneof![
        0..3u64,
        99..102u64,
        9_999..10_002u64,
        99_999..100_002u64,
        999_999..1_000_002u64,
        any::<u64>(),
    ];
    let grade = prop::sample::select(&[Grade::General, Grade::Important, Grade::Core][..]);
    let standing =
        prop::sample::select(&[Standing::Unregistered, OTHER, RIGHT, OVER_RIGHT, OUTSIDE][..]);
    let at = prop_oneof![
        any::<u64>(),
        1_496_000_000_000_000_000..1_830_000_000_000_000_000u64
    ];
    let words = (
        word(&["gba", "ftz-beijing", "ftz-lingang", "x"]),
        word(&["automotive", "central_organ"]),
        word(&[
            "human_resources",
            "outside_negative_list",
            "listed_area",
            "automotive",
        ]),
    );
    let places = (at, land(), land(), any::<(bool, bool, bool)>());
    let data = (kinds(), kinds(), grade, standing);
    (
        places,
        data,
        words,
        (number.clone(), prop::option::of(number)),
    )
        .prop_map(
            |((at, home, to, flags), (categories, seen, grade, standing), words, amounts)| Wild {
                at: Timestamp::from_nanos(at),
                home,
                to,
                categories,
                seen,
                grade,
                zone: words.0,
                sector: words.1,
                scenario: words.2,
                flags,
                standing,
                observed: amounts.0,
                estimated: amounts.1,
            },
        )
}

impl Wild {
    fn facts(&self) -> Facts<'_> {
        Facts {
            at: self.at,
            declared: Declared {
                home: self.home,
                categories: &self.categories,
                grade: self.grade,
                zone: self.zone,
                sector: self.sector,
                scenario: self.scenario,
                is_critical_infrastructure: self.flags.0,
                is_declared: self.flags.1,
            },
            seen: &self.seen,
            destination: self.to,
            recipient: if self.flags.2 {
                Recipient::Declared
            } else {
                Recipient::Undeclared
            },
            standing: self.standing,
            reached: Rungs::up_to(Rung::E2),
            first_export: Some(Timestamp::from_nanos(self.at.as_nanos() / 2)),
        }
    }

    fn judged<'a>(&self, pack: &'a Pack, observed: u64) -> Option<Judged<'a>> {
        judge(pack, &self.facts(), |_| Amount {
            observed,
            estimated: self.estimated,
        })
    }
}

proptest! {
    /// Whatever the facts are: nothing panics, and what is told fits together.
    #[test]
    fn any_facts_are_judged(wild in wild()) {
        for (id, _) in EMBEDDED_PACKS {
            let pack = pack(id);
            let judged = wild.judged(pack, wild.observed);
            prop_assert_eq!(judged.is_some(), pack.concerns(wild.home, wild.to));
            let Some(judged) = judged else { continue };
            let day = pack.day(wild.at);
            prop_assert!(judged.all_rules.iter().all(|applied| applied.rule.is_in_force(day)));
            let is_open = judged.verdict == Verdict::NotDeterminable;
            prop_assert_eq!(is_open, judged.undetermined.is_some());
            if judged.verdict == Verdict::Approved {
                let is_approved = matches!(wild.standing, Standing::Approved { .. });
                prop_assert!(is_approved);
                prop_assert_eq!(judged.severity, Severity::Info);
            }
            if judged.verdict == Verdict::ObservedExceeded {
                let Measure { threshold, amount, .. } = judged.input.unwrap();
                prop_assert!(threshold.op.is_passed(amount.observed, threshold.value));
            }
            prop_assert!(!judged.sentence(Language::En).is_empty());
            prop_assert!(!judged.sentence(Language::Zh).is_empty());
        }
    }

    /// To see more persons never makes it better, other than where a rule that then applies
    /// sets others aside, as the contract of the bay does; and what applies goes on to.
    #[test]
    fn seeing_more_never_takes_a_breach_away(wild in wild(), more in any::<u64>()) {
        for id in ["cn-base", "us-dsp", "eu-gdpr", "vn-pdpl"] {
            let (less, more) = (wild.observed.min(more), wild.observed.max(more));
            let (before, after) = (wild.judged(pack(id), less), wild.judged(pack(id), more));
            let (Some(before), Some(after)) = (before, after) else { continue };
            if before.undetermined != Some(Undetermined::NothingDeclared) {
                prop_assert!(before.verdict <= after.verdict, "{}", id);
            }
            for (one, other) in before.all_rules.iter().zip(&after.all_rules) {
                prop_assert_eq!(&one.rule.id, &other.rule.id);
                if one.outcome == Outcome::Applies(Basis::Observed) {
                    prop_assert_eq!(other.outcome, one.outcome);
                }
            }
        }
    }

    /// The register decides on verdicts alone: which rules apply does not depend on it.
    #[test]
    fn an_approval_changes_no_rule(wild in wild()) {
        for (id, _) in EMBEDDED_PACKS {
            let bare = Wild { standing: Standing::Unregistered, ..wild.clone() };
            let (with, without) = (wild.judged(pack(id), 5), bare.judged(pack(id), 5));
            let rules = |judged: Option<Judged<'static>>| judged.map(|judged| judged.all_rules);
            prop_assert_eq!(rules(with), rules(without));
        }
    }

    /// Law changes at midnight and at no other time.
    #[test]
    fn all_moments_of_a_day_are_judged_alike(wild in wild(), later in any::<u64>()) {
        for (id, _) in EMBEDDED_PACKS {
            let pack = pack(id);
            let morning = Wild { at: pack.start_of(pack.day(wild.at)), ..wild.clone() };
            let later = later % crate::time::SECONDS_PER_DAY;
            let at = morning.at.tick().plus_seconds(later).start();
            if pack.day(at) != pack.day(wild.at) {
                continue;
            }
            // A timer goes by its first export, which is half of the time here.
            let rules = |judged: Option<Judged<'static>>| {
                let all = judged.map(|judged| judged.all_rules).unwrap_or_default();
                all.iter().map(|one| (&one.rule.id, one.outcome)).collect::<Vec<_>>()
            };
            let evening = Wild { at, ..wild.clone() };
            prop_assert_eq!(rules(morning.judged(pack, 5)), rules(evening.judged(pack, 5)));
        }
    }
}
