//! The analyst half: transfers to alerts, in one thread and in canonical order.

mod exports;
mod hidden;
mod history;
mod joined;
mod measures;
mod renew;
mod tell;
mod view;
mod weigh;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::alert::{Activity, Feedback};
use crate::baseline::{AssetEntry, GrownExport, Stage};
use crate::config::Config;
use crate::decode::Sighting;
use crate::detect::{Ceilings, Judge, Passed, told_growth};
use crate::geo::{Country, Geo};
use crate::inventory::{AssetKey, Station};
use crate::policy::Policy;
use crate::store::StoreError;
use crate::time::{Calendar, CalendarError, HourSlot, Tick};
use crate::transfer::{Order, PREFIX_BITS_BELOW_ASSET, Transfer, sort_by_tick};

use super::PipelineError;
use super::exchange::ceilings;
use super::feedback::Rulings;
use super::observe::Observer;
use super::outputs::{ALERTS_KEPT_MAX, Outputs};
use super::owners::Owners;
use super::recipients::{Recipients, registered_domain};
use super::sensor::{Ends, SensorOutput};
use super::state::LearnedState;
use super::telemetry::AnalystView;
use super::totals::Totals;
use hidden::Heard;
use joined::Joined;
use measures::Measures;
use tell::{Untold, Word};

/// Learns, judges and tells.
#[derive(Debug)]
pub(super) struct Analyst {
    config: Config,
    calendar: Calendar,
    geo: Arc<Geo>,
    owners: Owners,
    pub(super) outputs: Outputs,
    pub(super) learned: LearnedState,
    judge: Judge,
    ceilings: Ceilings,
    slot: HourSlot,
    /// What is normal for an hour, by country, for whoever watches.
    expected: (Option<u64>, BTreeMap<Country, u64>),
    /// The transfers that are being taken, in order.
    order: Order,
    /// Countries that a tick of an asset went to.
    untold: Vec<Untold>,
    /// Packets that the workers have followed so far in this run.
    packets: u64,
    has_begun: bool,
    /// What people have said of incidents.
    pub(super) rulings: Rulings,
    pub(super) totals: Totals,
    recipients: Recipients,
    measures: Measures,
    /// Whether the account is kept: there are packs, or a ledger.
    keeps_account: bool,
    /// Whether a day was closed, until somebody asks.
    pub(super) day_closed: bool,
    policy: Policy,
}

/// How much of an hour may be missing for it to count as a whole one, in seconds.
const HOUR_MISSING_SECONDS_MAX: u64 = 1_800;

/// The least transfer whose receiver a baseline learns: smaller ones are many, and carry little.
const NAMED_BYTES_MIN: u64 = 16_384;

/// Notes of a run that are kept.
const NOTES_MAX: usize = 100;

impl Analyst {
    /// Starts from what was learned before, or from nothing.
    pub(super) fn new(
        config: Config,
        geo: Arc<Geo>,
        policy: Policy,
        outputs: Outputs,
        learned: LearnedState,
    ) -> Result<Self, CalendarError> {
        let calendar = config.site.calendar()?;
        let judge = Judge::new(&learned.baseline, budget(&config));
        let slot = calendar.slot(Tick::of_hour(learned.clock.hour.unwrap_or(0)));
        Ok(Self {
            owners: Owners::new(&config.asset),
            ceilings: ceilings(&config),
            config,
            calendar,
            geo,
            learned,
            judge,
            slot,
            expected: (None, BTreeMap::new()),
            order: Order::default(),
            untold: Vec::new(),
            packets: 0,
            has_begun: false,
            rulings: Rulings::default(),
            totals: Totals::default(),
            recipients: Recipients::default(),
            measures: Measures::default(),
            day_closed: false,
            keeps_account: !policy.is_empty() || outputs.wants_account(),
            policy,
            outputs,
        })
    }

    /// Takes what all workers told of the ticks before `until`, and says it in order.
    pub(super) fn take(
        &mut self,
        outputs: Vec<SensorOutput>,
        until: Option<Tick>,
    ) -> Result<(), PipelineError> {
        let counts = outputs.iter().map(|output| output.counts);
        let packets = counts
            .map(|counts| counts.packets + counts.flow_input)
            .sum();
        // These packets were of the running tick: what is told now closes it.
        self.learned.clock.has_traffic |= packets > self.packets;
        self.packets = packets;
        let gathered = outputs.into_iter().reduce(|mut all, output| {
            all.append(output);
            all
        });
        let mut gathered = gathered.unwrap_or_default();
        let mut heard = Heard::of(&mut gathered, &self.learned.name_servers);
        self.recipients
            .learn(&mut gathered.words, heard.names().rev());
        let SensorOutput {
            mut transfers,
            mut sightings,
            inspected,
            ..
        } = gathered;
        sightings.sort_unstable();
        let mut sightings = sightings.as_slice();
        sort_by_tick(&mut transfers, |transfer| transfer.tick);
        for of_tick in transfers.chunk_by(|a, b| a.tick == b.tick) {
            if let Some(transfer) = of_tick.first() {
                self.listen(&mut heard, &mut sightings, transfer.tick)?;
                self.pass_hours(transfer.tick)?;
                self.learn_owners_until(&mut sightings, transfer.tick);
                self.tick(transfer.tick, of_tick)?;
            }
        }
        self.see(inspected)?;
        self.listen(&mut heard, &mut sightings, Tick(u64::MAX))?;
        self.learn_owners_until(&mut sightings, Tick(u64::MAX));
        match until {
            Some(tick) => {
                self.pass_hours(tick)?;
                self.learned.clock.tick = tick;
                self.remember_running(tick);
                Ok(())
            }
            None => Ok(self.outputs.flush()?),
        }
    }

    /// Takes what people have said of incidents. It is applied with the next tick. Where that
    /// cannot be read, things are as they were.
    pub(super) fn take_feedback(&mut self, read: Result<(Feedback, Vec<String>), StoreError>) {
        let notes = match read {
            Ok((feedback, notes)) => {
                self.rulings.take(feedback);
                notes
            }
            Err(error) => vec![error.to_string()],
        };
        for note in notes {
            if self.totals.notes.len() < NOTES_MAX && !self.totals.notes.contains(&note) {
                self.totals.notes.push(note);
            }
        }
    }

    /// Takes who was seen to have an address up to a tick.
    fn learn_owners_until(&mut self, sightings: &mut &[(Tick, Sighting)], until: Tick) {
        let later = sightings.partition_point(|(tick, _)| *tick <= until);
        let seen = sightings.split_off(..later).unwrap_or_default();
        self.owners
            .learn(&mut self.learned.bindings, &self.geo, seen);
    }

    /// The asset to which a station belongs now.
    fn asset(&self, station: Station) -> AssetKey {
        self.owners.asset(&self.learned.bindings, station)
    }

    /// What may be shown of it now.
    pub(super) fn view(&mut self) -> AnalystView {
        self.learned.show(&mut self.totals.view);
        self.show_exports();
        self.show_times();
        self.totals.view.clone()
    }

    /// Closes the running hour if `tick` lies in another one, and opens that.
    fn pass_hours(&mut self, tick: Tick) -> Result<(), PipelineError> {
        self.pass_day(tick)?;
        let begins = !std::mem::replace(&mut self.has_begun, true);
        let is_partial = begins && self.resume(tick);
        self.totals.view.started.get_or_insert(tick);
        if self.rulings.is_new {
            let now = Tick(tick.0.saturating_sub(1));
            self.record_feedback(now);
            for alert in self.rulings.apply(&mut self.learned, now) {
                self.write(alert)?;
            }
        }
        let next = tick.hour();
        let grown = match self.learned.clock.hour {
            Some(hour) if hour == next => return Ok(()),
            // Hours between the two had no traffic and change nothing.
            Some(hour) => self.close_hour(hour)?,
            None => Vec::new(),
        };
        let now = Tick(Tick::of_hour(next).0.saturating_sub(1));
        for alert in self.learned.incidents.close_quiet(now) {
            self.write(alert)?;
        }
        for alert in self.learned.shadow.close_quiet(now) {
            self.outputs.shadow(alert)?;
        }
        self.learned.clock.hour = Some(next);
        self.learned.clock.has_traffic = false;
        self.learned.clock.is_partial = is_partial;
        self.open_hour(Tick::of_hour(next));
        grown.iter().try_for_each(|one| self.tell_grown(now, one))
    }

    /// Tells what the week that ended has shown to have grown.
    fn tell_grown(&mut self, now: Tick, one: &GrownExport) -> Result<(), PipelineError> {
        let (asset, country, grown) = one;
        let state = self.learned.baseline.assets.get(asset);
        let role = state.map(|state| state.role).unwrap_or_default();
        let told = told_growth(&self.judge, role, *country, grown);
        let key = (*asset, *country);
        self.tell(now, key, Activity::NONE, Word::of(Some(told)))
    }

    /// Joins this run, which begins at `tick`, to what was learned before. An hour of which
    /// too much was not seen teaches nothing. Says whether the hour of `tick` is one.
    fn resume(&mut self, tick: Tick) -> bool {
        let clock = &mut self.learned.clock;
        let Some(hour) = clock.hour else {
            return tick.seconds_since(Tick::of_hour(tick.hour())) > HOUR_MISSING_SECONDS_MAX;
        };
        if hour > tick.hour() {
            self.totals.notes.push(format!(
                "the learned state goes on until {}, after this input begins: what both hold is \
                 learned twice",
                clock.tick,
            ));
        }
        if tick.0.abs_diff(clock.tick.0) <= HOUR_MISSING_SECONDS_MAX {
            return false;
        }
        let unseen = Tick::of_hour(hour + 1).seconds_since(clock.tick);
        clock.is_partial |= unseen > HOUR_MISSING_SECONDS_MAX;
        tick.seconds_since(Tick::of_hour(tick.hour())) > HOUR_MISSING_SECONDS_MAX
    }

    fn open_hour(&mut self, start: Tick) {
        let LearnedState {
            baseline,
            incidents,
            shadow,
            ..
        } = &mut self.learned;
        self.slot = self.calendar.slot(start);
        let slot = self.slot;
        baseline.open_hour(start.hour());
        self.judge = Judge::new(baseline, budget(&self.config));
        for incidents in [incidents, shadow] {
            incidents.open_hour(|asset, country| {
                let seen = baseline.seen_hours(asset, country, start.hour());
                let before = seen.into_iter().fold(0, u64::saturating_add);
                (baseline.expected_bytes(&asset, country, slot), before)
            });
        }
    }

    fn close_hour(&mut self, hour: u64) -> Result<Vec<GrownExport>, PipelineError> {
        self.remember_hour(Tick::of_hour(hour + 1), true);
        let clock = self.learned.clock;
        if !clock.has_traffic || clock.is_partial {
            self.learned.baseline.skip_hour();
            return Ok(Vec::new());
        }
        self.weigh_all(hour)?;
        let thresholds = self.judge.thresholds();
        let learn = self.config.baseline.learn;
        let baseline = &mut self.learned.baseline;
        Ok(baseline.close_hour(self.slot, hour, learn, thresholds))
    }

    /// Weighs everything that the closing hour brought: first for what all assets do, then
    /// for what is to be told.
    fn weigh_all(&mut self, hour: u64) -> Result<(), PipelineError> {
        let mut active = Vec::new();
        for (asset, state) in &self.learned.baseline.assets {
            let known = state.countries.iter();
            let of_asset = known.filter(|(_, known)| known.all.hour_bytes > 0);
            active.extend(of_asset.map(|(country, _)| (*asset, *country)));
        }
        let weighed = active.into_iter().filter_map(|key| {
            let weighed = self.count_score(key, hour)?;
            Some((key, weighed))
        });
        let weighed: Vec<_> = weighed.collect();
        let now = Tick(Tick::of_hour(hour + 1).0.saturating_sub(1));
        weighed.into_iter().try_for_each(|(key, weighed)| {
            let told = self.judge(key, &weighed);
            self.tell(now, key, Activity::NONE, Word::of(told))
        })
    }

    /// Takes the transfers of one tick.
    fn tick(&mut self, tick: Tick, transfers: &[Transfer]) -> Result<(), PipelineError> {
        let mut order = std::mem::take(&mut self.order);
        let prefix = |row: &Transfer| row.prefix_as(self.asset(row.station()));
        order.sort(transfers, prefix, Transfer::cmp);
        let bits = PREFIX_BITS_BELOW_ASSET;
        let taken = order.batches(transfers, bits, |transfers| self.take_rows(tick, transfers));
        self.order = order;
        taken?;
        self.judge_exports(tick)
    }

    /// Takes all transfers of some assets in a tick, which are in order.
    fn take_rows(&mut self, tick: Tick, transfers: &[Transfer]) -> Result<(), PipelineError> {
        let bindings = &self.learned.bindings;
        let label = |station| self.owners.label(bindings, station);
        self.outputs.transfers(transfers, label)?;
        let mut rest = transfers;
        while let Some(first) = rest.first() {
            let (station, asset) = (first.station(), self.asset(first.station()));
            let is_same =
                |row: &Transfer| row.station() == station || self.asset(row.station()) == asset;
            let count = rest.iter().take_while(|row| is_same(row)).count();
            let (of_asset, others) = rest.split_at(count);
            rest = others;
            let joined = self.settle(tick, (asset, station.address))?;
            self.count(asset, of_asset, &joined);
            self.tell_joined(tick, asset, &joined)?;
            for untold in std::mem::take(&mut self.untold) {
                let key = (asset, untold.country);
                let told = untold.is_weighed.then(|| self.weigh(key)).flatten();
                // An hour that is past its ceiling is told once, and with what is open.
                let is_open = self.learned.incidents.is_open(asset, untold.country);
                let is_told = |passed: &Passed| passed.is_new || is_open;
                let passed = untold.passed.map(|passed| passed.filter(is_told));
                let word = Word {
                    passed,
                    ..Word::of(told)
                };
                self.tell(tick, key, untold.activity, word)?;
            }
        }
        Ok(())
    }

    /// Counts the transfers of an asset in a tick, and notes where enough went to weigh it.
    fn count(&mut self, asset: AssetKey, transfers: &[Transfer], joined: &Joined) {
        let learned = &mut self.learned;
        let has_incidents = !learned.incidents.is_empty() || !learned.shadow.is_empty();
        let baseline = &mut learned.baseline;
        let mut entry = baseline.enter(asset);
        let mut refused = 0;
        let has_ceiling = self.ceilings.has_any(asset);
        for of_country in transfers.chunk_by(|a, b| a.country == b.country) {
            let Some(country) = of_country.first().map(|transfer| transfer.country) else {
                continue;
            };
            self.totals.count(country, of_country);
            self.measures.note(asset, country, of_country);
            self.outputs.count(country, of_country);
            let Some(entry) = &mut entry else {
                refused += of_country.len() as u64;
                self.totals.count_asset(asset, country);
                continue;
            };
            let mut activity = Activity::NONE;
            let bytes = |entry: &AssetEntry<'_>| {
                let all = entry.hour_bytes(country);
                has_ceiling.then(|| [all, entry.unprotected_bytes(country)])
            };
            let before = bytes(entry);
            for transfer in of_country {
                if entry.add(transfer).is_some() {
                    activity.bytes = activity.bytes.saturating_add(transfer.bytes);
                    activity.is_running |= !transfer.ended;
                }
                if self.keeps_account || transfer.bytes >= NAMED_BYTES_MIN {
                    let host = self.recipients.host(transfer);
                    let domain = host.and_then(registered_domain);
                    if let Some(domain) = domain.filter(|_| transfer.bytes >= NAMED_BYTES_MIN) {
                        entry.received(transfer, domain);
                    }
                    if self.keeps_account {
                        let names = (host, domain);
                        let owners = (&self.owners, &learned.bindings);
                        exports::take(&mut learned.account, &self.policy, owners, transfer, names);
                    }
                }
            }
            let is_first = !entry.is_counted(country);
            if is_first {
                self.totals.count_asset(asset, country);
            }
            // The run before may have had another ceiling.
            let before = before.filter(|_| !is_first).unwrap_or_default();
            // What two addresses had until now is of one hour, which no tick has passed.
            let before = joined.before(country).unwrap_or(before);
            let passed = bytes(entry).map(|after| self.ceilings.passed(asset, before, after));
            let passed = passed.unwrap_or_default();
            let is_weighed = entry.is_to_be_weighed(country);
            if has_incidents || is_weighed || passed.iter().any(Option::is_some) {
                self.untold.push(Untold {
                    country,
                    activity,
                    is_weighed,
                    passed,
                });
            }
        }
        baseline.assets_refused += refused;
    }

    fn stage(&self, asset: AssetKey) -> Stage {
        let learn = self.config.baseline.learn;
        let baseline = &self.learned.baseline;
        let state = baseline.assets.get(&asset);
        state.map_or(Stage::Learning, |state| baseline.stage(state, learn))
    }
}

const fn budget(config: &Config) -> f64 {
    config.alert.budget_per_asset_week.per_asset_week()
}
