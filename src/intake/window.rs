//! Transfers that come out of order, put in order as far as a bounded memory can.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::transfer::Transfer;

/// Transfers that are held to put them in order. Logs are written as connections end, so
/// that they are out of order by minutes. One that comes later than this can put right
/// counts in the running tick, as late.
pub const WINDOW_TRANSFERS: usize = 65_536;

/// Lets the earliest out once it is full.
#[derive(Debug, Default)]
pub struct Window {
    held: BinaryHeap<Reverse<Transfer>>,
}

impl Window {
    /// Takes one in, and lets one out if there is no room for both.
    pub fn push(&mut self, transfer: Transfer) -> Option<Transfer> {
        self.held.push(Reverse(transfer));
        let is_full = self.held.len() > WINDOW_TRANSFERS;
        is_full.then(|| self.pop()).flatten()
    }

    /// Lets the earliest out.
    pub fn pop(&mut self) -> Option<Transfer> {
        self.held.pop().map(|Reverse(transfer)| transfer)
    }
}
