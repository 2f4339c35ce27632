//! Pseudonyms in place of addresses, in all that leaves the sensor.
//!
//! An address of the site is that of a person's machine as likely as not. With `privacy.mode =
//! "pseudonyms"` every line is veiled before it is written: [`Veil`] puts ipcrypt-pfx pseudonyms
//! in place of addresses (draft-denis-ipcrypt, "Methods for IP Address Encryption and
//! Obfuscation"), which keep which addresses share a prefix, and tokens in place of MAC
//! addresses. Both can be taken back by who has the key, and by nobody else. Inside, all is
//! learned and judged by the addresses themselves. `docs/privacy.md` says what is hidden and
//! what is not.

mod config;
mod key;
mod text;

pub use config::{Mode, PrivacyConfig, PrivacyError};
pub use key::{PseudonymKey, Revealed};

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde_json::Value;

use crate::decode::Mac;
use crate::geo::{PrefixMap, PrefixTable};

/// Hides addresses, or nothing. What is veiled must not be veiled again: a pseudonym looks like
/// any other address.
#[derive(Debug, Default)]
pub struct Veil(Option<Pseudonyms>);

#[derive(Debug)]
struct Pseudonyms {
    key: PseudonymKey,
    /// The networks of the site.
    own: PrefixTable<()>,
    hides_peers: bool,
}

impl Veil {
    /// Hides addresses of `networks` and of ranges that are nobody else's, and all others too if
    /// `hides_peers`.
    pub fn new(key: PseudonymKey, networks: &[IpNet], hides_peers: bool) -> Self {
        let mut own = PrefixMap::default();
        for network in networks {
            own.insert(*network, ());
        }
        Self(Some(Pseudonyms {
            key,
            own: own.table(),
            hides_peers,
        }))
    }

    /// Whether nothing is hidden.
    pub const fn is_off(&self) -> bool {
        self.0.is_none()
    }

    /// An address as it is told: its pseudonym, if it is to be hidden.
    pub fn address(&self, address: IpAddr) -> IpAddr {
        match &self.0 {
            Some(pseudonyms) => pseudonyms.address(address),
            None => address,
        }
    }

    /// A text as it is told, with pseudonyms in place of all addresses in it that are to be
    /// hidden.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &self.0 {
            Some(pseudonyms) => pseudonyms.text(text),
            None => Cow::Borrowed(text),
        }
    }

    /// Hides what stands in a text.
    pub fn hide(&self, text: &mut String) {
        if let Cow::Owned(veiled) = self.text(text) {
            *text = veiled;
        }
    }

    /// Hides what stands in any text of a JSON value. Names of members are not looked at.
    pub fn value(&self, value: &mut Value) {
        if self.is_off() {
            return;
        }
        match value {
            Value::String(text) => self.hide(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.value(value)),
            Value::Object(members) => members.values_mut().for_each(|value| self.value(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

impl Pseudonyms {
    fn address(&self, address: IpAddr) -> IpAddr {
        let address = address.to_canonical();
        match self.is_hidden(address) {
            true => self.key.address(address),
            false => address,
        }
    }

    /// A network as it is told: what the pseudonyms of its addresses have in common.
    fn network(&self, network: IpNet) -> IpNet {
        let first = self.address(network.network());
        let length = network.prefix_len();
        let veiled = match first {
            IpAddr::V4(v4) => Ipv4Net::new(v4, length).map(IpNet::from),
            IpAddr::V6(v6) => Ipv6Net::new(v6, length).map(IpNet::from),
        };
        veiled.map_or(network, |network| network.trunc())
    }

    fn card(&self, card: Mac) -> String {
        self.key.card(card)
    }

    /// Whether an address is to be hidden. One that stands for none never is.
    fn is_hidden(&self, address: IpAddr) -> bool {
        if address.is_unspecified() || address.is_loopback() || address.is_multicast() {
            return false;
        }
        self.hides_peers || is_private(address) || self.own.longest(address).is_some()
    }
}

/// Whether an address is of a range that anybody uses within: RFC 1918, RFC 3927, RFC 4193, RFC
/// 4291 section 2.5.6 and RFC 6598.
const fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || is_shared(v4),
        IpAddr::V6(v6) => is_local(v6),
    }
}

const fn is_shared(address: Ipv4Addr) -> bool {
    address.to_bits() >> 22 == 0x6440_0000 >> 22
}

const fn is_local(address: Ipv6Addr) -> bool {
    address.is_unique_local() || address.is_unicast_link_local()
}

#[cfg(test)]
mod tests;
