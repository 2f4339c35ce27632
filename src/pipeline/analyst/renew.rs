//! Other settings in the place of those that the analyst goes by.

use std::sync::Arc;

use crate::detect::Judge;
use crate::geo::Geo;

use super::super::exchange::Site;
use super::{Analyst, budget};

impl Analyst {
    /// Goes by other settings from now on. What was learned stays, under the names that it has:
    /// it is as if the sensor had been started again, without the time that takes.
    pub(in crate::pipeline) fn renew(&mut self, geo: Arc<Geo>, site: Site) {
        let Site {
            config,
            calendar,
            owners,
            ceilings,
            policy,
            entries,
        } = site;
        self.keeps_account = !policy.is_empty() || self.outputs.wants_account();
        self.slot = calendar.slot(self.learned.clock.tick);
        self.judge = Judge::new(&self.learned.baseline, budget(&config));
        if ceilings != self.ceilings {
            // What the running hour had already is held against the new ones, too.
            let assets = self.learned.baseline.assets.values_mut();
            for known in assets.flat_map(|state| state.countries.values_mut()) {
                known.is_counted = false;
            }
        }
        (self.geo, self.owners, self.ceilings) = (geo, owners, ceilings);
        (self.config, self.calendar, self.policy) = (config, calendar, policy);
        // What was sent today is judged by the new law too.
        self.learned.account.judge_all();
        if let Some(recorder) = self.outputs.recorder() {
            recorder.renew(entries);
        }
    }
}
