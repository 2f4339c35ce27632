//! Tolerant reading of what an entry holds: a missing or odd field is nothing, never an error.

use jiff::civil::Date;
use serde_json::Value;

use super::clean;
use crate::time::Tick;

/// Items of a list in an entry that are read.
pub(super) const ITEMS_MAX: usize = 1_000;

/// A JSON object that may be anything.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body<'a>(pub(super) &'a Value);

impl<'a> Body<'a> {
    /// A short text, cleaned; empty where there is none.
    pub(super) fn name(self, key: &str) -> String {
        self.raw(key).map(clean::name).unwrap_or_default()
    }

    /// A sentence, cleaned; empty where there is none.
    pub(super) fn sentence(self, key: &str) -> String {
        self.raw(key).map(clean::sentence).unwrap_or_default()
    }

    /// A number of bytes or things; 0 where there is none that can be one.
    pub(super) fn number(self, key: &str) -> u64 {
        self.number_if(key).unwrap_or(0)
    }

    pub(super) fn number_if(self, key: &str) -> Option<u64> {
        self.0.get(key).and_then(number)
    }

    pub(super) fn is_true(self, key: &str) -> bool {
        self.0.get(key).and_then(Value::as_bool) == Some(true)
    }

    /// A share in millionths.
    pub(super) fn millionths(self, key: &str) -> Option<u64> {
        let share = self.0.get(key)?.as_f64()?;
        (0.0..=1.0).contains(&share).then_some((share * 1e6) as u64)
    }

    /// A date as `2026-03-16`.
    pub(super) fn day(self, key: &str) -> Option<Date> {
        self.raw(key)?.parse().ok()
    }

    /// A time of RFC 3339.
    pub(super) fn tick(self, key: &str) -> Option<Tick> {
        self.raw(key)?.parse().ok()
    }

    /// Texts of a list, cleaned.
    pub(super) fn names(self, key: &str) -> impl Iterator<Item = String> + use<'a> {
        let items = self.items(key).filter_map(|item| item.0.as_str());
        items.map(clean::name)
    }

    /// Items of a list, at most [`ITEMS_MAX`].
    pub(super) fn items(self, key: &str) -> impl Iterator<Item = Self> + use<'a> {
        let list = self.0.get(key).and_then(Value::as_array);
        list.into_iter().flatten().take(ITEMS_MAX).map(Body)
    }

    /// Rows of a list without a bound: the size of an entry bounds them.
    pub(super) fn rows(self, key: &str) -> impl Iterator<Item = Self> + use<'a> {
        let list = self.0.get(key).and_then(Value::as_array);
        list.into_iter().flatten().map(Body)
    }

    /// Keys and numbers of an object, at most [`ITEMS_MAX`].
    pub(super) fn numbers(self, key: &str) -> impl Iterator<Item = (&'a str, u64)> + use<'a> {
        let object = self.0.get(key).and_then(Value::as_object);
        let pairs = object.into_iter().flatten().take(ITEMS_MAX);
        pairs.filter_map(|(key, value)| Some((key.as_str(), number(value)?)))
    }

    /// Keys and texts of an object, cleaned.
    pub(super) fn texts(self, key: &str) -> impl Iterator<Item = (String, String)> + use<'a> {
        let object = self.0.get(key).and_then(Value::as_object);
        let pairs = object.into_iter().flatten().take(ITEMS_MAX);
        pairs.filter_map(|(key, value)| Some((clean::name(key), clean::name(value.as_str()?))))
    }

    pub(super) fn object(self, key: &str) -> Option<Self> {
        self.0.get(key).map(Body)
    }

    fn raw(self, key: &str) -> Option<&'a str> {
        self.0.get(key)?.as_str()
    }
}

/// Whole numbers, and what a writer made a fraction of; below 0 there are none.
fn number(value: &Value) -> Option<u64> {
    let fraction = || value.as_f64().filter(|number| *number >= 0.0);
    value
        .as_u64()
        .or_else(|| fraction().map(|number| number as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn odd_fields_are_nothing() {
        let value = json!({"n": -1, "f": 2.5, "t": 7, "l": "x", "d": "2026-02-30", "s": 1.5});
        let body = Body(&value);
        assert_eq!(body.number("n"), 0);
        assert_eq!(body.number("f"), 2);
        assert_eq!(body.name("t"), "");
        assert_eq!(body.items("l").count(), 0);
        assert_eq!(body.day("d"), None);
        assert_eq!(body.millionths("s"), None);
        assert_eq!(Body(&json!(null)).number("n"), 0);
        assert_eq!(Body(&json!([1])).names("x").count(), 0);
    }
}
