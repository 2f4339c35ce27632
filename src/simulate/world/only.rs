//! What is put into a world, where it is not everything.

use super::{leaks, surprises};

/// Which leaks and surprises are put into a world. By default all, in turn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Only {
    /// Names of their kinds; all where there is none.
    pub kinds: Vec<String>,
    /// Bytes of leaks over the busy hour of their asset, one after the other; all of the grid
    /// where there is none.
    pub ratios: Vec<f64>,
    /// Whether leaks go to networks that the asset uses, or to new ones; both in turn where
    /// nothing is said. Some kinds have no choice: what goes to a new country goes to a new
    /// network.
    pub is_known: Option<bool>,
}

impl Only {
    /// Whether a kind is put in.
    pub(super) fn wants(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|wanted| wanted == kind)
    }

    /// The kinds of leaks that there are.
    pub fn kinds_of_leaks() -> impl Iterator<Item = &'static str> {
        leaks::KINDS.into_iter()
    }

    /// The kinds of benign surprises that there are.
    pub fn kinds_of_surprises() -> impl Iterator<Item = &'static str> {
        surprises::KINDS.into_iter().map(|(kind, ..)| kind)
    }
}
