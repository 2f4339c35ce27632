//! What is exported, counted for policies and the ledger, and what they say of it.

use serde_json::Value;

use crate::alert::{Act, Activity};
use crate::dissect::Protection;
use crate::inventory::{AssetKey, Bindings};
use crate::policy::{Account, Export, Findings, Policy};
use crate::time::Tick;
use crate::transfer::{Service, Transfer};

use super::super::inspection::Inspected;
use super::tell::Word;
use super::{Analyst, Owners, PipelineError, registered_domain};

/// Counts a transfer that went to a host name, and to the registered domain of that.
pub(super) fn take(
    account: &mut Account,
    policy: &Policy,
    (owners, bindings): (&Owners, &Bindings),
    transfer: &Transfer,
    (host, domain): (Option<&str>, Option<&str>),
) {
    let asset = owners.asset(bindings, transfer.station());
    let export = export(owners, asset, transfer, (host, domain));
    account.take(policy, &export, || {
        owners.label_of(asset, transfer.asset_ip)
    });
}

fn export<'a>(
    owners: &'a Owners,
    asset: AssetKey,
    transfer: &Transfer,
    (host, domain): (Option<&'a str>, Option<&'a str>),
) -> Export<'a> {
    Export {
        tick: transfer.tick,
        asset,
        declared: owners.declared(asset),
        country: transfer.country,
        confidence: transfer.confidence,
        asn: transfer.asn,
        address: transfer.conversation.map(|conversation| conversation.peer),
        host,
        domain,
        protection: transfer.protection,
        bytes: transfer.bytes,
        ended: transfer.ended,
    }
}

impl Analyst {
    /// Judges what a tick brought, and tells what is said otherwise than before.
    pub(super) fn judge_exports(&mut self, tick: Tick) -> Result<(), PipelineError> {
        if self.policy.is_empty() {
            return Ok(());
        }
        let judgements = self.learned.account.judge(&self.policy, tick);
        for judgement in judgements {
            self.totals.judged(&judgement);
            self.remember_judgement(tick, &judgement);
            if judgement.is_new {
                self.outputs.judgement(tick, &judgement)?;
            }
            if judgement.alerts {
                let key = (judgement.key.asset, judgement.key.country);
                let activity = Activity {
                    is_running: judgement.is_running,
                    ..Activity::NONE
                };
                let word = Word {
                    judgement: Some(judgement),
                    ..Word::default()
                };
                self.tell(tick, key, activity, word)?;
            }
        }
        Ok(())
    }

    /// Takes what was found in content, after the transfers of its tick.
    pub(super) fn see(&mut self, inspected: Vec<(Tick, Inspected)>) -> Result<(), PipelineError> {
        let Some((last, _)) = inspected.last().filter(|_| self.keeps_account) else {
            return Ok(());
        };
        let last = *last;
        self.pass_hours(last)?;
        for (tick, one) in inspected {
            let place = self.geo.place(one.conversation.peer);
            let asset = self.asset(one.station);
            let transfer = Transfer {
                tick,
                country: place.country,
                asn: place.asn,
                service: Service::Other,
                asset_ip: one.station.address,
                vlan: one.station.vlan,
                conversation: Some(one.conversation),
                served: false,
                bytes: 0,
                confidence: place.confidence,
                protection: Protection::Clear,
                ended: false,
                round_trip_nanos: None,
                measure: crate::transfer::Measure::PACKETS,
            };
            let host = self.recipients.host(&transfer);
            let domain = host.and_then(registered_domain);
            let export = export(&self.owners, asset, &transfer, (host, domain));
            let found = Findings::from(&one.found);
            let label = || self.owners.label_of(asset, one.station.address);
            self.learned
                .account
                .see(&self.policy, &export, &found, label);
        }
        self.judge_exports(last)
    }

    /// Passes on to a tick: closes the day that has ended before it.
    pub(super) fn pass_day(&mut self, tick: Tick) -> Result<(), PipelineError> {
        if !self.keeps_account {
            return Ok(());
        }
        let ended = self.learned.account.day_ended(tick);
        let of_law = self.learned.account.day_of_law_ended(tick);
        // Nothing was sent between the two, so all of it is of the day that ended first.
        if let Some(last) = ended.into_iter().chain(of_law).min() {
            self.learned.account.judge_all();
            self.judge_exports(last)?;
        }
        let account = &mut self.learned.account;
        account.open_day_of_law(&self.policy, tick);
        account.meter_for(&self.policy, tick);
        let closed = account.close_day(&self.policy, tick);
        if let Some(recorder) = self.outputs.recorder() {
            recorder.begin(tick);
            if let Some(closed) = &closed {
                recorder.day(tick, &self.config.site.time_zone, closed);
                let last = ended.unwrap_or(tick);
                recorder.meters(tick, &account.meter_rows(&self.policy, last));
                recorder.relabelled(tick, &self.learned.baseline.labels);
            }
            recorder.advance(tick);
        }
        self.outputs.hand_over_heads();
        if closed.is_some() {
            self.remember_meters(ended.unwrap_or(tick));
        }
        self.day_closed |= closed.is_some();
        Ok(())
    }

    /// Writes to the ledger what people have said that is not applied yet.
    pub(super) fn record_feedback(&mut self, now: Tick) {
        let Some(recorder) = self.outputs.recorder() else {
            return;
        };
        for entry in self.rulings.since(self.learned.feedback_applied) {
            let asset = match &entry.act {
                Act::Give(given) => Some(self.owners.name_of(&given.asset)),
                Act::Undo(_) => None,
            };
            recorder.feedback(now, entry, asset);
        }
    }

    /// Takes how well the sensor could see so far.
    pub(in crate::pipeline) fn saw(&mut self, body: &Value) {
        let now = self.learned.clock.tick;
        if let Some(recorder) = self.outputs.recorder() {
            recorder.sensor(now, body);
        }
    }

    /// Ends the running day, as the run ends.
    pub(in crate::pipeline) fn end_day(&mut self) -> Result<(), PipelineError> {
        if !self.keeps_account || !self.has_begun {
            return Ok(());
        }
        let now = self.learned.clock.tick;
        self.learned.account.judge_all();
        self.judge_exports(now)?;
        let closed = self.learned.account.close(&self.policy, now);
        if let Some(recorder) = self.outputs.recorder() {
            recorder.day(now, &self.config.site.time_zone, &closed);
            let rows = self.learned.account.meter_rows(&self.policy, now);
            recorder.meters(now, &rows);
            recorder.relabelled(now, &self.learned.baseline.labels);
        }
        Ok(())
    }
}
