//! Data that leaves where nothing large is expected: in the names that are asked for, and in
//! the payload of pings.
//!
//! Unlike the other detectors these look at what is said and not at how much is sent, need
//! nothing that was learned, and so speak from the first hour on and beside the alert budget.

mod distinct;
mod echoes;
mod information;
mod level;
mod names;

pub use echoes::{Direction, Echo, EchoSuspicion, EchoTunnels};
pub use names::{Asked, NameSuspicion, NameTunnels};

use serde::{Deserialize, Serialize};

use crate::inventory::AssetKey;
use crate::time::Tick;

use super::{Detector, Finding, Told};

/// What is known of the names and the pings of all assets.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Tunnels {
    /// Names that are asked for.
    pub names: NameTunnels<AssetKey>,
    /// Pings.
    pub echoes: EchoTunnels<AssetKey>,
}

impl Tunnels {
    /// Nothing known yet. Whoever knows the key can choose names that are held for known.
    pub fn keyed(key: u64) -> Self {
        Self {
            names: NameTunnels::new(key),
            echoes: EchoTunnels::default(),
        }
    }

    /// Domains, assets and peers that were forgotten for lack of room.
    pub fn evicted(&self) -> u64 {
        self.names.evicted() + self.echoes.evicted()
    }
}

impl From<&NameSuspicion<AssetKey>> for Finding {
    fn from(suspicion: &NameSuspicion<AssetKey>) -> Self {
        Self {
            detector: Detector::Names,
            cell: None,
            p: NAMES_CHANCE,
            since: Tick(suspicion.since),
            bytes: suspicion.bytes_estimated,
            expected_bytes: 0,
            sentence: suspicion.sentence(),
        }
    }
}

impl From<&EchoSuspicion<AssetKey>> for Finding {
    fn from(suspicion: &EchoSuspicion<AssetKey>) -> Self {
        Self {
            detector: Detector::Echoes,
            cell: None,
            p: ECHOES_CHANCE,
            since: Tick(suspicion.since),
            bytes: suspicion.bytes_estimated,
            expected_bytes: 0,
            sentence: suspicion.sentence(),
        }
    }
}

/// What is to be told of a tunnel, beside what else is.
pub fn told(finding: Finding, others: Option<Told>) -> Told {
    let (score, mut findings, allowance_bytes) = others.map_or((0.0, Vec::new(), 0), |told| {
        (told.score, told.findings, told.allowance_bytes)
    });
    findings.insert(0, finding);
    Told {
        score: SCORE.max(score),
        findings,
        allowance_bytes,
    }
}

/// The score of a tunnel, which has none that was learned.
const SCORE: f64 = 75.0;

/// The chance that a day of an asset shows as much without a tunnel. Of names: four times in
/// some 1,400 days of assets of simulated sites, whose look-up services were not all known.
/// Of pings: never there, so one in as many.
const NAMES_CHANCE: f64 = 0.003;
const ECHOES_CHANCE: f64 = 0.000_7;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::law::Text;

    #[test]
    fn a_tunnel_stands_beside_what_the_others_say() {
        let finding = |detector| Finding {
            detector,
            cell: None,
            p: 0.5,
            since: Tick(7),
            bytes: 2_000,
            expected_bytes: 0,
            sentence: Text::default(),
        };
        let alone = told(finding(Detector::Names), None);
        assert_eq!((alone.score, alone.findings.len()), (75.0, 1));
        assert!(!alone.is_of_days(), "the budget has not paid for it");
        let volume = Told {
            score: 90.0,
            findings: vec![finding(Detector::AssetVolume)],
            allowance_bytes: 9,
        };
        let both = told(finding(Detector::Echoes), Some(volume));
        assert_eq!((both.score, both.allowance_bytes), (90.0, 9));
        assert_eq!(both.findings.len(), 2);
    }
}
