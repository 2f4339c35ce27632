//! How much a name says that names of its domain have not said before.
//!
//! Idea: names of a service have a form: the same labels at the same place, the same few
//! characters. What fits that form says little, whoever made it, and a tunnel that keeps to it
//! carries little. So a name costs what a compressor would need that has read the others.
//!
//! Formula, per label, counted from the registered domain: one bit, whether it is among the
//! last eight of its place, and `log2(rank + 1)` bits which one; or, if only the number at its
//! end is not that of the last one, at most `2 log2(difference + 1) + 2`, so that counters and
//! clocks are cheap; else `-log2 p(character)` of each of its characters and of the dot,
//! `p = (seen + 1/2) / (all + 20)`. A byte that is no letter, digit, hyphen or underscore
//! costs eight bits more. Of an address that is written backward, as in `4.3.2.1.list.example`
//! (RFC 5782 section 2) or `4.3.2.1.in-addr.arpa`, a 32nd counts.
//!
//! Source: adaptive coding with the estimator of Krichevsky and Trofimov 1981; move to front,
//! Bentley et al. 1986.
//!
//! Cost: about 500 bytes for a domain; a logarithm for each character.
//!
//! Blind spot: who writes addresses backward has 32 times as much room.

use serde::{Deserialize, Serialize};

use super::distinct;

/// What names of a domain are like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Habit {
    seen: Vec<u16>,
    all: u16,
    places: Vec<Place>,
}

/// Labels so far from the domain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Place {
    /// Hashes of the last ones, the last one first.
    known: [u32; RANKS],
    last: Box<[u8]>,
}

impl Default for Habit {
    fn default() -> Self {
        Self {
            seen: vec![0; ALPHABET],
            all: 0,
            places: Vec::new(),
        }
    }
}

impl Habit {
    /// The bits that a name adds below its domain, which are learned.
    pub(super) fn take(&mut self, key: u64, name: &[u8], domain_bytes: usize) -> f64 {
        let address_bytes = address_bytes(name);
        let below_bytes = name.len().saturating_sub(domain_bytes);
        let below = name.get(..below_bytes).unwrap_or_default();
        let below = below.strip_suffix(b".").unwrap_or(below);
        let mut end = below.len();
        let mut bits = 0.0;
        for (place, label) in below.rsplit(|byte| *byte == b'.').enumerate() {
            // Labels of an address come first in the name, so last here.
            let is_address = end <= address_bytes;
            end = end.saturating_sub(label.len() + 1);
            if !label.is_empty() {
                let share = if is_address { ADDRESS_SHARE } else { 1.0 };
                bits += share * self.take_label(key, label, place.min(PLACES_MAX - 1));
            }
        }
        bits
    }

    fn take_label(&mut self, key: u64, label: &[u8], place: usize) -> f64 {
        let hash = u32::try_from(distinct::hash(key, label) >> 32).unwrap_or_default();
        if self.places.len() <= place {
            self.places.resize_with(place + 1, Place::default);
        }
        let Some(last) = self.places.get_mut(place) else {
            return 0.0;
        };
        let known = last.promote(hash);
        let difference = difference(label, &last.last);
        last.last = label.into();
        match (known, difference) {
            (Some(rank), _) => 1.0 + ((rank + 1) as f64).log2(),
            (None, steps) => {
                let spelled = 1.0 + self.spell(label);
                let counted = |steps: u64| 3.0 + 2.0 * (steps as f64 + 1.0).log2();
                steps.map_or(spelled, |steps| counted(steps).min(spelled))
            }
        }
    }

    /// The bits of a label by its characters, and of the dot behind it.
    fn spell(&mut self, label: &[u8]) -> f64 {
        label.iter().chain(b".").fold(0.0, |bits, byte| {
            let (class, more) = class(*byte);
            let Some(seen) = self.seen.get_mut(class) else {
                return bits;
            };
            let chance = (f64::from(*seen) + 0.5) / (f64::from(self.all) + ALPHABET as f64 / 2.0);
            *seen += 1;
            self.all += 1;
            if self.all >= LEARNED_MAX {
                self.seen.iter_mut().for_each(|seen| *seen /= 2);
                self.all = self.seen.iter().sum();
            }
            bits - chance.log2() + more
        })
    }
}

impl Place {
    /// Moves a label to the front: where it was, if it was known.
    fn promote(&mut self, hash: u32) -> Option<usize> {
        let rank = self.known.iter().position(|known| *known == hash);
        let until = rank.unwrap_or(RANKS - 1) + 1;
        if let Some(known) = self.known.get_mut(..until) {
            known.rotate_right(1);
        }
        if let Some(first) = self.known.first_mut() {
            *first = hash;
        }
        rank
    }
}

/// How far the numbers at the end of two labels are apart that are else the same.
fn difference(left: &[u8], right: &[u8]) -> Option<u64> {
    let digits = |label: &[u8]| {
        let digits = label.iter().rev().take_while(|byte| byte.is_ascii_digit());
        digits.count().min(DIGITS_MAX)
    };
    let (left_text, left_number) = left.split_at_checked(left.len() - digits(left))?;
    let (right_text, right_number) = right.split_at_checked(right.len() - digits(right))?;
    let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<u64>().ok();
    let steps = number(left_number)?.abs_diff(number(right_number)?);
    (left_text == right_text).then_some(steps)
}

/// The class of a character, and the bits that tell which one of its class it is.
fn class(byte: u8) -> (usize, f64) {
    match byte {
        b'a'..=b'z' => (usize::from(byte - b'a'), 0.0),
        b'0'..=b'9' => (usize::from(byte - b'0') + 26, 0.0),
        b'-' => (36, 0.0),
        b'_' => (37, 0.0),
        b'.' => (38, 0.0),
        _ => (39, 8.0),
    }
}

/// Bytes at the beginning of a name that are an address written backward: four numbers up to
/// 255, or 32 hexadecimal digits, each a label.
fn address_bytes(name: &[u8]) -> usize {
    let labels = || name.split(|byte| *byte == b'.');
    let is_four = |label: &[u8]| {
        let text = std::str::from_utf8(label).ok();
        text.is_some_and(|text| text.parse::<u8>().is_ok() && !text.starts_with('+'))
    };
    let is_six = |label: &[u8]| matches!(label, [digit] if digit.is_ascii_hexdigit());
    if labels().take(32).filter(|label| is_six(label)).count() == 32 {
        return 63;
    }
    let mut bytes = 0;
    for label in labels().take(4) {
        if !is_four(label) {
            return 0;
        }
        bytes += label.len() + 1;
    }
    bytes
}

/// Characters of a name, and one class for all others.
const ALPHABET: usize = 40;

/// Labels of a place that are known.
const RANKS: usize = 8;

/// Digits that are read as a number.
const DIGITS_MAX: usize = 18;

/// Places that are told apart; those further from the domain are one.
const PLACES_MAX: usize = 6;

/// Characters after which what was learned first counts half.
const LEARNED_MAX: u16 = 8_192;

/// How much counts of an address that is written backward.
const ADDRESS_SHARE: f64 = 1.0 / 32.0;

#[cfg(test)]
mod tests {
    use super::*;

    const DOMAIN: usize = "example.com".len();

    /// A generator of numbers that are as good as random.
    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        distinct::hash(*state, b"")
    }

    fn spelled(alphabet: &[u8], characters: usize, state: &mut u64) -> Vec<u8> {
        let below = (0..characters).map(|_| {
            let place = random(state) as usize % alphabet.len();
            alphabet[place]
        });
        below.chain(*b".example.com").collect()
    }

    /// Mean bits of a character after many names.
    fn per_character(alphabet: &[u8]) -> f64 {
        let (mut habit, mut state) = (Habit::default(), 1);
        let mut bits = 0.0;
        for _ in 0..500 {
            bits = 0.99 * bits + habit.take(7, &spelled(alphabet, 40, &mut state), DOMAIN) / 100.0;
        }
        bits / 40.0
    }

    #[test]
    fn a_character_costs_what_its_alphabet_can_say() {
        let hex = per_character(b"0123456789abcdef");
        assert!((hex - 4.0).abs() < 0.3, "{hex}");
        let base32 = per_character(b"abcdefghijklmnopqrstuvwxyz234567");
        assert!((base32 - 5.0).abs() < 0.3, "{base32}");
        let one = per_character(b"a");
        assert!(one < 0.1, "{one}");
    }

    #[test]
    fn what_stays_the_same_costs_little() {
        let (mut habit, mut state) = (Habit::default(), 1);
        let mut bits = 0.0;
        for _ in 0..100 {
            let mut name = spelled(b"0123456789", 4, &mut state);
            let at = name.len() - DOMAIN;
            name.splice(at..at, *b"a-0.b1000081.0.1518.avqs.");
            bits = habit.take(7, &name, DOMAIN);
        }
        // Four digits and a dot, and one bit of each of the five other labels.
        assert!((17.0..26.0).contains(&bits), "{bits}");
    }

    #[test]
    fn a_counter_costs_little() {
        let mut habit = Habit::default();
        for count in 0..1_000 {
            let name = format!("test{count}.example.com");
            let bits = habit.take(7, name.as_bytes(), DOMAIN);
            assert!(count == 0 || bits <= 5.0, "{name}: {bits}");
        }
        assert_eq!(difference(b"a12", b"b12"), None);
        assert_eq!(difference(b"a", b"a"), None);
        assert_eq!(difference(b"1700000300", b"1700000000"), Some(300));
        assert_eq!(difference(&[b'9'; 63], &[b'9'; 63]), Some(0));
    }

    #[test]
    fn few_labels_cost_their_choice() {
        let mut habit = Habit::default();
        let mut bits = 0.0;
        for turn in 0..400_u32 {
            let label = b"abcdefgh"[turn.wrapping_mul(2_654_435_761) as usize >> 29 & 7];
            let name = [&[label; 30], &b".example.com"[..]].concat();
            bits = habit.take(7, &name, DOMAIN);
        }
        assert!(bits <= 4.0, "{bits}");
    }

    #[test]
    fn an_address_counts_little() {
        for (first, address) in [
            ("4.3.2.1.list.example.com", "14.13.12.11.list.example.com"),
            ("0.a.list.example.com", &["a."; 32].concat()),
        ] {
            let address = format!(
                "{}list.example.com",
                address.trim_end_matches("list.example.com")
            );
            let mut habit = Habit::default();
            habit.take(7, first.as_bytes(), DOMAIN);
            let bits = habit.take(7, address.as_bytes(), DOMAIN);
            assert!(bits < 14.0, "{address}: {bits}");
        }
        assert_eq!(address_bytes(b"1.2.3.256.example.com"), 0);
        assert_eq!(address_bytes(b"+1.2.3.4.example.com"), 0);
        assert_eq!(address_bytes(b"1.2.3.4.example.com"), 8);
        assert_eq!(address_bytes(b""), 0);
    }

    #[test]
    fn bytes_that_are_no_text_cost_eight_bits_or_less() {
        let mut habit = Habit::default();
        let (mut state, mut bits) = (1, 0.0);
        for _ in 0..200 {
            let alphabet: Vec<u8> = (128..=255).collect();
            bits = habit.take(7, &spelled(&alphabet, 100, &mut state), DOMAIN);
        }
        assert!((790.0..830.0).contains(&bits), "{bits}");
    }

    proptest::proptest! {
        #[test]
        fn no_name_is_too_strange(
            names in proptest::collection::vec(
                (proptest::collection::vec(proptest::num::u8::ANY, 0..255), 0_usize..300),
                0..30,
            ),
        ) {
            let mut habit = Habit::default();
            for (name, domain_bytes) in names {
                let bits = habit.take(3, &name, domain_bytes);
                proptest::prop_assert!(bits >= 0.0);
                // No name says more than all of its bytes, each with the rarest class.
                proptest::prop_assert!(bits <= name.len() as f64 * 24.0 + 24.0);
            }
        }
    }
}
