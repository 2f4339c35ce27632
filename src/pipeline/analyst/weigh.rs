//! How surprising it is what an asset sends to a country, beside what others send.

use crate::baseline::Stage;
use crate::detect::{Judge, Scene, Told, Weighed};
use crate::geo::Country;
use crate::inventory::AssetKey;

use super::Analyst;

impl Analyst {
    /// Measures what an asset sends to a country in the running hour, and counts the score
    /// among those of other assets.
    pub(super) fn count_score(
        &mut self,
        (asset, country): (AssetKey, Country),
        hour: u64,
    ) -> Option<Weighed> {
        let weighed = Judge::weigh(&self.scene((asset, country), hour)?);
        let baseline = &mut self.learned.baseline;
        let network = (country, weighed.asn);
        let known = baseline
            .assets
            .get(&asset)?
            .cells_of(country)
            .filter(|(key, _)| key.asn == weighed.asn);
        let since_hour = known.map(|(_, cell)| cell.novelty.since.hour()).min();
        let times = (since_hour.unwrap_or(hour), hour);
        let state = baseline.assets.get_mut(&asset)?;
        let counted = &mut state.countries.get_mut(&country)?.counted;
        let score = weighed.score;
        baseline.peers.count(asset, network, times, score, counted);
        Some(weighed)
    }

    /// What is to be told of an asset and a country by now, if anything.
    pub(super) fn weigh(&mut self, key: (AssetKey, Country)) -> Option<Told> {
        let weighed = self.count_score(key, self.learned.clock.hour.unwrap_or(0))?;
        self.judge(key, &weighed)
    }

    /// What is to be told of what was measured, less what other assets show as well.
    pub(super) fn judge(
        &mut self,
        (asset, country): (AssetKey, Country),
        weighed: &Weighed,
    ) -> Option<Told> {
        let hour = self.learned.clock.hour.unwrap_or(0);
        let baseline = &mut self.learned.baseline;
        let network = (country, weighed.asn);
        let discount = (baseline.peers).discount(asset, network, hour, weighed.is_run());
        let score = weighed.score - discount;
        let state = baseline.assets.get_mut(&asset)?;
        state.countries.get_mut(&country)?.scored(score);
        let state = baseline.assets.get(&asset)?;
        let stage = baseline.stage(state, self.config.baseline.learn);
        let threshold = self.judge.thresholds().of(stage);
        if stage > Stage::Learning && weighed.score >= threshold && score < threshold {
            // Others keep it silent, and one among them may leak: nobody is taught by it.
            baseline.mark_excused(asset, country);
        }
        let scene = self.scene((asset, country), hour)?;
        self.judge.tell(&scene, weighed, score, stage)
    }

    /// What is held against what is known of an asset and a country.
    fn scene(&self, (asset, country): (AssetKey, Country), hour: u64) -> Option<Scene<'_>> {
        let baseline = &self.learned.baseline;
        Scene::new(
            (self.judge.curves(), &baseline.sinks),
            baseline.assets.get(&asset)?,
            country,
            (self.slot, hour),
        )
    }
}
