//! Checks of the inventory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::civil::Date;

use super::{Found, Severity};
use crate::inventory::{Grade, Listed, Term, Vlan};
use crate::policy::approvals::{Approval, Scope};

/// Prefixes that hold those of another asset in the same VLAN.
pub(super) fn overlapping(inventory: &[Listed]) -> Found {
    let mut prefixes: Vec<(Option<Vlan>, Range, usize)> = Vec::new();
    for (place, listed) in inventory.iter().enumerate() {
        for prefix in &listed.known.addresses {
            let range = Range::of(prefix.get_ref().0);
            prefixes.push((listed.known.declared.vlan, range, place));
        }
    }
    // A prefix comes behind all that hold it.
    prefixes.sort_unstable();
    let mut found = Found::default();
    let mut open: Vec<(Option<Vlan>, Range, usize)> = Vec::new();
    for prefix in prefixes {
        let (vlan, range, place) = prefix;
        let holds = |other: &(Option<Vlan>, Range, usize)| other.0 == vlan && other.1.holds(&range);
        while open.last().is_some_and(|other| !holds(other)) {
            open.pop();
        }
        let around = open.last().map(|(_, around, other)| (*around, *other));
        open.push(prefix);
        let Some((around, other)) = around.filter(|(_, other)| *other != place) else {
            continue;
        };
        let (Some(one), Some(other)) = (inventory.get(place), inventory.get(other)) else {
            continue;
        };
        let [name, other_name] = [one, other].map(|it| it.known.name.get_ref().as_str());
        let (severity, fix) = match around == range {
            true => (
                Severity::Error,
                "Give the prefix to one of them.".to_owned(),
            ),
            false => (
                Severity::Warning,
                format!("Nothing, if what is in both is `{name}`: the longer prefix counts."),
            ),
        };
        let sentence = format!(
            "{} of `{name}` lies in {} of `{other_name}` ({}:{}).",
            range.prefix, around.prefix, other.file, other.line
        );
        found.push((&one.file, one.line), severity, [sentence, fix]);
    }
    found
}

/// Prefixes that hold those of an asset in another VLAN.
pub(super) fn in_two_vlans(inventory: &[Listed]) -> Found {
    let mut prefixes: Vec<(Range, Vlan, usize)> = Vec::new();
    for (place, listed) in inventory.iter().enumerate() {
        let Some(vlan) = listed.known.declared.vlan else {
            continue;
        };
        for prefix in &listed.known.addresses {
            prefixes.push((Range::of(prefix.get_ref().0), vlan, place));
        }
    }
    // A prefix comes behind all that hold it.
    prefixes.sort_unstable();
    let mut found = Found::default();
    let mut open: Vec<(Range, Vlan, usize)> = Vec::new();
    for prefix in prefixes {
        let (range, vlan, place) = prefix;
        while open
            .last()
            .is_some_and(|(around, ..)| !around.holds(&range))
        {
            open.pop();
        }
        // The nearest one around is enough to make somebody look.
        let around = open.last().copied();
        open.push(prefix);
        let around = around.filter(|(_, other_vlan, _)| *other_vlan != vlan);
        let Some((around, other_vlan, other)) = around else {
            continue;
        };
        let (Some(one), Some(other)) = (inventory.get(place), inventory.get(other)) else {
            continue;
        };
        let [name, other_name] = [one, other].map(|it| it.known.name.get_ref().as_str());
        let sentence = format!(
            "{} of `{name}` in VLAN {} lies in {} of `{other_name}` in VLAN {} ({}:{}), and \
             conversations of both with the same ports would be one flow.",
            range.prefix,
            vlan.number(),
            around.prefix,
            other_vlan.number(),
            other.file,
            other.line
        );
        let fix = "Set `flow.by_vlan = true`, unless frames are mirrored before and behind a \
                   router.";
        let texts = [sentence, fix.to_owned()];
        found.push((&one.file, one.line), Severity::Warning, texts);
    }
    found
}

/// Addresses of a family from the first to the last; those that begin first come first, and of
/// those the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Range {
    is_ipv6: bool,
    first: u128,
    /// Addresses before which it does not end, counted down, so that more sort first.
    last_inverted: u128,
    prefix: IpNet,
}

impl Range {
    fn of(prefix: IpNet) -> Self {
        let prefix = prefix.trunc();
        let bits = |address: IpAddr| match address {
            IpAddr::V4(v4) => v4.to_bits().into(),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        Self {
            is_ipv6: prefix.addr().is_ipv6(),
            first: bits(prefix.network()),
            last_inverted: !bits(prefix.broadcast()),
            prefix,
        }
    }

    const fn holds(&self, other: &Self) -> bool {
        self.is_ipv6 == other.is_ipv6
            && self.first <= other.first
            && self.last_inverted <= other.last_inverted
    }
}

/// Assets of the same name, and organisations that differ in case or spaces alone.
pub(super) fn twice(inventory: &[Listed]) -> Found {
    let mut found = Found::default();
    let mut names: HashMap<&str, &Listed> = HashMap::new();
    let mut organisations: BTreeMap<String, (&str, &Listed)> = BTreeMap::new();
    let mut seen: HashSet<&str> = HashSet::new();
    for listed in inventory {
        let place = (&listed.file, listed.line);
        let name = listed.known.name.get_ref().as_str();
        if let Some(first) = names.get(name) {
            let sentence = match first.known.declared == listed.known.declared {
                true => format!(
                    "`{name}` is listed twice, at {}:{} too.",
                    first.file, first.line
                ),
                false => format!(
                    "`{name}` is the name of another asset at {}:{}.",
                    first.file, first.line
                ),
            };
            let fix = "Remove one of the rows, or give it another name.".to_owned();
            found.push(place, Severity::Error, [sentence, fix]);
        } else {
            names.insert(name, listed);
        }
        let organisation = listed.known.declared.organisation.as_ref();
        let Some(organisation) = organisation.map(Term::as_str) else {
            continue;
        };
        if !seen.insert(organisation) {
            continue;
        }
        let entry = organisations.entry(Term::folded(organisation));
        let (first, at) = *entry.or_insert((organisation, listed));
        if first != organisation {
            let sentence = format!(
                "Organisation `{organisation}` differs from `{first}` ({}:{}) in case or \
                 spaces, and is counted apart.",
                at.file, at.line
            );
            let fix = format!("Write `{first}` if it is the same legal entity.");
            found.push(place, Severity::Warning, [sentence, fix]);
        }
    }
    found
}

/// Assets with important or core data that no approval is for today.
pub(super) fn unapproved(inventory: &[Listed], approvals: &[Approval], today: Date) -> Found {
    let is_valid = |approval: &&Approval| {
        (approval.terms.valid_from..=approval.terms.valid_to).contains(&today)
    };
    let valid = approvals.iter().filter(is_valid);
    let scopes: HashSet<Scope<'_>> = valid.flat_map(|one| one.terms.scopes()).collect();
    let mut found = Found::default();
    for listed in inventory {
        let declared = &listed.known.declared;
        let Some(grade) = declared.grade.filter(|grade| *grade >= Grade::Important) else {
            continue;
        };
        let name = listed.known.name.get_ref().as_str();
        let organisation = declared.organisation.as_ref();
        let of_organisation = organisation.map(|one| Scope::Organisation(one.as_str()));
        let mut own = [Some(Scope::Asset(name)), of_organisation].into_iter();
        if own.any(|scope| scope.is_some_and(|scope| scopes.contains(&scope))) {
            continue;
        }
        let sentence = format!(
            "`{name}` has {} data, and no approval is valid for it.",
            grade.name()
        );
        let fix = "Register the approval, or see to it that nothing leaves.".to_owned();
        let place = (&listed.file, listed.line);
        found.push(place, Severity::Warning, [sentence, fix]);
    }
    found
}
