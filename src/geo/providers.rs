//! Whose address it is, by the lists that clouds and networks publish of themselves.
//!
//! A database of countries guesses. A cloud knows in which of its regions a prefix is, and an
//! anycast address answers from many places, so that no country is right. What a list says
//! changes how sure a country is and never the country: see [`opinion`].
//!
//! A few small lists of anycast prefixes are built in ([`SHIPPED_LISTS`]); those of the clouds are
//! large, change weekly, and are named by the operator. Of prefixes that hold an address the
//! longest counts. Where lists have the same prefix, a later list outranks an earlier one, and
//! all outrank what is built in. Where one list has it twice, as AWS does for each service,
//! what leaves the place more open counts.

mod error;
mod file;
mod format;
mod gather;
mod json;
mod opinion;
mod regions;
#[cfg(test)]
mod tests;
mod text;

pub use error::ProvidersError;
pub use file::LIST_BYTES_MAX;
pub use format::ListFormat;
pub use gather::LIST_PREFIXES_MAX;
pub use opinion::{Opinion, opinion, reason};

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::prefixes::PrefixTable;
use super::{Country, address};
use gather::{Gathered, Slot};

/// Who has a prefix, for what, and where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Provider {
    /// Its name: at most 128 characters, none of them a control character.
    pub name: Box<str>,
    /// What it uses the prefix for.
    pub kind: ProviderKind,
    /// The region in the provider's own words, as short as the name.
    pub region: Option<Box<str>>,
    /// The country of the region, where the list or [`Provider::region`] tells it.
    pub country: Option<Country>,
}

/// What a provider uses a prefix for. The later leaves its place the more open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProviderKind {
    /// Its holder publishes where its users are (a geofeed, RFC 8805).
    Feed,
    /// Machines of a region of a cloud.
    Cloud,
    /// Caches of a content delivery network: the nearest one answers.
    Cdn,
    /// One address at many places, by its routing.
    Anycast,
}

impl ProviderKind {
    const ALL: [Self; 4] = [Self::Feed, Self::Cloud, Self::Cdn, Self::Anycast];

    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Cloud => "cloud",
            Self::Cdn => "cdn",
            Self::Anycast => "anycast",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Tells the provider of an address. Threads can share one: what it says never changes.
#[derive(Debug)]
pub struct Providers {
    known: Vec<Provider>,
    slots: PrefixTable<Slot>,
    lists: Vec<ListInfo>,
}

/// Which list is in use, as evidence for what was said by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListInfo {
    /// The path of the file, or `embedded` and a name.
    pub source: String,
    /// How it is written.
    pub format: ListFormat,
    /// Prefixes in it that no list before it has.
    pub prefixes: usize,
}

impl Providers {
    /// Reads the lists at `paths` and those that are built in: [`SHIPPED_LISTS`], or none.
    ///
    /// # Errors
    /// Says which file cannot be used, where in it, and why.
    pub fn open(paths: &[PathBuf], shipped: &[ShippedList]) -> Result<Self, ProvidersError> {
        let mut gathered = Gathered::default();
        let mut lists = Vec::new();
        for list in shipped {
            let source = format!("embedded {}", list.name);
            lists.push(take(
                list.text.as_bytes(),
                source,
                list.name,
                &mut gathered,
            )?);
        }
        for path in paths {
            let bytes = file::read(path)?;
            let source = path.display().to_string();
            lists.push(take(&bytes, source, stem(path), &mut gathered)?);
        }
        let (known, slots) = gathered.finish();
        Ok(Self {
            known,
            slots,
            lists,
        })
    }

    /// The provider of the longest prefix that holds `address`.
    ///
    /// A v4-mapped address is the IPv4 address that it maps; a 6to4 or NAT64 address that no
    /// list has is looked up by the IPv4 address that it embeds.
    pub fn look_up(&self, address: IpAddr) -> Option<&Provider> {
        let address = address::canonical(address);
        let slot = self.slots.longest(address).or_else(|| {
            let embedded = address::embedded(address)?;
            self.slots.longest(embedded.into())
        })?;
        self.known.get(slot.provider())
    }

    /// The ranges of IPv4 addresses from `first` to `last`, each with its own two and its
    /// provider.
    pub(super) fn ipv4_between(
        &self,
        first: u32,
        last: u32,
    ) -> impl Iterator<Item = (u32, u32, Option<&Provider>)> + '_ {
        let ranges = self.slots.ipv4_between(first, last);
        ranges.map(|(from, to, slot)| {
            let provider = slot.and_then(|slot| self.known.get(slot.provider()));
            (from, to, provider)
        })
    }

    /// The lists in use, in the order in which they were read.
    pub fn lists(&self) -> &[ListInfo] {
        &self.lists
    }
}

/// Reads one list, which is `name` where it does not say whose it is.
fn take(
    bytes: &[u8],
    source: String,
    name: &str,
    into: &mut Gathered,
) -> Result<ListInfo, ProvidersError> {
    let before = into.prefixes();
    into.begin();
    let format = format::read(bytes, name, into).map_err(|fault| fault.of(&source))?;
    Ok(ListInfo {
        source,
        format,
        prefixes: into.prefixes() - before,
    })
}

/// The name of a file without its last ending.
fn stem(path: &Path) -> &str {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    stem.unwrap_or("list")
}

/// A list that is built in.
#[derive(Clone, Copy, Debug)]
pub struct ShippedList {
    name: &'static str,
    text: &'static str,
}

/// The lists that are built in. Each says where and when it was read.
pub const SHIPPED_LISTS: &[ShippedList] = &[
    ShippedList {
        name: "cdn",
        text: include_str!("../../models/geo/providers/cdn.csv"),
    },
    ShippedList {
        name: "anycast",
        text: include_str!("../../models/geo/providers/anycast.csv"),
    },
];
