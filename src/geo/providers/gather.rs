//! What lists say, being gathered.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::super::prefixes::{PrefixMap, PrefixTable};
use super::{Country, Provider, ProviderKind};

/// Providers by prefix, where each provider is kept once: a cloud has thousands of prefixes
/// in some forty regions.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    map: PrefixMap<Slot>,
    prefixes: usize,
    entries: usize,
    /// What is read now, so that a list may say a thing twice and still outrank others.
    list: u32,
    known: Vec<Arc<Provider>>,
    numbers: HashMap<Arc<Provider>, u32>,
}

/// What a prefix leads to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    list: u32,
    provider: u32,
}

impl Slot {
    /// The place of its provider among those known.
    pub(super) const fn provider(self) -> usize {
        self.provider as usize
    }
}

/// What a list says of one prefix.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) prefix: &'a str,
    pub(super) name: &'a str,
    pub(super) kind: ProviderKind,
    pub(super) region: Option<&'a str>,
    pub(super) country: Option<Country>,
}

impl Gathered {
    /// What comes now is of another list.
    pub(super) const fn begin(&mut self) {
        self.list += 1;
    }

    /// Prefixes so far, each counted once.
    pub(super) const fn prefixes(&self) -> usize {
        self.prefixes
    }

    /// Entries so far, of which many may be of one prefix.
    pub(super) const fn entries(&self) -> usize {
        self.entries
    }

    /// # Errors
    /// Says what is wrong with the prefix and what to do.
    pub(super) fn add(&mut self, entry: Entry<'_>) -> Result<(), String> {
        let prefix = prefix(entry.prefix)?;
        self.entries += 1;
        let provider = self.number(Provider {
            name: shown(entry.name).unwrap_or_else(|| "unnamed".into()),
            kind: entry.kind,
            region: entry.region.and_then(shown),
            country: entry.country,
        });
        let list = self.list;
        match self.map.insert(prefix, Slot { list, provider }) {
            None if self.prefixes == LIST_PREFIXES_MAX => {
                return Err(format!(
                    "all lists together have more than {LIST_PREFIXES_MAX} prefixes: name fewer"
                ));
            }
            None => self.prefixes += 1,
            Some(before) if before.list == list => {
                let provider = self.joined(before.provider, provider);
                self.map.insert(prefix, Slot { list, provider });
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// What both providers of a prefix say together, in one list.
    fn joined(&mut self, before: u32, after: u32) -> u32 {
        let both = (self.of(before), self.of(after));
        let (Some(one), Some(other)) = both else {
            return after;
        };
        match one.kind.cmp(&other.kind) {
            Ordering::Less => after,
            Ordering::Greater => before,
            Ordering::Equal => match (one.country, other.country) {
                (Some(a), Some(b)) if a != b => {
                    // Two countries are none, and stay none whatever comes.
                    let nowhere = Provider {
                        region: None,
                        country: Some(Country::UNKNOWN),
                        ..one.clone()
                    };
                    self.number(nowhere)
                }
                (None, Some(_)) => after,
                (None, None) if one.region.is_none() => after,
                _ => before,
            },
        }
    }

    fn of(&self, number: u32) -> Option<&Provider> {
        self.known.get(number as usize).map(AsRef::as_ref)
    }

    fn number(&mut self, provider: Provider) -> u32 {
        if let Some(number) = self.numbers.get(&provider) {
            return *number;
        }
        // There are at most two for each entry, of which a list has no more than bytes.
        let number = self.known.len() as u32;
        let provider = Arc::new(provider);
        self.known.push(Arc::clone(&provider));
        self.numbers.insert(provider, number);
        number
    }

    /// The providers, and which prefix is whose.
    pub(super) fn finish(self) -> (Vec<Provider>, PrefixTable<Slot>) {
        let known = self.known.iter().map(|provider| Provider {
            country: provider.country.filter(|country| !country.is_unknown()),
            ..provider.as_ref().clone()
        });
        (known.collect(), self.map.table())
    }
}

/// Reads a prefix, or one address.
fn prefix(text: &str) -> Result<IpNet, String> {
    let address = |_| text.parse::<IpAddr>().map(IpNet::from);
    let Ok(prefix) = text.parse().or_else(address) else {
        return Err(format!(
            "`{}` is no prefix such as 192.0.2.0/24",
            told(text)
        ));
    };
    let least = match prefix {
        IpNet::V4(_) => IPV4_BITS_MIN,
        IpNet::V6(_) => IPV6_BITS_MIN,
    };
    if prefix.prefix_len() < least {
        return Err(format!(
            "{prefix} is too large for one provider: it has less than {least} bits"
        ));
    }
    Ok(prefix)
}

/// The beginning of a wrong text, fit for a line of a log.
pub(super) fn told(text: &str) -> String {
    text.escape_debug().take(TOLD_CHARS_MAX).collect()
}

/// A name as it may be shown, if anything of it can be.
fn shown(text: &str) -> Option<Box<str>> {
    let letters = text.trim().chars().filter(|letter| !letter.is_control());
    let name: String = letters.take(NAME_CHARS_MAX).collect();
    (!name.is_empty()).then(|| name.into())
}

/// Prefixes of all lists: Azure publishes some 50,000 that differ, Apple 300,000.
pub const LIST_PREFIXES_MAX: usize = 500_000;

/// Bits of the largest prefixes of one provider, so that a slip does not doubt all countries.
const IPV4_BITS_MIN: u8 = 8;
const IPV6_BITS_MIN: u8 = 16;

const NAME_CHARS_MAX: usize = 128;

/// Characters of a wrong text that are told.
const TOLD_CHARS_MAX: usize = 64;
