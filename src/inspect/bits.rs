//! Which bytes of a view are what, a bit for each.
//!
//! Words are short and their ends are anywhere, so a loop over bytes ends where no processor
//! expects it. Here 64 bytes are compared at once, without a branch, and where a word begins and
//! ends is then counted in a register.

/// Bits of the bytes of a view, from a place on.
#[derive(Debug)]
pub(super) struct Bits {
    blocks: [u64; BLOCKS],
    /// Where the first block begins, from the beginning of the view.
    begin: usize,
}

impl Bits {
    /// The bits of at most [`BITS`] bytes from a place on, each as the test says. Bytes behind
    /// them have none.
    ///
    /// The test must not branch, or it is called once per byte.
    pub(super) fn new(bytes: &[u8], begin: usize, test: impl Fn(u8) -> bool) -> Self {
        let mut blocks = [0; BLOCKS];
        let (whole, rest) = bytes.get(begin..).unwrap_or_default().as_chunks::<64>();
        let mut last = [0; 64];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        // Zeros behind the last byte are no bytes.
        let kept = (1 << rest.len()) - 1;
        for (bits, block) in blocks.iter_mut().zip(whole) {
            *bits = of_block(block, &test);
        }
        if let Some(bits) = blocks.get_mut(whole.len()) {
            *bits = of_block(&last, &test) & kept;
        }
        Self { blocks, begin }
    }

    /// The first place from here on whose bit is set.
    pub(super) fn next_set(&self, place: usize) -> Option<usize> {
        let index = place.saturating_sub(self.begin);
        let mut wanted = u64::MAX << (index % 64);
        for (block, bits) in self.blocks.iter().enumerate().skip(index / 64) {
            let found = bits & wanted;
            if found != 0 {
                return Some(self.begin + block * 64 + found.trailing_zeros() as usize);
            }
            wanted = u64::MAX;
        }
        None
    }

    /// How many bits are set from this place on without a gap, up to 64.
    pub(super) fn set_from(&self, place: usize) -> usize {
        self.window(place.saturating_sub(self.begin))
            .trailing_ones() as usize
    }

    /// How many bits are set right before this place without a gap, up to 64, as far as the
    /// blocks reach.
    pub(super) fn set_before(&self, place: usize) -> usize {
        let index = place.saturating_sub(self.begin);
        let window = match index.checked_sub(64) {
            Some(first) => self.window(first),
            None => self.window(0).unbounded_shl(64 - index as u32),
        };
        window.leading_ones() as usize
    }

    /// 64 bits from this one on.
    fn window(&self, index: usize) -> u64 {
        let block = |block: usize| self.blocks.get(block).copied().unwrap_or(0);
        let (low, high) = (block(index / 64), block(index / 64 + 1));
        let pair = u128::from(high) << 64 | u128::from(low);
        (pair >> (index % 64)) as u64
    }
}

fn of_block(block: &[u8; 64], test: impl Fn(u8) -> bool) -> u64 {
    let mut flags = [0; 64];
    for (flag, byte) in flags.iter_mut().zip(block) {
        *flag = u8::from(test(*byte));
    }
    let (eights, _) = flags.as_chunks::<8>();
    let bits = eights.iter().enumerate().map(|(place, eight)| {
        // The lowest bits of eight bytes end up next to each other in the highest byte: the sums
        // 8 i + 7 j, for i from 0 to 7 and j from 1 to 8, are all different.
        let gathered = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        gathered << (8 * place)
    });
    bits.fold(0, |all, eight| all | eight)
}

/// Bytes that have a bit: those of the longest view.
pub(super) const BITS: usize = 64 * BLOCKS;
const BLOCKS: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_digit(byte: u8) -> bool {
        byte.wrapping_sub(b'0') < 10
    }

    proptest! {
        /// Bits say what a loop over the bytes says, whatever is at their ends.
        #[test]
        fn bits_are_as_the_bytes(
            bytes in prop::collection::vec(prop::sample::select(b"0059/:a\0".as_slice()), 0..300),
            begin in 0..320_usize,
            place in 0..320_usize,
        ) {
            let bits = Bits::new(&bytes, begin, is_digit);
            let is_set = |place: &usize| {
                *place >= begin && bytes.get(*place).copied().is_some_and(is_digit)
            };
            let place = place.max(begin);
            prop_assert_eq!(bits.next_set(place), (place..bytes.len()).find(|place| is_set(place)));
            let from = (place..place + 64).take_while(is_set).count();
            prop_assert_eq!(bits.set_from(place), from);
            let before = (place.saturating_sub(64)..place).rev().take_while(is_set).count();
            prop_assert_eq!(bits.set_before(place), before);
        }

        #[test]
        fn every_byte_of_a_block_has_its_bit(block in any::<[u8; 64]>()) {
            let bits = of_block(&block, is_digit);
            for (place, byte) in block.iter().enumerate() {
                prop_assert_eq!(bits >> place & 1 == 1, is_digit(*byte));
            }
        }
    }

    /// More bytes than there are bits for are as if they were not there.
    #[test]
    fn bytes_behind_the_last_bit_have_none() {
        let bits = Bits::new(&[b'0'; BITS + 70], 0, is_digit);
        assert_eq!(bits.set_from(BITS - 3), 3);
        assert_eq!(bits.next_set(BITS), None);
        assert_eq!(bits.set_from(usize::MAX), 0);
    }
}
