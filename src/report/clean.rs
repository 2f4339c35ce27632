//! Text that others wrote, made fit to be shown.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Characters of a short text from the ledger, such as a name.
pub(super) const NAME_LETTERS_MAX: usize = 120;

/// Characters of a sentence from the ledger.
pub(super) const SENTENCE_LETTERS_MAX: usize = 400;

/// Makes a short text safe to show: what has no shape of its own, or turns the writing
/// direction, is written as `\u{202e}`; what is too long ends in `…`.
pub(super) fn name(text: &str) -> String {
    clean(text, NAME_LETTERS_MAX)
}

/// The same for a sentence.
pub(super) fn sentence(text: &str) -> String {
    clean(text, SENTENCE_LETTERS_MAX)
}

/// Makes a text of at most so many characters safe to show: what has no shape of its own, or
/// turns the writing direction, is written as `\u{202e}`; what is too long ends in `…`.
pub fn clean(text: &str, letters_max: usize) -> String {
    let mut cleaned = String::new();
    let mut letters = 0;
    for letter in text.trim().chars() {
        let shown = if is_unseen(letter) {
            letter.escape_unicode().to_string()
        } else {
            letter.to_string()
        };
        letters += shown.chars().count();
        if letters > letters_max {
            // An escape is never cut: it goes as a whole, and so does the last letter before it
            // where the mark would not fit.
            while cleaned.chars().count() >= letters_max {
                cleaned.pop();
            }
            cleaned.push('…');
            break;
        }
        cleaned.push_str(&shown);
    }
    cleaned
}

/// Whether a character is shown as nothing, or changes how others are shown: controls, the marks
/// of the bidirectional algorithm (UAX #9), joiners and spaces of no width, line and paragraph
/// separators, fillers, variation selectors, tags, private use, and what is no character.
fn is_unseen(letter: char) -> bool {
    let code = u32::from(letter);
    letter.is_control()
        || matches!(
            code,
            0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f
                | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0x3164
                | 0xe000..=0xf8ff | 0xfdd0..=0xfdef | 0xfe00..=0xfe0f | 0xfeff | 0xffa0
                | 0xfff0..=0xfffb | 0xe0000..=0xe0fff | 0xf0000..=0x0010_ffff
        )
        || code & 0xfffe == 0xfffe
}

/// Text that moves no cursor and turns no line around. What would is written `\u202e`, as in JSON,
/// so that a text that is JSON says the same afterwards. Line feeds and tabs stay.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(does_harm) {
        return text.into();
    }
    let mut harmless = String::with_capacity(text.len());
    for letter in text.chars() {
        if does_harm(letter) {
            // All of them are below U+10000, so that four digits do.
            let _ = write!(harmless, "\\u{:04x}", u32::from(letter));
        } else {
            harmless.push(letter);
        }
    }
    harmless.into()
}

/// Whether a terminal acts on a character (C0 and C1 of ECMA-48), or shows what follows in another
/// order or on another line (UAX #9, UAX #14).
fn does_harm(letter: char) -> bool {
    match letter {
        '\n' | '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            true
        }
        letter => letter.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_json_says_the_same_when_it_does_no_harm() {
        let hostile = "a\u{1b}[2J\r\u{9b}\u{7f}\u{202e}b\0\n\tc\u{2028}\u{61c}é漢";
        let quoted = serde_json::to_string(hostile).unwrap();
        let shown = harmless(&quoted);
        assert!(!shown.contains(does_harm), "{shown}");
        let read: String = serde_json::from_str(&shown).unwrap();
        assert_eq!(read, hostile);
    }

    #[test]
    fn what_cannot_be_seen_is_spelled_out() {
        assert_eq!(name("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(name("a\tb\nc\0"), "a\\u{9}b\\u{a}c\\u{0}");
        assert_eq!(name("\u{feff}x\u{2066}"), "\\u{feff}x\\u{2066}");
        assert_eq!(name("  北京 PACS  "), "北京 PACS");
        assert_eq!(name("a\u{fffe}\u{e0041}"), "a\\u{fffe}\\u{e0041}");
    }

    #[test]
    fn what_is_too_long_is_cut_with_a_mark() {
        let whole = "x".repeat(NAME_LETTERS_MAX);
        assert_eq!(name(&whole), whole);
        let cut = name(&"x".repeat(NAME_LETTERS_MAX + 1));
        assert_eq!(cut.chars().count(), NAME_LETTERS_MAX);
        assert!(cut.ends_with('…'));
        let escapes = name(&"\u{202e}".repeat(1_000));
        assert!(escapes.chars().count() <= NAME_LETTERS_MAX);
        assert!(sentence(&"y".repeat(10_000)).chars().count() == SENTENCE_LETTERS_MAX);
    }

    proptest::proptest! {
        #[test]
        fn cleaning_bounds_everything(text in "\\PC{0,300}|.{0,300}") {
            let cleaned = name(&text);
            proptest::prop_assert!(cleaned.chars().count() <= NAME_LETTERS_MAX);
            proptest::prop_assert!(!cleaned.chars().any(is_unseen));
        }
    }
}
