//! The services that a site uses abroad.

use std::net::Ipv4Addr;

use super::super::chance::Chance;
use super::applications::{ALL, Application};
use super::atlas::{Atlas, BLOCK_ADDRESSES, Lottery, address, zipf};

/// A service abroad: an application on some addresses of a network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    pub application: &'static Application,
    pub network: usize,
    base: u32,
    span: u32,
}

impl Service {
    /// A service of this application somewhere on a network.
    pub(super) fn new(
        application: &'static Application,
        network: usize,
        atlas: &Atlas,
        chance: &mut Chance,
    ) -> Self {
        let span = application.span.max(1);
        let block = atlas
            .networks
            .get(network)
            .map_or(0, |network| network.block);
        let offset = chance.below(u64::from(BLOCK_ADDRESSES / span)) as u32 * span;
        Self {
            application,
            network,
            base: block + offset,
            span,
        }
    }

    /// A service of this application on a network that suits it.
    pub(super) fn anywhere(
        application: &'static Application,
        atlas: &Atlas,
        chance: &mut Chance,
    ) -> Self {
        let network = atlas.draw_kind(application.kinds, chance);
        Self::new(application, network, atlas, chance)
    }

    /// One of its addresses: another one nearly every time where there are many.
    pub(super) fn peer(&self, chance: &mut Chance) -> Ipv4Addr {
        address(self.base, self.span, chance)
    }
}

/// The services that a site knows, by application.
#[derive(Debug)]
pub(super) struct Services(Vec<(Vec<Service>, Lottery)>);

impl Services {
    pub(super) fn new(atlas: &Atlas, seed: u64) -> Self {
        let mut chance = Chance::new(seed, "world services");
        let of = |application: &&'static Application| {
            let count = application.services;
            let services: Vec<Service> = (0..count)
                .map(|_| Service::anywhere(application, atlas, &mut chance))
                .collect();
            (
                services,
                Lottery::new((0..count).map(|rank| zipf(rank, 1.0))),
            )
        };
        Self(ALL.iter().map(of).collect())
    }

    /// One of the services of an application, the popular ones more often.
    pub(super) fn draw(
        &self,
        application: &'static Application,
        chance: &mut Chance,
    ) -> Option<Service> {
        let place = ALL.iter().position(|one| std::ptr::eq(*one, application))?;
        let (services, lottery) = self.0.get(place)?;
        services.get(lottery.draw(chance)).copied()
    }
}
