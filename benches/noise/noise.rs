//! How often content inspection finds identifiers where there are none.
//!
//! `noise MEGABYTES` makes so much of random bytes, of base64, of JSON and of a table of random
//! words, a quarter each, looks through it, and holds what is found against how many words of the
//! form there were and how often such a word should pass (`src/inspect`). Of kinds that need a word
//! near by or others beside them at most one in 10,000 that passes may be found, since random
//! letters spell a short word now and then. Ends with status 1 where more is found.

#![allow(clippy::print_stdout, reason = "it talks to who runs it")]
#![allow(
    clippy::disallowed_methods,
    reason = "what takes how long is part of what it tells"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use borderflow::inspect::{Format, Found, Inspector, Kind, Stream, TestCards};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let megabytes = std::env::args().nth(1).ok_or("usage: noise MEGABYTES")?;
    let streams = megabytes.parse::<u64>()?.div_ceil(MAKERS.len() as u64);
    let inspector = Inspector::new([7; 16], TestCards::Ignored)?;
    let mut is_right = true;
    for (name, make) in MAKERS {
        let mut chance = Chance(0x2026_1126);
        let (mut found, mut words) = (Found::default(), Words::default());
        let (mut bytes, mut took) = (0, Duration::ZERO);
        for _ in 0..streams {
            let content = make(&mut chance, &mut words);
            bytes += content.len();
            let begun = Instant::now();
            let mut stream = Stream::default();
            // As much as a segment carries.
            for piece in content.chunks(1_460) {
                inspector.push(&mut stream, piece, &mut found);
            }
            inspector.finish(stream, &mut found);
            took += begun.elapsed();
        }
        let gigabits = bytes as f64 * 8e-9 / took.as_secs_f64();
        println!("{name}: {bytes} bytes, {gigabits:.2} Gbit/s");
        is_right &= tell(&found, &words);
    }
    Ok(ExitCode::from(u8::from(!is_right)))
}

/// Prints what was found. Says whether it is no more than it may be.
fn tell(found: &Found, words: &Words) -> bool {
    let mut is_right = true;
    for (kind, seen) in found.identifiers() {
        let (hits, held) = (seen.hits(), seen.unconfirmed());
        let stated = stated(kind, words);
        let expected = stated.unwrap_or((hits + held) as f64 * 1e-4);
        // Five standard deviations of a Poisson number above what is expected.
        let most = expected + 5.0 * expected.sqrt() + 1.0;
        let verdict = if hits as f64 <= most {
            ""
        } else {
            "  TOO MANY"
        };
        is_right &= verdict.is_empty();
        match stated {
            Some(expected) => {
                println!("  {kind:?}: {hits} found, {expected:.1} by the stated rate{verdict}");
            }
            None => println!("  {kind:?}: {hits} found, {held} of the form held back{verdict}"),
        }
    }
    let records: Vec<(Format, u64)> = found.formats().collect();
    println!("  records: {records:?}");
    is_right
}

/// How many of a kind that stands alone are expected; nothing of one that needs a word near by.
fn stated(kind: Kind, words: &Words) -> Option<f64> {
    let (rate, form) = match kind {
        // Province, a day from 1900 on, and the check.
        Kind::ResidentId => (1.27e-5, "18 digits"),
        // Of 18 digits 2 of 10,000 pass the beginning and both checks.
        Kind::OrganisationCode => (2.0e-4, "18 digits"),
        // Of a right country and length, 1 of 97 (ISO 7064 MOD 97-10).
        Kind::Iban => (1.0 / 97.0, "IBAN"),
        // The right dashes and no number that was never given out.
        Kind::SsnUs => (0.88, "SSN"),
        // Of random bytes fewer than 1 in a gigabyte have the form.
        Kind::Email => (1e-9, "random byte"),
        _ => return None,
    };
    Some(rate * words.0.get(form).copied().unwrap_or(0) as f64)
}

/// How many words of a form were written.
#[derive(Default)]
struct Words(BTreeMap<&'static str, u64>);

impl Words {
    fn count(&mut self, form: &'static str) {
        self.add(form, 1);
    }

    fn add(&mut self, form: &'static str, count: usize) {
        *self.0.entry(form).or_default() += count as u64;
    }
}

type Maker = fn(&mut Chance, &mut Words) -> Vec<u8>;

const MAKERS: [(&str, Maker); 4] = [
    ("random bytes", random),
    ("base64", base64),
    ("JSON", json),
    ("table", table),
];

/// Bytes of a stream.
const STREAM_BYTES: usize = 1_000_000;

fn random(chance: &mut Chance, words: &mut Words) -> Vec<u8> {
    words.add("random byte", STREAM_BYTES);
    let eights = (0..STREAM_BYTES / 8).flat_map(|_| chance.next().to_le_bytes());
    eights.collect()
}

/// As mail carries it (RFC 2045): lines of 76 characters.
fn base64(chance: &mut Chance, _: &mut Words) -> Vec<u8> {
    let mut text = Vec::with_capacity(STREAM_BYTES);
    while text.len() < STREAM_BYTES {
        text.extend((0..76).map(|_| chance.of(BASE64)));
        text.extend(b"\r\n");
    }
    text
}

/// What programs tell each other: numbers of all lengths, identifiers of their own, times.
fn json(chance: &mut Chance, words: &mut Words) -> Vec<u8> {
    let mut text = String::with_capacity(STREAM_BYTES);
    while text.len() < STREAM_BYTES {
        let digits = 5 + chance.below(15) as usize;
        if digits == 18 {
            words.count("18 digits");
        }
        let number = chance.number(digits);
        let name: String = (0..17).map(|_| char::from(chance.of(UPPER))).collect();
        text += &format!(
            "{{\"n\":{number},\"key\":\"{:016x}\",\"tag\":\"{name}\",\"at\":{}.{:06},\
             \"path\":\"/a/{:x}/{}\",\"is_open\":true}},\n",
            chance.next(),
            1_700_000_000 + chance.below(100_000_000),
            chance.below(1_000_000),
            chance.next() >> 32,
            chance.below(1_000),
        );
    }
    text.into_bytes()
}

/// Columns of random words that have the lengths and letters of identifiers.
fn table(chance: &mut Chance, words: &mut Words) -> Vec<u8> {
    let mut text = String::with_capacity(STREAM_BYTES);
    while text.len() < STREAM_BYTES {
        words.count("18 digits");
        words.count("IBAN");
        let mut column = |count: usize| {
            let digits = (0..count).map(|_| char::from(chance.of(b"0123456789")));
            digits.collect::<String>()
        };
        let rest: Vec<_> = [18, 19, 16, 15, 13, 12, 11, 9, 20].map(&mut column).into();
        let vin: String = (0..17).map(|_| char::from(chance.of(VIN))).collect();
        let columns = rest.join(",");
        text += &format!("{columns},DE{},{vin}\n", chance.number(20));
    }
    text.into_bytes()
}

const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const VIN: &[u8] = b"ABCDEFGHJKLMNPRSTUVWXYZ0123456789";

/// Numbers that are the same in each run (xorshift, Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        // The upper half of a product is fair enough for so small a bound.
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    fn of(&mut self, letters: &[u8]) -> u8 {
        letters[self.below(letters.len() as u64) as usize]
    }

    /// A number without a zero in front, as JSON has it.
    fn number(&mut self, digits: usize) -> String {
        let first = char::from(self.of(b"123456789"));
        let rest = (1..digits).map(|_| char::from(self.of(b"0123456789")));
        [first].into_iter().chain(rest).collect()
    }
}
