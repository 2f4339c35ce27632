//! A quick look into a record, for the one field that is asked for by the thousand.

/// The number that is the first field of the record at `at` in the data section `data`, where
/// that field is `key` and the number has no more than 32 bits.
///
/// `None` says only that it is not as simple as in most files, where fields stand in the
/// order of their names: a reader of the whole format has to look then.
pub(super) fn first_number(data: &[u8], at: usize, key: &str) -> Option<u32> {
    let control = *data.get(at)?;
    let fields = control & SIZE_MASK;
    if control >> SIZE_BITS != MAP || fields == 0 {
        return None;
    }
    let (kind, name, next) = value(data, at + 1)?;
    if kind != TEXT || name != key.as_bytes() {
        return None;
    }
    let (kind, number, _) = value(data, next)?;
    let is_number = matches!(kind, NUMBER_16 | NUMBER_32) && number.len() <= size_of::<u32>();
    let join = |sum: u32, byte: &u8| sum << 8 | u32::from(*byte);
    is_number.then(|| number.iter().fold(0, join))
}

/// The kind and the bytes of a short value, behind a pointer or not, and where the next one
/// stands.
fn value(data: &[u8], at: usize) -> Option<(u8, &[u8], usize)> {
    let (kind, size, at) = head(data, at)?;
    if kind != POINTER {
        return Some((kind, data.get(at..at + size)?, at + size));
    }
    // The size is that of the pointer, and its last 3 bits the first of the target.
    let next = at + (size >> 3) + 1;
    let first = if size >> 3 == 3 { 0 } else { size & 7 };
    let bytes = data.get(at..next)?.iter();
    let target = bytes.fold(first, |sum, byte| sum << 8 | usize::from(*byte));
    let (kind, size, at) = head(data, target + POINTER_BASES[size >> 3])?;
    // No pointer leads to another one.
    let bytes = data.get(at..at + size).filter(|_| kind != POINTER);
    Some((kind, bytes?, next))
}

/// The kind of the value at `at`, its size, and where its bytes stand.
fn head(data: &[u8], at: usize) -> Option<(u8, usize, usize)> {
    let control = *data.get(at)?;
    let (kind, size) = (control >> SIZE_BITS, control & SIZE_MASK);
    let is_short = kind == POINTER || size <= SHORT_SIZE_MAX;
    is_short.then_some((kind, usize::from(size), at + 1))
}

/// Of a control byte, the bits behind the kind.
const SIZE_BITS: u8 = 5;
const SIZE_MASK: u8 = (1 << SIZE_BITS) - 1;

/// From the next on, the size goes on in the bytes behind the control byte.
const SHORT_SIZE_MAX: u8 = 28;

const POINTER: u8 = 1;
const TEXT: u8 = 2;
const NUMBER_16: u8 = 5;
const NUMBER_32: u8 = 6;
const MAP: u8 = 7;

/// What a pointer counts from, by its size.
const POINTER_BASES: [usize; 4] = [0, 2_048, 526_336, 0];

#[cfg(test)]
mod tests {
    use super::*;

    fn number(bytes: &[u8]) -> Option<u32> {
        first_number(bytes, 0, "asn")
    }

    #[test]
    fn reads_a_number_that_stands_first() {
        assert_eq!(number(b"\xe1\x43asn\xa2\x01\x02"), Some(258));
        assert_eq!(
            number(b"\xe2\x43asn\xc4\xff\xff\xff\xfe\x41b\x41c"),
            Some(u32::MAX - 1)
        );
        assert_eq!(number(b"\xe1\x43asn\xa0"), Some(0));
        // Both the name and the number behind pointers of one and of four bytes.
        let pointed = b"\xe1\x20\x08\x38\x00\x00\x00\x0c\x43asn\xc1\x07";
        assert_eq!(number(pointed), Some(7));
        // A pointer of two bytes counts from 2048, one of three from 526336.
        for (pointer, target) in [
            (&b"\x28\x00\x07"[..], 2_055),
            (b"\x30\x01\x00\x01", 591_873),
        ] {
            let mut bytes = b"\xe1\x43asn".to_vec();
            bytes.extend(pointer);
            bytes.resize(target, 0);
            bytes.extend(b"\xc1\x09");
            assert_eq!(number(&bytes), Some(9), "{target}");
        }
    }

    #[test]
    fn leaves_all_else_to_the_reader() {
        for bytes in [
            &b""[..],
            b"\xe0",
            b"\xe1\x43asm\xa1\x01",
            b"\xe2\x41a\x41b\x43asn\xa1\x01",
            b"\xe1\x43asn\x41\x01",
            b"\xe1\x43asn\x02\x02\x01\x01",
            b"\xe1\x43asn\xc5\x01\x01\x01\x01\x01",
            b"\xe1\x43asn\xc4\x01",
            b"\xe1\x43asn\x20",
            b"\xe1\x43asn\x20\x05",
            b"\xe1\x43asn\x3f\xff\xff\xff\xff",
            b"\x43asn",
        ] {
            assert_eq!(number(bytes), None, "{bytes:02x?}");
        }
        let whole = b"\xe1\x20\x08\x38\x00\x00\x00\x0c\x43asn\xc1\x07";
        for length in 0..whole.len() {
            assert_eq!(number(&whole[..length]), None, "{length}");
        }
    }
}
