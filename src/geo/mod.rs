//! Addresses to places: country, autonomous system, and on which side of the border.
//!
//! [`Geo`] answers for one address at a time and never fails at it: what no source knows
//! is [`Country::UNKNOWN`], and unknown is foreign. In order of precedence the sources
//! are the operator's overrides by prefix, the site's networks, the ranges that have no
//! country by definition, and a database: the one that the operator names, else the one
//! that is built in.
//!
//! An override outranks the site's networks because a branch abroad often uses private
//! addresses of the same plan: its data leaves the jurisdiction all the same.

mod address;
mod config;
mod country;
mod database;
mod error;
mod ipv4;
mod place;
mod prefixes;
#[cfg(test)]
mod tests;
mod verify;

pub use config::{GeoConfig, GeoOverride};
pub use country::{Country, Jurisdictions};
pub use database::{
    DatabaseInfo, DatabaseRole, EMBEDDED_ASN_SHA256, EMBEDDED_COUNTRY_SHA256, FILE_BYTES_MAX,
};
pub use error::GeoError;
pub use place::{Confidence, Place, Side};

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use database::{AsnDatabase, CountryDatabase};
use ipv4::Ipv4Pairs;
use prefixes::{PrefixMap, PrefixTable};

/// Answers where an address is. Immutable, so that threads can share one.
#[derive(Debug)]
pub struct Geo {
    overrides: PrefixTable<Country>,
    networks: PrefixTable<()>,
    jurisdictions: Jurisdictions,
    country: CountryDatabase,
    asn: AsnDatabase,
    /// The IPv4 parts of both databases.
    ipv4: Ipv4Pairs,
    databases: [DatabaseInfo; 2],
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
        let (country, countries, country_info) = CountryDatabase::open(config.country.as_deref())?;
        let (asn, systems, asn_info) = AsnDatabase::open(config.asn.as_deref())?;
        let mut overrides = PrefixMap::default();
        for GeoOverride { prefix, country } in &config.overrides {
            match overrides.insert(*prefix, *country) {
                Some(first) if first != *country => {
                    let (prefix, second) = (*prefix, *country);
                    return Err(GeoError::Contradiction {
                        prefix,
                        first,
                        second,
                    });
                }
                _ => {}
            }
        }
        let mut home = PrefixMap::default();
        for network in networks {
            home.insert(*network, ());
        }
        let databases = [country_info, asn_info];
        Ok(Self {
            overrides: overrides.table(),
            networks: home.table(),
            jurisdictions,
            country,
            asn,
            ipv4: Ipv4Pairs::new(&countries, &systems),
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
        if address::is_local(address) {
            return unknown(Side::Local);
        }
        let asked = address::routable(address);
        let (found, asn) = asked.map_or((None, 0), |address| self.ask(address));
        let home = find(&self.networks, address).is_some();
        if let Some(country) = find(&self.overrides, address) {
            let confidence = match country {
                Country::UNKNOWN => Confidence::Unknown,
                _ => Confidence::Confirmed,
            };
            let side = match self.abroad(country) {
                Side::Domestic if home => Side::Home,
                side => side,
            };
            return Place {
                side,
                country,
                asn,
                confidence,
            };
        }
        if let (true, Some(country)) = (home, self.jurisdictions.only()) {
            return Place {
                side: Side::Home,
                country,
                asn,
                confidence: Confidence::Confirmed,
            };
        }
        let side = if home {
            Side::Home
        } else {
            self.abroad(found.unwrap_or(Country::UNKNOWN))
        };
        match found {
            Some(country) => Place {
                side,
                country,
                asn,
                confidence: Confidence::Plausible,
            },
            None => Place {
                asn,
                ..unknown(side)
            },
        }
    }

    /// Reads what [`Geo::place`] will ask for first, so that it is there when its turn comes.
    /// The address is the 128 bits of a packet's.
    pub fn touch(&self, address: u128) -> u64 {
        let address = Ipv4Addr::from_bits(address as u32);
        self.ipv4.touch(address)
    }

    /// Whether `address` is in the site's networks and no override puts it abroad.
    pub fn is_home(&self, address: IpAddr) -> bool {
        let address = address::canonical(address);
        let is_own = !address::is_local(address) && find(&self.networks, address).is_some();
        is_own
            && find(&self.overrides, address)
                .is_none_or(|country| self.abroad(country) == Side::Domestic)
    }

    /// The name of the organisation that announces `address`: at most 128 characters,
    /// none of them a control character.
    pub fn organisation(&self, address: IpAddr) -> Option<String> {
        self.asn
            .organisation(address::routable(address::canonical(address))?)
    }

    /// What is known of the databases in use: that of countries, then that of autonomous
    /// systems.
    pub fn databases(&self) -> &[DatabaseInfo] {
        &self.databases
    }

    /// What the databases say: the country, if they know one, and the autonomous system.
    fn ask(&self, address: IpAddr) -> (Option<Country>, u32) {
        match address {
            IpAddr::V4(v4) => {
                let [country, asn] = self.ipv4.records(v4);
                (
                    self.country.country_of(country),
                    self.asn.number_of(asn, v4),
                )
            }
            IpAddr::V6(v6) => (self.country.country(v6), self.asn.number(v6)),
        }
    }

    /// The side of an address that is not the site's own.
    fn abroad(&self, country: Country) -> Side {
        if self.jurisdictions.contains(country) {
            Side::Domestic
        } else {
            Side::Foreign
        }
    }
}

/// What `map` holds for the address itself, else for the IPv4 address that it embeds.
fn find<V: Copy>(map: &PrefixTable<V>, address: IpAddr) -> Option<V> {
    map.longest(address)
        .or_else(|| map.longest(address::embedded(address)?.into()))
}

fn unknown(side: Side) -> Place {
    Place {
        side,
        country: Country::UNKNOWN,
        asn: 0,
        confidence: Confidence::Unknown,
    }
}
