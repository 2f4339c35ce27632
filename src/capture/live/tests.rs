//! Interfaces in network namespaces of their own, which only root can make.

#![allow(clippy::disallowed_methods, reason = "what waits is measured")]

use std::net::UdpSocket;

use super::*;
use crate::capture::tests::{assert_silent, await_carrier, config, in_namespace, ip, next, veth};

const fn assert_send<T: Send>() {}
const _: () = assert_send::<LiveSource>();

/// What captures; on systems without a ring the last two are one.
const METHODS: [Method; 2] = [Method::Auto, Method::Libpcap];

#[test]
fn loopback_frames_arrive_and_silence_does_not_block() {
    if !in_namespace(
        module_path!(),
        "loopback_frames_arrive_and_silence_does_not_block",
    ) {
        return;
    }
    ip("link set lo up");
    for method in METHODS {
        let source = LiveSource::open(&config(method, "lo", Some("udp port 9"))).unwrap();
        assert_eq!(source.link_type(), LinkType::ETHERNET);
        let mut sources = [source];

        assert_silent(&mut sources);

        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(&[0; 200], "127.0.0.1:10").unwrap();
        socket.send_to(&[0; 300], "127.0.0.1:9").unwrap();
        // Port 10 is filtered out; the snap length cuts the data and not the length; and
        // what both leaves and arrives is shown once.
        assert_eq!(next(&mut sources), Ok(Some((14 + 28 + 300, 96))));
        assert_silent(&mut sources);
        let drops = sources[0].drops();
        assert!(drops.received >= 1, "{drops:?}");
        assert_eq!((drops.kernel_dropped, drops.interface_dropped), (0, 0));
        assert_eq!(
            sources[0].drops().received,
            drops.received,
            "totals, not differences"
        );
    }
}

#[test]
fn an_interface_may_go_down_and_up_but_not_away() {
    if !in_namespace(
        module_path!(),
        "an_interface_may_go_down_and_up_but_not_away",
    ) {
        return;
    }
    for method in METHODS {
        ip("link add v0 type veth peer name v1");
        ip("addr add 192.0.2.1/24 dev v1");
        ip("link set v1 up");
        let error = LiveSource::open(&config(method, "v0", None)).unwrap_err();
        assert!(
            matches!(error, CaptureError::InterfaceDown { .. }),
            "{error}"
        );

        ip("link set v0 up");
        let mut sources = [LiveSource::open(&config(method, "v0", Some("udp port 9"))).unwrap()];
        ip("link set v0 down");
        assert_silent(&mut sources);

        ip("link set v0 up");
        await_carrier("v1");
        ip("neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev v1");
        let socket = UdpSocket::bind("192.0.2.1:0").unwrap();
        socket.send_to(&[0; 200], "192.0.2.2:9").unwrap();
        assert_eq!(next(&mut sources), Ok(Some((14 + 28 + 200, 96))));
        assert_eq!(sources[0].take_event(), None);

        ip("link delete v0");
        let error = next(&mut sources).unwrap_err();
        assert!(
            matches!(error, CaptureError::InterfaceGone { .. }),
            "{error}"
        );
    }
}

#[test]
fn a_removed_interface_is_waited_for() {
    if !in_namespace(module_path!(), "a_removed_interface_is_waited_for") {
        return;
    }
    for method in METHODS {
        veth();
        let config = LiveConfig {
            wait_for_interface: true,
            ..config(method, "v0", Some("udp port 9"))
        };
        let mut sources = [LiveSource::open(&config).unwrap()];
        let captured_by = sources[0].method();
        for gap in 1..=2 {
            ip("link delete v0");
            assert_eq!(next_event(&mut sources), Some(LiveEvent::Gone));
            assert_silent(&mut sources);
            assert_eq!(sources[0].take_event(), None, "told once");
            assert_eq!(sources[0].drops().gaps, gap);
            // It is there before it is up, which is no error either.
            ip("link add v0 type veth peer name v1");
            assert_silent(&mut sources);
            assert_silent(&mut sources);
            assert_eq!(sources[0].take_event(), None, "looked for and not yet up");
            ip("addr add 192.0.2.1/24 dev v1");
            ip("link set v0 up");
            ip("link set v1 up");
            await_carrier("v1");
            ip("neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev v1");
            assert_eq!(next_event(&mut sources), Some(LiveEvent::Back));
            assert_eq!(sources[0].method(), captured_by);
            let socket = UdpSocket::bind("192.0.2.1:0").unwrap();
            socket.send_to(&[0; 200], "192.0.2.2:9").unwrap();
            assert_eq!(next(&mut sources), Ok(Some((14 + 28 + 200, 96))));
            assert_eq!(sources[0].drops().received, gap, "totals over the gap");
        }
        ip("link delete v0");
    }
}

/// What becomes of the first of `sources` in ten seconds, in which it has no frame.
fn next_event(sources: &mut [LiveSource]) -> Option<LiveEvent> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        wait(sources, Duration::from_millis(50)).unwrap();
        assert!(sources[0].next_frame().unwrap().is_none());
        if let Some(event) = sources[0].take_event() {
            return Some(event);
        }
    }
    None
}

#[test]
fn a_mistake_in_the_configuration_is_told() {
    if !in_namespace(module_path!(), "a_mistake_in_the_configuration_is_told") {
        return;
    }
    ip("link set lo up");
    for method in METHODS {
        let error = LiveSource::open(&config(method, "no\nwhere", None)).unwrap_err();
        let text = error.to_string();
        assert!(
            matches!(error, CaptureError::NoSuchInterface { .. }),
            "{text}"
        );
        assert!(
            text.starts_with("no\\nwhere: no such interface; there are: "),
            "{text}"
        );
        assert!(text.contains("lo"), "{text}");
        let error = LiveSource::open(&config(method, "lo", Some("udp prot 9"))).unwrap_err();
        assert!(matches!(error, CaptureError::BadFilter { .. }), "{error}");
        assert!(LiveSource::open(&config(method, "any", None)).is_ok());
        let mut flat = config(method, "lo", None);
        (flat.snap_length_bytes, flat.promiscuous) = (0, false);
        assert!(LiveSource::open(&flat).is_ok());
    }
}

#[test]
fn a_device_without_a_ring_is_left_to_libpcap() {
    if !in_namespace(module_path!(), "a_device_without_a_ring_is_left_to_libpcap") {
        return;
    }
    ip("link set lo up");
    let method = |method, interface| {
        LiveSource::open(&config(method, interface, None)).map(|source| source.method())
    };
    let ring = if cfg!(target_os = "linux") {
        Method::Ring
    } else {
        Method::Libpcap
    };
    assert_eq!(method(Method::Auto, "lo"), Ok(ring));
    assert_eq!(method(Method::Libpcap, "lo"), Ok(Method::Libpcap));
    assert_eq!(method(Method::Auto, "any"), Ok(Method::Libpcap));
    let text = method(Method::Ring, "any").unwrap_err().to_string();
    assert!(
        text.contains("any: cannot be captured: has no ring"),
        "{text}"
    );
    let group = LiveSource::open_group(&config(Method::Auto, "any", None), 3).unwrap();
    assert_eq!(group.len(), 1, "libpcap has no groups");
}

#[test]
fn capturing_without_the_right_says_how_to_get_it() {
    if let Err(error) = LiveSource::open(&config(Method::Auto, "lo", None)) {
        let text = error.to_string();
        assert!(
            matches!(error, CaptureError::PermissionDenied { .. }),
            "{text}"
        );
        assert!(
            text.contains("sudo setcap cap_net_raw,cap_net_admin=eip /"),
            "{text}"
        );
    } else {
        eprintln!("skipped: this user may capture");
    }
}

#[test]
fn no_source_waits_for_the_timeout() {
    let start = Instant::now();
    assert_eq!(wait(&[], Duration::from_millis(30)), Ok(false));
    assert!(start.elapsed() >= Duration::from_millis(30));
}

#[cfg(target_os = "linux")]
#[test]
fn a_thread_stays_on_its_processor() {
    use rustix::thread::{sched_getaffinity, sched_getcpu};
    let pinned = std::thread::spawn(|| {
        let processor = sched_getcpu();
        pin_current_thread(processor).unwrap();
        let allowed = sched_getaffinity(None).unwrap();
        (allowed.count(), allowed.is_set(processor))
    });
    assert_eq!(pinned.join().unwrap(), (1, true));
    for none in [1_000_000, usize::MAX] {
        assert!(pin_current_thread(none).is_err());
    }
}
