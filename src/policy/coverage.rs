//! Which approvals cover a corridor, and how much of them is left.
//!
//! A quota is an approval's own: what other assets, hosts or categories send does not use it up.
//! So what a corridor sends is added to the approvals that cover it, and held against these.

use super::approvals::{Approval, Judged, Standing, Terms, Why};
use super::law::{self, Pack};
use super::meters::{
    Amounts, Day, Entity, Key, Meters, Period, RecipientKey, Selection, Traits, Unit, Usage,
};
use super::verdicts::Policy;
use crate::geo::Country;
use crate::inventory::{Categories, Declared, Route, Term};

/// What the register comes to for a corridor and a pack.
#[derive(Clone, Debug, Default)]
pub(super) struct Coverage {
    /// Approvals that cover it and are not used up.
    pub(super) covering: Vec<Term>,
    /// Their routes.
    pub(super) routes: Vec<Route>,
    /// The approval that would cover it, but is used up.
    pub(super) over: Option<Over>,
    /// The nearest approval that does not cover it.
    pub(super) outside: Option<Term>,
    /// Whether that is only about other data, recipients or times.
    pub(super) is_far: bool,
    /// Why one does not cover it, or what was not proved; sentences without their ends.
    pub(super) why: Vec<String>,
    /// Bytes until one that covers it is used up.
    pub(super) bytes_left: Option<u64>,
}

/// An approval that is used up.
#[derive(Clone, Debug)]
pub(super) struct Over {
    id: Term,
    route: Route,
    /// Whether that is by what is declared of the length of records, and not by what was seen.
    is_estimated: bool,
}

/// What is used of approvals, by days.
#[derive(Clone, Copy, Debug)]
pub(super) struct Used<'a> {
    pub(super) quotas: &'a Meters,
    pub(super) day: Day,
}

impl Coverage {
    /// Holds what the register says, quotas apart, against quotas and the pack.
    pub(super) fn of(
        standing: Standing,
        policy: &Policy,
        pack: &Pack,
        used: Used<'_>,
        (declared, country): (Option<&Declared>, Country),
        has_host: bool,
    ) -> Self {
        let mut coverage = Self::default();
        match standing {
            Standing::Unregistered | Standing::OverQuota { .. } => {}
            Standing::OutsideScope { id, why } => coverage.outside(id, &why, has_host),
            Standing::Approved {
                ids,
                is_protection_unproven,
                ..
            } => {
                for id in ids {
                    let Some(approval) = policy.approval(id.as_str()) else {
                        continue;
                    };
                    let route = approval.terms.route;
                    if let Some(why) = refused(route, pack, used.day, (declared, country)) {
                        coverage.why.push(format!("{id} {why}"));
                        continue;
                    }
                    if is_protection_unproven {
                        let why = "asks for protection, and none could be told";
                        coverage.why.push(format!("{id} {why}"));
                    }
                    coverage.hold(id, approval, used);
                }
            }
        }
        if !coverage.covering.is_empty() {
            coverage.over = None;
        }
        coverage
    }

    /// Takes an approval that covers a corridor, if it is not used up.
    fn hold(&mut self, id: Term, approval: &Approval, used: Used<'_>) {
        let usage = used.quotas.used(&of_approval(&entity(&id)), used.day);
        match over(approval, &usage) {
            Some((why, is_estimated)) => {
                self.why.push(format!("{id} {why}"));
                let route = approval.terms.route;
                let over = Over {
                    id,
                    route,
                    is_estimated,
                };
                // What was measured outranks what was declared.
                let known = self.over.as_ref();
                if known.is_none_or(|known| known.is_estimated && !is_estimated) {
                    self.over = Some(over);
                }
            }
            None => {
                let left = bytes_left(&approval.terms, &usage);
                self.bytes_left = match (self.bytes_left, left) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
                self.routes.push(approval.terms.route);
                self.covering.push(id);
            }
        }
    }

    fn outside(&mut self, id: Term, why: &[Why], has_host: bool) {
        let sentences = why.iter().map(|why| match why {
            Why::OtherRecipient if !has_host => {
                format!("{id} names another recipient, or no name of this one was seen")
            }
            why => format!("{id} {}", why.sentence()),
        });
        self.why.extend(sentences);
        self.is_far = why
            .iter()
            .any(|why| !matches!(why, Why::ProtectionBelow { .. }));
        self.outside = Some(id);
    }

    /// The same for the law.
    pub(super) fn standing<'a>(&'a self, why: &'a str) -> law::Standing<'a> {
        if let Some(id) = self.covering.first() {
            return law::Standing::Approved {
                id: id.as_str(),
                routes: &self.routes,
            };
        }
        if let Some(over) = &self.over {
            return law::Standing::OverQuota {
                id: over.id.as_str(),
                route: over.route,
                is_estimated: over.is_estimated,
            };
        }
        match &self.outside {
            Some(id) => law::Standing::OutsideScope {
                id: id.as_str(),
                why,
            },
            None => law::Standing::Unregistered,
        }
    }

    /// Whether an approval would cover it that is used up.
    pub(super) const fn is_used_up(&self) -> bool {
        self.over.is_some()
    }

    /// The approval that was looked at first.
    pub(super) fn approval(&self) -> Option<&Term> {
        let over = self.over.as_ref().map(|over| &over.id);
        self.covering.first().or(over).or(self.outside.as_ref())
    }

    /// Approvals that what the corridor sends is added to.
    pub(super) fn used(&self) -> impl Iterator<Item = &Term> {
        let over = self.over.as_ref().map(|over| &over.id);
        self.covering.iter().chain(over)
    }
}

/// Why an approval of a route cannot be one under a pack, as what it does.
fn refused(
    route: Route,
    pack: &Pack,
    day: Day,
    (declared, country): (Option<&Declared>, Country),
) -> Option<String> {
    let is_of_zone = declared.is_some_and(|known| known.zone.is_some());
    match route {
        Route::Adequacy => {
            let known = pack.adequacy(country, day.date(), law::Recipient::Declared);
            let unknown = known.is_none() && !pack.adequacies.is_empty();
            unknown.then(|| format!("rests on an adequacy of {country} that {} has not", pack.id))
        }
        Route::NegativeList | Route::WhiteList if !is_of_zone => {
            Some("is of a zone, and the asset is declared to be of none".to_owned())
        }
        _ => None,
    }
}

/// What an approval was used for beyond its quota, if so, as what it does, and whether that is
/// an estimate.
fn over(approval: &Approval, usage: &Usage) -> Option<(String, bool)> {
    let Judged::Over {
        used,
        maximum,
        unit,
        period,
        is_estimated,
    } = approval.over(usage)?
    else {
        return None;
    };
    let unit = match unit {
        Unit::Bytes => "bytes",
        Unit::Subjects => "persons",
    };
    let within = match period {
        Period::Total => "in all".to_owned(),
        period => format!("within the {}", period.name()),
    };
    let how = match is_estimated {
        true => "are estimated by the declared length of a record",
        false => "were seen",
    };
    let why = format!("allows {maximum} {unit} {within}, and {used} {how}");
    Some((why, is_estimated))
}

fn bytes_left(terms: &Terms, usage: &Usage) -> Option<u64> {
    let (period, maximum) = (terms.period?, terms.maximum_bytes?);
    Some(maximum.saturating_sub(usage.of(period).bytes))
}

/// Bytes that an approval allows within its period, and those that were used of them.
pub(super) fn quota(approval: &Approval, quotas: &Meters, day: Day) -> Option<[u64; 2]> {
    let (period, maximum) = (approval.terms.period?, approval.terms.maximum_bytes?);
    let entity = entity(&approval.id);
    let usage = quotas.used(&of_approval(&entity), day);
    Some([maximum, usage.of(period).bytes])
}

/// Adds what a corridor has sent to an approval.
pub(super) fn add(quotas: &mut Meters, day: Day, id: &Term, amounts: &Amounts<'_>) {
    let key = Key {
        entity: entity(id),
        asset: None,
        categories: Categories::NONE,
        recipient: RecipientKey::Others,
        country: Country::UNKNOWN,
        traits: Traits::default(),
    };
    quotas.add(day, &key, amounts);
}

/// What stands for an approval on the meters of quotas.
fn entity(id: &Term) -> Entity {
    Entity::Asset(id.clone())
}

const fn of_approval(entity: &Entity) -> Selection<'_> {
    Selection {
        entity: Some(entity),
        categories: Categories::NONE,
        recipient: None,
    }
}
