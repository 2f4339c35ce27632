//! Which kinds a word can be, by its length and characters, and what makes it one.

use super::TestCards;
use super::character;
use super::china;
use super::device;
use super::found::Kind;
use super::money;
use super::national;
use super::sight::{Sight, View};
use super::words::{Chain, Word};

/// Judges a word of digits.
pub(super) fn number(word: Word<'_>, view: &View<'_>, sight: &mut Sight<'_>) {
    let text = word.text;
    let weak = |kind: Kind, is_right: bool, sight: &mut Sight<'_>| {
        if is_right {
            sight.weak(kind, text, view, word.start);
        }
    };
    match text.len() {
        9 => weak(Kind::SsnUs, national::is_ssn(text), sight),
        11 => {
            mobile(word, view, sight);
            weak(Kind::Snils, national::is_snils(text), sight);
        }
        12 => weak(Kind::Aadhaar, national::is_aadhaar(text), sight),
        13 => {
            mobile(word, view, sight);
            card(text, word.start, view, sight);
            weak(Kind::KoreanRrn, national::is_korean_rrn(text), sight);
        }
        15 => {
            mobile(word, view, sight);
            card(text, word.start, view, sight);
            weak(Kind::Imei, device::is_imei(text), sight);
            weak(Kind::ResidentIdOld, china::is_resident_id_old(text), sight);
        }
        17 => {
            vin(word, view, sight);
            card(text, word.start, view, sight);
        }
        18 if china::is_resident_id(text) => sight.sure(Kind::ResidentId, text),
        18 if china::is_organisation_code(text) => sight.sure(Kind::OrganisationCode, text),
        14 | 16 | 18 | 19 => card(text, word.start, view, sight),
        _ => {}
    }
}

/// Whether a word of letters and digits has digits where all but a VIN have some.
///
/// Lengths of words are what a processor cannot foresee, so most words are dropped by this alone.
pub(super) fn may_be_mixed(text: &[u8]) -> bool {
    let is_digit = |place: usize| text.get(place).is_some_and(u8::is_ascii_digit);
    is_digit(2) & is_digit(3) || text.len() == VIN_CHARACTERS
}

/// Judges a word of letters and digits that [`may_be_mixed`].
pub(super) fn mixed(word: Word<'_>, view: &View<'_>, sight: &mut Sight<'_>) {
    let text = word.text;
    match text.len() {
        4 => spaced_iban(word, view, sight),
        7 => hong_kong_id(text, word, view, sight),
        8 | 9 if national::is_hong_kong_id(text) => {
            sight.weak(Kind::HongKongId, text, view, word.start);
        }
        8 => hong_kong_id(text, word, view, sight),
        VIN_CHARACTERS => vin(word, view, sight),
        18 if china::is_resident_id(text) => {
            let mut number = [0; 18];
            number
                .iter_mut()
                .zip(text)
                .for_each(|(to, from)| *to = from.to_ascii_uppercase());
            sight.sure(Kind::ResidentId, &number);
        }
        18 if china::is_organisation_code(text) => sight.sure(Kind::OrganisationCode, text),
        15..=34 if money::is_iban(text) => sight.sure(Kind::Iban, text),
        _ => {}
    }
}

/// Judges the end of a chain of groups, of which this word is the last.
pub(super) fn chain(chain: &Chain, word: Word<'_>, view: &View<'_>, sight: &mut Sight<'_>) {
    let start = |digits: usize, gaps: usize| word.end.saturating_sub(digits + gaps);
    let ends_with = |groups: u32, count: u32| chain.shape & ((1 << (4 * count)) - 1) == groups;
    if ends_with(0x324, 3) && chain.dashes & 0b11 == 0b11 {
        let text = chain.tail(9);
        if national::is_ssn(text) {
            sight.sure(Kind::SsnUs, text);
        }
    }
    if ends_with(0x344, 3) && china::mobile(chain.tail(11)).is_some() {
        sight.form(Kind::MobileChina);
        sight.weak(Kind::MobileChina, chain.tail(11), view, start(11, 2));
    }
    if ends_with(0x444, 3) && national::is_aadhaar(chain.tail(12)) {
        sight.weak(Kind::Aadhaar, chain.tail(12), view, start(12, 2));
    }
    if ends_with(0x67, 2) && national::is_korean_rrn(chain.tail(13)) {
        sight.weak(Kind::KoreanRrn, chain.tail(13), view, start(13, 1));
    }
    if ends_with(0x3332, 4) && national::is_snils(chain.tail(11)) {
        sight.weak(Kind::Snils, chain.tail(11), view, start(11, 3));
    }
    if ends_with(0x4444, 4) {
        card(chain.tail(16), start(16, 3), view, sight);
    }
    if ends_with(0x465, 3) {
        card(chain.tail(15), start(15, 2), view, sight);
    }
    if ends_with(0x44443, 5) {
        card(chain.tail(19), start(19, 4), view, sight);
    }
}

/// Whether a word can be part of the zone of a passport: one that fills a line, or a long one that
/// is filled up.
pub(super) fn may_be_zone(word: Word<'_>, view: &View<'_>) -> bool {
    let count = word.text.len();
    let is_filled = view.bytes.get(word.end) == Some(&b'<');
    count == ZONE_CHARACTERS
        || is_filled && (ZONE_WORD_CHARACTERS_MIN..=ZONE_CHARACTERS).contains(&count)
}

/// Judges the line of a passport's zone around a word that [`may_be_zone`], and says where it
/// ends.
pub(super) fn zone(word: Word<'_>, view: &View<'_>, sight: &mut Sight<'_>) -> Option<usize> {
    let is_zone = |byte: &u8| matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'<');
    let before = view.before(word.start, 2 * ZONE_CHARACTERS);
    let back = before.iter().rev().take_while(|byte| is_zone(byte)).count();
    let behind = view.from(word.start, ZONE_CHARACTERS + 2);
    let mut count = behind.iter().take_while(|byte| is_zone(byte)).count();
    // In XML the sign that begins a closing tag is none of the line.
    if behind.get(count) == Some(&b'/') && count > 0 {
        count -= 1;
    }
    // Both lines may follow each other without a break.
    let start = match back + count {
        ZONE_CHARACTERS => word.start - back,
        _ if back + count == 2 * ZONE_CHARACTERS && back >= ZONE_CHARACTERS => {
            word.start + ZONE_CHARACTERS - back
        }
        _ => return None,
    };
    if let Some(holder) = national::passport(view.from(start, ZONE_CHARACTERS)) {
        sight.sure(Kind::Passport, &holder);
    }
    Some(start + ZONE_CHARACTERS)
}

fn mobile(word: Word<'_>, view: &View<'_>, sight: &mut Sight<'_>) {
    if word.text.len() == 11 {
        sight.form(Kind::MobileChina);
    }
    if let Some(number) = china::mobile(word.text) {
        if word.text.len() > 11 {
            sight.form(Kind::MobileChina);
        }
        sight.weak(Kind::MobileChina, number, view, word.start);
    }
}

fn card(text: &[u8], start: usize, view: &View<'_>, sight: &mut Sight<'_>) {
    if !money::is_card_form(text) {
        return;
    }
    sight.form(Kind::PaymentCard);
    let is_left_out = sight.inspector.test_cards == TestCards::Ignored && money::is_test_card(text);
    if !is_left_out && money::is_card(text) {
        sight.weak(Kind::PaymentCard, text, view, start);
    }
}

fn vin(word: Word<'_>, view: &View<'_>, sight: &mut Sight<'_>) {
    let Some(is_vin) = device::is_vin(word.text) else {
        return;
    };
    sight.form(Kind::Vin);
    if is_vin {
        sight.weak(Kind::Vin, word.text, view, word.start);
    }
}

/// A Hong Kong identity card number whose check stands in brackets.
fn hong_kong_id(text: &[u8], word: Word<'_>, view: &View<'_>, sight: &mut Sight<'_>) {
    let behind = character::plain(view.from(word.end, 12), 12);
    let [b'(', check, b')', ..] = behind.as_ref() else {
        return;
    };
    let mut number = text.to_vec();
    number.push(*check);
    if national::is_hong_kong_id(&number) {
        sight.weak(Kind::HongKongId, &number, view, word.start);
    }
}

/// An IBAN as it is printed: in groups of four with a space between them.
fn spaced_iban(word: Word<'_>, view: &View<'_>, sight: &mut Sight<'_>) {
    let [first, second, b'0'..=b'9', b'0'..=b'9'] = word.text else {
        return;
    };
    let Some(length) = money::iban_length([*first, *second]) else {
        return;
    };
    let mut iban = word.text.to_vec();
    let behind = character::plain(view.from(word.end, IBAN_BEHIND_BYTES), IBAN_BEHIND_BYTES);
    let mut behind = behind.iter().peekable();
    while iban.len() < length {
        if iban.len().is_multiple_of(4) && !matches!(behind.next(), Some(b' ' | b'+')) {
            return;
        }
        match behind.next() {
            Some(byte) if byte.is_ascii_alphanumeric() => iban.push(*byte),
            _ => return,
        }
    }
    let is_alone = behind
        .peek()
        .is_none_or(|byte| !byte.is_ascii_alphanumeric());
    if is_alone && money::is_iban(&iban) {
        sight.sure(Kind::Iban, &iban);
    }
}

/// Characters of a line of the zone of a passport.
const ZONE_CHARACTERS: usize = 44;
/// Characters of the shortest word that can be part of it.
const ZONE_WORD_CHARACTERS_MIN: usize = 10;
/// Characters of a VIN.
const VIN_CHARACTERS: usize = 17;
/// Bytes behind the first group in which the others of an IBAN are looked for.
const IBAN_BEHIND_BYTES: usize = 120;
