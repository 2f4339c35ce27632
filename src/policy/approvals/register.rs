//! The register, laid out to be asked.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;

use super::standing::{Fit, FoundBy, order, standing};
use super::{Approval, Claim, DomainPattern, Recipient, Scope, Seen, Standing};
use crate::geo::Country;
use crate::inventory::ListError;

/// Approvals that may name the same recipient for the same asset or organisation.
pub const CANDIDATES_MAX: usize = 256;

/// Pairs of a scope and a recipient in all approvals together.
const ENTRIES_MAX: usize = 4_000_000;

/// Approvals by whose exports they cover, and by recipient.
///
/// An answer takes as many look-ups as the recipient's name has labels (at most
/// [`DomainPattern::LABELS_MAX`]) and as the scope's prefixes have lengths, and a look at the
/// approvals that name the recipient, at most [`CANDIDATES_MAX`] for each. It does not depend
/// on how many approvals there are.
#[derive(Clone, Debug, Default)]
pub struct Register {
    approvals: Vec<Approval>,
    regimes: HashMap<Box<str>, Shelves>,
}

/// The approvals of a regime.
#[derive(Clone, Debug, Default)]
struct Shelves {
    assets: HashMap<Box<str>, Shelf>,
    organisations: HashMap<Box<str>, Shelf>,
}

/// The approvals of a scope, as places in the register.
#[derive(Clone, Debug, Default)]
struct Shelf {
    domains: HashMap<Box<str>, Vec<u32>>,
    prefixes: HashMap<IpNet, Vec<u32>>,
    /// Lengths of prefixes of IPv4 and of IPv6.
    lengths: [BTreeSet<u8>; 2],
    systems: HashMap<u32, Vec<u32>>,
    countries: HashMap<Country, Vec<u32>>,
    anybody: Vec<u32>,
    /// The one that is told where none names the recipient: that which ends last, and of
    /// several that of the least id.
    last: Option<u32>,
}

impl Register {
    /// Takes approvals of all lists.
    ///
    /// # Errors
    /// Too many of a recipient and scope, or in all.
    pub fn new(approvals: Vec<Approval>) -> Result<Self, ListError> {
        let mut register = Self::default();
        let mut entries = 0_usize;
        for (place, approval) in approvals.iter().enumerate() {
            let error = |message| {
                let (file, line) = (&approval.file, approval.line);
                Err(ListError::of_line(file, line, message))
            };
            let scopes = approval.terms.scopes().count();
            entries = entries.saturating_add(scopes * approval.recipients.len().max(1));
            let Some(place) = u32::try_from(place).ok().filter(|_| entries <= ENTRIES_MAX) else {
                return error(format!(
                    "more than {ENTRIES_MAX} pairs of an asset and a recipient: name an \
                     organisation instead of its assets"
                ));
            };
            if !register.put(place, approval, &approvals) {
                return error(format!(
                    "more than {CANDIDATES_MAX} approvals of one recipient for one asset or \
                     organisation: merge them, or remove those that have ended"
                ));
            }
        }
        register.approvals = approvals;
        Ok(register)
    }

    /// All approvals, in the order of the lists.
    pub fn approvals(&self) -> &[Approval] {
        &self.approvals
    }

    /// Puts an approval on its shelves; says whether there was room.
    fn put(&mut self, place: u32, approval: &Approval, all: &[Approval]) -> bool {
        let regime = approval.terms.regime.as_str();
        let shelves = self.regimes.entry(regime.into()).or_default();
        let mut is_room = true;
        for scope in approval.terms.scopes() {
            let shelf = match scope {
                Scope::Asset(name) => shelves.assets.entry(name.into()),
                Scope::Organisation(name) => shelves.organisations.entry(name.into()),
            };
            let shelf = shelf.or_default();
            let recipients = approval.recipients.iter();
            let keys = recipients.map(Recipient::key);
            let anybody = approval.recipients.is_empty();
            let keys = keys.chain(anybody.then_some(FoundBy::Anybody));
            for key in keys {
                is_room &= shelf.put(key, place);
            }
            let last = shelf.last.and_then(|last| all.get(last as usize));
            if last.is_none_or(|last| ends_after(approval, last)) {
                shelf.last = Some(place);
            }
        }
        is_room
    }

    /// How the register stands to what was seen.
    ///
    /// The best of the approvals that are for the asset, or for its organisation: one that
    /// covers the claim, else one whose quota is passed, else the one that lacks least. An
    /// approval that names others is told only where none names the recipient, and then it is
    /// that which ends last.
    pub fn standing(&self, claim: &Claim<'_>) -> Standing {
        let Some(shelves) = self.regimes.get(claim.regime) else {
            return Standing::Unregistered;
        };
        let of_asset = claim.asset.and_then(|name| shelves.assets.get(name));
        let organisation = claim.organisation;
        let of_organisation = organisation.and_then(|name| shelves.organisations.get(name));
        let shelves = [of_asset, of_organisation].into_iter().flatten();
        let host = claim.recipient.domain.map(canonical);
        let seen = Seen {
            domain: host.as_deref(),
            address: claim.recipient.address.to_canonical(),
            ..claim.recipient
        };
        let (claim, seen) = (
            &Claim {
                recipient: seen,
                ..*claim
            },
            &seen,
        );
        let mut places = Vec::new();
        for shelf in shelves.clone() {
            shelf.find(seen, &mut places);
        }
        places.sort_unstable();
        places.dedup();
        let approval = |place: u32| self.approvals.get(place as usize);
        let found = places.iter().filter_map(|place| approval(*place));
        let is_named = |one: &&Approval| one.fit(seen) <= Fit::InOtherCountry;
        let mut found: Vec<&Approval> = found.filter(is_named).collect();
        if found.is_empty() {
            let last = shelves.filter_map(|shelf| approval(shelf.last?));
            found.extend(last.reduce(|one, other| match ends_after(other, one) {
                true => other,
                false => one,
            }));
        }
        let judged = found.into_iter().map(|one| (one, one.judge(claim)));
        let mut judged: Vec<_> = judged.collect();
        judged.sort_by(|one, other| order((one.0, &one.1), (other.0, &other.1)));
        standing(&judged)
    }
}

/// Whether an approval is told rather than another where none names the recipient.
pub(super) fn ends_after(one: &Approval, other: &Approval) -> bool {
    let key = |it: &Approval| (it.terms.valid_to, std::cmp::Reverse(it.id.clone()));
    key(one) > key(other)
}

/// A host name in lower case and without the dot that may end it.
fn canonical(host: &str) -> Cow<'_, str> {
    let host = host.strip_suffix('.').unwrap_or(host);
    match host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => host.to_ascii_lowercase().into(),
        false => host.into(),
    }
}

impl Shelf {
    /// Puts an approval where its recipient is looked for; says whether there was room.
    fn put(&mut self, key: FoundBy<'_>, place: u32) -> bool {
        let places = match key {
            FoundBy::Domain(domain) => self.domains.entry(domain.into()).or_default(),
            FoundBy::Prefix(prefix) => {
                let [ipv4, ipv6] = &mut self.lengths;
                let lengths = if prefix.addr().is_ipv4() { ipv4 } else { ipv6 };
                lengths.insert(prefix.prefix_len());
                self.prefixes.entry(prefix).or_default()
            }
            FoundBy::Asn(asn) => self.systems.entry(asn).or_default(),
            FoundBy::Country(country) => self.countries.entry(country).or_default(),
            FoundBy::Anybody => &mut self.anybody,
        };
        if places.last() != Some(&place) {
            places.push(place);
        }
        places.len() <= CANDIDATES_MAX
    }

    /// The approvals that may name the recipient.
    fn find(&self, seen: &Seen<'_>, places: &mut Vec<u32>) {
        let mut take = |found: Option<&Vec<u32>>| places.extend(found.into_iter().flatten());
        if let Some(host) = seen.domain.filter(|_| !self.domains.is_empty()) {
            for domain in domains_above(host) {
                take(self.domains.get(domain));
            }
        }
        let [ipv4, ipv6] = &self.lengths;
        let lengths = match seen.address {
            IpAddr::V4(_) => ipv4,
            IpAddr::V6(_) => ipv6,
        };
        for length in lengths {
            let prefix = IpNet::new(seen.address, *length).map(|prefix| prefix.trunc());
            take(prefix.ok().and_then(|prefix| self.prefixes.get(&prefix)));
        }
        take(self.systems.get(&seen.asn));
        take(self.countries.get(&seen.country));
        take(Some(&self.anybody));
    }
}

/// A host name and the domains above it that a pattern can name.
fn domains_above(host: &str) -> impl Iterator<Item = &str> {
    let starts = host.rmatch_indices('.').map(|(at, _)| at + 1);
    let starts = starts.chain([0]).take(DomainPattern::LABELS_MAX);
    starts.filter_map(|start| host.get(start..))
}
