//! Volumes that were split: parties that each stay below a number and together do not.

use std::collections::BTreeMap;

use super::record::{Counts, Record};
use super::{Day, Key, Meters, Sums, Window};

/// Members of a split that are told, those with the most first.
pub const MEMBERS_MAX: usize = 64;

/// Parties that each stay below a number, and together do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split<P> {
    /// What they come to together; a person that several have counts once.
    pub total: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those of them that could not be read.
    pub unseen_bytes: u64,
    /// Those with the most first, at most [`MEMBERS_MAX`].
    pub members: Vec<Member<P>>,
    /// Members that are not told.
    pub members_more: usize,
}

/// One of those who come to something together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<P> {
    /// Who it is.
    pub party: P,
    /// What it comes to alone. Those of persons can add up to more than they are together.
    pub amount: u64,
}

impl Meters {
    /// The split among the parties of keys, if there is one that `own` has part in, within a
    /// window that ends with a day. Keys of no party do not count, and neither does a party
    /// that passes the number alone: it has split nothing.
    pub fn split<P: Ord>(
        &self,
        party: impl Fn(&Key) -> Option<P>,
        own: &P,
        (window, at): (Window, Day),
        (measure, is_passed): (impl Fn(&Sums) -> u64, impl Fn(u64) -> bool),
    ) -> Option<Split<P>> {
        let mut parties: BTreeMap<P, Vec<&Record>> = BTreeMap::new();
        for (key, record) in &self.records {
            if let Some(party) = party(key) {
                parties.entry(party).or_default().push(record);
            }
        }
        if parties.len() < 2 || !parties.contains_key(own) {
            return None;
        }
        let counts = |records: Vec<&Record>| {
            let records = records.into_iter();
            let all = records.flat_map(|record| record.within(window, at));
            Counts::sum(&all.collect::<Vec<_>>())
        };
        let (mut members, mut parts) = (Vec::new(), Vec::new());
        for (party, records) in parties {
            let counted = counts(records);
            let amount = measure(&Sums::of(&counted));
            match amount > 0 && !is_passed(amount) {
                true => {
                    members.push(Member { party, amount });
                    parts.push(counted);
                }
                false if party == *own => return None,
                false => {}
            }
        }
        let all = Sums::of(&Counts::sum(&parts.iter().collect::<Vec<_>>()));
        let total = measure(&all);
        if members.len() < 2 || !is_passed(total) {
            return None;
        }
        members.sort_by(|a, b| (b.amount, &a.party).cmp(&(a.amount, &b.party)));
        let members_more = members.len().saturating_sub(MEMBERS_MAX);
        members.truncate(MEMBERS_MAX);
        Some(Split {
            total,
            bytes: all.bytes,
            unseen_bytes: all.unseen_bytes,
            members,
            members_more,
        })
    }
}
