use std::collections::{BTreeMap, BTreeSet};

use crate::time::{NANOS_PER_SECOND, SECONDS_PER_HOUR};

use super::*;

/// 2026-03-02T00:00:00Z, a Monday.
pub(super) const START: Timestamp = Timestamp::from_nanos(1_772_409_600 * NANOS_PER_SECOND);

fn config(assets: usize, leaks: usize, benign: usize) -> WorldConfig {
    WorldConfig {
        assets,
        weeks: 4,
        learn_weeks: 2,
        leaks,
        benign,
        start: START,
        only: Default::default(),
    }
}

fn hour(world: &World, exchange: &Exchange) -> usize {
    let nanos = exchange.start.nanos_since(world.start);
    (nanos / (SECONDS_PER_HOUR * NANOS_PER_SECOND)) as usize
}

fn pcr(exchange: &Exchange) -> f64 {
    let (sent, received) = (exchange.sent_bytes as f64, exchange.received_bytes as f64);
    (sent - received) / (sent + received)
}

#[test]
fn a_seed_gives_one_world_in_the_order_of_time() {
    let config = config(40, 13, 24);
    let world = World::new(&config, 1);
    assert_eq!(world, World::new(&config, 1));
    assert_ne!(world.exchanges, World::new(&config, 2).exchanges);
    assert!(
        world
            .exchanges
            .is_sorted_by_key(|one| (one.start, one.rank()))
    );
    let span = world.start..world.end;
    assert!(world.exchanges.iter().all(|one| span.contains(&one.start)));
    assert_eq!(world.assets.len(), 40);
}

#[test]
fn truth_says_what_was_sent() {
    let world = World::new(&config(120, 39, 24), 3);
    let mut sums = vec![(0, world.end, world.start); world.injections.len()];
    for exchange in &world.exchanges {
        let Some(number) = exchange.injection else {
            continue;
        };
        let truth = &world.injections[number as usize].truth;
        assert_eq!(truth.asset, exchange.asset);
        assert_eq!(truth.jurisdiction, exchange.country.code());
        let (bytes, start, end) = &mut sums[number as usize];
        *bytes += exchange.sent_bytes;
        *start = exchange.start.min(*start);
        *end = exchange.end().max(*end);
    }
    let mut names = BTreeSet::new();
    for (injection, sum) in world.injections.iter().zip(sums) {
        let truth = &injection.truth;
        assert_eq!((truth.bytes, truth.start, truth.end), sum, "{}", truth.id);
        assert!(names.insert(&truth.id), "{} twice", truth.id);
        assert_eq!(truth.benign, injection.ratio == 0.0, "{}", truth.id);
    }
    assert!(
        world
            .injections
            .is_sorted_by_key(|injection| !injection.truth.benign)
    );
}

#[test]
fn a_leak_changes_no_other_exchange() {
    let with = World::new(&config(100, 39, 12), 4);
    let without = World::new(&config(100, 0, 12), 4);
    let ordinary = |world: &World| -> Vec<Exchange> {
        let is_leak = |one: &&Exchange| {
            one.injection
                .is_some_and(|place| !world.injections[place as usize].truth.benign)
        };
        world
            .exchanges
            .iter()
            .filter(|one| !is_leak(one))
            .copied()
            .collect()
    };
    let (with_leaks, mut left) = (ordinary(&with), ordinary(&without).into_iter().peekable());
    let diverted: BTreeSet<IpAddr> = with
        .injections
        .iter()
        .filter(|injection| injection.truth.kind == "elsewhere")
        .map(|injection| injection.truth.asset)
        .collect();
    assert!(!diverted.is_empty());
    for exchange in with_leaks {
        while let Some(gone) = left.next_if(|one| *one != exchange) {
            assert!(diverted.contains(&gone.asset), "{gone:?}");
        }
        assert_eq!(left.next(), Some(exchange));
    }
}

#[test]
fn leaks_fill_the_grid() {
    let world = World::new(&config(300, 104, 0), 5);
    let mut own: BTreeMap<IpAddr, Vec<&Exchange>> = BTreeMap::new();
    for one in world.exchanges.iter().filter(|one| one.injection.is_none()) {
        own.entry(one.asset).or_default().push(one);
    }
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut assets = BTreeSet::new();
    let (mut known, mut covered, mut large) = (0, 0, 0);
    let learnt = world.start.as_nanos() + 14 * 86_400 * NANOS_PER_SECOND;
    for (number, leak) in world.injections.iter().enumerate() {
        let truth = &leak.truth;
        *kinds.entry(&truth.kind).or_default() += 1;
        assert!(assets.insert(truth.asset), "{} has two", truth.asset);
        assert!(truth.start.as_nanos() >= learnt, "{}", truth.id);
        let is_part = |one: &&Exchange| one.injection == Some(number as u32);
        let first = world.exchanges.iter().find(is_part).unwrap();
        let is_same = |one: &Exchange| one.asn == first.asn && one.country == first.country;
        let used = own[&truth.asset]
            .iter()
            .filter(|one| one.start < truth.start);
        let is_used = used.clone().any(|one| is_same(one));
        assert_eq!(is_used, leak.is_known, "{}", truth.id);
        if truth.kind == "new_country" {
            assert!(used.clone().all(|one| one.country != first.country));
        }
        known += usize::from(leak.is_known);
        large += usize::from(leak.ratio >= 3.0);
        covered += usize::from(first.received_bytes >= first.sent_bytes);
    }
    assert_eq!(kinds.len(), 13, "{kinds:?}");
    assert!(kinds.values().all(|count| *count >= 5), "{kinds:?}");
    let single: usize = kinds
        .iter()
        .filter(|(kind, _)| **kind != "sharded")
        .map(|one| one.1)
        .sum();
    assert!(
        (35..65).contains(&(100 * known / single)),
        "{known} of {single} known"
    );
    assert!(100 * large / single > 50, "{large} of {single} large");
    assert!(
        (12..45).contains(&(100 * covered / assets.len())),
        "{covered} covered"
    );
}

#[test]
fn ordinary_life_is_not_tame() {
    let world = World::new(&config(150, 0, 0), 6);
    let assets = world.assets.len();
    let mut active = BTreeSet::new();
    let mut first_seen = BTreeMap::new();
    let mut tunnel_days = BTreeSet::new();
    let mut ratios: Vec<f64> = Vec::new();
    let mut new_pushes = 0;
    let mut networks = BTreeSet::new();
    let mut hours = BTreeMap::<(IpAddr, usize), u64>::new();
    for one in &world.exchanges {
        let hour = hour(&world, one);
        active.insert((one.asset, hour));
        *hours.entry((one.asset, hour)).or_default() += one.sent_bytes;
        first_seen
            .entry((one.asset, one.country))
            .or_insert(hour / 168);
        if one.protocol == 1 || one.peer_port == 53 {
            tunnel_days.insert((one.asset, hour / 24, one.protocol));
        }
        ratios.push(pcr(one));
        let is_new = networks.insert((one.asset, one.asn, one.country));
        let is_late = hour > 336;
        new_pushes += usize::from(is_new && is_late && one.sent_bytes > 150_000 && pcr(one) > 0.0);
    }
    let share = active.len() as f64 / (assets * 672) as f64;
    assert!(
        (0.3..0.8).contains(&share),
        "export in {share} of the hours"
    );
    let weeks: BTreeSet<(IpAddr, usize)> = first_seen
        .iter()
        .map(|((asset, _), week)| (*asset, *week))
        .collect();
    let late = weeks.iter().filter(|(_, week)| *week > 0).count();
    let share = late as f64 / (assets * 3) as f64;
    assert!(share > 0.5, "a new country in {share} of the asset-weeks");
    assert!(
        tunnel_days.len() > assets * 28 * 3 / 4,
        "{}",
        tunnel_days.len()
    );
    ratios.sort_by(f64::total_cmp);
    let quantile = |share: f64| ratios[(share * ratios.len() as f64) as usize];
    assert!(
        quantile(0.1) < -0.9 && quantile(0.98) > 0.8,
        "{} {}",
        quantile(0.1),
        quantile(0.98)
    );
    println!("new country in {share:.2} of the weeks, {new_pushes} new uploads");
    println!(
        "PCR {:.2?}",
        [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99].map(quantile)
    );
    assert!(
        new_pushes > assets / 10,
        "{new_pushes} uploads to new networks"
    );
    let large = hours.values().filter(|bytes| **bytes > 100_000_000).count();
    assert!(large > assets / 4, "{large} hours of 100 MB and more");
}

#[test]
fn every_surprise_befalls_somebody() {
    let world = World::new(&config(200, 0, 36), 7);
    let mut kinds: BTreeMap<&str, BTreeSet<IpAddr>> = BTreeMap::new();
    for injection in &world.injections {
        assert!(injection.truth.benign);
        kinds
            .entry(&injection.truth.kind)
            .or_default()
            .insert(injection.truth.asset);
    }
    assert_eq!(kinds.len(), 12, "{kinds:?}");
    assert!(kinds["video_call"].len() >= 20);
    assert!(kinds["new_service"].len() >= 5);
    assert!(kinds["relocation"].len() >= 20);
}

#[test]
fn handshakes_fit_the_distance() {
    let world = World::new(&config(30, 0, 0), 8);
    let mut least = BTreeMap::new();
    for one in &world.exchanges {
        let least = least
            .entry(one.country.code().to_owned())
            .or_insert(u32::MAX);
        *least = one.round_trip_nanos.min(*least);
    }
    assert!(
        least["HK"] < 60_000_000 && least["HK"] > 35_000_000,
        "{}",
        least["HK"]
    );
    assert!(least["DE"] > 199_000_000, "{}", least["DE"]);
}

/// What the configuration of a sensor says of addresses is true of all exchanges, but not
/// where a database changes its mind.
#[test]
fn a_plan_of_addresses_holds_without_relabels() {
    let config = config(80, 26, 24);
    let blocks: BTreeMap<u32, sensor::Block> = sensor::blocks(10)
        .map(|block| (block.prefix.network().to_bits() >> 16, block))
        .collect();
    let misplaced = |world: &World| {
        let is_misplaced = |one: &&Exchange| {
            let IpAddr::V4(peer) = one.peer else {
                return true;
            };
            let block = blocks[&(peer.to_bits() >> 16)];
            (block.country, block.asn) != (one.country, one.asn)
        };
        world.exchanges.iter().filter(is_misplaced).count()
    };
    let world = World::without_relabels(&config, 10);
    assert_eq!(misplaced(&world), 0);
    let kinds: BTreeSet<&str> = world
        .injections
        .iter()
        .map(|one| one.truth.kind.as_str())
        .collect();
    assert!(
        kinds.contains("relocation") && !kinds.contains("relabel"),
        "{kinds:?}"
    );
    assert!(misplaced(&World::new(&config, 10)) > 0);
    let text = World::sensor_config(&config, 10);
    assert_eq!(text.matches("prefix = ").count(), blocks.len());
}

/// Worlds with and without moves differ in where peers are, and in nothing else.
#[test]
fn without_moves_all_else_is_as_it_was() {
    let config = config(80, 26, 24);
    let (with, without) = (World::new(&config, 10), World::without_moves(&config, 10));
    assert_eq!(with.injections, without.injections);
    assert_eq!((with.start, with.end), (without.start, without.end));
    assert_eq!(with.assets, without.assets);
    assert_eq!(with.exchanges.len(), without.exchanges.len());
    let in_order = |world: &World| {
        let mut all: Vec<Exchange> = world.exchanges.clone();
        all.sort_by_key(|one| {
            let ports = (one.asset_port, one.peer_port, one.protocol, one.served);
            let size = (one.sent_bytes, one.received_bytes, one.duration_nanos);
            (one.start, one.asset, ports, size)
        });
        all
    };
    let is_move = |one: &Exchange| {
        let truth = one
            .injection
            .map(|place| &with.injections[place as usize].truth);
        truth.is_some_and(|truth| moves::KINDS.contains(&truth.kind.as_str()))
    };
    let (mut moved, mut marked) = (0, 0);
    for (one, other) in in_order(&with).iter().zip(in_order(&without)) {
        let put_back = Exchange {
            peer: other.peer,
            country: other.country,
            asn: other.asn,
            round_trip_nanos: other.round_trip_nanos,
            injection: other.injection,
            ..*one
        };
        assert_eq!(put_back, other);
        assert!(!is_move(&other), "{other:?}");
        if *one != other {
            assert!(is_move(one) || one.injection.is_none(), "{one:?}");
            assert_ne!((one.peer, one.country), (other.peer, other.country));
            (moved, marked) = (moved + 1, marked + usize::from(is_move(one)));
        }
    }
    assert!(
        marked > 100 && moved > marked,
        "{moved} moved, {marked} marked"
    );
    let marks = with.exchanges.iter().filter(|one| is_move(one)).count();
    assert_eq!(marks, marked, "some that were marked were not put back");
}

#[test]
fn a_capture_follows_from_the_seed() {
    let play = |seed| {
        let world = World::without_relabels(&config(3, 1, 6), seed);
        let (mut capture, mut truth) = (Vec::new(), Vec::new());
        world.write(&mut capture, &mut truth).unwrap();
        (capture, truth)
    };
    assert_eq!(play(1), play(1));
    assert_ne!(play(1).0, play(2).0);
}

/// Prints what a network engineer wants to see. Run with `--nocapture`.
#[test]
fn summary() {
    let mut config = config(300, 104, 48);
    config.weeks = 5;
    let world = World::new(&config, 9);
    let bytes = world.exchanges.len() * size_of::<Exchange>();
    println!("{} exchanges, {} MB", world.exchanges.len(), bytes >> 20);
    assert!(bytes < 500_000_000, "{bytes} bytes");
    let site = Site::new(&config, 9);
    let mut sums = vec![vec![0_u64; 840]; 300];
    let mut counts = vec![0_usize; 300];
    let is_benign = |place: u32| world.injections[place as usize].truth.benign;
    for one in world
        .exchanges
        .iter()
        .filter(|one| one.injection.is_none_or(is_benign))
    {
        let asset = site.index_of(one.asset).unwrap();
        sums[asset][hour(&world, one)] += one.sent_bytes;
        counts[asset] += 1;
    }
    let roles: BTreeSet<String> = site
        .members
        .iter()
        .map(|member| format!("{:?}", member.role))
        .collect();
    for role in roles {
        let of = |index: &usize| format!("{:?}", site.members[*index].role) == role;
        let all: Vec<usize> = (0..300).filter(of).collect();
        let mut peaks: Vec<u64> = all
            .iter()
            .map(|index| *sums[*index].iter().max().unwrap())
            .collect();
        let mut totals: Vec<u64> = all.iter().map(|index| sums[*index].iter().sum()).collect();
        peaks.sort_unstable();
        totals.sort_unstable();
        let exchanges: usize = all.iter().map(|index| counts[*index]).sum();
        println!(
            "{role}: {} assets, {} exchanges each a day, busiest hour {:?} MB, total {:?} MB",
            all.len(),
            exchanges / all.len() / 35,
            [peaks[0], peaks[peaks.len() / 2], peaks[peaks.len() - 1]].map(|peak| peak / 1_000_000),
            [
                totals[0],
                totals[totals.len() / 2],
                totals[totals.len() - 1]
            ]
            .map(|sum| sum / 1_000_000),
        );
        for index in all.iter().take(2) {
            for day in [1, 2, 5, 15] {
                let kilobytes = sums[*index][24 * day..24 * day + 24]
                    .iter()
                    .map(|sum| sum / 1_000);
                println!(
                    "   {index} day {day}: {:?}",
                    kilobytes.collect::<Vec<u64>>()
                );
            }
        }
    }
    print_injections(&world);
}

fn print_injections(world: &World) {
    for injection in world
        .injections
        .iter()
        .filter(|injection| !injection.truth.benign)
    {
        let truth = &injection.truth;
        println!(
            "{} {} {} bytes x{:.2} known {}",
            truth.id, truth.start, truth.bytes, injection.ratio, injection.is_known
        );
    }
    let mut lines: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    for injection in world
        .injections
        .iter()
        .filter(|injection| injection.truth.benign)
    {
        let line = lines.entry(&injection.truth.kind).or_default();
        *line = (line.0 + 1, line.1.max(injection.truth.bytes));
    }
    println!("benign lines and largest: {lines:?}");
}
