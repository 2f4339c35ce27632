//! However the bytes of a conversation are cut.

use super::*;

/// Earlier beginnings want more or say what the whole says.
fn assert_agreed(client: &[u8], server: &[u8], cuts: (usize, usize), whole: &Reading) {
    let earlier = read(&client[..cuts.0], &server[..cuts.1], false);
    assert!(
        earlier == Reading::More || earlier == *whole,
        "{cuts:?}: {earlier:?}"
    );
    assert_ne!(
        read(&client[..cuts.0], &server[..cuts.1], true),
        Reading::More
    );
}

#[test]
fn every_cut_of_one_direction_agrees_with_the_whole() {
    for Conversation { client, server, .. } in conversations() {
        let whole = read(&client, &server, false);
        for cut in 0..=client.len() {
            assert_agreed(&client, &server, (cut, server.len()), &whole);
            assert_agreed(&client, &server, (cut, 0), &whole);
        }
        for cut in 0..=server.len() {
            assert_agreed(&client, &server, (client.len(), cut), &whole);
        }
    }
}

fn is_begun_alike(bytes: &[u8]) {
    let whole = begins(bytes);
    for cut in 0..bytes.len().min(16) {
        assert!(matches!(begins(&bytes[..cut]), earlier if earlier.is_none() || earlier == whole));
    }
}

proptest! {
    #[test]
    fn messages_may_be_cut_into_records_anywhere(bytes_max in 1usize..600) {
        let hello = modern_hello();
        let mut conversations = modern_conversations();
        let it = conversations.remove(0);
        let whole = done(read(&it.client, &it.server, false));
        let client = records(HANDSHAKE, 0x0301, &hello, bytes_max);
        let server = records(HANDSHAKE, 0x0303, &modern_answer(0x11ec), bytes_max);
        prop_assert_eq!(done(read(&client, &server, false)), whole);
    }

    #[test]
    fn every_cut_of_both_agrees_with_the_whole(
        choice in 0usize..8,
        at in (0.0..1.0, 0.0..1.0),
        changes in prop::collection::vec((0usize..900, any::<u8>(), any::<bool>()), 0..5),
    ) {
        let mut conversations = conversations();
        let Conversation { mut client, mut server, .. } = conversations.remove(choice);
        for (place, byte, is_client) in changes {
            let bytes = if is_client { &mut client } else { &mut server };
            if let Some(changed) = bytes.get_mut(place) {
                *changed = byte;
            }
        }
        is_begun_alike(&client);
        let whole = read(&client, &server, false);
        let cut = |length: usize, at: f64| (length as f64 * at) as usize;
        let cuts = (cut(client.len(), at.0), cut(server.len(), at.1));
        if whole == Reading::More {
            prop_assert_eq!(read(&client[..cuts.0], &server[..cuts.1], false), Reading::More);
        } else {
            assert_agreed(&client, &server, cuts, &whole);
        }
    }

    #[test]
    fn noise_is_read_to_its_end(
        first in prop::sample::select(vec![0x14u8, 0x15, 0x16, 0x17, 0x80, 0x00]),
        version in prop::sample::select(vec![[3u8, 1], [3, 3], [1, 1], [9, 9]]),
        client in prop::collection::vec(any::<u8>(), 0..400),
        server in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let headed = [&[first][..], &version, &client].concat();
        is_begun_alike(&headed);
        for (client, server) in [(&client, &server), (&headed, &server), (&headed, &headed)] {
            read(client, server, false);
            prop_assert_ne!(read(client, server, true), Reading::More);
        }
        let hello = handshake(&message(CLIENT_HELLO, &client));
        let answer = handshake(&message(SERVER_HELLO, &server));
        prop_assert_ne!(read(&hello, &answer, true), Reading::More);
    }
}
