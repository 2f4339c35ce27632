//! Settings that take the place of others while a run goes on.
//!
//! What is new is made aside, by whoever read it, and offered for a tick that is still to come.
//! Every thread takes it when it passes on to that tick, so that a second is counted and judged
//! by one set of settings.

use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Release};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::config::Config;
use crate::detect::Ceilings;
use crate::geo::{DatabaseInfo, Geo};
use crate::inventory::Inventory;
use crate::ledger::Kind;
use crate::policy::Policy;
use crate::time::{Calendar, CalendarError, Tick};

use super::owners::Owners;
use super::recorder::Heading;

/// Where new settings wait for their tick.
#[derive(Debug, Default)]
pub struct Exchange {
    /// How many were offered, and how many the analyst has taken.
    offered: AtomicU64,
    taken: AtomicU64,
    latest: Mutex<Option<Arc<Replacement>>>,
}

/// New settings.
#[derive(Debug)]
pub(super) struct Replacement {
    number: u64,
    /// The first tick for which they hold.
    at: Tick,
    pub(super) geo: Arc<Geo>,
    pub(super) inventory: Arc<Inventory>,
    /// What the analyst alone needs, until it takes it.
    site: Mutex<Option<Box<Site>>>,
}

/// What the analyst goes by.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) config: Config,
    pub(super) calendar: Calendar,
    pub(super) owners: Owners,
    pub(super) ceilings: Ceilings,
    pub(super) policy: Policy,
    /// What the ledger is to say of it.
    pub(super) entries: Vec<(Kind, Value)>,
}

/// Which settings a thread has taken.
#[derive(Debug, Default)]
pub(super) struct Taken(u64);

impl Exchange {
    /// Offers settings that hold from the second after the next one on. Returns their number.
    ///
    /// # Errors
    /// Where they have no calendar; then everything stays as it is.
    pub fn offer(
        &self,
        config: Config,
        geo: Geo,
        policy: Policy,
        now: Tick,
    ) -> Result<u64, CalendarError> {
        let heading = Heading {
            inputs: &[],
            config: &config,
            databases: geo.databases(),
            policy: &policy,
        };
        let site = Site {
            calendar: config.site.calendar()?,
            owners: Owners::new(&config.asset),
            ceilings: ceilings(&config),
            entries: heading.entries_of_change(),
            policy,
            config,
        };
        let inventory = Arc::new(Inventory::new(&site.config.asset));
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.offered.load(Acquire) + 1;
        *latest = Some(Arc::new(Replacement {
            number,
            at: Tick(now.0.saturating_add(SECONDS_AHEAD)),
            geo: Arc::new(geo),
            inventory,
            site: Mutex::new(Some(Box::new(site))),
        }));
        self.offered.store(number, Release);
        Ok(number)
    }

    /// Whether the settings of a number hold.
    pub fn is_taken(&self, number: u64) -> bool {
        self.taken.load(Acquire) >= number
    }

    /// What is new for whoever passes on to `tick`, once. It costs a look at a number where
    /// nothing is.
    #[inline]
    pub(super) fn due(&self, taken: &mut Taken, tick: Tick) -> Option<Arc<Replacement>> {
        if self.offered.load(Acquire) == taken.0 {
            return None;
        }
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let replacement = latest.as_ref().filter(|new| tick >= new.at)?;
        taken.0 = replacement.number;
        Some(Arc::clone(replacement))
    }

    /// The analyst goes by it now.
    pub(super) fn took(&self, replacement: &Replacement) {
        self.taken.store(replacement.number, Release);
    }

    /// The databases in use, if there are others than at the start.
    pub(super) fn databases(&self) -> Option<Vec<DatabaseInfo>> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = latest.as_ref().filter(|new| self.is_taken(new.number))?;
        Some(taken.geo.databases().to_vec())
    }
}

impl Replacement {
    /// What the analyst needs. Only the first who asks gets it.
    pub(super) fn take_site(&self) -> Option<Box<Site>> {
        let mut site = self.site.lock().unwrap_or_else(PoisonError::into_inner);
        site.take()
    }
}

/// The ceilings of a configuration.
pub(super) fn ceilings(config: &Config) -> Ceilings {
    Ceilings::new(
        config.alert.ceiling_bytes_per_hour,
        config.alert.unprotected_bytes_per_hour,
        &config.asset,
    )
}

/// How far ahead the tick of new settings lies, so that no thread is past it, in seconds.
const SECONDS_AHEAD: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(exchange: &Exchange, text: &str, now: Tick) -> u64 {
        let config = Config::parse(text, "x.toml").unwrap();
        let home = config.site.jurisdictions.0.clone();
        let geo = Geo::open(&config.geo, &config.site.networks, home).unwrap();
        exchange.offer(config, geo, Policy::default(), now).unwrap()
    }

    #[test]
    fn every_thread_takes_the_same_at_the_same_tick_and_once() {
        let exchange = Exchange::default();
        let (mut sensor, mut analyst) = (Taken::default(), Taken::default());
        assert!(exchange.due(&mut sensor, Tick(500)).is_none());
        let number = offer(&exchange, "[site]\njurisdictions = [\"EU\"]", Tick(500));
        assert!(exchange.due(&mut sensor, Tick(501)).is_none(), "not yet");
        let by_sensor = exchange.due(&mut sensor, Tick(502)).unwrap();
        assert!(exchange.due(&mut sensor, Tick(503)).is_none(), "once");
        assert!(exchange.due(&mut analyst, Tick(501)).is_none());
        let by_analyst = exchange.due(&mut analyst, Tick(502)).unwrap();
        assert!(Arc::ptr_eq(&by_sensor, &by_analyst));
        let site = by_analyst.take_site().unwrap();
        assert!(
            site.config
                .site
                .jurisdictions
                .0
                .contains("FR".parse().unwrap())
        );
        assert!(by_analyst.take_site().is_none());
        assert!(!exchange.is_taken(number) && exchange.databases().is_none());
        exchange.took(&by_analyst);
        assert!(exchange.is_taken(number) && exchange.databases().is_some());
    }
}
