//! The configuration of this stage: `[asset]`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use toml::Spanned;

use super::declared::Declared;
use super::list::WrittenKnown;
use super::{NameHash, Vlan};
use crate::decode::Mac;

/// What a site's assets are told apart by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AssetConfig {
    /// The key of an asset.
    pub by: AssetBy,
    /// Assets that the operator names.
    pub known: Vec<Known>,
    /// A file with more of them: a table, or TOML if its name ends in `.toml`.
    pub inventory: Option<PathBuf>,
}

/// The key of an asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AssetBy {
    /// The inventory, then the network card where it is seen, then the address.
    #[default]
    Auto,
    /// The network card where it is seen, then the inventory's prefixes, then the address.
    Mac,
    /// The inventory's prefixes, then the IPv4 address or the /64 of an IPv6 address.
    Address,
}

/// An asset that the operator names: all of its addresses, and its network card, are one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "WrittenKnown")]
pub struct Known {
    /// Its name.
    pub name: Spanned<Name>,
    /// Its addresses, in its VLAN where it has one. Where prefixes of several assets hold an
    /// address, the longest counts; those of a VLAN count before all others.
    pub addresses: Vec<Spanned<WrittenPrefix>>,
    /// Its network card.
    pub mac: Option<Spanned<WrittenMac>>,
    /// Bytes that it may send to a country within an hour, instead of what all others may.
    pub ceiling_bytes_per_hour: Option<NonZeroU64>,
    /// What else is said of it.
    pub declared: Declared,
}

/// A name that can stand where an address could, and is none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

/// A prefix, or the one of a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct WrittenPrefix(pub IpNet);

/// A network card, as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct WrittenMac(pub Mac);

/// Characters of the longest name.
const NAME_CHARACTERS_MAX: usize = 64;

/// What is wrong with an inventory, and at which byte of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownError {
    /// Where.
    pub offset: usize,
    /// What.
    pub message: String,
}

impl AssetConfig {
    /// Holds the named assets against each other.
    ///
    /// # Errors
    /// The first that is named twice, or that shares a prefix or a card with another.
    pub fn check(&self) -> Result<(), KnownError> {
        first_error(self.by, self.known.iter()).map_or(Ok(()), |(_, error)| Err(error))
    }
}

/// The first asset that is named twice, that shares a prefix or a card with another, or that
/// nothing can be told by: its place among all, and what is wrong.
pub(super) fn first_error<'a>(
    by: AssetBy,
    all: impl Iterator<Item = &'a Known>,
) -> Option<(usize, KnownError)> {
    let mut names = BTreeMap::new();
    let mut prefixes = BTreeMap::new();
    let mut whole = BTreeMap::new();
    let mut cards = BTreeMap::new();
    for (place, known) in all.enumerate() {
        let name = known.name.get_ref().as_str();
        let error = |offset, message| Some((place, KnownError { offset, message }));
        let offset = known.name.span().start;
        let vlan = known.declared.vlan;
        if known.addresses.is_empty() && known.mac.is_none() && vlan.is_none() {
            let message = format!("`{name}` has neither addresses nor a mac nor a vlan");
            return error(offset, message);
        }
        if known.addresses.is_empty() && known.mac.is_some() && vlan.is_some() {
            let message = format!(
                "`{name}` is told by its mac alone, in whatever VLAN: give its addresses there, \
                 or remove `vlan`"
            );
            return error(offset, message);
        }
        if let Some(other) = names.insert(known.name.get_ref().hash(), name) {
            let message = match other == name {
                true => format!("`{name}` is the name of two assets"),
                false => format!("`{name}` cannot be told from `{other}`: change one of them"),
            };
            return error(offset, message);
        }
        if let Some(vlan) = known.whole_vlan()
            && let Some(other) = whole.insert(vlan, name)
        {
            let message = format!("VLAN {} is `{other}`'s already", vlan.number());
            return error(offset, message);
        }
        for prefix in &known.addresses {
            let key = (vlan, prefix.get_ref().0.trunc());
            if let Some(other) = prefixes.insert(key, name) {
                let message = format!("{} is `{other}`'s already", prefix.get_ref().0);
                return error(prefix.span().start, message);
            }
        }
        let Some(mac) = &known.mac else { continue };
        let WrittenMac(card) = mac.get_ref();
        if by == AssetBy::Address {
            let message = "asset.by = \"address\" looks at no MAC address".to_owned();
            return error(mac.span().start, message);
        }
        if let Some(other) = cards.insert(*card, name) {
            return error(mac.span().start, format!("{card} is `{other}`'s already"));
        }
    }
    None
}

impl Known {
    /// The VLAN that is this asset with all that is in it, where no addresses are given.
    pub fn whole_vlan(&self) -> Option<Vlan> {
        self.declared.vlan.filter(|_| self.addresses.is_empty())
    }
}

impl Name {
    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands for it in the key of an asset, in this run and in others.
    pub fn hash(&self) -> NameHash {
        let digest: [u8; 32] = Sha256::digest(self.0.as_bytes()).into();
        let [a, b, c, d, e, f, ..] = digest;
        NameHash(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let is_address = name.parse::<IpAddr>().is_ok()
            || name.parse::<IpNet>().is_ok()
            || name.parse::<Mac>().is_ok();
        if is_address {
            return Err(format!("`{name}` is an address and no name"));
        }
        let is_length = (1..=NAME_CHARACTERS_MAX).contains(&name.chars().count());
        if !is_length || name.trim() != name || name.contains(char::is_control) {
            return Err(format!(
                "`{}` is no name: use 1 to {NAME_CHARACTERS_MAX} characters, none of them a \
                 control character, and no space at the ends",
                name.escape_debug(),
            ));
        }
        Ok(Self(name))
    }
}

impl TryFrom<String> for WrittenPrefix {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let prefix = text.parse().or_else(|_| text.parse().map(IpAddr::into));
        let prefix = prefix.map_err(|_| format!("`{text}` is neither a prefix nor an address"))?;
        Ok(Self(prefix))
    }
}

impl TryFrom<String> for WrittenMac {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self)
    }
}
