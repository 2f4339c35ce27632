//! Tests of the tunnels in pings.

use super::*;

const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

fn echo(tick: u64, sequence: u16, is_request: bool, payload: &[u8]) -> Echo<'_, u32> {
    Echo {
        tick,
        asset: 1,
        peer: PEER,
        is_request,
        direction: if is_request {
            Direction::Out
        } else {
            Direction::In
        },
        identifier: 77,
        sequence,
        payload,
        rest: 0,
        payload_bytes: payload.len() as u32,
    }
}

fn random(number: u64, bytes: usize) -> Vec<u8> {
    let word = |part: usize| distinct::hash(number, &part.to_be_bytes()).to_be_bytes();
    (0..=bytes / 8).flat_map(word).take(bytes).collect()
}

/// Pings every so many milliseconds and is answered the same. What is told.
fn ping(
    pings: u64,
    milliseconds: u64,
    payload: impl Fn(u64, u64) -> Vec<u8>,
) -> Vec<EchoSuspicion<u32>> {
    let mut tunnels = EchoTunnels::default();
    let mut told = Vec::new();
    for at in 0..pings {
        let now = 1_700_000_000_000 + at * milliseconds;
        let bytes = payload(at, now);
        told.extend(tunnels.take(&echo(now / 1_000, at as u16, true, &bytes)));
        told.extend(tunnels.take(&echo(now / 1_000, at as u16, false, &bytes)));
    }
    told
}

/// Microseconds with noise.
fn fraction(at: u64, now: u64) -> u64 {
    now % 1_000 * 1_000 + distinct::hash(at, b"us") % 1_000
}

fn linux(at: u64, now: u64) -> Vec<u8> {
    let seconds = (now / 1_000).to_le_bytes();
    let rest: Vec<u8> = (16..56).collect();
    [&seconds[..], &fraction(at, now).to_le_bytes(), &rest].concat()
}

fn bsd(at: u64, now: u64) -> Vec<u8> {
    // Since the machine was started.
    let seconds = (now / 1_000 - 1_699_990_000) as u32;
    let rest: Vec<u8> = (8..56).collect();
    let fraction = fraction(at, now) as u32;
    [&seconds.to_be_bytes()[..], &fraction.to_be_bytes(), &rest].concat()
}

fn windows(_: u64, _: u64) -> Vec<u8> {
    b"abcdefghijklmnopqrstuvwabcdefghi".to_vec()
}

/// A number of each ping, and zeros.
fn numbered(at: u64, _: u64) -> Vec<u8> {
    [&(at as u32).to_be_bytes()[..], &[0; 60]].concat()
}

/// What probes for the largest packet sends: ever longer.
fn probing(at: u64, now: u64) -> Vec<u8> {
    let length = 64 + (at % 20) as usize * 64;
    let pattern = (0_u8..=255).cycle().skip(16);
    let stamp = linux(at, now);
    stamp
        .into_iter()
        .take(16)
        .chain(pattern)
        .take(length)
        .collect()
}

#[test]
fn pings_are_quiet_for_a_week() {
    for payload in [linux, bsd, windows, numbered, probing] {
        for milliseconds in [200, 1_000, 5_000, 60_000] {
            let pings = (7 * 86_400_000 / milliseconds).min(60_000);
            assert_eq!(ping(pings, milliseconds, payload), []);
        }
    }
}

#[test]
fn a_pattern_of_ones_own_is_no_data() {
    let pattern = random(3, 56);
    assert_eq!(ping(10_000, 1_000, |_, _| pattern.clone()), []);
}

#[test]
fn a_tunnel_is_told() {
    let told = ping(2_000, 1_000, |at, _| random(at, 64));
    assert!((2..=8).contains(&told.len()), "{}", told.len());
    let first = &told[0];
    assert_eq!((first.asset, first.peer), (1, PEER));
    assert!((1_024..1_200).contains(&first.bytes_estimated), "{first:?}");
    assert!(first.window_seconds < 25, "{first:?}");
    assert!(
        told.windows(2)
            .all(|two| two[1].bytes_estimated >= 2 * two[0].bytes_estimated)
    );
    let last = told.last().unwrap();
    let ratio = last.bytes_estimated as f64 / last.payload_bytes as f64;
    assert!((0.85..1.01).contains(&ratio), "{ratio}");
    assert!(
        first.sentence().en.contains("198.51.100.7"),
        "{}",
        first.sentence().en
    );
}

#[test]
fn a_slow_tunnel_is_told() {
    // 0.3 bytes a second.
    let told = ping(120, 60_000, |at, _| random(at, 18));
    assert!(!told.is_empty());
}

#[test]
fn a_clock_hides_no_data_behind_it() {
    let told = ping(200, 1_000, |at, now| {
        [&linux(at, now)[..16], &random(at, 40)].concat()
    });
    assert!(!told.is_empty());
}

#[test]
fn answers_that_are_none_are_data() {
    let mut tunnels = EchoTunnels::default();
    let mut told = Vec::new();
    // The asset is asked, and answers with something else.
    for at in 0..200 {
        let (asked, answered) = (random(1, 32), random(at + 9, 32));
        let request = Echo {
            direction: Direction::In,
            ..echo(at, at as u16, true, &asked)
        };
        assert_eq!(tunnels.take(&request), None);
        let reply = Echo {
            direction: Direction::Out,
            ..echo(at, at as u16, false, &answered)
        };
        told.extend(tunnels.take(&reply));
    }
    assert!(!told.is_empty());
    assert_eq!(told[0].mismatches, told[0].replies);
}

#[test]
fn who_answers_anything_sends_nothing() {
    let mut tunnels = EchoTunnels::default();
    for at in 0..2_000 {
        let asked = random(at, 64);
        // Some servers cut the answer.
        let answered = if at % 2 == 0 {
            &asked[..]
        } else {
            &asked[..48]
        };
        for (payload, is_request) in [(&asked[..], true), (answered, false)] {
            let direction = if is_request {
                Direction::In
            } else {
                Direction::Out
            };
            let echo = Echo {
                direction,
                ..echo(at, at as u16, is_request, payload)
            };
            assert_eq!(tunnels.take(&echo), None);
        }
    }
    let pair = tunnels.pairs.values().next().unwrap();
    assert_eq!(pair.counts.mismatches, 0);
}

#[test]
fn data_behind_the_captured_bytes_counts() {
    let mut tunnels = EchoTunnels::default();
    let payload = [0; 128];
    let told = (0..10).position(|at| {
        let echo = Echo {
            rest: at as u32 * 7 + 1,
            payload_bytes: 1_400,
            ..echo(at, at as u16, true, &payload)
        };
        tunnels.take(&echo).is_some()
    });
    assert_eq!(told, Some(1));
}

#[test]
fn peers_are_bounded_and_a_tunnel_stays() {
    let mut tunnels = EchoTunnels::default();
    let mut told = 0;
    for at in 0..3 * PAIRS_MAX as u32 {
        let other = Echo {
            peer: IpAddr::V4(at.into()),
            ..echo(u64::from(at), 1, true, b"abcdefghijklmnop")
        };
        assert_eq!(tunnels.take(&other), None);
        if at % 500 == 0 {
            let payload = random(at.into(), 56);
            told += u32::from(tunnels.take(&echo(at.into(), 1, true, &payload)).is_some());
        }
    }
    assert!(tunnels.pairs.len() <= PAIRS_MAX);
    assert!(tunnels.evicted() > 0);
    assert_eq!(told, 2);
}

#[test]
fn what_was_kept_goes_on_as_if_nothing_had_been() {
    let mut tunnels = EchoTunnels::default();
    tunnels.take(&echo(1, 1, true, &random(1, 56)));
    let kept = postcard::to_stdvec(&tunnels).unwrap();
    let mut again: EchoTunnels<u32> = postcard::from_bytes(&kept).unwrap();
    for at in 2..60 {
        let payload = random(at, 56);
        let next = echo(at, at as u16, true, &payload);
        assert_eq!(again.take(&next), tunnels.take(&next));
    }
}

proptest::proptest! {
    /// No more is ever estimated than was sent, and whatever comes is taken.
    #[test]
    fn no_more_is_told_than_was_sent(
        echoes in proptest::collection::vec(
            (
                0_u64..9,
                0_u16..4,
                proptest::bool::ANY,
                proptest::bool::ANY,
                proptest::collection::vec(proptest::num::u8::ANY, 0..200),
                0_u32..9,
            ),
            0..150,
        ),
    ) {
        let mut tunnels = EchoTunnels::default();
        let (mut tick, mut sent) = (0, 0);
        for (seconds, sequence, is_request, is_out, payload, rest) in echoes {
            tick += seconds;
            let direction = if is_out { Direction::Out } else { Direction::In };
            sent += if is_out { payload.len() as u64 } else { 0 };
            let echo = Echo { direction, rest, ..echo(tick, sequence, is_request, &payload) };
            if let Some(told) = tunnels.take(&echo) {
                proptest::prop_assert!(told.bytes_estimated <= sent);
                proptest::prop_assert!(told.bytes_estimated >= LIMIT_BYTES as u64);
            }
        }
    }
}
