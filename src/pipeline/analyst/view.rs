//! What is shown of exports while a sensor runs.

use std::collections::BTreeMap;

use crate::geo::Country;

use super::Analyst;

impl Analyst {
    /// Brings what is shown of exports, of what packs say of them and of the ledger up to date.
    pub(super) fn show_exports(&mut self) {
        self.expect();
        self.totals.show(&self.expected.1);
        let view = &mut self.totals.view;
        view.verdicts = self.learned.account.verdict_sums(&self.policy);
        [view.result_failures, view.result_lines_lost] = self.outputs.retry();
        if let Some(recorder) = self.outputs.recorder() {
            view.ledger_failures = recorder.failures;
            view.ledger = Some(recorder.sizes());
        }
    }

    /// Brings what is normal for the running hour up to date, by country: once an hour, since it
    /// takes a look at every asset.
    fn expect(&mut self) {
        let hour = self.learned.clock.hour;
        if self.expected.0 == hour {
            return;
        }
        let mut expected = BTreeMap::<Country, u64>::new();
        for state in self.learned.baseline.assets.values() {
            for (country, known) in state.countries.iter() {
                let sum = expected.entry(*country).or_default();
                *sum = sum.saturating_add(known.all.expected(self.slot).bytes());
            }
        }
        self.expected = (hour, expected);
    }
}
