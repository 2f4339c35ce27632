//! What a run has taken, by country.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::alert::Alert;
use crate::baseline::ASSETS_MAX;
use crate::dissect::Protection;
use crate::geo::{Confidence, Country};
use crate::inventory::AssetKey;
use crate::policy::Judgement;
use crate::policy::law::Verdict;
use crate::transfer::{COUNTRY_NUMBERS, Transfer, country_number};

use super::summary::JurisdictionRow;
use super::telemetry::{AnalystView, JURISDICTIONS_MAX, JurisdictionView};

/// Sums of the run.
#[derive(Debug)]
pub(super) struct Totals {
    pub(super) view: AnalystView,
    pub(super) incidents: u64,
    pub(super) shadow_incidents: u64,
    /// What the reader of the figures should know.
    pub(super) notes: Vec<String>,
    /// What packs have said, by pack and verdict: how often it became another thing.
    pub(super) verdicts: BTreeMap<String, BTreeMap<Verdict, u64>>,
    pub(super) alerts: Vec<Alert>,
    /// By country, those that took something.
    countries: Vec<Option<JurisdictionRow>>,
    /// Countries with series of their own, which do not change, so that no counter goes back.
    shown: BTreeSet<Country>,
    /// Export bytes by how sure the country is, in the order of [`Confidence::ALL`].
    sure_bytes: [u64; Confidence::ALL.len()],
    /// Assets that are counted, each with the number of its country and once with
    /// [`ANY_COUNTRY`].
    seen: Seen,
    assets: u64,
    /// The asset that was counted last: its other countries come next.
    latest: Option<AssetKey>,
}

/// Assets and countries that are told apart in the counts of assets, so that a flood of
/// spoofed assets is bounded. Of more, the counts are lower bounds.
const SEEN_MAX: usize = 7 << 18;

/// Stands for all countries.
const ANY_COUNTRY: usize = COUNTRY_NUMBERS;

impl Default for Totals {
    fn default() -> Self {
        Self {
            view: AnalystView::default(),
            incidents: 0,
            shadow_incidents: 0,
            notes: Vec::new(),
            verdicts: BTreeMap::new(),
            alerts: Vec::new(),
            countries: vec![None; COUNTRY_NUMBERS],
            shown: BTreeSet::new(),
            sure_bytes: [0; Confidence::ALL.len()],
            seen: Seen::default(),
            assets: 0,
            latest: None,
        }
    }
}

impl Totals {
    /// Counts transfers to a country.
    pub(super) fn count(&mut self, country: Country, transfers: &[Transfer]) {
        self.view.transfers += transfers.len() as u64;
        if self.shown.len() < JURISDICTIONS_MAX {
            self.shown.insert(country);
        }
        let row = row(&mut self.countries, country_number(country), country);
        for transfer in transfers {
            row.bytes = row.bytes.saturating_add(transfer.bytes);
            let protected = &mut row.protected_bytes[transfer.protection as usize];
            *protected = protected.saturating_add(transfer.bytes);
            let sure = &mut self.sure_bytes[transfer.confidence as usize];
            *sure = sure.saturating_add(transfer.bytes);
        }
    }

    /// Counts what a pack says.
    pub(super) fn judged(&mut self, judgement: &Judgement) {
        if judgement.is_new {
            let of_pack = self.verdicts.entry(judgement.pack.clone()).or_default();
            *of_pack.entry(judgement.said.verdict).or_default() += 1;
        }
    }

    /// Counts an asset among those that export to a country, once.
    pub(super) fn count_asset(&mut self, asset: AssetKey, country: Country) {
        let number = country_number(country);
        let row = row(&mut self.countries, number, country);
        let is_full = row.assets >= ASSETS_MAX || self.seen.len() >= SEEN_MAX;
        if is_full || asset == AssetKey::UNNAMED || !self.seen.insert(asset, number) {
            return;
        }
        row.assets += 1;
        if self.latest != Some(asset) {
            self.latest = Some(asset);
            self.assets += u64::from(self.seen.insert(asset, ANY_COUNTRY));
        }
    }

    /// Counts an asset once that was counted under an earlier key, or under both.
    pub(super) fn join(&mut self, before: AssetKey, asset: AssetKey) {
        self.latest = None;
        for number in 0..=ANY_COUNTRY {
            // There is room for it: the other goes.
            if !self.seen.remove(before, number) || self.seen.insert(asset, number) {
                continue;
            }
            match self.countries.get_mut(number) {
                Some(Some(row)) => row.assets = row.assets.saturating_sub(1),
                Some(None) => {}
                None => self.assets = self.assets.saturating_sub(1),
            }
        }
    }

    /// Assets that exported.
    pub(super) const fn assets(&self) -> u64 {
        self.assets
    }

    /// Brings what is shown of the sums up to date. `expected` holds what is normal for the
    /// running hour, by country.
    pub(super) fn show(&mut self, expected: &BTreeMap<Country, u64>) {
        let mut shown = Vec::with_capacity(self.shown.len());
        let mut others = JurisdictionView::default();
        for row in self.jurisdictions() {
            let one = JurisdictionView {
                country: Some(row.country),
                bytes: row.bytes,
                protected_bytes: row.protected_bytes,
                expected_bytes: expected.get(&row.country).copied().unwrap_or(0),
            };
            match self.shown.contains(&row.country) {
                true => shown.push(one),
                false => others.add(&one),
            }
        }
        shown.extend((others.bytes > 0).then_some(others));
        self.view.jurisdictions = shown;
        self.view.confidence_bytes = self.confidence_bytes();
    }

    /// Export bytes by how sure the country is.
    pub(super) fn confidence_bytes(&self) -> BTreeMap<Confidence, u64> {
        let all = Confidence::ALL.into_iter().zip(self.sure_bytes);
        all.filter(|(_, bytes)| *bytes > 0).collect()
    }

    /// Export bytes by country.
    pub(super) fn export_bytes(&self) -> BTreeMap<Country, u64> {
        let rows = self.jurisdictions();
        rows.map(|row| (row.country, row.bytes)).collect()
    }

    /// Export bytes by country and by how they were protected.
    pub(super) fn protected_bytes(&self) -> BTreeMap<Country, BTreeMap<Protection, u64>> {
        let of_row = |row: &JurisdictionRow| {
            let by_protection = Protection::ALL.into_iter().zip(row.protected_bytes);
            by_protection.filter(|(_, bytes)| *bytes > 0).collect()
        };
        let rows = self.jurisdictions();
        rows.map(|row| (row.country, of_row(&row))).collect()
    }

    /// Countries that took something, by their codes.
    pub(super) fn jurisdictions(&self) -> impl Iterator<Item = JurisdictionRow> {
        self.countries.iter().flatten().copied()
    }
}

fn row(
    countries: &mut [Option<JurisdictionRow>],
    number: usize,
    country: Country,
) -> &mut JurisdictionRow {
    countries[number].get_or_insert(JurisdictionRow {
        country,
        bytes: 0,
        protected_bytes: [0; Protection::ALL.len()],
        assets: 0,
    })
}

/// Pairs of assets and countries.
#[derive(Debug, Default)]
struct Seen {
    /// Most are told apart by 50 bits or fewer, and take half the room.
    short: HashSet<u64, Keyed>,
    long: HashSet<(u64, u64), Keyed>,
}

impl Seen {
    fn len(&self) -> usize {
        self.short.len() + self.long.len()
    }

    /// Adds a pair. Says whether it is new.
    fn insert(&mut self, asset: AssetKey, country: usize) -> bool {
        match asset {
            AssetKey::V6Prefix(high) => self.long.insert((high, country as u64)),
            short => self.short.insert(Self::short(short, country)),
        }
    }

    /// Takes a pair out. Says whether it was there.
    fn remove(&mut self, asset: AssetKey, country: usize) -> bool {
        match asset {
            AssetKey::V6Prefix(high) => self.long.remove(&(high, country as u64)),
            short => self.short.remove(&Self::short(short, country)),
        }
    }

    /// An asset that is no /64, in 50 bits, and a country in 10.
    const fn short(asset: AssetKey, country: usize) -> u64 {
        (asset.number() as u64) << 10 | country as u64
    }
}

/// Hashes up to two numbers with secrets of its own, so that senders cannot choose those
/// that collide: the inner product of UMAC (RFC 4418 section 5.2) with words of 64 bits.
#[derive(Clone, Copy, Debug)]
struct Keyed {
    secrets: [u64; 3],
    words: [u64; 2],
}

impl Default for Keyed {
    fn default() -> Self {
        let state = RandomState::new();
        Self {
            secrets: std::array::from_fn(|index| state.hash_one(index) | 1),
            words: [0; 2],
        }
    }
}

impl BuildHasher for Keyed {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        *self
    }
}

impl Hasher for Keyed {
    fn write_u64(&mut self, word: u64) {
        self.words = [self.words[1], word];
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn finish(&self) -> u64 {
        let [high, low] = self.words;
        let fold = |product: u128| (product >> 64) as u64 ^ product as u64;
        let product = |a: u64, b: u64| fold(u128::from(a) * u128::from(b));
        let sum = product(
            low.wrapping_add(self.secrets[0]),
            high.wrapping_add(self.secrets[1]),
        );
        product(sum, self.secrets[2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::Protection;
    use crate::geo::Confidence;
    use crate::time::Tick;
    use crate::transfer::Service;

    fn asset(number: u32) -> AssetKey {
        AssetKey::of((0x0a00_0000 + number).to_be_bytes().into())
    }

    fn transfer(country: Country, bytes: u64) -> Transfer {
        Transfer {
            tick: Tick(1),
            country,
            asn: 1,
            service: Service::Web,
            asset_ip: [10, 0, 0, 1].into(),
            vlan: None,
            conversation: None,
            served: false,
            bytes,
            confidence: Confidence::Plausible,
            protection: Protection::Unseen,
            ended: false,
            round_trip_nanos: None,
            measure: crate::transfer::Measure::PACKETS,
        }
    }

    #[test]
    fn an_asset_counts_once_for_each_country_and_once_in_all() {
        let mut totals = Totals::default();
        let [russia, brazil] = ["RU", "BR"].map(|code| Country::from_code(code).unwrap());
        for _ in 0..2 {
            for number in 0..100 {
                totals.count_asset(asset(number), russia);
                totals.count_asset(asset(number), brazil);
                totals.count_asset(AssetKey::V6Prefix(u64::from(number)), russia);
            }
            totals.count_asset(AssetKey::UNNAMED, russia);
            totals.count(russia, &[transfer(russia, 5), transfer(russia, u64::MAX)]);
        }
        totals.count(brazil, &[transfer(brazil, 7)]);
        let rows: Vec<_> = totals.jurisdictions().collect();
        let unseen = Protection::Unseen as usize;
        let row = |country, bytes, assets| JurisdictionRow {
            country,
            bytes,
            protected_bytes: std::array::from_fn(|index| if index == unseen { bytes } else { 0 }),
            assets,
        };
        assert_eq!(rows, [row(brazil, 7, 100), row(russia, u64::MAX, 200)]);
        assert_eq!((totals.assets(), totals.view.transfers), (200, 5));
    }

    #[test]
    fn a_country_has_so_many_assets_and_no_more() {
        let mut totals = Totals::default();
        let country = Country::UNKNOWN;
        (0..ASSETS_MAX as u32 + 9).for_each(|number| totals.count_asset(asset(number), country));
        assert_eq!(totals.assets(), ASSETS_MAX as u64);
    }

    #[test]
    fn hashes_of_alike_keys_spread_over_upper_and_lower_bits() {
        let hasher = Keyed::default();
        let (mut upper, mut lower) = ([0u32; 128], [0u32; 128]);
        for key in 0..64_000u64 {
            let hash = hasher.hash_one((key << 32) | (key % 3));
            upper[(hash >> 57) as usize] += 1;
            lower[(hash & 127) as usize] += 1;
        }
        for count in upper.iter().chain(&lower) {
            assert!((300..700).contains(count), "{upper:?} {lower:?}");
        }
        assert_ne!(hasher.hash_one(1u64), Keyed::default().hash_one(1u64));
    }
}
