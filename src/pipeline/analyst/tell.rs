//! What a tick brought, and how it is told.

use std::net::IpAddr;

use crate::alert::{Activity, Alert, Event};
use crate::baseline::Stage;
use crate::detect::{Breach, Finding, Passed, Told, told_ceiling, told_policy, told_tunnel};
use crate::geo::Country;
use crate::inventory::AssetKey;
use crate::policy::Judgement;
use crate::time::Tick;

use super::{ALERTS_KEPT_MAX, Analyst, LearnedState, Observer, PipelineError};

/// What a tick brought from an asset to a country.
#[derive(Clone, Copy, Debug)]
pub(super) struct Untold {
    pub(super) country: Country,
    pub(super) activity: Activity,
    /// Whether it is to be weighed.
    pub(super) is_weighed: bool,
    /// What of the hour is past a ceiling.
    pub(super) passed: [Option<Passed>; 2],
}

/// What is to be told of an asset and a country.
#[derive(Debug, Default)]
pub(super) struct Word {
    /// What detectors say of what is normal.
    pub(super) told: Option<Told>,
    /// What is past a ceiling.
    pub(super) passed: [Option<Passed>; 2],
    /// What somebody hides.
    pub(super) hidden: Option<Hidden>,
    /// What a pack or the register speaks against.
    pub(super) judgement: Option<Judgement>,
}

/// Data where none is expected.
#[derive(Debug)]
pub(super) struct Hidden {
    pub(super) finding: Finding,
    /// The address that the asset has now.
    pub(super) address: IpAddr,
    /// The registered domain whose owner gets it.
    pub(super) domain: Option<String>,
}

impl Word {
    pub(super) fn of(told: Option<Told>) -> Self {
        Self {
            told,
            ..Self::default()
        }
    }
}

impl Analyst {
    /// Writes a line of an alert to all that want it.
    pub(super) fn write(&mut self, mut alert: Alert) -> Result<(), PipelineError> {
        let totals = &mut self.totals;
        totals.incidents += u64::from(alert.event == Event::Open);
        *totals.view.alerts.entry(alert.severity).or_default() += 1;
        let known = self.learned.incidents.find(&alert.incident);
        self.outputs.alert(&mut alert)?;
        self.remember_alert(&alert, known);
        if self.totals.alerts.len() < ALERTS_KEPT_MAX {
            self.totals.alerts.push(alert);
        }
        Ok(())
    }

    /// Hands what is to be told to the incidents, or to the shadow while the asset is being
    /// learned. What is hidden goes to the incidents, learned or not, and an hour past a
    /// ceiling, or what the policy speaks against, even if it was accepted.
    pub(super) fn tell(
        &mut self,
        tick: Tick,
        key: (AssetKey, Country),
        activity: Activity,
        word: Word,
    ) -> Result<(), PipelineError> {
        let is_shadow = self.stage(key.0) == Stage::Learning;
        let (mut told, shadowed) = if is_shadow {
            (None, word.told)
        } else {
            (word.told, None)
        };
        let (mut address, mut domain) = (None, None);
        if let Some(hidden) = word.hidden {
            told = Some(told_tunnel(hidden.finding, told));
            (address, domain) = (Some(hidden.address), hidden.domain);
        }
        if told.is_some() && self.rulings.accept(&mut self.learned, tick, key) {
            told = None;
            self.totals.view.accepted += 1;
        }
        for passed in word.passed.into_iter().flatten() {
            told = self.breach(key, passed, told);
        }
        if let Some(judgement) = &word.judgement {
            told = Some(told_policy(judgement, told));
        }
        let LearnedState {
            baseline,
            account,
            incidents,
            shadow,
            clock,
            ..
        } = &mut self.learned;
        if let Some(told) = &told {
            let findings = &mut self.totals.view.findings;
            for finding in &told.findings {
                *findings.entry(finding.detector.name()).or_default() += 1;
            }
            if told.is_of_days() {
                baseline.mark_alerted(key.0, key.1);
            }
        }
        let observer = Observer {
            baseline,
            account,
            geo: &self.geo,
            owners: &self.owners,
            calendar: &self.calendar,
            hour: clock.hour.unwrap_or(0),
            address,
            domain: domain.as_deref(),
            measure: self.measures.of(key),
        };
        let recipients = &mut self.recipients;
        let observed = || observer.observe(recipients, key, told.as_ref());
        let alerts = incidents.tick(tick, key, activity, told.as_ref(), observed);
        let recipients = &mut self.recipients;
        let observed = || observer.observe(recipients, key, shadowed.as_ref());
        for alert in shadow.tick(tick, key, activity, shadowed.as_ref(), observed) {
            self.totals.shadow_incidents += u64::from(alert.event == Event::Open);
            self.outputs.shadow(alert)?;
        }
        if incidents.is_open(key.0, key.1) {
            self.rulings.condemn(&mut self.learned, key);
        }
        self.rulings.look_at(&alerts);
        alerts.into_iter().try_for_each(|alert| self.write(alert))
    }

    /// What is to be told of an hour past its ceiling, beside what else is.
    pub(super) fn breach(
        &self,
        (asset, country): (AssetKey, Country),
        passed: Passed,
        others: Option<Told>,
    ) -> Option<Told> {
        let state = self.learned.baseline.assets.get(&asset)?;
        let destination = state.countries.get(&country)?;
        let asset_ip = destination.asset_ip.unwrap_or(asset.address());
        let breach = Breach {
            label: &self.owners.label_of(asset, asset_ip),
            role: state.role,
            country,
            destination,
            slot: self.slot,
            hour: self.learned.clock.hour.unwrap_or(0),
            passed,
        };
        Some(told_ceiling(&self.judge, &breach, others))
    }
}
