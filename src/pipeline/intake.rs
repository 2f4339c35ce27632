//! Transfers to alerts without a packet: the analyst half by itself.
//!
//! What comes before is somebody else's business: a generator of whole sites, by which
//! detection is measured, or a reader of records that others made of packets.

use std::sync::Arc;

use crate::alert::Alert;
use crate::config::Config;
use crate::flow::SHARDS;
use crate::geo::Geo;
use crate::policy::Policy;
use crate::time::Tick;
use crate::transfer::{self, ROWS_PER_SHARD_TICK_MAX, Transfer};

use super::PipelineError;
use super::analyst::Analyst;
use super::outputs::Outputs;
use super::sensor::{SensorCounts, SensorOutput};
use super::state::{Keeper, LearnedState};

/// What the analyst made of transfers.
#[derive(Debug, Default)]
pub struct Intake {
    /// The lines of `alerts.jsonl`, in order.
    pub alerts: Vec<Alert>,
    /// Lines beyond [`INTAKE_ALERTS_MAX`], which are not kept.
    pub alerts_beyond: u64,
    /// Transfers that were taken.
    pub transfers: u64,
    /// Ticks in which there were some.
    pub ticks: u64,
    /// Transfers of a tick that had passed, which count in the running one.
    pub late: u64,
    /// Transfers that were folded away, their bytes being counted with others.
    pub folded: u64,
    /// Assets that are known at the end.
    pub assets: usize,
    /// Cells that are kept of them at the end.
    pub cells: usize,
}

/// Most lines that an [`Intake`] keeps.
pub const INTAKE_ALERTS_MAX: usize = 1 << 18;

/// Takes transfers in the order of their ticks with an analyst that has learned nothing
/// yet, whatever `state.dir` says. Every tick with transfers counts as one with traffic.
/// The hour that runs when they end is not closed, as at the end of a capture.
///
/// # Errors
/// A database or the calendar of the configuration that cannot be used.
pub fn intake(
    config: Config,
    transfers: impl IntoIterator<Item = Transfer>,
) -> Result<Intake, PipelineError> {
    let site = &config.site;
    let geo = Geo::open(&config.geo, &site.networks, site.jurisdictions.0.clone())?;
    let learned = LearnedState::default();
    let policy = Policy::default();
    let analyst = Analyst::new(config, Arc::new(geo), policy, Outputs::keeping(), learned)?;
    let mut feeder = Feeder::new(analyst);
    for transfer in transfers {
        feeder.add(transfer)?;
    }
    feeder.tell(None)?;
    let view = feeder.analyst.view();
    (feeder.done.assets, feeder.done.cells) = (view.assets, view.cells);
    Ok(feeder.done)
}

/// An analyst that learns from transfers and goes on from what it has learned.
#[derive(Debug)]
pub struct Import {
    feeder: Feeder,
    keeper: Keeper,
    notes: Vec<String>,
}

/// What came of an [`Import`].
#[derive(Debug)]
pub struct Imported {
    /// What was taken.
    pub taken: Intake,
    /// Incidents that were told, and those that were not because their asset is young.
    pub incidents: [u64; 2],
    /// Hours with traffic from which the state has learned by now.
    pub hours_learned: u64,
    /// What the operator should know.
    pub notes: Vec<String>,
}

impl Import {
    /// Opens and locks the folder that `state.dir` names.
    ///
    /// # Errors
    /// A state that is in use or cannot be read; a calendar or a key that cannot be used.
    pub fn start(
        config: Config,
        geo: Arc<Geo>,
        mut outputs: Outputs,
    ) -> Result<Self, PipelineError> {
        outputs.set_veil(&Arc::new(config.privacy.open(&config.site.networks)?));
        let mut keeper = Keeper::new(&config)?;
        let (learned, notes) = keeper.load()?;
        let analyst = Analyst::new(config, geo, Policy::default(), outputs, learned)?;
        let feeder = Feeder::new(analyst);
        Ok(Self {
            feeder,
            keeper,
            notes,
        })
    }

    /// Takes one transfer; one of a tick that has passed counts in the running one. Hours
    /// between two that exported nothing were seen like others, since a log tells of exports
    /// alone; of more than a day of them it is likelier that the log is missing.
    ///
    /// # Errors
    /// Where a result cannot be written.
    pub fn add(&mut self, transfer: Transfer) -> Result<(), PipelineError> {
        if let Some(running) = self.feeder.running {
            let silent = running.hour() + 1..transfer.tick.hour();
            if silent.end.saturating_sub(silent.start) <= SILENT_HOURS_MAX {
                silent
                    .into_iter()
                    .try_for_each(|hour| self.feeder.pass(hour))?;
            }
        }
        self.feeder.add(transfer)
    }

    /// Says what is left, and saves what was learned.
    ///
    /// # Errors
    /// Where a result or the state cannot be written.
    pub fn finish(mut self) -> Result<Imported, PipelineError> {
        let mut feeder = self.feeder;
        let mut notes = self.notes;
        feeder.tell(None)?;
        self.keeper.save(&feeder.analyst.learned)?;
        let view = feeder.analyst.view();
        (feeder.done.assets, feeder.done.cells) = (view.assets, view.cells);
        let totals = &mut feeder.analyst.totals;
        notes.append(&mut totals.notes);
        Ok(Imported {
            taken: feeder.done,
            incidents: [totals.incidents, totals.shadow_incidents],
            hours_learned: view.hours_learned,
            notes,
        })
    }
}

/// Stands where the workers would.
#[derive(Debug)]
struct Feeder {
    analyst: Analyst,
    running: Option<Tick>,
    /// Transfers of the running tick.
    rows: Vec<Transfer>,
    counts: SensorCounts,
    done: Intake,
}

impl Feeder {
    fn new(analyst: Analyst) -> Self {
        Self {
            analyst,
            running: None,
            rows: Vec::new(),
            counts: SensorCounts::default(),
            done: Intake::default(),
        }
    }

    fn add(&mut self, transfer: Transfer) -> Result<(), PipelineError> {
        let running = match self.running {
            Some(running) if transfer.tick <= running => running,
            // The analyst is told of the first tick before it gets anything of it.
            _ => {
                self.tell(Some(transfer.tick))?;
                self.done.ticks += 1;
                transfer.tick
            }
        };
        self.running = Some(running);
        self.done.transfers += 1;
        self.done.late += u64::from(transfer.tick < running);
        self.counts.packets += 1;
        self.rows.push(Transfer {
            tick: running,
            ..transfer
        });
        if self.rows.len() >= ROWS_FOLD_AT {
            self.done.folded += transfer::fold(&mut self.rows);
        }
        Ok(())
    }

    /// Has an hour begin in which nothing is exported.
    fn pass(&mut self, hour: u64) -> Result<(), PipelineError> {
        let tick = Tick::of_hour(hour);
        self.tell(Some(tick))?;
        self.counts.packets += 1;
        self.running = Some(tick);
        Ok(())
    }

    /// Closes the running tick, as the workers do together.
    fn tell(&mut self, until: Option<Tick>) -> Result<(), PipelineError> {
        let output = SensorOutput {
            transfers: std::mem::take(&mut self.rows),
            counts: self.counts,
            ..SensorOutput::default()
        };
        self.analyst.take(vec![output], until)?;
        for alert in self.analyst.outputs.take_kept() {
            if self.done.alerts.len() < INTAKE_ALERTS_MAX {
                self.done.alerts.push(alert);
            } else {
                self.done.alerts_beyond += 1;
            }
        }
        Ok(())
    }
}

/// Hours without an export that a log may have and be whole.
const SILENT_HOURS_MAX: u64 = 24;

/// Transfers of one tick that are held: what all shards of a sensor may tell of one.
const ROWS_FOLD_AT: usize = SHARDS * ROWS_PER_SHARD_TICK_MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Event;
    use crate::dissect::Protection;
    use crate::geo::{Confidence, Country};
    use crate::time::{SECONDS_PER_DAY, SECONDS_PER_HOUR};
    use crate::transfer::{Conversation, Service};

    /// 2026-03-02T00:00:00Z.
    const START: u64 = 1_772_409_600;

    fn transfer(second: u64, asset: u8, country: &str, bytes: u64) -> Transfer {
        Transfer {
            tick: Tick(START + second),
            country: Country::from_code(country).unwrap(),
            asn: 64_500,
            service: Service::Web,
            asset_ip: [10, 0, 0, asset].into(),
            vlan: None,
            conversation: Some(Conversation {
                asset_port: 40_000,
                peer: [192, 0, 2, 1].into(),
                peer_port: 443,
                protocol: 6,
            }),
            served: false,
            bytes,
            confidence: Confidence::Plausible,
            protection: Protection::Unseen,
            ended: true,
            round_trip_nanos: None,
            measure: transfer::Measure::PACKETS,
        }
    }

    /// Ten days in which eight assets send some megabytes to DE every hour.
    fn ordinary() -> Vec<Transfer> {
        let mut all = Vec::new();
        for hour in 0..10 * 24 {
            for asset in 1..=8 {
                let second = hour * SECONDS_PER_HOUR + 60 * u64::from(asset);
                let bytes = 1_000_000 + second * 7_919 % 3_000_000;
                all.push(transfer(second, asset, "DE", bytes));
            }
        }
        all
    }

    /// The first alert on what one asset sends the day after it has sent as much together with all
    /// others, if any.
    fn told_after_a_common_surprise() -> Option<Alert> {
        let mut all = ordinary();
        let call = |day: u64, asset: u8| {
            let begin = day * SECONDS_PER_DAY + 10 * SECONDS_PER_HOUR;
            (0..600).map(move |second| transfer(begin + second, asset, "DE", 50_000_000))
        };
        all.extend((1..=8).flat_map(|asset| call(8, asset)));
        all.extend(call(9, 3));
        all.sort_by_key(|one| one.tick);
        let done = intake(Config::default(), all).unwrap();
        done.alerts.into_iter().next()
    }

    #[test]
    fn what_only_others_kept_silent_is_not_learned() {
        let told = told_after_a_common_surprise().unwrap();
        assert_eq!(told.asset_ip, transfer(0, 3, "DE", 0).asset_ip);
        assert!(told.time.starts_with("2026-03-11T10"), "{}", told.time);
    }

    #[test]
    fn a_push_that_nobody_ever_made_is_told_and_ordinary_hours_are_not() {
        let quiet = intake(Config::default(), ordinary()).unwrap();
        assert_eq!(quiet.alerts, []);
        assert_eq!((quiet.transfers, quiet.ticks), (1_920, 1_920));
        assert_eq!((quiet.assets, quiet.late, quiet.folded), (8, 0, 0));
        let mut all = ordinary();
        let begin = 10 * SECONDS_PER_DAY;
        all.extend((0..600).map(|second| transfer(begin + second, 3, "RU", 50_000_000)));
        let loud = intake(Config::default(), all.clone()).unwrap();
        let first = loud.alerts.first().unwrap();
        assert_eq!(first.event, Event::Open);
        assert_eq!(first.asset_ip, transfer(0, 3, "RU", 0).asset_ip);
        assert_eq!(first.jurisdiction.code(), "RU");
        assert!(first.time.starts_with("2026-03-12T00:"), "{}", first.time);
        assert_eq!(first.maturity, 1.0, "every hour had traffic");
        let again = intake(Config::default(), all).unwrap();
        assert_eq!(loud.alerts, again.alerts);
    }

    #[test]
    fn assets_that_push_to_one_receiver_are_a_campaign() {
        let mut all = ordinary();
        let begin = 10 * SECONDS_PER_DAY;
        for second in 0..600 {
            all.push(transfer(begin + second, 3, "RU", 50_000_000));
            if second > 300 {
                all.push(transfer(begin + second, 5, "RU", 50_000_000));
            }
        }
        let told = intake(Config::default(), all).unwrap().alerts;
        let joined = told.iter().position(|line| line.campaign.is_some());
        let (alone, joined) = told.split_at(joined.unwrap());
        assert!(!alone.is_empty() && alone.iter().all(|line| line.campaign.is_none()));
        assert!(joined[0].event == Event::Open && joined[1].event == Event::Update);
        assert_ne!(joined[0].asset, joined[1].asset);
        let campaign = joined[0].campaign.as_deref().unwrap();
        assert!(campaign.ends_with("/RU/AS64500"), "{campaign}");
        assert!(
            joined
                .iter()
                .all(|line| line.campaign.as_deref() == Some(campaign))
        );
        let first = &told[0];
        assert_eq!((first.prevalence.assets, first.prevalence.country), (8, 1));
        assert_eq!(first.first_seen.as_deref(), Some("2026-03-12T00:00:00Z"));
        assert!(first.is_new && first.allowance_bytes > 0);
        assert_eq!((first.seen_hours[22], first.expected_hours), (0, [0; 24]));
        assert!(first.seen_hours[23] > 0);
    }

    #[test]
    fn what_comes_late_counts_in_the_running_tick() {
        let all = [(5, 1), (5, 2), (4, 3), (6, 4)];
        let all = all.map(|(second, asset)| transfer(second, asset, "DE", 1));
        let taken = intake(Config::default(), all).unwrap();
        assert_eq!((taken.ticks, taken.late, taken.transfers), (2, 1, 4));
        assert_eq!(taken.assets, 4);
    }

    #[test]
    fn a_tick_of_too_many_transfers_is_folded() {
        let count = ROWS_FOLD_AT as u64 + 9;
        let taken = intake(
            Config::default(),
            (0..count).map(|_| transfer(1, 1, "DE", 1)),
        );
        let taken = taken.unwrap();
        assert_eq!((taken.transfers, taken.ticks), (count, 1));
        assert!(
            taken.folded > count - 3 * ROWS_PER_SHARD_TICK_MAX as u64,
            "{}",
            taken.folded
        );
    }
}
