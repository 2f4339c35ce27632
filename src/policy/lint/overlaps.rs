//! Approvals of which two cover the same.

use std::collections::{BTreeSet, HashMap};

use ipnet::IpNet;

use super::{Found, Severity};
use crate::policy::approvals::{Approval, FoundBy, Recipient, Scope};

/// Whose exports to whom.
type Pair<'a> = (&'a str, Scope<'a>, FoundBy<'a>);

/// Approvals that name the same recipient, or one within another's, for the same asset or
/// organisation and at the same time. Each is held against the one before it that lasts
/// longest, so that many of them do not take long. The first of a host name is held against
/// those of domains above it, and the first of a prefix against those of shorter ones.
pub(super) fn overlapping(approvals: &[Approval]) -> Found {
    let pairs = by_pair(approvals);
    let mut found = Found::default();
    let mut told = BTreeSet::new();
    let mut tell = |(one, key): (usize, FoundBy<'_>), (other, other_key)| {
        let both = approvals.get(one).zip(approvals.get(other));
        let Some((one_of, other_of)) = both.filter(|_| one != other) else {
            return;
        };
        if !overlap(one_of, other_of) {
            return;
        }
        let Some(common) = common((one_of, key), (other_of, other_key)) else {
            return;
        };
        if told.insert((one.max(other), one.min(other), common)) {
            match one < other {
                true => say(&mut found, one_of, other_of, common),
                false => say(&mut found, other_of, one_of, common),
            }
        }
    };
    for ((.., key), places) in &pairs {
        let valid_to = |place: &usize| approvals.get(*place).map(|one| one.terms.valid_to);
        let mut lasting: Option<usize> = None;
        for place in places {
            if let Some(lasting) = lasting {
                tell((*place, *key), (lasting, *key));
            }
            let is_longest = lasting.is_some_and(|one| valid_to(&one) >= valid_to(place));
            lasting = lasting.filter(|_| is_longest).or(Some(*place));
        }
    }
    let lengths = lengths(&pairs);
    for ((regime, scope, key), places) in &pairs {
        let Some(place) = places.first() else {
            continue;
        };
        for around in around(*key, &lengths) {
            let others = pairs.get(&(*regime, *scope, around));
            let others = others.into_iter().flatten().take(HELD_AGAINST_MAX);
            others.for_each(|other| tell((*place, *key), (*other, around)));
        }
    }
    found
}

/// What two approvals have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Common {
    /// A recipient that both describe alike.
    Same,
    /// A recipient that both describe.
    Part,
}

/// What is in common of the recipients that are found by two keys.
fn common(one: (&Approval, FoundBy<'_>), other: (&Approval, FoundBy<'_>)) -> Option<Common> {
    let of = |(approval, key): (&'_ Approval, FoundBy<'_>)| {
        let all = approval.recipients.iter().filter(|it| it.key() == key);
        all.cloned().collect::<Vec<Recipient>>()
    };
    let (ones, others) = (of(one), of(other));
    let pairs = ones
        .iter()
        .flat_map(|one| others.iter().map(move |other| (one, other)));
    let met = pairs.filter(|(one, other)| one.meets(other));
    let found = met.map(|(one, other)| match one.is_told_like(other) {
        true => Common::Same,
        false => Common::Part,
    });
    found.min()
}

/// Approvals as places, by whose exports to whom, in the order in which they begin.
fn by_pair(approvals: &[Approval]) -> HashMap<Pair<'_>, Vec<usize>> {
    let mut pairs: HashMap<Pair<'_>, Vec<usize>> = HashMap::new();
    for (place, approval) in approvals.iter().enumerate() {
        let regime = approval.terms.regime.as_str();
        let keys: BTreeSet<FoundBy<'_>> = approval.recipients.iter().map(|it| it.key()).collect();
        for scope in approval.terms.scopes() {
            for key in &keys {
                let places = pairs.entry((regime, scope, *key)).or_default();
                if places.last() != Some(&place) {
                    places.push(place);
                }
            }
        }
    }
    let begins = |place: &usize| {
        approvals
            .get(*place)
            .map(|one| (one.terms.valid_from, *place))
    };
    for places in pairs.values_mut() {
        places.sort_by_key(begins);
    }
    pairs
}

/// Lengths of prefixes that are named, and whether they are of IPv4.
fn lengths(pairs: &HashMap<Pair<'_>, Vec<usize>>) -> BTreeSet<(bool, u8)> {
    let all = pairs.keys().filter_map(|(.., key)| match key {
        FoundBy::Prefix(prefix) => Some((prefix.addr().is_ipv4(), prefix.prefix_len())),
        _ => None,
    });
    all.collect()
}

/// What holds all that is found by a key.
fn around<'a>(key: FoundBy<'a>, lengths: &BTreeSet<(bool, u8)>) -> Vec<FoundBy<'a>> {
    match key {
        FoundBy::Domain(domain) => {
            let above = domain.match_indices('.');
            let above = above.filter_map(|(at, _)| domain.get(at + 1..));
            above.map(FoundBy::Domain).collect()
        }
        FoundBy::Prefix(prefix) => {
            let is_ipv4 = prefix.addr().is_ipv4();
            let shorter = lengths.range((is_ipv4, 0)..(is_ipv4, prefix.prefix_len()));
            let shorter = shorter.filter_map(|(_, length)| {
                let around = IpNet::new(prefix.addr(), *length).ok()?;
                Some(FoundBy::Prefix(around.trunc()))
            });
            shorter.collect()
        }
        FoundBy::Asn(_) | FoundBy::Country(_) | FoundBy::Anybody => Vec::new(),
    }
}

/// Whether both can cover the same transfer, as far as dates and categories tell.
fn overlap(one: &Approval, other: &Approval) -> bool {
    let (one, other) = (&one.terms, &other.terms);
    let is_apart = one.valid_to < other.valid_from || other.valid_to < one.valid_from;
    let is_about_all = one.categories.is_empty() || other.categories.is_empty();
    !is_apart && (is_about_all || one.categories.meets(other.categories))
}

fn say(found: &mut Found, first: &Approval, second: &Approval, common: Common) {
    // Two of one id are told as such.
    if first.id == second.id {
        return;
    }
    let quota = |one: &Approval| {
        let terms = &one.terms;
        (terms.maximum_bytes, terms.maximum_subjects, terms.period)
    };
    let at = format!("`{}` ({}:{})", first.id, first.file, first.line);
    let id = &second.id;
    let is_alike = first.terms.categories == second.terms.categories && common == Common::Same;
    let (severity, texts) = match is_alike && quota(first) != quota(second) {
        true => (
            Severity::Warning,
            [
                format!("`{id}` covers the same as {at}, with another quota."),
                "Remove one, or let their dates or categories differ.".to_owned(),
            ],
        ),
        false => (
            Severity::Hint,
            [
                format!("`{id}` has a recipient in common with {at} at the same time."),
                "Nothing, if both were filed: each counts for itself.".to_owned(),
            ],
        ),
    };
    found.of_approval(second, severity, texts);
}

/// Approvals of a domain or prefix against which one below it is held.
const HELD_AGAINST_MAX: usize = 4;
