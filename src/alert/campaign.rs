//! Campaigns: incidents of several assets that share a receiver.
//!
//! Two assets are enough. An incident is rare by itself, one in fifty asset-weeks at the
//! default budget, so two at once that share where they send are worth a look together; and a
//! campaign is only a name that lines have in common, which raises no alert and no score.
//!
//! They share a receiver where each has named it within [`SHARED_SECONDS`]: an autonomous
//! system in a country, or the address of a peer that got much. When an incident is told, all
//! open ones are looked through, so the cost grows with their number; lines are rare.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::geo::Country;
use crate::time::{SECONDS_PER_DAY, Tick};

use super::incident::{Incident, Key, Observed};

/// Within how many seconds two incidents must name a receiver: a week.
pub const SHARED_SECONDS: u64 = 7 * SECONDS_PER_DAY;

/// Receivers that an incident remembers; beyond them the one named longest ago is forgotten.
pub const SINKS_PER_INCIDENT_MAX: usize = 16;

/// Who receives. The first names a campaign where several are shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Sink {
    Network(Country, u32),
    Peer(IpAddr),
}

/// The receivers that an incident has named, each with when it was last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Sinks(Vec<(Sink, Tick)>);

impl Sinks {
    /// Takes in the receivers of what was observed.
    pub(super) fn name(&mut self, country: Country, observed: &Observed, now: Tick) {
        let flows = observed.top_flows.iter();
        let peers = flows.map(|flow| Sink::Peer(flow.conversation.peer));
        let network = (observed.asn > 0).then_some(Sink::Network(country, observed.asn));
        for sink in network.into_iter().chain(peers) {
            self.0.retain(|(known, _)| *known != sink);
            if self.0.len() == SINKS_PER_INCIDENT_MAX {
                self.0.remove(0);
            }
            self.0.push((sink, now));
        }
    }

    /// Takes in the receivers of another incident.
    pub(super) fn join(&mut self, other: &Self) {
        for (sink, named) in &other.0 {
            match self.0.iter_mut().find(|(known, _)| known == sink) {
                Some((_, known)) => *known = (*known).max(*named),
                None => self.0.push((*sink, *named)),
            }
        }
        self.0.sort_by_key(|(_, named)| *named);
        let surplus = self.0.len().saturating_sub(SINKS_PER_INCIDENT_MAX);
        self.0.drain(..surplus);
    }

    /// The first that both have named since a tick, networks before peers.
    fn shared(&self, other: &Self, since: Tick) -> Option<Sink> {
        let own = self.since(since);
        own.filter(|sink| other.since(since).any(|known| known == *sink))
            .min()
    }

    fn since(&self, since: Tick) -> impl Iterator<Item = Sink> {
        let recent = self.0.iter().filter(move |(_, named)| *named >= since);
        recent.map(|(sink, _)| *sink)
    }
}

/// Lets an incident that is being told join those of other assets that share a receiver with
/// it. Returns the others that became part of a campaign by this. What is part of one stays
/// with it.
pub(super) fn join(open: &mut BTreeMap<Key, Incident>, key: Key, now: Tick) -> Vec<Key> {
    let Some(own) = open.get(&key) else {
        return Vec::new();
    };
    let since = Tick(now.0.saturating_sub(SHARED_SECONDS));
    let others = open.iter().filter(|(other, _)| other.0 != key.0);
    let sharing = others.filter_map(|(other, incident)| {
        let sink = own.sinks.shared(&incident.sinks, since)?;
        Some((sink, *other, incident.campaign.clone()))
    });
    let sharing: Vec<_> = sharing.collect();
    let Some(sink) = sharing.iter().map(|(sink, ..)| *sink).min() else {
        return Vec::new();
    };
    // Names begin with the time, so the first is the oldest.
    let known = sharing.iter().filter_map(|(.., campaign)| campaign.clone());
    let campaign = own.campaign.clone().or_else(|| known.min());
    let campaign = campaign.unwrap_or_else(|| format!("{}/{sink}", now.plus_seconds(1)));
    let joining = sharing.into_iter().filter(|(.., known)| known.is_none());
    let joining: Vec<Key> = joining.map(|(_, other, _)| other).collect();
    for joined in joining.iter().chain([&key]) {
        if let Some(incident) = open.get_mut(joined) {
            incident.campaign = Some(campaign.clone());
        }
    }
    joining
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(country, asn) => write!(f, "{country}/AS{asn}"),
            Self::Peer(address) => write!(f, "{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::incident::tests::{RUNNING, asset, observed, told};
    use super::super::{Alert, Event, Incidents};
    use super::*;
    use crate::baseline::TopFlow;
    use crate::detect::Detector;
    use crate::transfer::Conversation;

    /// What is seen of a transfer to a network and a peer.
    fn to(asn: u32, peer: u8) -> Observed {
        Observed {
            asn,
            recipients: Vec::new(),
            top_flows: vec![TopFlow {
                asset_ip: [10, 0, 0, 1].into(),
                conversation: Conversation {
                    asset_port: 1,
                    peer: [192, 0, 2, peer].into(),
                    peer_port: 443,
                    protocol: 6,
                },
                bytes: 1,
            }],
            ..observed(50)
        }
    }

    fn tell(incidents: &mut Incidents, now: u64, number: u8, seen: Observed) -> Vec<Alert> {
        let key = (asset(number), "RU".parse().unwrap());
        let told = told(Detector::AssetVolume, now, 50);
        let seen = Observed {
            asset: asset(number).to_string(),
            ..seen
        };
        incidents.tick(Tick(now), key, RUNNING, Some(&told), || seen)
    }

    #[test]
    fn two_assets_that_share_a_network_are_a_campaign_and_each_says_so_once() {
        let mut incidents = Incidents::default();
        let alone = tell(&mut incidents, 10, 1, to(64_500, 1));
        assert_eq!((alone.len(), &alone[0].campaign), (1, &None));
        let joined = tell(&mut incidents, 20, 2, to(64_500, 2));
        let name = Some("1970-01-01T00:00:21Z/RU/AS64500".to_owned());
        let said: Vec<_> = joined
            .iter()
            .map(|line| (line.event, &line.asset))
            .collect();
        let both = ["10.0.0.2", "10.0.0.1"].map(str::to_owned);
        assert_eq!(said, [(Event::Open, &both[0]), (Event::Update, &both[1])]);
        assert!(joined.iter().all(|line| line.campaign == name));
        let third = tell(&mut incidents, 30, 3, to(64_500, 3));
        assert_eq!((third.len(), &third[0].campaign), (1, &name));
        let elsewhere = tell(&mut incidents, 40, 4, to(64_501, 4));
        assert_eq!((elsewhere.len(), &elsewhere[0].campaign), (1, &None));
        // After a restart they go on as before.
        let bytes = postcard::to_stdvec(&incidents).unwrap();
        let mut read: Incidents = postcard::from_bytes(&bytes).unwrap();
        let fifth = tell(&mut read, 50, 5, to(64_500, 5));
        assert_eq!((fifth.len(), &fifth[0].campaign), (1, &name));
    }

    #[test]
    fn a_peer_is_shared_where_no_network_is_known() {
        let mut incidents = Incidents::default();
        tell(&mut incidents, 10, 1, to(0, 1));
        let other = tell(&mut incidents, 20, 2, to(0, 2));
        assert_eq!(other[0].campaign, None, "no network is not one network");
        let joined = tell(&mut incidents, 30, 3, to(0, 1));
        let name = "1970-01-01T00:00:31Z/192.0.2.1";
        assert_eq!(joined[0].campaign.as_deref(), Some(name));
        assert_eq!((joined.len(), joined[1].asset.as_str()), (2, "10.0.0.1"));
    }

    #[test]
    fn what_was_named_long_ago_is_not_shared_and_receivers_are_bounded() {
        let mut sinks = Sinks::default();
        let country = "RU".parse().unwrap();
        for peer in 0..20 {
            sinks.name(country, &to(64_500, peer), Tick(u64::from(peer)));
        }
        assert_eq!(sinks.0.len(), SINKS_PER_INCIDENT_MAX);
        assert!(
            sinks
                .0
                .iter()
                .any(|(sink, _)| *sink == Sink::Network(country, 64_500))
        );
        let mut late = Sinks::default();
        late.name(country, &to(64_500, 99), Tick(100));
        assert_eq!(
            sinks.shared(&late, Tick(0)),
            Some(Sink::Network(country, 64_500))
        );
        assert_eq!(sinks.shared(&late, Tick(50)), None);
    }
}
