//! What meters show of what a rule asks for.

use super::law::{self, Amount, Question, Tally, Unit};
use super::meters::{Day, Key, Sums, Window};
use super::verdicts::Case;
use crate::inventory::{Categories, Category, Term};

impl Case<'_> {
    /// How much there was of what a rule asks for.
    pub(super) fn amount(self, question: &Question<'_>) -> Amount {
        let is_of_event = question.window == law::Window::Event;
        let is_to_one = is_of_event || question.scope == law::Scope::EntityAndRecipient;
        let categories = question.categories.iter().copied().collect();
        let counts = |key: &Key| {
            key.entity == self.corridor.entity
                && (!is_to_one || self.is_to_same(key))
                && self.is_counted(key, categories, question.tally)
        };
        let window = self.window(question.since);
        let sums = self.meters.sums(counts, window, self.day());
        amount_of(&sums, question.unit)
    }

    /// The window that begins on a day, or has this day alone.
    pub(super) fn window(self, since: Option<jiff::civil::Date>) -> Window {
        Window::Since(since.map_or(self.day(), Day::of_date))
    }

    /// Whether a key is of the same recipient, in the same country.
    pub(super) fn is_to_same(self, key: &Key) -> bool {
        (&key.recipient, key.country) == (&self.key.recipient, self.key.country)
    }

    /// Whether a threshold of some categories, or of any if there are none, adds a key up.
    pub(super) fn is_counted(self, key: &Key, categories: Categories, tally: Tally<'_>) -> bool {
        if !categories.is_empty() && !categories.meets(key.categories) {
            return false;
        }
        let about: Vec<Category> = key.categories.iter().collect();
        let traits = &key.traits;
        let declared = law::Declared {
            home: traits.home.unwrap_or(self.home),
            categories: &about,
            grade: traits.grade.unwrap_or_default(),
            zone: traits.zone.as_ref().map(Term::as_str),
            sector: traits.sector.as_ref().map(Term::as_str),
            scenario: traits.scenario.as_ref().map(Term::as_str),
            is_critical_infrastructure: traits.is_critical_infrastructure,
            is_declared: true,
        };
        tally.counts(&declared, key.country)
    }
}

/// Sums in a unit. Of bytes nothing is estimated.
pub(super) fn amount_of(sums: &Sums, unit: Unit) -> Amount {
    let estimated = Some(sums.estimated_records).filter(|records| *records > 0);
    match unit {
        Unit::Bytes => Amount {
            observed: sums.bytes,
            estimated: None,
        },
        Unit::Records => Amount {
            observed: sums.records,
            estimated,
        },
        Unit::Persons | Unit::Devices => Amount {
            observed: sums.persons,
            estimated,
        },
    }
}
