//! More in an hour than the operator allows at all.
//!
//! Idea: some exports are to be known of, however normal they are, whatever has been learned
//! and however few alerts are wanted. So the operator sets a ceiling, and nothing that is
//! learned, granted or said in feedback moves it.
//!
//! Formula: bytes from the asset to the country in the running hour of the clock (UTC), told
//! in the tick in which they pass the ceiling, and with an incident that is open as long as
//! the hour lasts. Of what was expected no more counts than the ceiling. It costs nothing of
//! the budget and teaches nothing, as [`growth`](super::growth) does not. The chance that is
//! shown is that of an hour to the country.
//!
//! The same for what is in the clear or weakly protected, as far as the beginnings of
//! conversations said so: that much may be too little to be odd, and too much to be read.
//!
//! Cost: two comparisons for an asset, a country and a tick.
//!
//! Blind spot: what stays below it in every hour of the clock, or goes to several countries;
//! a destination for which there is no room.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use crate::baseline::{Destination, Measure, Role};
use crate::geo::Country;
use crate::inventory::{AssetConfig, AssetKey};
use crate::policy::law::Text;
use crate::time::{HourSlot, Tick};

use super::{Bytes, Detector, Finding, Judge, Told};

/// How much an asset may send to a country within an hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ceilings {
    of_site: Option<u64>,
    unprotected: Option<u64>,
    of_known: BTreeMap<AssetKey, u64>,
}

/// Of what there is a ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Of everything.
    All,
    /// Of what is in the clear or weakly protected.
    Unprotected,
}

/// An hour that is past its ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Of what.
    pub limit: Limit,
    /// The ceiling.
    pub ceiling_bytes: u64,
    /// Whether the tick has passed it, and not one before.
    pub is_new: bool,
}

/// What an asset sends to a country in an hour that is past its ceiling.
#[derive(Clone, Copy, Debug)]
pub struct Breach<'a> {
    /// How the asset is called.
    pub label: &'a str,
    /// What it mostly does.
    pub role: Role,
    /// The country.
    pub country: Country,
    /// What it sends there.
    pub destination: &'a Destination,
    /// Kind of hour.
    pub slot: HourSlot,
    /// The running hour, counted from the epoch.
    pub hour: u64,
    /// What is past its ceiling.
    pub passed: Passed,
}

impl Ceilings {
    /// The one of all assets, that of what is not protected, and those of assets that the
    /// operator names.
    pub fn new(
        of_site: Option<NonZeroU64>,
        unprotected: Option<NonZeroU64>,
        assets: &AssetConfig,
    ) -> Self {
        let known = assets.known.iter().filter_map(|known| {
            let key = AssetKey::Named(known.name.get_ref().hash());
            Some((key, known.ceiling_bytes_per_hour?.get()))
        });
        Self {
            of_site: of_site.map(NonZeroU64::get),
            unprotected: unprotected.map(NonZeroU64::get),
            of_known: known.collect(),
        }
    }

    /// Bytes that an asset may send to each country within an hour, if there is a ceiling.
    pub fn of(&self, asset: AssetKey) -> Option<u64> {
        self.of_known.get(&asset).copied().or(self.of_site)
    }

    /// Whether an asset has a ceiling of any kind.
    pub fn has_any(&self, asset: AssetKey) -> bool {
        self.unprotected.is_some() || self.of(asset).is_some()
    }

    /// Compares an hour of an asset and a country with what is allowed: of all bytes, and of
    /// those in the clear or weakly protected, as they were before a tick and are behind it.
    pub fn passed(
        &self,
        asset: AssetKey,
        before: [u64; 2],
        after: [u64; 2],
    ) -> [Option<Passed>; 2] {
        let all = self.of(asset);
        let all = all.and_then(|most| Passed::of(Limit::All, most, before[0], after[0]));
        let bare = self.unprotected;
        let bare = bare.and_then(|most| Passed::of(Limit::Unprotected, most, before[1], after[1]));
        [all, bare]
    }
}

impl Passed {
    /// Compares an hour that has come from `before` to `after` bytes with its ceiling.
    pub const fn of(limit: Limit, ceiling_bytes: u64, before: u64, after: u64) -> Option<Self> {
        if after <= ceiling_bytes {
            return None;
        }
        Some(Self {
            limit,
            ceiling_bytes,
            is_new: before <= ceiling_bytes,
        })
    }
}

/// What is to be told of a breach, beside what else is.
pub fn told(judge: &Judge, breach: &Breach<'_>, others: Option<Told>) -> Told {
    let finding = finding(judge, breach);
    let (mut findings, allowance_bytes) = others.map_or((Vec::new(), u64::MAX), |told| {
        (told.findings, told.allowance_bytes)
    });
    findings.insert(0, finding);
    Told {
        score: SCORE,
        findings,
        allowance_bytes: allowance_bytes.min(breach.passed.ceiling_bytes),
    }
}

fn finding(judge: &Judge, breach: &Breach<'_>) -> Finding {
    let all = &breach.destination.all;
    let ceiling_bytes = breach.passed.ceiling_bytes;
    let (detector, bytes, [how, how_zh]) = match breach.passed.limit {
        Limit::All => (Detector::Ceiling, all.hour_bytes, [""; 2]),
        Limit::Unprotected => (
            Detector::Unprotected,
            breach.destination.unprotected_bytes,
            [" in the clear or weakly protected", "明文或弱保护的数据 "],
        ),
    };
    let (label, country) = (breach.label, breach.country);
    let (sent, ceiling) = (Bytes(bytes), Bytes(ceiling_bytes));
    let peaks = all.record().map(|record| record.past.hour_peaks);
    let peaks = peaks.unwrap_or_default();
    let curves = judge.curves();
    Finding {
        detector,
        cell: None,
        p: curves.chance(Measure::CountryHour, breach.role, &peaks, bytes as f64),
        since: Tick::of_hour(breach.hour),
        bytes,
        expected_bytes: all.expected(breach.slot).bytes().min(ceiling_bytes),
        sentence: Text {
            en: format!(
                "{label} has sent {sent} to {country}{how} in this hour; the ceiling is {ceiling}"
            ),
            zh: format!("{label} 本小时内发往 {country} {how_zh}{sent}；上限为 {ceiling}"),
        },
    }
}

/// What is past a ceiling is no matter of chance.
const SCORE: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::Baseline;
    use crate::dissect::Protection;
    use crate::geo::Confidence;
    use crate::time::Calendar;
    use crate::transfer::{Service, Transfer};

    const CEILING: u64 = 5_000_000_000;

    /// A baseline that has just begun, with an asset that has sent so much to DE.
    fn baseline(bytes: u64) -> Baseline {
        let mut baseline = Baseline::default();
        let transfer = Transfer {
            tick: Tick(7_300),
            country: "DE".parse().unwrap(),
            asn: 64_500,
            service: Service::Web,
            asset_ip: [10, 0, 0, 5].into(),
            vlan: None,
            conversation: None,
            served: false,
            bytes,
            confidence: Confidence::Plausible,
            protection: Protection::Unseen,
            ended: false,
            round_trip_nanos: None,
            measure: crate::transfer::Measure::PACKETS,
        };
        baseline.enter(transfer.asset()).unwrap().add(&transfer);
        baseline
    }

    fn told_of(bytes: u64, others: Option<Told>) -> Told {
        let baseline = baseline(bytes);
        let judge = Judge::new(&baseline, 1e-9);
        let state = baseline.assets.values().next().unwrap();
        let (country, destination) = state.countries.iter().next().unwrap();
        let breach = Breach {
            label: "10.0.0.5",
            role: state.role,
            country: *country,
            destination,
            slot: Calendar::new("UTC", &[]).unwrap().slot(Tick(7_300)),
            hour: 2,
            passed: Passed {
                limit: Limit::All,
                ceiling_bytes: CEILING,
                is_new: true,
            },
        };
        told(&judge, &breach, others)
    }

    #[test]
    fn a_ceiling_is_passed_once_an_hour_and_not_where_it_is_met() {
        assert_eq!(Passed::of(Limit::All, 100, 0, 100), None);
        let passed = |before, after| Passed::of(Limit::All, 100, before, after).unwrap().is_new;
        assert!(passed(0, 101) && passed(100, 101));
        assert!(!passed(101, 101) && !passed(101, 4_000));
    }

    #[test]
    fn it_is_told_of_an_asset_of_which_nothing_is_known() {
        let told = told_of(5_200_000_000, None);
        let [finding] = &told.findings[..] else {
            panic!("{told:?}");
        };
        assert_eq!(
            finding.sentence.en,
            "10.0.0.5 has sent 5.20 GB to DE in this hour; the ceiling is 5.00 GB"
        );
        assert_eq!((finding.since, finding.bytes), (Tick(7_200), 5_200_000_000));
        assert_eq!((told.score, told.allowance_bytes), (100.0, CEILING));
        assert!((0.0..=1.0).contains(&finding.p), "{finding:?}");
        // So what it speaks of is no day that the budget has paid for.
        assert!(!told.is_of_days());
    }

    #[test]
    fn it_stands_beside_what_the_others_say() {
        let volume = Finding {
            detector: Detector::AssetVolume,
            ..told_of(CEILING + 1, None).findings[0].clone()
        };
        let others = Told {
            score: 60.0,
            findings: vec![volume],
            allowance_bytes: 7,
        };
        let told = told_of(CEILING + 1, Some(others));
        let who: Vec<_> = told.findings.iter().map(|known| known.detector).collect();
        assert_eq!(who, [Detector::Ceiling, Detector::AssetVolume]);
        assert_eq!((told.score, told.allowance_bytes), (100.0, 7));
        assert!(told.is_of_days());
    }

    #[test]
    fn what_is_not_protected_has_a_ceiling_of_its_own() {
        let ceilings = Ceilings::new(None, NonZeroU64::new(100), &AssetConfig::default());
        let asset = AssetKey::of([10, 0, 0, 5].into());
        assert!(ceilings.has_any(asset));
        let passed = |after| ceilings.passed(asset, [0; 2], after);
        assert_eq!(passed([5_000, 100]), [None, None]);
        let [None, Some(passed)] = passed([5_000, 101]) else {
            panic!("it is past it");
        };
        assert_eq!((passed.limit, passed.is_new), (Limit::Unprotected, true));
        assert!(!Ceilings::default().has_any(asset));
    }

    #[test]
    fn an_asset_with_a_name_may_have_a_ceiling_of_its_own() {
        let text = "[[known]]\nname = \"vault\"\naddresses = [\"10.0.0.9\"]\n\
                    ceiling_bytes_per_hour = 900\n\
                    [[known]]\nname = \"nas\"\naddresses = [\"10.0.0.7\"]\n";
        let assets: AssetConfig = toml::from_str(text).unwrap();
        let named = |place: usize| {
            let name = assets.known[place].name.get_ref();
            AssetKey::Named(name.hash())
        };
        let ceilings = Ceilings::new(NonZeroU64::new(100), None, &assets);
        let other = AssetKey::of([10, 0, 0, 1].into());
        let all = [named(0), named(1), other].map(|key| ceilings.of(key));
        assert_eq!(all, [Some(900), Some(100), Some(100)]);
        let known_only = Ceilings::new(None, None, &assets);
        assert_eq!(
            (known_only.of(named(0)), known_only.of(other)),
            (Some(900), None)
        );
        assert_eq!(Ceilings::default().of(other), None);
    }
}
