//! Tests of the tunnels in names.

use super::*;

const DAY: u64 = 86_400;

fn asked(tick: u64, asset: u32, name: &str) -> Asked<'_, u32> {
    Asked {
        tick,
        asset,
        name: name.as_bytes(),
        domain_bytes: name
            .rsplit('.')
            .take(2)
            .map(|label| label.len() + 1)
            .sum::<usize>()
            - 1,
        query_type: 1,
        is_response: false,
        answer_bytes: 0,
    }
}

/// So many hexadecimal digits, which a number chooses.
fn digits(number: u64, count: usize) -> String {
    let word = |part: u64| format!("{:016x}", distinct::hash(number, &part.to_be_bytes()));
    let text: String = (0..=count as u64 / 16).map(word).collect();
    text.get(..count).unwrap_or_default().to_owned()
}

/// Asks every so many seconds for a name with so many digits, and says what was told.
fn tunnel(
    tunnels: &mut NameTunnels<u32>,
    ticks: std::ops::Range<u64>,
    seconds: usize,
    characters: usize,
) -> Vec<NameSuspicion<u32>> {
    let told = ticks.step_by(seconds).filter_map(|tick| {
        let name = format!("{}.evil.com", digits(tick, characters));
        tunnels.take(&asked(tick, 1, &name))
    });
    told.collect()
}

#[test]
fn a_tunnel_is_told_once_and_again_when_it_has_doubled() {
    let mut tunnels = NameTunnels::new(5);
    let told = tunnel(&mut tunnels, 1_000..4_600, 10, 40);
    // 360 names of 20 bytes.
    assert_eq!(told.len(), 3, "{told:?}");
    let first = &told[0];
    assert_eq!((first.asset, first.since), (1, 1_000));
    assert_eq!(first.domain.as_deref(), Some("evil.com"));
    assert!((1_536..1_700).contains(&first.bytes_estimated), "{first:?}");
    assert!((60..85).contains(&first.unique_names), "{first:?}");
    assert_eq!(first.queries, first.window_seconds / 10 + 1);
    assert!(told[1].bytes_estimated >= 2 * first.bytes_estimated);
    let sentence = first.sentence().en;
    assert!(sentence.contains("below evil.com"), "{sentence}");
}

#[test]
fn the_estimate_is_near_the_truth() {
    let mut tunnels = NameTunnels::new(5);
    let told = tunnel(&mut tunnels, 0..20_000, 1, 60);
    let last = told.last().unwrap();
    let truth = (last.since + last.window_seconds + 1) * 30;
    let ratio = last.bytes_estimated as f64 / truth as f64;
    assert!((0.8..1.25).contains(&ratio), "{ratio}");
}

#[test]
fn less_than_is_granted_is_not_told() {
    let mut tunnels = NameTunnels::new(5);
    // 30 names of 20 bytes a day.
    assert!(tunnel(&mut tunnels, 0..60 * DAY, 2_880, 40).is_empty());
    // 80 of them.
    assert!(!tunnel(&mut tunnels, 60 * DAY..70 * DAY, 1_080, 40).is_empty());
}

#[test]
fn a_name_counts_once_whoever_repeats_it() {
    let mut tunnels = NameTunnels::new(5);
    let names: Vec<_> = (0..60)
        .map(|at| format!("{}.evil.com", digits(at, 40)))
        .collect();
    for round in 0..50 {
        for name in &names {
            // The other type, the answer, another asset: a resolver.
            for (asset, query_type, is_response) in [(1, 1, false), (1, 28, true), (2, 1, false)] {
                let asked = Asked {
                    query_type,
                    is_response,
                    ..asked(round, asset, name)
                };
                assert_eq!(tunnels.take(&asked), None);
            }
        }
    }
    let domain = tunnels.domains.values().next().unwrap();
    assert_eq!(domain.askers.len(), 1);
}

#[test]
fn a_service_that_many_use_may_say_more() {
    // Each of so many assets asks for hashes, 20 bytes each, one after the other.
    let told = |assets: u32| {
        let mut tunnels = NameTunnels::new(5);
        let names = (0..120 * u64::from(assets)).filter(|at| {
            let name = format!("{}.evil.com", digits(*at, 40));
            let asset = (*at % u64::from(assets)) as u32;
            tunnels.take(&asked(*at, asset, &name)).is_some()
        });
        names.count()
    };
    assert_eq!(told(1), 1);
    assert_eq!(told(2), 2);
    assert_eq!(told(3), 0);
    assert_eq!(told(30), 0);
}

#[test]
fn many_domains_of_one_asset_are_told_together() {
    let mut tunnels = NameTunnels::new(5);
    let told: Vec<_> = (0..3_000)
        .filter_map(|at| {
            let name = format!("{}.evil{}.com", digits(at, 40), at % 30);
            tunnels.take(&asked(at, 1, &name))
        })
        .collect();
    assert_eq!(told[0].domain, None);
    assert_eq!(told[0].domains, 30);
    assert!(
        (12_288..14_000).contains(&told[0].bytes_estimated),
        "{:?}",
        told[0]
    );
    assert!(told[0].sentence().en.contains("below 30 domains"));
}

#[test]
fn look_ups_say_little() {
    let mut tunnels = NameTunnels::new(5);
    for at in 0..1_500_u64 {
        let domain = format!("{}.com", digits(at % 200, 12));
        let number = distinct::hash(at, b"");
        let [a, b, c, d, ..] = number.to_be_bytes();
        for name in [
            format!("www.{domain}"),
            format!("{domain}.list.lists.net"),
            format!("www.{domain}.corp.home.org"),
            format!("{a}.{b}.{c}.{d}.zen.lists.org"),
        ] {
            assert_eq!(
                tunnels.take(&asked(at * 50, 1, &name)),
                None,
                "{name} at {at}"
            );
        }
    }
}

#[test]
fn types_that_nobody_asks_for_count_twice() {
    let told_after = |query_type| {
        let mut tunnels = NameTunnels::new(5);
        (0..).position(|at| {
            let name = format!("{}.evil.com", digits(at, 40));
            let asked = Asked {
                query_type,
                ..asked(at, 1, &name)
            };
            tunnels.take(&asked).is_some()
        })
    };
    let (text, null) = (told_after(16).unwrap(), told_after(10).unwrap());
    assert!(
        null * 2 <= text + 4 && null * 2 + 8 >= text,
        "{null} {text}"
    );
}

#[test]
fn a_flood_of_domains_does_not_push_a_tunnel_out() {
    let mut tunnels = NameTunnels::new(5);
    let mut told = Vec::new();
    for at in 0..4 * DOMAINS_MAX as u64 {
        let name = format!("www.{}.com", digits(at, 12));
        assert_eq!(
            tunnels.take(&asked(at / 10, (at % 900) as u32 + 2, &name)),
            None
        );
        if at % 600 == 0 {
            let name = format!("{}.evil.com", digits(at, 40));
            told.extend(tunnels.take(&asked(at / 10, 1, &name)));
        }
    }
    assert!(tunnels.domains() <= DOMAINS_MAX);
    assert!(tunnels.evicted() > 0);
    assert_eq!(told.len(), 1);
}

#[test]
fn assets_and_those_of_a_domain_are_bounded() {
    let mut tunnels = NameTunnels::new(5);
    for asset in 0..ASSETS_MAX as u32 + 100 {
        tunnels.take(&asked(
            1,
            asset,
            &format!("{}.evil.com", digits(asset.into(), 20)),
        ));
    }
    assert!(tunnels.assets.len() <= ASSETS_MAX);
    assert!(tunnels.evicted() > 0);
    let domain = tunnels.domains.values().next().unwrap();
    assert_eq!(domain.askers.len(), ASKERS_MAX);
    assert!(domain.askers.is_sorted_by_key(|asker| asker.asset));
}

#[test]
fn what_was_kept_goes_on_as_if_nothing_had_been() {
    let mut tunnels = NameTunnels::new(5);
    tunnel(&mut tunnels, 0..600, 10, 40);
    let kept = postcard::to_stdvec(&tunnels).unwrap();
    let mut again: NameTunnels<u32> = postcard::from_bytes(&kept).unwrap();
    let told = tunnel(&mut tunnels, 600..9_000, 10, 40);
    assert_eq!(tunnel(&mut again, 600..9_000, 10, 40), told);
    assert!(!told.is_empty());
}

#[test]
fn lengths_that_cannot_be_are_nothing() {
    let mut tunnels = NameTunnels::new(5);
    for domain_bytes in [0, 8, 9, usize::MAX] {
        let asked = Asked {
            domain_bytes,
            ..asked(1, 1, "evil.com")
        };
        assert_eq!(tunnels.take(&asked), None);
    }
}

proptest::proptest! {
    /// Whatever is asked, nothing is told of fewer bytes than are granted, and what the
    /// names say is no more than a few times what they are.
    #[test]
    fn what_is_told_is_more_than_is_granted(
        names in proptest::collection::vec(
            (0_u64..100, 0_u32..4, proptest::collection::vec(proptest::num::u8::ANY, 0..250)),
            0..120,
        ),
    ) {
        let mut tunnels = NameTunnels::new(11);
        let (mut tick, mut bytes) = (0, 0);
        for (seconds, asset, below) in names {
            tick += seconds;
            let name = [&below[..], b".evil.com"].concat();
            bytes += name.len() as u64 + 1;
            let asked = Asked { domain_bytes: 8, name: &name, ..asked(tick, asset, "evil.com") };
            if let Some(told) = tunnels.take(&asked) {
                proptest::prop_assert!(told.bytes_estimated >= LIMIT_BYTES as u64 / 2);
                proptest::prop_assert!(told.bytes_estimated <= 3 * bytes);
                proptest::prop_assert!(told.since + told.window_seconds == tick);
            }
        }
    }
}
