//! Addresses to places: country, autonomous system, and on which side of the border.
//!
//! [`Geo`] answers for one address at a time and never fails at it: what no source knows
//! is [`Country::UNKNOWN`], and unknown is foreign. In order of precedence the sources
//! are the operator's overrides by prefix, the site's networks, the ranges that have no
//! country by definition, and a database: the one that the operator names, else the one
//! that is built in. A second database, the lists of providers and a round trip change how
//! sure a country is, and nothing else.
//!
//! An override outranks the site's networks because a branch abroad often uses private
//! addresses of the same plan: its data leaves the jurisdiction all the same.

mod address;
mod config;
mod country;
mod database;
mod distance;
mod error;
mod ipv4;
mod place;
mod prefixes;
mod providers;
mod record;
mod rules;
#[cfg(test)]
mod tests;
mod tree;
mod verify;

pub use config::{GeoConfig, GeoOverride, Location};
pub use country::{Country, CountryError, Jurisdictions};
pub use database::{
    DatabaseInfo, DatabaseRole, EMBEDDED_ASN_SHA256, EMBEDDED_COUNTRY_SHA256, FILE_BYTES_MAX,
};
pub use error::GeoError;
pub use place::{Confidence, Place, Side};
pub use prefixes::{PrefixMap, PrefixTable};
pub use providers::{
    LIST_BYTES_MAX, LIST_PREFIXES_MAX, ListFormat, ListInfo, Opinion, Provider, ProviderKind,
    Providers, ProvidersError, SHIPPED_LISTS, ShippedList, opinion, reason,
};

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use database::{AsnDatabase, CountryDatabase};
use distance::Distances;
use ipv4::{BLOCK_BITS, Ipv4Places, Ranges};
use rules::Rules;
use tree::Walk;

/// Answers where an address is. Threads can share one: what it says never changes.
#[derive(Debug)]
pub struct Geo {
    rules: Rules,
    country: CountryDatabase,
    asn: AsnDatabase,
    ipv4: Ipv4Places,
    /// A second opinion on countries.
    second: Option<CountryDatabase>,
    providers: Providers,
    /// Where it is known where the site is.
    distances: Option<Distances>,
    databases: Vec<DatabaseInfo>,
}

impl Geo {
    /// Reads the databases of `config` to memory, where `networks` are the site's own
    /// (`site.networks`) and `jurisdictions` those in which its data is at home.
    ///
    /// # Errors
    /// Says which database cannot be used and why, or which override is contradicted by
    /// another one.
    pub fn open(
        config: &GeoConfig,
        networks: &[IpNet],
        jurisdictions: Jurisdictions,
    ) -> Result<Self, GeoError> {
        let role = DatabaseRole::Country;
        let (country, country_info) = CountryDatabase::open(role, config.country.as_deref())?;
        let (asn, asn_info) = AsnDatabase::open(config.asn.as_deref())?;
        let mut databases = vec![country_info, asn_info];
        let mut second = None;
        if let Some(path) = &config.country_second {
            let (database, info) = CountryDatabase::open(DatabaseRole::CountrySecond, Some(path))?;
            databases.push(info);
            second = Some(database);
        }
        let shipped = match config.shipped_providers {
            true => SHIPPED_LISTS,
            false => &[],
        };
        Ok(Self {
            providers: Providers::open(&config.providers, shipped)?,
            rules: Rules::new(&config.overrides, networks, jurisdictions)?,
            country,
            asn,
            ipv4: Ipv4Places::new(),
            second,
            distances: config
                .location
                .map(|at| Distances::new(at.latitude, at.longitude)),
            databases,
        })
    }

    /// Where `address` is, and on which side of the border that lies.
    ///
    /// A v4-mapped address is the IPv4 address that it maps. A 6to4 (2002::/16) or NAT64
    /// (64:ff9b::/96) address is judged by the prefixes that hold itself, and where none
    /// does by the IPv4 address that it embeds.
    pub fn place(&self, address: IpAddr) -> Place {
        let address = address::canonical(address);
        let place = match address {
            IpAddr::V4(v4) => self
                .ipv4
                .place(v4, |first, ranges| self.lay_out(first, ranges)),
            address => self.look_up(address),
        };
        match &self.second {
            Some(second) if place.confidence == Confidence::Plausible => {
                self.compared(place, second, address)
            }
            _ => place,
        }
    }

    /// How sure it is that `address` is in `place`, where a handshake with it took so long.
    ///
    /// A round trip can only refute: what is near answers soon, and what answers late may be
    /// near. What the operator states is not measured against.
    pub fn confidence(
        &self,
        address: IpAddr,
        place: &Place,
        round_trip_nanos: Option<u32>,
    ) -> Confidence {
        let (Some(distances), Some(nanos)) = (&self.distances, round_trip_nanos) else {
            return place.confidence;
        };
        let is_stated = || self.rules.stated(address::canonical(address)).is_some();
        if distances.is_refuted(place.country, nanos) && !is_stated() {
            return Confidence::Refuted;
        }
        place.confidence
    }

    /// Reads what [`Geo::place`] will ask for first, so that it is there when its turn comes.
    /// The address is the 128 bits of a packet's, of which those of IPv4 are v4-mapped.
    pub fn touch(&self, address: u128) -> u64 {
        let is_mapped = address >> u32::BITS == 0xffff;
        let address = Ipv4Addr::from_bits(address as u32);
        if is_mapped {
            self.ipv4.touch(address)
        } else {
            0
        }
    }

    /// Whether `address` is in the site's networks and no override puts it abroad.
    pub fn is_home(&self, address: IpAddr) -> bool {
        self.rules.is_home(address::canonical(address))
    }

    /// The name of the organisation that announces `address`, or that the operator states:
    /// at most 128 characters, none of them a control character.
    pub fn organisation(&self, address: IpAddr) -> Option<String> {
        let address = address::canonical(address);
        let stated = self.rules.stated(address);
        if let Some(stated) = stated.filter(|one| one.organisation.is_some() || one.asn.is_some()) {
            return stated.organisation.as_deref().and_then(database::name);
        }
        self.asn.organisation(address::routable(address)?)
    }

    /// Who has `address`, by the lists in use.
    pub fn provider(&self, address: IpAddr) -> Option<&Provider> {
        self.providers.look_up(address)
    }

    /// What speaks for or against `country` as that of `address`, as a sentence, beside what a
    /// second database says. Nothing speaks against what the operator states.
    pub fn reason(&self, address: IpAddr, country: Country) -> Option<String> {
        let address = address::canonical(address);
        if self.rules.search(address).is_stated() {
            return None;
        }
        let provider = self.providers.look_up(address);
        let said = provider.and_then(|provider| reason(country, provider));
        said.or_else(|| {
            let registered = self.country.registered(address::routable(address)?)?;
            let is_elsewhere = registered != country && !country.is_unknown();
            is_elsewhere.then(|| format!("Its network is registered in {registered}."))
        })
    }

    /// The lists of providers in use.
    pub fn lists(&self) -> &[ListInfo] {
        self.providers.lists()
    }

    /// What is known of the databases in use: that of countries, that of autonomous systems,
    /// then the second one of countries, if there is one.
    pub fn databases(&self) -> &[DatabaseInfo] {
        &self.databases
    }

    /// Where an address is, by a search in the prefixes, the lists and both databases.
    fn look_up(&self, address: IpAddr) -> Place {
        let (found, asn) = match address::routable(address) {
            Some(asked) => (self.country.country(asked), self.asn.number(asked)),
            None => (Country::UNKNOWN, 0),
        };
        let place = self.rules.place(self.rules.search(address), found, asn);
        self.judged(place, || self.providers.look_up(address))
    }

    /// The place with what its provider says to its country. Where there is a second database,
    /// that is asked for each address, and then both are weighed at once.
    fn judged<'a>(&self, place: Place, provider: impl FnOnce() -> Option<&'a Provider>) -> Place {
        if place.confidence != Confidence::Plausible || self.second.is_some() {
            return place;
        }
        Place {
            confidence: opinion(place.country, provider()).confidence(),
            ..place
        }
    }

    /// The place with what a second database and the provider say to its country.
    fn compared(&self, place: Place, second: &CountryDatabase, address: IpAddr) -> Place {
        let asked = address::routable(address);
        let other = asked.map_or(Country::UNKNOWN, |asked| second.country(asked));
        let said = match other {
            Country::UNKNOWN => Opinion::Silent,
            same if same == place.country => Opinion::Same,
            _ => Opinion::Differs,
        };
        let mut strongest = opinion(place.country, self.providers.look_up(address)).max(said);
        let registered = || self.country.registered(asked?);
        if strongest == Opinion::Same && registered().is_some_and(|code| code != place.country) {
            strongest = Opinion::RegisteredElsewhere;
        }
        Place {
            confidence: strongest.confidence(),
            ..place
        }
    }

    /// Does what [`Geo::look_up`] does for all addresses of a block, which begins at `first`.
    fn lay_out(&self, first: u32, ranges: &mut Ranges) {
        let last = first | u32::MAX >> BLOCK_BITS;
        for (from, to, rule) in self.rules.between(first, last) {
            if address::routable(Ipv4Addr::from_bits(from).into()).is_none() {
                ranges.push(from, self.rules.place(rule, Country::UNKNOWN, 0));
                continue;
            }
            for (from, to, provider) in self.providers.ipv4_between(from, to) {
                self.found(from, to, |start, country, asn| {
                    let place = self.rules.place(rule, country, asn);
                    ranges.push(start, self.judged(place, || provider));
                });
            }
        }
    }

    /// Tells what the databases say of the IPv4 addresses between two: the first address of
    /// each range, its country and its autonomous system.
    fn found(&self, from: u32, to: u32, mut tell: impl FnMut(u32, Country, u32)) {
        let (countries, country) = self.country.tree();
        let (systems, asn) = self.asn.tree();
        let trees = [countries, systems];
        let mut last = [u32::MAX; 2];
        let mut ranges = Vec::with_capacity(RANGES_EXPECTED);
        Walk { trees, from, to }.go([country, asn], (0, 0), &mut |start, records| {
            if last != records {
                ranges.push((from.max(start), records));
                last = records;
            }
        });
        // Records lie far from each other; so the memory of all is waited for at once.
        let touched = ranges.iter().map(|(_, records)| self.asn.touch(records[1]));
        std::hint::black_box(touched.fold(0, |all, one| all ^ one));
        let mut last = [u32::MAX; 2];
        let mut found = (Country::UNKNOWN, 0);
        for (start, records) in ranges {
            let address = Ipv4Addr::from_bits(start);
            if last[0] != records[0] {
                found.0 = self.country.country_of(records[0], address);
            }
            if last[1] != records[1] {
                found.1 = self.asn.number_of(records[1], address);
            }
            tell(start, found.0, found.1);
            last = records;
        }
    }
}

/// Ranges of a block in both databases for which there is room at first.
const RANGES_EXPECTED: usize = 64;
