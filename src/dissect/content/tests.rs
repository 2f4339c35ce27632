use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

/// Bytes of a generator with a seed (SplitMix64).
fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31).to_le_bytes()[0]
    };
    (0..count).map(|_| next()).collect()
}

fn at(offset: usize, magic: &[u8]) -> Vec<u8> {
    [&vec![0; offset][..], magic, &[0; 40]].concat()
}

fn entry(flags: u8, name: &str, content: &str) -> Vec<u8> {
    let mut bytes = b"PK\x03\x04\x14\0".to_vec();
    bytes.extend([flags, 0]);
    bytes.resize(26, 0);
    bytes.extend([name.len() as u8, 0, 0, 0]);
    bytes.extend(name.bytes());
    bytes.extend(content.bytes());
    bytes
}

/// Beginnings of files, most of them of a magic number and zeros.
fn packed_samples() -> Vec<(Vec<u8>, Content)> {
    use Content::{Archive, Database, Document, EncryptedArchive, Genome};
    vec![
        (entry(0, "a.csv", ""), Archive),
        (entry(1, "a.csv", ""), EncryptedArchive),
        (entry(0, "[Content_Types].xml", ""), Document),
        (entry(0, "word/document.xml", ""), Document),
        (
            entry(0, "mimetype", "application/vnd.oasis.opendocument"),
            Document,
        ),
        (entry(0, "mimetype", "application/x-other"), Archive),
        (at(0, b"\x1f\x8b\x08\0"), Archive),
        (
            at(0, b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0"),
            Genome,
        ),
        (
            at(0, b"Rar!\x1a\x07\x01\0\x01\x02\x03\x04\x0d\x01"),
            Archive,
        ),
        (
            at(0, b"Rar!\x1a\x07\x01\0\x01\x02\x03\x04\x0d\x04"),
            EncryptedArchive,
        ),
        (at(0, b"Rar!\x1a\x07\0\x01\x02\x73\0\0"), Archive),
        (at(0, b"Rar!\x1a\x07\0\x01\x02\x73\x80\0"), EncryptedArchive),
        (at(257, b"ustar"), Archive),
        (at(0, b"7z\xbc\xaf\x27\x1c"), Archive),
        (at(0, b"Salted__"), EncryptedArchive),
        (at(0, b"\x8c\x0d\x04\x09\x03\x02"), EncryptedArchive),
        (at(0, b"\x85\x01\x0c\x03abcdefgh\x01"), EncryptedArchive),
        (at(0, b"\x84\x5e\x03abcdefgh\x12"), EncryptedArchive),
        (at(0, b"\xc1\xc0\x4c\x03abcdefgh\x01"), EncryptedArchive),
        (b"-----BEGIN PGP MESSAGE-----\n".to_vec(), EncryptedArchive),
        (
            b"age-encryption.org/v1\n-> X25519".to_vec(),
            EncryptedArchive,
        ),
        (at(0, b"SQLite format 3\0"), Database),
        (at(0, b"PGDMP\x01\x0e"), Database),
        (b"-- MySQL dump 10.13  Distrib".to_vec(), Database),
        (b"--\n-- PostgreSQL database dump\n--".to_vec(), Database),
        (at(0, b"\x6d\xe2\x99\x81"), Database),
    ]
}

fn other_samples() -> Vec<(Vec<u8>, Content)> {
    use Content::{Document, Executable, Genome, Image, Media, Medical, Text};
    let association = [
        &[1, 0, 0, 0, 0, 200, 0, 1, 0, 0][..],
        b"STORAGE         MODALITY        ",
        &[0; 40],
    ]
    .concat();
    vec![
        (b"%PDF-1.7\n".to_vec(), Document),
        (at(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), Document),
        (at(0, b"\x89PNG\r\n\x1a\n"), Image),
        (at(0, b"\xff\xd8\xff\xe0"), Image),
        (at(0, b"RIFF\x01\0\0\0WEBP"), Image),
        (at(0, b"BM\x36\0\x02\0\0\0\0\0\x36\0\0\0\x28\0\0\0"), Image),
        (at(4, b"ftypheic"), Image),
        (at(4, b"ftypisom"), Media),
        (at(0, b"RIFF\x01\0\0\0WAVE"), Media),
        (at(128, b"DICM"), Medical),
        (association, Medical),
        (b"MSH|^~\\&|LAB|H|".to_vec(), Medical),
        (b"\x0bMSH|^~\\&|LAB|H|\r\x1c\r".to_vec(), Medical),
        (
            b"{\"resourceType\":\"Patient\",\"id\":\"1\"}".to_vec(),
            Medical,
        ),
        (b"@read/1\nACGTNACGTACGTACGTACGT\n+\nIIII".to_vec(), Genome),
        (b">chr1 x\nACGTACGTACGTACGTACGTACGTACGT".to_vec(), Genome),
        (b"##fileformat=VCFv4.2\n".to_vec(), Genome),
        (at(0, b"CRAM\x03\0"), Genome),
        (at(0, b"\x7fELF\x02"), Executable),
        (
            [&b"MZ"[..], &[0; 58], &[0x80, 0, 0, 0]].concat(),
            Executable,
        ),
        (b"name,city\nLi,Paris\n".to_vec(), Text),
        ("姓名,城市\n李,巴黎\n".into(), Text),
        (b"@alice wrote\nhello\n".to_vec(), Text),
        (b"> quoted\nHello there, this is a reply\n".to_vec(), Text),
    ]
}

#[test]
fn magic_numbers_tell_the_class() {
    let samples = packed_samples().into_iter().chain(other_samples());
    for (bytes, content) in samples {
        let begin = String::from_utf8_lossy(&bytes[..bytes.len().min(16)]).into_owned();
        assert_eq!(Content::of(&bytes), Some(content), "{begin:?}");
    }
    assert_eq!(Content::of(b""), None);
    assert_eq!(Content::of(b"short"), None);
    assert_eq!(Content::of(&[0; 600]), None);
}

#[test]
fn text_in_pairs_is_text_where_it_is_long() {
    // "Chinese" in GB 18030, over and over.
    let words = b"\xd6\xd0\xb9\xfa,1\n".repeat(60);
    assert_eq!(Content::of(&words), Some(Content::Text));
    assert_eq!(Content::of(&words[..64]), None);
}

#[test]
fn every_class_has_a_name_of_its_own() {
    let listed = MAGICS.iter().map(|(_, _, content)| *content);
    let all: HashSet<Content> = listed.chain([Content::Text, Content::Medical]).collect();
    let names: HashSet<&str> = all.iter().map(|content| content.name()).collect();
    assert_eq!((all.len(), names.len()), (10, 10));
}

/// Words of a language with a few hundred of them, as text.
fn prose(seed: u64, count: usize) -> Vec<u8> {
    let words = "the of and record patient to in export a is that table for column value on \
                 with as by city at from name 2024 or an be this which http id null number";
    let words: Vec<&str> = words.split_whitespace().collect();
    let chosen = noise(seed, count);
    let pick = |byte: &u8| words[usize::from(*byte) % words.len()];
    let text: Vec<&str> = chosen.iter().map(pick).collect();
    text.join(" ").into_bytes()[..count].to_vec()
}

/// The error rates that the documentation of the bound rests on.
#[test]
fn the_test_tells_random_bytes_from_text() {
    const ROUNDS: u64 = 20_000;
    let base64 = |byte: &u8| {
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[usize::from(byte & 63)]
    };
    for count in [256, 512] {
        let (mut missed, mut taken) = (0, 0);
        for seed in 0..ROUNDS {
            let random = noise(seed, count);
            let coded: Vec<u8> = random.iter().map(base64).collect();
            // A record of a binary protocol: a counter, zeros, and two thirds noise.
            let mut record = random.clone();
            record[..count / 3].fill(0);
            missed += u32::from(!is_random(&random));
            for other in [&coded, &record, &prose(seed, count)] {
                taken += u32::from(is_random(other));
            }
        }
        assert_eq!((missed, taken), (0, 0), "of {ROUNDS} each, {count} bytes");
    }
    assert!(!is_random(&noise(1, 255)), "too few to tell");
}

#[test]
fn random_bytes_have_no_class() {
    let classes = (0..20_000).filter(|seed| Content::of(&noise(*seed, 512)).is_some());
    assert_eq!(classes.count(), 0);
}

proptest! {
    #[test]
    fn any_bytes_have_a_class_or_none(
        bytes in prop::collection::vec(any::<u8>(), 0..700),
        magic in 0..MAGICS.len(),
        tail in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let whole = Content::of(&bytes);
        if bytes.len() >= SAMPLE_BYTES {
            prop_assert_eq!(Content::of(&bytes[..SAMPLE_BYTES]), whole);
        }
        let (offset, magic, _) = MAGICS[magic];
        Content::of(&[&vec![0; offset], magic, &tail].concat());
        is_random(&bytes);
    }
}
