//! Names looked up and quantities checked, with the place of every error.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use jiff::ToSpan;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use toml::Spanned;

use super::chance::Chance;
use super::format::{self, Document};
use super::opening::Protocol;
use super::quantity::{HostName, Moment, Prefix, Service};
use super::scenario::{Asset, Destination, Habit, Scenario, ScenarioError, Speech, wrong};
use crate::time::{Calendar, NANOS_PER_SECOND, SECONDS_PER_DAY};

/// A scenario being put together, with what is needed to say where an error is.
#[derive(Debug)]
pub(super) struct Builder<'a> {
    pub(super) scenario: Scenario,
    text: &'a str,
    zone: TimeZone,
    first_day: Date,
    pub(super) days: u32,
    assets: BTreeMap<String, usize>,
    groups: BTreeMap<String, Vec<usize>>,
    destinations: BTreeMap<String, usize>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(text: &'a str, document: &Document) -> Result<Self, ScenarioError> {
        let site = &document.site;
        let zone_at = site.time_zone.span().start;
        let zone_name = site.time_zone.get_ref();
        let holidays = site
            .holidays
            .as_ref()
            .map_or(&[][..], |dates| dates.get_ref());
        let holidays_at = site.holidays.as_ref().map_or(0, |dates| dates.span().start);
        let zone = TimeZone::get(zone_name);
        let at = if zone.is_ok() { holidays_at } else { zone_at };
        let calendar = Calendar::new(zone_name, holidays)
            .map_err(|error| wrong(text, at, error.to_string()))?;
        let zone = zone.unwrap_or(TimeZone::UTC);
        let start_at = document.start.span().start;
        let Moment::Absolute(first) = *document.start.get_ref() else {
            let message = "`start` must be RFC 3339 with an offset".to_owned();
            return Err(wrong(text, start_at, message));
        };
        let Ok(start) = u64::try_from(first.as_nanosecond()) else {
            return Err(wrong(text, start_at, "`start` is before 1970".to_owned()));
        };
        if start > START_SECONDS_MAX * NANOS_PER_SECOND {
            return Err(wrong(text, start_at, "`start` is after 2100".to_owned()));
        }
        let days = *document.days.get_ref();
        if !(1..=DAYS_MAX).contains(&days) {
            let message = format!("`days` must be 1 to {DAYS_MAX}");
            return Err(wrong(text, document.days.span().start, message));
        }
        let scenario = Scenario {
            seed: document.seed,
            start,
            end: start + u64::from(days) * SECONDS_PER_DAY * NANOS_PER_SECOND,
            calendar,
            networks: site.networks.iter().map(|network| network.0).collect(),
            home: site
                .jurisdictions
                .iter()
                .map(|code| code.0.clone())
                .collect(),
            assets: Vec::new(),
            destinations: Vec::new(),
            habits: Vec::new(),
            growths: Vec::new(),
            uploads: Vec::new(),
            events: Vec::new(),
        };
        let first_day = zone.to_datetime(first).date();
        let [assets, destinations] = [BTreeMap::new(), BTreeMap::new()];
        let groups = BTreeMap::new();
        Ok(Self {
            scenario,
            text,
            zone,
            first_day,
            days,
            assets,
            groups,
            destinations,
        })
    }

    pub(super) fn add_destinations(
        &mut self,
        all: &[format::Destination],
    ) -> Result<(), ScenarioError> {
        for written in all {
            let networks: Vec<IpNet> = written.addresses.get_ref().iter().map(|p| p.0).collect();
            // Not every asset speaks IPv6.
            if !networks.iter().any(|network| network.addr().is_ipv4()) {
                return Err(self.wrong(&written.addresses, "a destination has an IPv4 address"));
            }
            let home = &self.scenario.networks;
            let inside = |network: &IpNet| home.iter().any(|own| own.contains(network));
            let is_internal = networks.iter().any(inside);
            if is_internal && networks.iter().any(|n| !inside(n) || n.addr().is_ipv6()) {
                let message = "a destination inside the site has IPv4 addresses of the site only";
                return Err(self.wrong(&written.addresses, message));
            }
            let rate_mbit = self.within(&written.rate_mbit, 0.01, 100_000.0)?;
            let usual = Speech {
                protocol: Protocol::usual(written.service),
                server_name: None,
            };
            let (protocol, server_name) = (&written.protocol, &written.server_name);
            let speech = self.speech(written.service, protocol, server_name, usual)?;
            let destination = Destination {
                name: written.name.get_ref().clone(),
                jurisdiction: written.jurisdiction.0.clone(),
                networks,
                is_internal,
                service: written.service,
                speech,
                rtt_nanos: (self.within(&written.rtt_ms, 0.01, 5_000.0)? * 1e6) as u64,
                replies: self.within(&written.replies, 0.0, 1_000.0)?,
                flow_bytes: written.flow.0.max(1),
                bytes_per_second: rate_mbit * 125_000.0,
            };
            let index = self.scenario.destinations.len();
            if self
                .destinations
                .insert(destination.name.clone(), index)
                .is_some()
            {
                return Err(self.wrong(&written.name, "this name is taken"));
            }
            self.scenario.destinations.push(destination);
        }
        Ok(())
    }

    /// What is said with a service: what is written, else what is usual.
    pub(super) fn speech(
        &self,
        service: Service,
        protocol: &Option<Spanned<Protocol>>,
        server_name: &Option<HostName>,
        usual: Speech,
    ) -> Result<Speech, ScenarioError> {
        let does_not_fit = |protocol: &&Spanned<Protocol>| !protocol.get_ref().fits(service);
        if let Some(wrong) = protocol.as_ref().filter(does_not_fit) {
            let transport = if service.is_tcp { "tcp" } else { "udp" };
            let message = format!(
                "`{}` is not spoken over {transport}/{}",
                wrong.get_ref().name(),
                service.port
            );
            return Err(self.wrong(wrong, message));
        }
        let protocol = protocol.as_ref().map(|protocol| *protocol.get_ref());
        let name = server_name.as_ref().map(|name| name.0.as_str().into());
        Ok(Speech {
            protocol: protocol.unwrap_or(usual.protocol),
            server_name: name.or(usual.server_name),
        })
    }

    pub(super) fn add_group(&mut self, group: &format::Group) -> Result<(), ScenarioError> {
        let name = group.name.get_ref();
        let count = *group.count.get_ref();
        let room = ASSETS_MAX.saturating_sub(self.scenario.assets.len());
        if count == 0 || count as usize > room {
            let message = format!("a group has 1 asset or more, all groups {ASSETS_MAX} at most");
            return Err(self.wrong(&group.count, message));
        }
        let mut members = Vec::new();
        for number in 1..=count {
            let asset = self.asset_of(group, number)?;
            let index = self.scenario.assets.len();
            let taken = self
                .scenario
                .assets
                .iter()
                .any(|other| other.ipv4 == asset.ipv4);
            if taken {
                let message = format!("{} belongs to another group", asset.ipv4);
                return Err(self.wrong(&group.network, message));
            }
            if self.assets.insert(asset.name.clone(), index).is_some() {
                return Err(self.wrong(&group.name, "this name is taken"));
            }
            self.scenario.assets.push(asset);
            members.push(index);
        }
        if self.groups.insert(name.clone(), members.clone()).is_some() {
            return Err(self.wrong(&group.name, "this name is taken"));
        }
        for traffic in &group.traffic {
            self.add_traffic(group, &members, traffic)?;
        }
        Ok(())
    }

    /// Asset `number` of a group: host number 10 + `number` of the group's network.
    fn asset_of(&self, group: &format::Group, number: u32) -> Result<Asset, ScenarioError> {
        let name = group.name.get_ref();
        let IpNet::V4(network) = group.network.get_ref().0 else {
            return Err(self.wrong(&group.network, "the network of a group is an IPv4 network"));
        };
        let host = FIRST_HOST + number;
        let address = u32::from(network.network())
            .checked_add(host)
            .map(Ipv4Addr::from);
        let Some(ipv4) = address.filter(|a| network.contains(a) && *a != network.broadcast())
        else {
            let message = format!("the network has no host number {host} for asset {number}");
            return Err(self.wrong(&group.network, message));
        };
        if !self
            .scenario
            .networks
            .iter()
            .any(|own| own.contains(&IpAddr::V4(ipv4)))
        {
            return Err(self.wrong(&group.network, "this network is not within `site.networks`"));
        }
        let ipv6 = match &group.ipv6_network {
            None => None,
            Some(written) => match written.get_ref() {
                Prefix(IpNet::V6(network)) if network.prefix_len() <= 64 => {
                    let address = u128::from(network.network()) + u128::from(host);
                    Some(Ipv6Addr::from(address))
                }
                _ => return Err(self.wrong(written, "write an IPv6 network of /64 or shorter")),
            },
        };
        let alone = *group.count.get_ref() == 1;
        let name = if alone {
            name.clone()
        } else {
            format!("{name}-{number}")
        };
        Ok(Asset {
            name,
            kind: group.kind,
            ipv4,
            ipv6,
        })
    }

    fn add_traffic(
        &mut self,
        group: &format::Group,
        members: &[usize],
        traffic: &format::Traffic,
    ) -> Result<(), ScenarioError> {
        let (name, is_served) = match (&traffic.to, &traffic.from) {
            (Some(name), None) => (name, false),
            (None, Some(name)) => (name, true),
            _ => return Err(self.wrong(&traffic.daily, "traffic has either `to` or `from`")),
        };
        let destination = self.destination(name)?;
        let share = self.within(&traffic.share, 0.0, 1.0)?;
        let spread = self.within(&traffic.spread, 0.0, SPREAD_MAX)?;
        let active = self.within(&traffic.active, 0.001, 1.0)?;
        let label = format!("share/{}/{}", group.name.get_ref(), name.get_ref());
        let mut chance = Chance::new(self.scenario.seed, &label);
        for &asset in members {
            if chance.happens(share) {
                let daily_bytes = traffic.daily.get_ref().0 as f64;
                let mut habit = self.habit(asset, destination, daily_bytes);
                (habit.is_served, habit.spread, habit.active) = (is_served, spread, active);
                self.scenario.habits.push(habit);
            }
        }
        Ok(())
    }

    /// A habit of the whole scenario with usual variation.
    pub(super) fn habit(&self, asset: usize, destination: usize, daily_bytes: f64) -> Habit {
        let name = |index: usize| {
            self.scenario
                .destinations
                .get(index)
                .map(|d| d.name.as_str())
        };
        let asset_name = self
            .scenario
            .assets
            .get(asset)
            .map_or("", |asset| asset.name.as_str());
        Habit {
            label: format!(
                "habit/{asset_name}/{}",
                name(destination).unwrap_or_default()
            ),
            asset,
            destination,
            is_served: false,
            daily_bytes,
            spread: 0.8,
            active: 0.7,
            from: self.scenario.start,
            until: self.scenario.end,
            event: None,
        }
    }

    /// Looks an asset up.
    pub(super) fn asset(&self, name: &Spanned<String>) -> Result<usize, ScenarioError> {
        let found = self.assets.get(name.get_ref()).copied();
        found.ok_or_else(|| self.unknown("asset", name, self.assets.keys()))
    }

    /// Looks an asset up, or all assets of a group.
    pub(super) fn assets(&self, name: &Spanned<String>) -> Result<Vec<usize>, ScenarioError> {
        match self.groups.get(name.get_ref()) {
            Some(members) => Ok(members.clone()),
            None => self.asset(name).map(|asset| vec![asset]),
        }
    }

    /// Looks a destination up.
    pub(super) fn destination(&self, name: &Spanned<String>) -> Result<usize, ScenarioError> {
        let found = self.destinations.get(name.get_ref()).copied();
        found.ok_or_else(|| self.unknown("destination", name, self.destinations.keys()))
    }

    /// The first moment, in nanoseconds, at which clocks of the site show `time` on `day`.
    pub(super) fn local(&self, day: u32, time: Time) -> Option<u64> {
        let date = self.date(day)?;
        let moment = self.zone.to_timestamp(date.to_datetime(time)).ok()?;
        u64::try_from(moment.as_nanosecond()).ok()
    }

    /// The day of the week of a day of the scenario.
    pub(super) fn weekday(&self, day: u32) -> Option<Weekday> {
        self.date(day).map(|date| date.weekday())
    }

    fn date(&self, day: u32) -> Option<Date> {
        self.first_day
            .checked_add(i64::from(day.checked_sub(1)?).days())
            .ok()
    }

    /// The moment in nanoseconds, if it lies within the scenario.
    pub(super) fn moment(&self, written: &Spanned<Moment>) -> Result<u64, ScenarioError> {
        let nanos = match *written.get_ref() {
            Moment::Local(day, _) if day > self.days => None,
            Moment::Local(day, time) => self.local(day, time),
            Moment::Absolute(moment) => u64::try_from(moment.as_nanosecond()).ok(),
        };
        nanos
            .filter(|nanos| (self.scenario.start..self.scenario.end).contains(nanos))
            .ok_or_else(|| self.wrong(written, "this moment lies outside the scenario"))
    }

    /// Checks a number against its range.
    pub(super) fn within(
        &self,
        number: &Spanned<f64>,
        low: f64,
        high: f64,
    ) -> Result<f64, ScenarioError> {
        let value = *number.get_ref();
        if (low..=high).contains(&value) {
            return Ok(value);
        }
        Err(self.wrong(number, format!("this number must be {low} to {high}")))
    }

    fn unknown<'n>(
        &self,
        noun: &str,
        name: &Spanned<String>,
        known: impl Iterator<Item = &'n String>,
    ) -> ScenarioError {
        let known: Vec<&str> = known.map(String::as_str).take(NAMES_SHOWN).collect();
        let message = format!(
            "there is no {noun} `{}`; the scenario has: {}",
            name.get_ref(),
            known.join(", ")
        );
        self.wrong(name, message)
    }

    /// An error at something that was written.
    pub(super) fn wrong<T>(&self, at: &Spanned<T>, message: impl Into<String>) -> ScenarioError {
        wrong(self.text, at.span().start, message.into())
    }
}

/// Longest scenario, days.
const DAYS_MAX: u32 = 400;

/// Latest start, seconds since the epoch: the year 2100, before the 32 bits of the
/// capture format end.
const START_SECONDS_MAX: u64 = 4_102_444_800;

/// Most assets of a scenario.
const ASSETS_MAX: usize = 5_000;

/// The first asset of a group has the host number after this one.
const FIRST_HOST: u32 = 10;

/// Largest standard deviation of the logarithm of an hour's bytes.
pub(super) const SPREAD_MAX: f64 = 3.0;

/// Names that an error about an unknown name lists.
const NAMES_SHOWN: usize = 30;
