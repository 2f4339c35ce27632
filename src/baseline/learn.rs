//! How long to learn before speaking.

use std::str::FromStr;

use serde::Deserialize;
use thiserror::Error;

/// How the baseline is learned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BaselineConfig {
    /// How long to learn.
    pub learn: Learn,
}

/// How long an asset is learned before the detectors that rest on it may alert.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Learn {
    /// By the pools after a day, by itself after a week.
    #[default]
    Auto,
    /// After this many hours with traffic.
    Hours(u64),
}

/// How far an asset has been learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Nothing may be told yet; what would have been goes to the shadow.
    Learning,
    /// The pools may speak for it.
    Pools,
    /// It has a normal of its own.
    Own,
}

impl Learn {
    /// The stage of an asset that has been observed for so many hours with traffic.
    pub const fn stage(self, hours: u64) -> Stage {
        match self {
            Self::Auto if hours < AUTO_POOLS_HOURS => Stage::Learning,
            Self::Auto if hours < AUTO_OWN_HOURS => Stage::Pools,
            Self::Hours(least) if hours < least => Stage::Learning,
            Self::Auto | Self::Hours(_) => Stage::Own,
        }
    }

    /// Hours with traffic after which the first detector may alert.
    pub const fn hours_until_first_alert(self) -> u64 {
        match self {
            Self::Auto => AUTO_POOLS_HOURS,
            Self::Hours(hours) => hours,
        }
    }
}

/// A text that is no learning time.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{0}` is no learning time: use \"auto\", or hours or days such as \"36h\" or \"14d\"")]
pub struct LearnError(String);

impl FromStr for Learn {
    type Err = LearnError;

    fn from_str(text: &str) -> Result<Self, LearnError> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let hours = [("h", 1), ("d", 24)]
            .into_iter()
            .find_map(|(unit, hours_per_unit)| {
                text.strip_suffix(unit)?
                    .parse::<u64>()
                    .ok()?
                    .checked_mul(hours_per_unit)
            });
        hours
            .map(Self::Hours)
            .ok_or_else(|| LearnError(text.to_owned()))
    }
}

impl TryFrom<String> for Learn {
    type Error = LearnError;

    fn try_from(text: String) -> Result<Self, LearnError> {
        text.parse()
    }
}

/// Hours after which the pools may speak.
const AUTO_POOLS_HOURS: u64 = 24;

/// Hours after which an asset speaks for itself.
const AUTO_OWN_HOURS: u64 = 168;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learning_times_read_as_people_write_them() {
        assert_eq!("auto".parse(), Ok(Learn::Auto));
        assert_eq!("14d".parse(), Ok(Learn::Hours(336)));
        assert_eq!("0h".parse(), Ok(Learn::Hours(0)));
        for wrong in ["", "14", "d", "-1d", "2w", "99999999999999999999d"] {
            assert!(wrong.parse::<Learn>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn auto_speaks_by_the_pools_first() {
        let stages = [0, 23, 24, 167, 168].map(|hours| Learn::Auto.stage(hours));
        use Stage::{Learning, Own, Pools};
        assert_eq!(stages, [Learning, Learning, Pools, Pools, Own]);
        assert_eq!(Learn::Hours(0).stage(0), Own);
    }
}
