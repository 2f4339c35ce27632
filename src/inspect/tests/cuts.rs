//! The result does not depend on how a stream is cut.

use proptest::collection::vec;
use proptest::prelude::*;

use super::make::{base64, full_width, full_width_gbk, gzip, utf16_be, utf16_le};
use super::records::{dicom_association, dicom_file, fastq, vcf};
use super::*;

fn inspect_at(inspector: &Inspector, bytes: &[u8], cuts: &[usize]) -> Found {
    let mut found = Found::default();
    let mut stream = Stream::default();
    let mut begin = 0;
    for cut in cuts
        .iter()
        .map(|cut| (*cut).min(bytes.len()))
        .chain([bytes.len()])
    {
        inspector.push(&mut stream, &bytes[begin..cut.max(begin)], &mut found);
        begin = cut.max(begin);
    }
    inspector.finish(stream, &mut found);
    found
}

fn pieces() -> Vec<Vec<u8>> {
    let id = "11010519491231002X";
    let long = format!("{}{id},13812345678,13912345678", "a,".repeat(30));
    vec![
        format!("{{\"id\":\"{id}\"}}").into(),
        utf16_le(&format!("身份证 {id} ")),
        utf16_be(&format!("身份证 {id} ")),
        full_width(id).into(),
        full_width_gbk(id),
        b"phone=138%201234%205678&card=4539578763621486 ".to_vec(),
        b"GB82 WEST 1234 5698 7654 32 and 536-90-4399 li.si@example.com\n".to_vec(),
        b"L898902C36UTO7408122F1204159ZE184226B<<<<<10\n".to_vec(),
        b" 1M8GDM9AXKP042788 5GZCZ43D13S812715 WDBEA30D3HA391172 ".to_vec(),
        base64(long.as_bytes()).into(),
        gzip(long.as_bytes()),
        b" ".repeat(300),
        b"9".repeat(150),
        b"abcdefghij".repeat(12),
        b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n".to_vec(),
        b"8=FIX.4.2\x019=5\x0135=0\x0110=161\x01".to_vec(),
        b"\x7e\x00\x02\x00\x00\x01\x39\x12\x34\x56\x78\x00\x01\x33\x7e".to_vec(),
        b"\nMSH|^~\\&|A\rPID|1||4711^^^X||Doe^Jane||19700101\r".to_vec(),
        dicom_file("Doe^Jane", "4711", None),
        fastq(3),
        vcf(4),
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
        b"\\u624b\\u673a 13812345678 \x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03".to_vec(),
    ]
}

#[test]
fn every_place_to_cut_gives_the_same() {
    let inspector = inspector();
    for piece in pieces() {
        for before in ["", "x ", &" lorem ipsum".repeat(60)] {
            let bytes = [before.as_bytes(), &piece].concat();
            let whole = inspect_cut(&inspector, &bytes, usize::MAX);
            for cut in 0..bytes.len() {
                assert_eq!(
                    inspect_at(&inspector, &bytes, &[cut]),
                    whole,
                    "cut at {cut} of {bytes:?}"
                );
            }
        }
    }
}

#[test]
fn single_bytes_give_the_same() {
    let inspector = inspector();
    for bytes in [
        pieces().concat(),
        dicom_association("Doe^Jane", "4711"),
        fastq(50),
    ] {
        let whole = inspect_cut(&inspector, &bytes, usize::MAX);
        assert!(!whole.is_empty());
        for piece in [1, 2, 3, 7, 64, 351, 352, 353, 512, 1_460, 1_537] {
            assert_eq!(
                inspect_cut(&inspector, &bytes, piece),
                whole,
                "pieces of {piece}"
            );
        }
    }
}

proptest! {
    #[test]
    fn any_mixture_gives_the_same(
        order in vec(0usize..23, 1..30),
        noise in vec(any::<u8>(), 0..200),
        cuts in vec(0usize..6_000, 0..12),
    ) {
        let inspector = inspector();
        let pieces = pieces();
        let mut bytes: Vec<u8> = Vec::new();
        for (place, index) in order.iter().enumerate() {
            bytes.extend_from_slice(&pieces[*index % pieces.len()]);
            if place == 2 {
                bytes.extend_from_slice(&noise);
            }
        }
        let mut cuts = cuts;
        cuts.sort_unstable();
        let whole = inspect_cut(&inspector, &bytes, usize::MAX);
        prop_assert_eq!(&inspect_at(&inspector, &bytes, &cuts), &whole);
        prop_assert_eq!(inspect_cut(&inspector, &bytes, 97), whole);
    }

    #[test]
    fn characters_that_matter_in_any_order_give_the_same(
        bytes in "[0-9A-C<@%\\\\.(){}\"=+ \\-\0\r\nu]{0,900}",
        cuts in vec(0usize..900, 0..6),
    ) {
        let inspector = inspector();
        let mut cuts = cuts;
        cuts.sort_unstable();
        let whole = inspect_cut(&inspector, bytes.as_bytes(), usize::MAX);
        prop_assert_eq!(inspect_at(&inspector, bytes.as_bytes(), &cuts), whole);
    }

    #[test]
    fn broken_records_are_survived_and_give_the_same(
        index in 0usize..26,
        changes in vec((any::<u16>(), any::<u8>()), 0..6),
        piece in 1usize..700,
    ) {
        let inspector = inspector();
        let mut all = pieces();
        all.push(dicom_association("Doe^Jane", "4711"));
        all.push(gzip(&dicom_file("Doe^Jane", "4711", None)));
        all.push(fastq(20));
        let mut bytes = all[index % all.len()].clone();
        bytes.extend_from_slice(&[b' '; 400]);
        bytes.extend_from_slice(&pieces().concat());
        for (place, value) in changes {
            let place = usize::from(place) % bytes.len().min(1_000);
            bytes[place] = value;
        }
        let whole = inspect_cut(&inspector, &bytes, usize::MAX);
        prop_assert_eq!(inspect_cut(&inspector, &bytes, piece), whole);
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..3_000), piece in 1usize..900) {
        let inspector = inspector();
        let whole = inspect_cut(&inspector, &bytes, usize::MAX);
        prop_assert_eq!(inspect_cut(&inspector, &bytes, piece), whole);
    }
}
