//! Addresses to assets: whose normal a baseline is.
//!
//! An address is not an asset: a lease ends, and hosts change their IPv6 addresses daily (RFC
//! 8981), but a baseline must outlive that. So an asset is what the operator's [`Inventory`]
//! names, else the machine whose network card has the address as far as [`Bindings`] know,
//! else the IPv4 address or the IPv6 /64.

mod bindings;
mod categories;
mod config;
mod declared;
mod key;
mod list;
mod station;
mod table;
mod words;

pub use bindings::{ADDRESSES_PER_CARD_MAX, BINDINGS_MAX, Bindings, CONFIRM_SECONDS};
pub use categories::Categories;
pub use config::{AssetBy, AssetConfig, Known, KnownError, Name, WrittenMac, WrittenPrefix};
pub use declared::{BytesPerRecord, Declared, Term, Uscc, WrittenCountry};
pub use key::{AssetKey, NameHash};
pub use list::{ASSET_COLUMNS, Listed};
pub use station::{Station, Vlan};
pub use table::{
    CELL_BYTES_MAX, Column, LIST_BYTES_MAX, Lines, ListError, ROWS_MAX, Row, Table, one_line,
    read_list, read_toml, shown, utf8, without_mark,
};
pub use words::{Category, Grade, Route, none_of};

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::decode::Mac;
use crate::geo::{PrefixMap, PrefixTable};

/// Who is who, as the operator says.
#[derive(Debug)]
pub struct Inventory {
    by: AssetBy,
    names: BTreeMap<NameHash, Named>,
    prefixes: PrefixTable<NameHash>,
    /// Of assets that are told by their VLAN too.
    vlans: BTreeMap<Vlan, PrefixTable<NameHash>>,
    cards: BTreeMap<Mac, NameHash>,
}

#[derive(Debug)]
struct Named {
    name: String,
    /// Whether it names no more than one machine.
    is_of_one: bool,
    declared: Declared,
}

impl Inventory {
    /// Takes what the operator says.
    pub fn new(config: &AssetConfig) -> Self {
        Self::of(config.by, config.known.iter())
    }

    /// Takes what the operator says in several places.
    pub fn of<'a>(by: AssetBy, known: impl Iterator<Item = &'a Known>) -> Self {
        let mut prefixes: PrefixMap<NameHash> = PrefixMap::default();
        let mut vlans: BTreeMap<Vlan, PrefixMap<NameHash>> = BTreeMap::new();
        let (mut names, mut cards) = (BTreeMap::new(), BTreeMap::new());
        for known in known {
            let name = known.name.get_ref();
            let addresses = known.addresses.iter().map(|prefix| prefix.get_ref().0);
            let is_host = |prefix: IpNet| prefix.prefix_len() == prefix.max_prefix_len();
            let named = Named {
                name: name.as_str().to_owned(),
                // Who had the address before may have had it in another VLAN.
                is_of_one: known.declared.vlan.is_none() && addresses.clone().all(is_host),
                declared: known.declared.clone(),
            };
            names.insert(name.hash(), named);
            let own = match known.declared.vlan {
                Some(vlan) => vlans.entry(vlan).or_default(),
                None => &mut prefixes,
            };
            let whole = EVERYTHING.into_iter();
            let whole = whole.filter(|_| known.whole_vlan().is_some());
            for prefix in addresses.chain(whole) {
                own.insert(prefix, name.hash());
            }
            cards.extend(known.mac.as_ref().map(|mac| (mac.get_ref().0, name.hash())));
        }
        Self {
            by,
            names,
            prefixes: prefixes.table(),
            vlans: vlans
                .into_iter()
                .map(|(vlan, of_vlan)| (vlan, of_vlan.table()))
                .collect(),
            cards,
        }
    }

    /// Whether it matters who has an address on the link.
    pub fn asks_for_cards(&self) -> bool {
        self.by != AssetBy::Address
    }

    /// What is declared of an asset that the inventory names.
    pub fn declared(&self, asset: AssetKey) -> Option<&Declared> {
        let AssetKey::Named(hash) = asset else {
            return None;
        };
        self.names.get(&hash).map(|named| &named.declared)
    }

    /// Whether what a station sends is looked into. Assets that are told by their card alone are
    /// not.
    pub fn is_inspected(&self, station: Station) -> bool {
        let named = self.by_address(station);
        let named = named.and_then(|name| self.names.get(&name));
        named.is_some_and(|named| named.declared.is_inspected)
    }

    /// How many assets are.
    pub fn inspected(&self) -> usize {
        let all = self.names.values();
        all.filter(|named| named.declared.is_inspected).count()
    }

    /// The asset to which a station belongs now.
    #[inline]
    pub fn asset(&self, bindings: &Bindings, station: Station) -> AssetKey {
        let own = AssetKey::of(station.address);
        if (self.names.is_empty() && bindings.is_empty()) || own == AssetKey::UNNAMED {
            return own;
        }
        self.known(bindings, station).unwrap_or(own)
    }

    /// The asset that has the longest prefix: among those that are declared for the VLAN, else
    /// among those of any.
    fn by_address(&self, station: Station) -> Option<NameHash> {
        let address = station.address.to_canonical();
        let of_vlan = || self.vlans.get(&station.vlan?)?.longest(address);
        of_vlan().or_else(|| self.prefixes.longest(address))
    }

    fn known(&self, bindings: &Bindings, station: Station) -> Option<AssetKey> {
        let by_address = || self.by_address(station).map(AssetKey::Named);
        let by_card = || {
            let card = bindings.holder(station.address.to_canonical())?;
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

    /// Whether no address belongs to an asset any more, as far as can be told: the IPv4 address
    /// that it was told by belongs to another, or all addresses of its card do.
    pub fn is_abandoned(&self, bindings: &Bindings, asset: AssetKey, address: IpAddr) -> bool {
        let is_of_another = |address: IpAddr| self.asset(bindings, address.into()) != asset;
        match asset {
            AssetKey::V4(own) => {
                IpAddr::V4(own) == address.to_canonical() && is_of_another(address)
            }
            AssetKey::Mac(card) => {
                bindings.holder(address) == Some(card)
                    && bindings.addresses(card).all(is_of_another)
            }
            AssetKey::V6Prefix(_) | AssetKey::Named(_) => false,
        }
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

/// What an asset has that is a whole VLAN.
const EVERYTHING: [IpNet; 2] = [
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0)),
];

#[cfg(test)]
mod tests;
