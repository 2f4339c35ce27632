//! Which datagrams are taken for the first of QUIC.

use super::*;

#[test]
fn only_headers_that_fit_are_initials() {
    let client = bytes(CLIENT_1);
    for cut in 0..client.len() {
        assert!(!is_initial(&client[..cut]));
    }
    for (place, byte) in [(0, 0x40), (0, 0xf0), (4, 9), (5, 21), (5, 200), (14, 99)] {
        let mut changed = client.clone();
        changed[place] = byte;
        assert!(!is_initial(&changed), "{place}");
    }
    // Versions are negotiated in the clear, under no version.
    assert!(!is_initial(&bytes(
        "c000000000088394c8f03e5157080000000001ff00001d"
    )));
}

proptest! {
    #[test]
    fn noise_and_damage_say_nothing(
        noise in prop::collection::vec(any::<u8>(), 0..300),
        changes in prop::collection::btree_map(0usize..1_200, any::<u8>(), 1..4),
        length in 0usize..1_300,
        is_client in any::<bool>(),
    ) {
        let mut damaged = bytes(CLIENT_1);
        for (place, byte) in changes {
            damaged[place] ^= byte | 1;
        }
        damaged.truncate(length);
        let headed = [&[0xc3, 0, 0, 0, 1][..], &noise].concat();
        let mut initials = Initials::default();
        for datagram in [&noise, &damaged, &headed] {
            is_initial(datagram);
            initials.take(is_client, datagram, Timestamp::ZERO);
            prop_assert_eq!(initials.said().tls, None);
        }
        assert_eq!(initials.take(true, &bytes(CLIENT_1), Timestamp::ZERO), Reading::More);
        done(initials.take(false, &bytes(SERVER_1), Timestamp::ZERO));
    }

    #[test]
    fn whatever_is_encrypted_is_read_to_its_end(
        payload in prop::collection::vec(
            prop_oneof![Just(6u8), Just(2), 0u8..80, any::<u8>()],
            0..400,
        ),
        piece in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut initials = Initials::default();
        initials.take(true, &initial(true, &FIRST, &FIRST, 0, &payload), Timestamp::ZERO);
        initials.take(true, &initial(true, &FIRST, &FIRST, 1, &crypto(0, &piece)), Timestamp::ZERO);
        initials.take(false, &initial(false, &FIRST, &[], 0, &payload), Timestamp::ZERO);
        initials.said();
    }
}

#[test]
fn a_version_is_read_if_it_has_keys() {
    let drafts = 0xff00_0000..=0xff00_0040;
    let others = [
        0,
        1,
        2,
        0x6b33_43cf,
        0xface_b002,
        0xface_b003,
        0x0a1a_2a3a,
        0xfafa_fafa,
    ];
    for version in drafts.chain(others).chain((0..u32::MAX).step_by(65_537)) {
        let has_keys = Version::of(version).is_some();
        assert_eq!(packet::is_read(version), has_keys, "{version:08x}");
    }
}
