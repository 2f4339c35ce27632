//! What names and pings carry.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::alert::Activity;
use crate::decode::Sighting;
use crate::detect::{Asked, Direction, Echo, Finding};
use crate::dissect::{Answered, Ping};
use crate::geo::Country;
use crate::inventory::Station;
use crate::time::Tick;

use super::tell::{Hidden, Word};
use super::{Analyst, Ends, PipelineError, SensorOutput};

/// What was heard of some ticks, in an order that does not depend on the workers. It is taken
/// from the end, so the last comes first.
#[derive(Debug)]
pub(super) struct Heard {
    names: Vec<(Tick, Ends, Answered)>,
    pings: Vec<(Tick, Ends, Ping)>,
}

impl Heard {
    /// Takes it from what the workers told. Of a tick, what name servers ask comes last, as
    /// they ask for others; those that were asked before are `known`.
    pub(super) fn of(output: &mut SensorOutput, known: &BTreeSet<IpAddr>) -> Self {
        let mut names = std::mem::take(&mut output.names);
        let mut pings = std::mem::take(&mut output.pings);
        let servers = names.iter().map(|(_, [_, server], _)| server.address);
        let servers: BTreeSet<IpAddr> = servers.collect();
        let asks_for_others = |Station { address, .. }: &Station| {
            servers.contains(address) || known.contains(address)
        };
        names.sort_unstable_by(|one, other| {
            let order = |row: &(Tick, Ends, Answered)| (row.0, asks_for_others(&row.1[0]));
            let by_order = order(other).cmp(&order(one));
            by_order.then_with(|| (other.1, &other.2).cmp(&(one.1, &one.2)))
        });
        // Those of the same two stay in the order in which they came.
        pings.reverse();
        pings.sort_by_key(|(tick, [from, to], _)| Reverse((*tick, *from.min(to), *from.max(to))));
        Self { names, pings }
    }

    /// Names from the last to the first.
    pub(super) fn names(&self) -> impl DoubleEndedIterator<Item = &Answered> {
        self.names.iter().map(|(.., answered)| answered)
    }

    /// The tick of what comes next, if that is before `until`.
    fn next_tick(&self, until: Tick) -> Option<Tick> {
        let of_names = self.names.last().map(|(tick, ..)| *tick);
        let of_pings = self.pings.last().map(|(tick, ..)| *tick);
        let next = of_names.into_iter().chain(of_pings).min();
        next.filter(|tick| *tick < until)
    }
}

impl Analyst {
    /// Takes what was heard before `until`; `sightings`, of who had an address until then, are
    /// taken with it.
    pub(super) fn listen(
        &mut self,
        heard: &mut Heard,
        sightings: &mut &[(Tick, Sighting)],
        until: Tick,
    ) -> Result<(), PipelineError> {
        while let Some(tick) = heard.next_tick(until) {
            self.pass_hours(tick)?;
            self.learn_owners_until(sightings, tick);
            while let Some(name) = heard.names.pop_if(|(of, ..)| *of == tick) {
                self.take_name(&name)?;
            }
            while let Some(ping) = heard.pings.pop_if(|(of, ..)| *of == tick) {
                self.take_ping(&ping)?;
            }
        }
        Ok(())
    }

    fn take_name(
        &mut self,
        (tick, ends, answered): &(Tick, Ends, Answered),
    ) -> Result<(), PipelineError> {
        let [asker, server] = *ends;
        if !self.geo.is_home(asker.address) {
            return Ok(());
        }
        let asset = self.asset(asker);
        let servers = &mut self.learned.name_servers;
        if self.geo.is_home(server.address) && servers.len() < NAME_SERVERS_MAX {
            servers.insert(server.address);
        }
        // Whether or not the list knows the suffix: somebody may serve one of his own.
        let domain = psl::domain(&answered.name);
        let suspicion = self.learned.tunnels.names.take(&Asked {
            tick: tick.0,
            asset,
            name: &answered.name,
            domain_bytes: domain.map_or(0, |domain| domain.as_bytes().len()),
            query_type: answered.query_type,
            is_response: answered.is_response,
            answer_bytes: answered.answer_bytes.into(),
        });
        match suspicion {
            Some(suspicion) => {
                let finding = Finding::from(&suspicion);
                self.tell_hidden(*tick, ends, (finding, suspicion.domain))
            }
            None => Ok(()),
        }
    }

    fn take_ping(&mut self, (tick, ends, ping): &(Tick, Ends, Ping)) -> Result<(), PipelineError> {
        let [from, to] = *ends;
        let is_out = self.geo.is_home(from.address);
        let (home, peer) = if is_out { (from, to) } else { (to, from) };
        let suspicion = self.learned.tunnels.echoes.take(&Echo {
            tick: tick.0,
            asset: self.asset(home),
            peer: peer.address,
            is_request: ping.is_request,
            direction: if is_out {
                Direction::Out
            } else {
                Direction::In
            },
            identifier: ping.identifier,
            sequence: ping.sequence,
            payload: &ping.payload,
            rest: ping.rest,
            payload_bytes: ping.payload_bytes,
        });
        match suspicion {
            Some(suspicion) => {
                let finding = Finding::from(&suspicion);
                self.tell_hidden(*tick, &[home, peer], (finding, None))
            }
            None => Ok(()),
        }
    }

    /// Tells of what somebody hides on the way to a peer. Behind a name server of the site it
    /// goes nobody sees where.
    fn tell_hidden(
        &mut self,
        tick: Tick,
        [home, peer]: &Ends,
        (finding, domain): (Finding, Option<String>),
    ) -> Result<(), PipelineError> {
        let country = if self.geo.is_home(peer.address) {
            Country::UNKNOWN
        } else {
            self.geo.place(peer.address).country
        };
        let key = (self.asset(*home), country);
        let word = Word {
            hidden: Some(Hidden {
                finding,
                address: home.address,
                domain,
            }),
            ..Word::default()
        };
        self.tell(tick, key, Activity::NONE, word)
    }
}

/// Name servers of the site that are known.
const NAME_SERVERS_MAX: usize = 4_096;
