//! Several rings that share what an interface brings.

use super::*;

/// Which addresses a packet is between, whatever its direction, and frames of it.
type Pairs = BTreeMap<String, Vec<Vec<u8>>>;

fn pairs(count: u8) -> Pairs {
    let mut pairs = Pairs::new();
    let tags: [&[(u16, u16)]; 4] = [
        &[],
        &[(0x8100, 7)],
        &[(0x88a8, 7), (0x8100, 8)],
        &[(0x88a8, 7), (0x8100, 8), (0x9100, 9)],
    ];
    for number in 0..count {
        let (a, b) = ([10, 0, number / 4, 1], [203, 0, 113, number]);
        let mut c = [0x20; 16];
        let mut d = [0xfd; 16];
        (c[15], d[3]) = (number, number);
        for tags in tags {
            let mut four = |packet: Vec<u8>| {
                let frame = ethernet(tags, 0x0800, &packet);
                pairs.entry(format!("{a:?} {b:?}")).or_default().push(frame);
            };
            four(ipv4(a, b, 0, &udp(30)));
            four(ipv4(b, a, 0, &udp(40)));
            // The first of several fragments, and a later one.
            four(ipv4(a, b, 0x2000, &udp(24)));
            four(ipv4(a, b, 4, &[number; 30]));
            let mut six = |packet: Vec<u8>| {
                let frame = ethernet(tags, 0x86dd, &packet);
                pairs.entry(format!("{c:?} {d:?}")).or_default().push(frame);
            };
            six(ipv6(c, d, &udp(30)));
            six(ipv6(d, c, &udp(40)));
        }
    }
    pairs
}

#[test]
fn a_group_keeps_pairs_together() {
    if !in_namespace(module_path!(), "a_group_keeps_pairs_together") {
        return;
    }
    veth();
    let config = LiveConfig {
        snap_length_bytes: 0,
        ..config(Method::Ring, "v0", None)
    };
    let mut group = LiveSource::open_group(&config, 3).unwrap();
    assert_eq!(group.len(), 3);
    let pairs = pairs(32);
    let (there, here) = (Sender::new("v1"), Sender::new("v0"));
    for frame in pairs.values().flatten() {
        there.send(frame);
        here.send(frame);
    }
    let arp = ethernet(&[], 0x0806, &[0; 46]);
    let cut = ethernet(&[], 0x0800, &[0x45; 12]);
    there.send(&arp);
    there.send(&cut);
    let taken = take_all(&mut group);
    let holders = |frame: &Vec<u8>| -> Vec<usize> {
        let held = taken.iter().enumerate().flat_map(|(member, frames)| {
            let same = frames.iter().filter(|kept| kept.data == *frame);
            same.map(move |_| member)
        });
        held.collect()
    };
    let mut pairs_held = [0; 3];
    for (pair, frames) in &pairs {
        let of_pair: Vec<usize> = frames.iter().flat_map(holders).collect();
        assert_eq!(
            of_pair.len(),
            2 * frames.len(),
            "{pair}: each once from each end"
        );
        let member = of_pair[0];
        assert!(
            of_pair.iter().all(|other| *other == member),
            "{pair}: {of_pair:?}"
        );
        pairs_held[member] += 1;
    }
    assert!(pairs_held.iter().all(|held| *held >= 10), "{pairs_held:?}");
    assert_eq!((holders(&arp), holders(&cut)), (vec![0], vec![0]));
    let received: u64 = group.iter_mut().map(|member| member.drops().received).sum();
    let frames = 2 * pairs.values().map(Vec::len).sum::<usize>() as u64 + 2;
    assert_eq!(received, frames);
}

#[test]
fn a_group_comes_back_with_its_interface() {
    if !in_namespace(module_path!(), "a_group_comes_back_with_its_interface") {
        return;
    }
    veth();
    let config = LiveConfig {
        wait_for_interface: true,
        ..config(Method::Ring, "v0", None)
    };
    let mut group = LiveSource::open_group(&config, 2).unwrap();
    let mut other_group = LiveSource::open_group(&config, 2).unwrap();
    ip("link delete v0");
    take_all(&mut group);
    assert!(
        group
            .iter_mut()
            .all(|member| member.take_event() == Some(LiveEvent::Gone))
    );
    veth();
    let start = Instant::now();
    let mut back = 0;
    while back < 4 && start.elapsed() < Duration::from_secs(10) {
        take_all(&mut group);
        take_all(&mut other_group);
        for member in group.iter_mut().chain(&mut other_group) {
            back += u32::from(member.take_event() == Some(LiveEvent::Back));
        }
    }
    assert_eq!(back, 4);
    let sender = Sender::new("v1");
    let pairs = pairs(16);
    pairs
        .values()
        .flatten()
        .for_each(|frame| sender.send(frame));
    let sent = pairs.values().map(Vec::len).sum::<usize>();
    for group in [&mut group, &mut other_group] {
        let taken = take_all(group);
        let counts: Vec<usize> = taken.iter().map(Vec::len).collect();
        assert_eq!(counts.iter().sum::<usize>(), sent, "{counts:?}");
        assert!(counts.iter().all(|count| *count > sent / 4), "{counts:?}");
    }
}
