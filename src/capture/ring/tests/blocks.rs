//! Blocks of a ring, byte by byte.

use super::*;

/// A block with one frame of `captured` bytes, at `mac` from its header at 48.
fn block(mac: u16, captured: u32, next: u32) -> Vec<u8> {
    let mut block = vec![0; 1_024];
    let mut put =
        |at: usize, bytes: &[u8]| block[48 + at..48 + at + bytes.len()].copy_from_slice(bytes);
    put(
        offset_of!(tpacket3_hdr, tp_next_offset),
        &next.to_ne_bytes(),
    );
    put(offset_of!(tpacket3_hdr, tp_sec), &7_u32.to_ne_bytes());
    put(offset_of!(tpacket3_hdr, tp_nsec), &9_u32.to_ne_bytes());
    put(
        offset_of!(tpacket3_hdr, tp_snaplen),
        &captured.to_ne_bytes(),
    );
    put(offset_of!(tpacket3_hdr, tp_len), &1_500_u32.to_ne_bytes());
    put(offset_of!(tpacket3_hdr, tp_mac), &mac.to_ne_bytes());
    block
}

#[test]
fn a_header_is_read_only_inside_its_block() {
    let slot = Slot::read(&block(86, 60, 160), 48, true).unwrap();
    assert_eq!(slot.timestamp, Timestamp::from_nanos(7_000_000_009));
    assert_eq!(
        (slot.start, slot.captured_bytes, slot.original_length),
        (134, 60, 1_500)
    );
    assert_eq!((slot.next, slot.tag), (208, None));
    assert!(
        Slot::read(&block(86, 890, 160), 48, true).is_some(),
        "to the last byte"
    );
    assert!(Slot::read(&block(86, 60, 0), 48, true).is_some());
    assert!(Slot::read(&block(86, 60, 48), 48, false).is_some());
    for bad in [
        Slot::read(&block(86, 891, 160), 48, true),
        Slot::read(&block(86, u32::MAX, 160), 48, true),
        Slot::read(&block(u16::MAX, 0, 160), 48, true),
        Slot::read(&block(0, 60, 160), 48, true),
        // No room for a tag.
        Slot::read(&block(50, 60, 160), 48, true),
        Slot::read(&block(86, 60, 160), 1_000, true),
        Slot::read(&block(86, 60, 160), 5_000, true),
        // The next one would not be behind it.
        Slot::read(&block(86, 60, 0), 48, false),
        Slot::read(&block(86, 60, 47), 48, false),
        Slot::read(&[], 0, true),
        Slot::read(&[0xff; 1_024], usize::MAX, true),
    ] {
        assert_eq!(bad, None);
    }
}

#[test]
fn a_tag_goes_where_it_was() {
    let mut block = block(86, 14, 160);
    for (number, byte) in block[134..148].iter_mut().enumerate() {
        *byte = number as u8;
    }
    let mut slot = Slot::read(&block, 48, true).unwrap();
    slot.tag = Some([0x81, 0, 0, 7]);
    slot.put_tag_back(&mut block);
    let frame = &block[slot.start..slot.start + slot.captured_bytes];
    assert_eq!(
        frame,
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0x81, 0, 0, 7, 12, 13]
    );
    assert_eq!(slot.original_length, 1_504);
}

#[test]
fn a_ring_has_the_size_that_was_asked_for() {
    let geometry = |buffer_bytes, snap_length_bytes| {
        geometry(&LiveConfig {
            buffer_bytes,
            snap_length_bytes,
            ..config(Method::Ring, "lo", None)
        })
    };
    assert_eq!(geometry(64 << 20, 2_048), (1 << 20, 64));
    assert_eq!(geometry(4 << 20, 2_048), (1 << 19, 8));
    assert_eq!(geometry(0, 2_048), (1 << 16, 2));
    assert_eq!(geometry(u32::MAX, 0), (1 << 20, 4_095));
    assert_eq!(geometry(1 << 20, 0), (1 << 20, 2));
}

proptest! {
    #[test]
    fn any_bytes_are_a_block(
        mut block in prop::collection::vec(any::<u8>(), 0..512),
        small in prop::collection::vec(0..300_u16, 4),
        at in 0..600_usize,
    ) {
        for (offset, value) in [12, 24, 32].into_iter().zip(small) {
            if let Some(field) = block.get_mut(at + offset..at + offset + 2) {
                field.copy_from_slice(&value.to_ne_bytes());
            }
        }
        if let Some(mut slot) = Slot::read(&block, at, true) {
            prop_assert!(slot.start + slot.captured_bytes <= block.len());
            slot.tag = Some([0x81, 0, 0, 7]);
            let captured = slot.captured_bytes;
            slot.put_tag_back(&mut block);
            prop_assert!(slot.start >= at + size_of::<tpacket3_hdr>());
            prop_assert!(slot.start + slot.captured_bytes <= block.len());
            prop_assert!([captured, captured + 4].contains(&slot.captured_bytes));
        }
    }
}
