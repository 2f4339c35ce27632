//! Addresses to assets: whose normal a baseline is.
//!
//! An address is not an asset: a lease ends, and hosts change their IPv6 addresses daily (RFC
//! 8981), but a baseline must outlive that. So an asset is what the operator's [`Inventory`]
//! names, else the machine whose network card has the address as far as [`Bindings`] know,
//! else the IPv4 address or the IPv6 /64.

mod bindings;
mod config;
mod key;

pub use bindings::{ADDRESSES_PER_CARD_MAX, BINDINGS_MAX, Bindings, CONFIRM_SECONDS};
pub use config::{AssetBy, AssetConfig, Known, KnownError, Name, WrittenMac, WrittenPrefix};
pub use key::{AssetKey, NameHash};

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::decode::Mac;
use crate::geo::{PrefixMap, PrefixTable};

/// Who is who, as the operator says.
#[derive(Debug)]
pub struct Inventory {
    by: AssetBy,
    names: BTreeMap<NameHash, Named>,
    prefixes: PrefixTable<NameHash>,
    cards: BTreeMap<Mac, NameHash>,
}

#[derive(Debug)]
struct Named {
    name: String,
    /// Whether it names no more than one machine.
    is_of_one: bool,
}

impl Inventory {
    /// Takes what the operator says.
    pub fn new(config: &AssetConfig) -> Self {
        let mut prefixes = PrefixMap::default();
        let (mut names, mut cards) = (BTreeMap::new(), BTreeMap::new());
        for known in &config.known {
            let name = known.name.get_ref();
            let addresses = known.addresses.iter().map(|prefix| prefix.get_ref().0);
            let is_host = |prefix: ipnet::IpNet| prefix.prefix_len() == prefix.max_prefix_len();
            let named = Named {
                name: name.as_str().to_owned(),
                is_of_one: addresses.clone().all(is_host),
            };
            names.insert(name.hash(), named);
            for prefix in addresses {
                prefixes.insert(prefix, name.hash());
            }
            cards.extend(known.mac.as_ref().map(|mac| (mac.get_ref().0, name.hash())));
        }
        Self {
            by: config.by,
            names,
            prefixes: prefixes.table(),
            cards,
        }
    }

    /// Whether it matters who has an address on the link.
    pub fn asks_for_cards(&self) -> bool {
        self.by != AssetBy::Address
    }

    /// The asset to which an address belongs now.
    #[inline]
    pub fn asset(&self, bindings: &Bindings, address: IpAddr) -> AssetKey {
        let own = AssetKey::of(address);
        if (self.names.is_empty() && bindings.is_empty()) || own == AssetKey::UNNAMED {
            return own;
        }
        self.known(bindings, address.to_canonical()).unwrap_or(own)
    }

    fn known(&self, bindings: &Bindings, address: IpAddr) -> Option<AssetKey> {
        let by_address = || self.prefixes.longest(address).map(AssetKey::Named);
        let by_card = || {
            let card = bindings.holder(address)?;
            let name = self.cards.get(&card).copied();
            Some(name.map_or(AssetKey::Mac(card), AssetKey::Named))
        };
        match self.by {
            AssetBy::Auto => by_address().or_else(by_card),
            AssetBy::Mac => by_card().or_else(by_address),
            AssetBy::Address => by_address(),
        }
    }

    /// Under which keys what is known of the asset of an address may have been learned, the
    /// likeliest first: before its card was seen, or the operator gave it a name. Nothing
    /// goes on under a name of many machines, or where the address was lent to another.
    pub fn predecessors(
        &self,
        bindings: &Bindings,
        asset: AssetKey,
        address: IpAddr,
    ) -> impl Iterator<Item = AssetKey> {
        let own = AssetKey::of(address);
        let is_of_one = match asset {
            AssetKey::V4(_) | AssetKey::Mac(_) => true,
            AssetKey::V6Prefix(_) => false,
            AssetKey::Named(hash) => self.names.get(&hash).is_some_and(|named| named.is_of_one),
        };
        let of_address = Some(own).filter(|own| matches!(own, AssetKey::V4(_)));
        let of_card = bindings.holder(address).map(AssetKey::Mac);
        let of_former = bindings.former(address).map(AssetKey::Mac);
        let all = [of_card, of_address, of_former].into_iter().flatten();
        all.filter(move |key| is_of_one && *key != asset)
    }

    /// How an asset is called that sent from an address: by its name, else by an address.
    pub fn label(&self, asset: AssetKey, address: IpAddr) -> String {
        match asset {
            AssetKey::Named(hash) => match self.names.get(&hash) {
                Some(named) => named.name.clone(),
                // It had one in an earlier configuration.
                None => asset.to_string(),
            },
            AssetKey::Mac(_) => address.to_string(),
            AssetKey::V4(_) | AssetKey::V6Prefix(_) => asset.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
