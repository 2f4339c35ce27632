use super::make::{Chance, base64, gzip, resident_id};
use super::*;

fn kept_at_most(bytes: impl Iterator<Item = Vec<u8>>) -> (Found, usize) {
    let inspector = inspector();
    let mut found = Found::default();
    let mut stream = Stream::default();
    let mut kept = 0;
    for piece in bytes {
        inspector.push(&mut stream, &piece, &mut found);
        kept = kept.max(stream.kept_bytes());
    }
    inspector.finish(stream, &mut found);
    (found, kept)
}

#[test]
fn a_bomb_is_stopped() {
    let bomb = gzip(&vec![b'7'; 50 << 20]);
    let (found, kept) = kept_at_most(bomb.chunks(1_460).map(<[u8]>::to_vec));
    assert!(found.skipped(Skip::Bomb) >= 1);
    assert!(kept <= 3 * CARRY_BYTES_MAX);
    let bomb = zstd::encode_all(vec![b'7'; 50 << 20].as_slice(), 3).unwrap();
    assert!(inspect(bomb).skipped(Skip::Bomb) >= 1);
}

#[test]
fn a_stream_unpacks_so_much_and_no_more() {
    let mut chance = Chance(5);
    let text: String = (0..80_000)
        .map(|_| format!("{}\n", resident_id(&mut chance)))
        .collect();
    assert!(text.len() as u64 > UNPACKED_BYTES_MAX);
    let found = inspect(gzip(text.as_bytes()));
    assert_eq!(found.skipped(Skip::Budget), 1);
    let expected = UNPACKED_BYTES_MAX / 19;
    let hits = found.hits(Kind::ResidentId);
    assert!((expected - 1..=expected).contains(&hits), "{hits}");
    let seen = found.identifier(Kind::ResidentId).unwrap();
    assert_eq!(seen.hashes().len(), HASHES_MAX);
    assert_eq!(seen.hashes_dropped(), hits - HASHES_MAX as u64);
    let again = [gzip(text.as_bytes()), gzip(b"11010519491231002X")].concat();
    assert_eq!(inspect(again).hits(Kind::ResidentId), hits);
}

#[test]
fn a_hundred_megabytes_of_digits_are_nothing() {
    let (found, kept) = kept_at_most((0..1_600).map(|_| vec![b'8'; 1 << 16]));
    assert_eq!(found.identifiers().count(), 0);
    assert!(kept <= 3 * CARRY_BYTES_MAX, "{kept}");
}

#[test]
fn many_levels_are_counted_once_each() {
    let mut bytes = b"-".repeat(90);
    for _ in 0..6 {
        bytes = base64(&bytes).into();
    }
    let found = inspect(&bytes);
    assert_eq!(found.skipped(Skip::Nested), 1);
}

#[test]
fn memory_of_a_stream_is_bounded_whatever_comes() {
    let mut chance = Chance(77);
    let starts: [&[u8]; 6] = [
        b"#CHROM\tPOS\tID\tREF\tALT",
        b"DICM\x02\0\0\0UL\x04\0",
        b"\x1F\x8B\x08\0\0\0\0\0\0\x03",
        b"@a\nACGTACGTACGTACGTACGTACGT\n",
        b"\x28\xB5\x2F\xFD",
        b"##\x02\xFELSGPC52U6AF102554\x01\x1F\xFF",
    ];
    for start in starts {
        let noise: Vec<u8> = (0..200_000).map(|_| chance.next() as u8).collect();
        let bytes = [start, &noise, &b"\tX".repeat(100_000)].concat();
        let (_, kept) = kept_at_most(bytes.chunks(999).map(<[u8]>::to_vec));
        assert!(kept <= 3 * CARRY_BYTES_MAX, "{kept}");
    }
}

#[test]
fn sums_are_those_of_the_parts() {
    let (a, b) = (
        inspect("11010519491231002X"),
        inspect("440524188001010014 536-90-4399"),
    );
    let mut sum = a.clone();
    sum.merge(&b);
    assert_eq!(sum.hits(Kind::ResidentId), 2);
    assert_eq!(sum.identifier(Kind::ResidentId).unwrap().hashes().len(), 2);
    let mut other = b;
    other.merge(&a);
    assert_eq!(sum, other);
}

#[test]
fn threads_can_share_an_inspector_and_hand_on_streams() {
    fn is_shared<T: Send + Sync>() {}
    fn is_sent<T: Send>() {}
    is_shared::<Inspector>();
    is_shared::<Found>();
    is_sent::<Stream>();
    assert!(size_of::<Stream>() <= 1_024, "{}", size_of::<Stream>());
}
