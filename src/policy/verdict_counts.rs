//! How much goes out under which word of which pack, for whoever watches a sensor.

use std::collections::BTreeMap;

use super::Policy;
use super::corridor::Corridor;
use super::law::Verdict;

/// What goes out under each word of a pack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerdictSums {
    /// The pack.
    pub pack: String,
    /// Bytes since the start, in the order of [`Verdict::ALL`]: each under what was said of its
    /// corridor when it went, or as soon as anything was.
    pub bytes: PerVerdict,
    /// Corridors of which it is said now, in the same order.
    pub corridors: PerVerdict,
}

/// A number for each verdict, in the order of [`Verdict::ALL`].
pub type PerVerdict = [u64; Verdict::ALL.len()];

/// Sums by pack and verdict.
#[derive(Clone, Debug, Default)]
pub(super) struct VerdictCounts {
    /// By pack.
    bytes: BTreeMap<String, PerVerdict>,
    /// By pack. Nothing if something else may be said since it was counted.
    corridors: Option<BTreeMap<String, PerVerdict>>,
}

impl VerdictCounts {
    /// Counts bytes that went out under a pack's word.
    pub(super) fn add(&mut self, pack: &str, verdict: Verdict, bytes: u64) {
        let place = verdict as usize;
        if let Some(known) = self.bytes.get_mut(pack) {
            known[place] = known[place].saturating_add(bytes);
            return;
        }
        let known = self.bytes.entry(pack.to_owned()).or_default();
        known[place] = bytes;
    }

    /// Has corridors counted anew, since of one another thing is said or it is gone.
    pub(super) fn changed(&mut self) {
        self.corridors = None;
    }

    /// The sums of the packs of a policy, in their order.
    pub(super) fn sums<'a>(
        &mut self,
        policy: &Policy,
        corridors: impl Iterator<Item = &'a Corridor>,
    ) -> Vec<VerdictSums> {
        let counted = self.corridors.get_or_insert_with(|| {
            let mut counted = BTreeMap::<String, PerVerdict>::new();
            for (pack, said) in corridors.flat_map(|corridor| &corridor.said) {
                match counted.get_mut(pack) {
                    Some(known) => known[said.verdict as usize] += 1,
                    None => counted.entry(pack.clone()).or_default()[said.verdict as usize] = 1,
                }
            }
            counted
        });
        let packs = policy.packs().iter();
        let sums = packs.map(|pack| VerdictSums {
            pack: pack.id.clone(),
            bytes: self.bytes.get(&pack.id).copied().unwrap_or_default(),
            corridors: counted.get(&pack.id).copied().unwrap_or_default(),
        });
        sums.collect()
    }
}
