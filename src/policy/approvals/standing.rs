//! How an approval stands to what was seen.

use std::cmp::{Ordering, Reverse};
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::civil::Date;

use super::{Approval, Recipient, Required};
use crate::dissect::Protection;
use crate::geo::Country;
use crate::inventory::{Categories, Route, Term};
use crate::policy::meters::{Period, Unit, Usage};

/// Approvals that are told of those that cover a claim.
pub const IDS_MAX: usize = 16;

/// What was seen, to be held against the register.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The day, in the time zone of the regime.
    pub at: Date,
    /// Of which law it is judged.
    pub regime: &'a str,
    /// The organisation that the asset is declared to be of.
    pub organisation: Option<&'a str>,
    /// The name of the asset.
    pub asset: Option<&'a str>,
    /// To whom it went.
    pub recipient: Seen<'a>,
    /// What it is about, as far as it is known.
    pub categories: Categories,
    /// How it was protected.
    pub protection: Protection,
    /// How much went to that recipient, with what is claimed.
    pub used: &'a Usage,
}

/// What was seen of a recipient.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Its host name, or else its registered domain.
    pub domain: Option<&'a str>,
    /// Its address.
    pub address: IpAddr,
    /// Its autonomous system; 0 if that is not known.
    pub asn: u32,
    /// Where it is.
    pub country: Country,
}

/// How what was filed stands to what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No approval of the regime is for the asset or its organisation.
    Unregistered,
    /// It is covered.
    Approved {
        /// By which approvals, at most [`IDS_MAX`]: those for the asset first, then by id.
        ids: Vec<Term>,
        /// The route of the first.
        route: Route,
        /// Whether the first asks for a protection, and none could be told.
        is_protection_unproven: bool,
    },
    /// It would be, but more went than may.
    OverQuota {
        /// By which.
        id: Term,
        /// Its route.
        route: Route,
        /// How much went; of persons, at least so many.
        used: u64,
        /// How much may.
        maximum: u64,
        /// Of what.
        unit: Unit,
        /// Within what.
        period: Period,
        /// Whether that is by what is declared of the length of records, and not by what was
        /// seen.
        is_estimated: bool,
    },
    /// An approval is there, and does not cover it.
    OutsideScope {
        /// The nearest.
        id: Term,
        /// Why it does not, in the order of [`Why`]; at least one reason.
        why: Vec<Why>,
    },
}

/// Why an approval does not cover what was seen, from what puts it farthest off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// It went to somebody else.
    OtherRecipient,
    /// It went to another country.
    OtherCountry,
    /// It is, also, about something else.
    OtherCategory,
    /// The approval has ended.
    Expired {
        /// Its last day.
        on: Date,
    },
    /// The approval has not begun.
    NotYetValid {
        /// Its first day.
        from: Date,
    },
    /// It was protected less than has to be.
    ProtectionBelow {
        /// As it has to be.
        required: Required,
        /// As it was.
        seen: Protection,
    },
}

impl Why {
    /// What an approval does that does not cover something.
    pub fn sentence(self) -> String {
        match self {
            Self::OtherRecipient => "names another recipient".to_owned(),
            Self::OtherCountry => "names another country".to_owned(),
            Self::OtherCategory => "is about other data".to_owned(),
            Self::Expired { on } => format!("ended on {on}"),
            Self::NotYetValid { from } => format!("begins on {from}"),
            Self::ProtectionBelow { required, seen } => format!(
                "asks for {} protection, and it was {}",
                required.name(),
                seen.name()
            ),
        }
    }

    /// How far off it puts an approval: more than all that stand behind it together.
    const fn weight(self) -> u32 {
        match self {
            Self::OtherRecipient => 16,
            Self::OtherCountry => 8,
            Self::OtherCategory => 4,
            Self::Expired { .. } | Self::NotYetValid { .. } => 2,
            Self::ProtectionBelow { .. } => 1,
        }
    }
}

/// How a recipient that is named stands to the one that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// It is the one.
    Same,
    /// It is the one, but for its country.
    InOtherCountry,
    /// Only another country is named.
    OtherCountry,
    /// It is somebody else.
    Other,
}

impl Recipient {
    fn fit(&self, seen: &Seen<'_>) -> Fit {
        let domain = self.domain.as_ref();
        let is_domain = domain.is_none_or(|one| seen.domain.is_some_and(|host| one.fits(host)));
        let is_prefix = self.prefix.is_none_or(|one| one.contains(&seen.address));
        let is_asn = self.asn.is_none_or(|asn| asn.get() == seen.asn);
        if !(is_domain && is_prefix && is_asn) {
            return Fit::Other;
        }
        if self.country.is_none_or(|country| country == seen.country) {
            return Fit::Same;
        }
        match domain.is_none() && self.prefix.is_none() && self.asn.is_none() {
            true => Fit::OtherCountry,
            false => Fit::InOtherCountry,
        }
    }

    /// By which it is found: of what is given, what fewest have.
    pub(in crate::policy) fn key(&self) -> FoundBy<'_> {
        match self {
            Self {
                domain: Some(pattern),
                ..
            } => FoundBy::Domain(pattern.domain()),
            Self {
                prefix: Some(prefix),
                ..
            } => FoundBy::Prefix(*prefix),
            Self { asn: Some(asn), .. } => FoundBy::Asn(asn.get()),
            Self {
                country: Some(country),
                ..
            } => FoundBy::Country(*country),
            _ => FoundBy::Anybody,
        }
    }
}

/// By what a recipient that is named is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::policy) enum FoundBy<'a> {
    Domain(&'a str),
    Prefix(IpNet),
    Asn(u32),
    Country(Country),
    Anybody,
}

/// What an approval comes to for a claim; the best is the least.
#[derive(Clone, Debug)]
pub(in crate::policy) enum Judged {
    Covers {
        is_protection_unproven: bool,
    },
    Over {
        used: u64,
        maximum: u64,
        unit: Unit,
        period: Period,
        is_estimated: bool,
    },
    Outside(Vec<Why>),
}

impl Approval {
    /// How the nearest of its recipients stands to the one that was seen.
    pub(super) fn fit(&self, seen: &Seen<'_>) -> Fit {
        let all = self.recipients.iter().map(|recipient| recipient.fit(seen));
        all.min().unwrap_or(Fit::Same)
    }

    /// What it comes to for a claim of its regime and scope.
    pub(super) fn judge(&self, claim: &Claim<'_>) -> Judged {
        let terms = &self.terms;
        let mut why = Vec::new();
        match self.fit(&claim.recipient) {
            Fit::Same => {}
            Fit::InOtherCountry | Fit::OtherCountry => why.push(Why::OtherCountry),
            Fit::Other => why.push(Why::OtherRecipient),
        }
        if !terms.categories.is_empty() && !terms.categories.holds(claim.categories) {
            why.push(Why::OtherCategory);
        }
        if claim.at > terms.valid_to {
            why.push(Why::Expired { on: terms.valid_to });
        }
        if claim.at < terms.valid_from {
            let from = terms.valid_from;
            why.push(Why::NotYetValid { from });
        }
        let is_met = terms
            .protection
            .map(|required| required.is_met(claim.protection));
        if let (Some(required), Some(Some(false))) = (terms.protection, is_met) {
            let seen = claim.protection;
            why.push(Why::ProtectionBelow { required, seen });
        }
        if !why.is_empty() {
            return Judged::Outside(why);
        }
        self.over(claim.used).unwrap_or(Judged::Covers {
            is_protection_unproven: is_met == Some(None),
        })
    }

    /// The quota that is passed: that of persons before that of bytes, and last that of
    /// persons by an estimate.
    pub(in crate::policy) fn over(&self, used: &Usage) -> Option<Judged> {
        let period = self.terms.period?;
        let used = used.of(period);
        let (subjects, bytes) = (self.terms.maximum_subjects, self.terms.maximum_bytes);
        let quotas = [
            (Unit::Subjects, used.subjects, subjects, false),
            (Unit::Bytes, used.bytes, bytes, false),
            (Unit::Subjects, used.estimated_subjects, subjects, true),
        ];
        quotas
            .into_iter()
            .find_map(|(unit, used, maximum, is_estimated)| {
                let maximum = maximum.filter(|maximum| used > *maximum)?;
                Some(Judged::Over {
                    used,
                    maximum,
                    unit,
                    period,
                    is_estimated,
                })
            })
    }
}

/// The order of approvals for a claim, the best first: those that cover it, those whose quota
/// is passed by the least part, those that lack least. Where that is equal those for the asset
/// are before those for its organisation, those that end later before others, and then it is
/// by id and by where they are written.
pub(super) fn order(one: (&Approval, &Judged), other: (&Approval, &Judged)) -> Ordering {
    let rank = |judged: &Judged| match judged {
        Judged::Covers { .. } => 0,
        Judged::Over { .. } => 1,
        Judged::Outside(why) => 2 + why.iter().map(|why| why.weight()).sum::<u32>(),
    };
    let of_ratio = match (one.1, other.1) {
        (
            Judged::Over { used, maximum, .. },
            Judged::Over {
                used: other_used,
                maximum: other_maximum,
                ..
            },
        ) => {
            let [one, other] = [(used, other_maximum), (other_used, maximum)]
                .map(|(used, maximum)| u128::from(*used) * u128::from(*maximum));
            one.cmp(&other)
        }
        _ => Ordering::Equal,
    };
    let covers = matches!(one.1, Judged::Covers { .. });
    let last = |approval: &Approval| Reverse((!covers).then_some(approval.terms.valid_to));
    let [(one, one_judged), (other, other_judged)] = [one, other];
    let ranks = rank(one_judged).cmp(&rank(other_judged)).then(of_ratio);
    let scope = |approval: &Approval| approval.terms.is_of_organisation();
    ranks
        .then_with(|| scope(one).cmp(&scope(other)))
        .then_with(|| last(one).cmp(&last(other)))
        .then_with(|| one.id.cmp(&other.id))
        .then_with(|| (&one.file, one.line).cmp(&(&other.file, other.line)))
}

/// What the approvals of a scope come to, the best first.
pub(super) fn standing(judged: &[(&Approval, Judged)]) -> Standing {
    let Some((best, of_best)) = judged.first() else {
        return Standing::Unregistered;
    };
    let (id, route) = (best.id.clone(), best.terms.route);
    match of_best.clone() {
        Judged::Covers {
            is_protection_unproven,
        } => {
            let all = judged.iter();
            let covering = all.take_while(|(_, one)| matches!(one, Judged::Covers { .. }));
            let ids = covering.map(|(approval, _)| approval.id.clone());
            Standing::Approved {
                ids: ids.take(IDS_MAX).collect(),
                route,
                is_protection_unproven,
            }
        }
        Judged::Over {
            used,
            maximum,
            unit,
            period,
            is_estimated,
        } => Standing::OverQuota {
            id,
            route,
            used,
            maximum,
            unit,
            period,
            is_estimated,
        },
        Judged::Outside(why) => Standing::OutsideScope { id, why },
    }
}
