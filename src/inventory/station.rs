//! Where on the site's links an address is.

use std::net::IpAddr;
use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

/// The number of a VLAN, 1 to 4094 (IEEE 802.1Q: 0 means no VLAN, and 4095 is reserved).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16")]
pub struct Vlan(NonZeroU16);

/// An address, and the VLAN in whose frames it was seen. Sites that grew together have the same
/// private addresses twice, and only the VLAN tells which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Station {
    /// The address.
    pub address: IpAddr,
    /// The outermost tag; nothing where there is none, or where whoever saw it does not tell.
    pub vlan: Option<Vlan>,
}

impl Vlan {
    /// The number.
    pub const fn number(self) -> u16 {
        self.0.get()
    }

    /// The VLAN of a tag, unless the tag names none.
    pub fn of_tag(number: Option<u16>) -> Option<Self> {
        let number = number.filter(|number| *number <= VLAN_MAX)?;
        NonZeroU16::new(number).map(Self)
    }
}

impl TryFrom<u16> for Vlan {
    type Error = String;

    fn try_from(number: u16) -> Result<Self, String> {
        let vlan = Self::of_tag(Some(number));
        vlan.ok_or_else(|| format!("{number} is the number of no VLAN: use 1 to {VLAN_MAX}"))
    }
}

impl From<IpAddr> for Station {
    /// Where the VLAN is not known.
    fn from(address: IpAddr) -> Self {
        let vlan = None;
        Self { address, vlan }
    }
}

const VLAN_MAX: u16 = 4094;
