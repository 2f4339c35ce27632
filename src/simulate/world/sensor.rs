//! The configuration of a sensor that watches a world.

use std::fmt::Write;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::geo::Country;
use crate::time::SECONDS_PER_DAY;

use super::atlas::{Atlas, NetworkKind};
use super::calendar::Calendar;
use super::{World, WorldConfig};

impl World {
    /// What the operator of the site would write into the configuration file: where home
    /// is, when nobody works, and, since the peers' addresses are invented, the country
    /// and the system of each of their blocks.
    pub fn sensor_config(config: &WorldConfig, seed: u64) -> String {
        let calendar = Calendar::new(config.start, config.weeks, seed);
        let start = config.start.as_nanos() / 1_000_000_000;
        let holiday = start + calendar.holiday as u64 * SECONDS_PER_DAY;
        let holiday = jiff::Timestamp::from_second(i64::try_from(holiday).unwrap_or(0));
        let holiday = holiday.unwrap_or_default().strftime("%Y-%m-%d");
        let mut text = format!("{HEAD}holidays = [\"{holiday}\"]\n\n[geo]\noverride = [\n");
        for block in blocks(seed) {
            let Block {
                prefix,
                country,
                asn,
                kind,
            } = block;
            let country = country.code();
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "    {{ prefix = \"{prefix}\", country = \"{country}\", asn = {asn}, \
                 organisation = \"{kind:?} {asn}\" }},"
            );
        }
        text + "]\n"
    }
}

/// Addresses that one system has in one country.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub prefix: Ipv4Net,
    pub country: Country,
    pub asn: u32,
    kind: NetworkKind,
}

/// All blocks of the world with this seed.
pub(super) fn blocks(seed: u64) -> impl Iterator<Item = Block> {
    let networks = Atlas::new(seed).networks;
    networks.into_iter().filter_map(|network| {
        Some(Block {
            prefix: Ipv4Net::new(Ipv4Addr::from_bits(network.block), BLOCK_PREFIX_BITS).ok()?,
            country: network.country,
            asn: network.asn,
            kind: network.kind,
        })
    })
}

const HEAD: &str = "# The sensor's configuration for a capture of a world: all that it is told \
of the site.\n\
# The peers' addresses and systems are invented, so the databases cannot place them.\n\
[site]\n\
networks = [\"10.20.0.0/16\"]\n\
jurisdictions = [\"CN\"]\n\
time_zone = \"UTC\"\n";

const BLOCK_PREFIX_BITS: u8 = 16;

const _: () = assert!(super::atlas::BLOCK_ADDRESSES == 1 << (32 - BLOCK_PREFIX_BITS));
