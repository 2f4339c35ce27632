//! Signed tree heads, and when they are due.

use serde::{Deserialize, Serialize};

use super::entry::{Kind, parse_time};
use super::hash::{Hash, PublicKey, Signature};
use super::key::Key;
use crate::time::{NANOS_PER_SECOND, SECONDS_PER_DAY, Timestamp};

/// Seconds of packet time from the first entry without a head to the head.
pub const HEAD_SECONDS: u64 = 60;

/// Entries without a head that make a head due.
pub const HEAD_ENTRIES: u64 = 1_000;

/// Bytes of a line of `heads.jsonl` without its line feed; none has as many.
pub const HEAD_LINE_BYTES_MAX: usize = 512;

/// What is signed begins with this, so that it is nothing else that the key may sign.
const DOMAIN: &[u8; 26] = b"borderflow ledger head v1\0";

/// A tree head: a promise of the one who has the key about the first `size` entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "HeadLine", into = "HeadLine")]
pub struct Head {
    /// Entries under it, 1 at least.
    pub size: u64,
    /// The head of their Merkle tree (RFC 9162, section 2.1.1).
    pub root: Hash,
    /// Packet time.
    pub time: Timestamp,
    /// Who signs.
    pub key: PublicKey,
    /// Over [`Head::message`].
    pub signature: Signature,
}

/// A head as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadLine {
    size: u64,
    root: Hash,
    time: String,
    key: PublicKey,
    signature: Signature,
}

impl Head {
    /// Signs the first `size` entries.
    pub(super) fn sign(size: u64, root: Hash, time: Timestamp, key: &Key) -> Self {
        let mut head = Self {
            size,
            root,
            time,
            key: key.public(),
            signature: Signature([0; 64]),
        };
        head.signature = key.sign(&head.message());
        head
    }

    /// The 74 bytes that are signed: `borderflow ledger head v1` and a zero byte (26 bytes),
    /// the size (8 bytes), the nanoseconds of the time since 1970 (8 bytes), both with the
    /// highest byte first, and the root (32 bytes).
    pub fn message(&self) -> Vec<u8> {
        let mut message = DOMAIN.to_vec();
        message.extend(self.size.to_be_bytes());
        message.extend(self.time.as_nanos().to_be_bytes());
        message.extend(self.root.0);
        message
    }

    /// Whether its signature is that of its key.
    pub fn is_signed(&self) -> bool {
        self.key.has_signed(&self.message(), &self.signature)
    }

    /// The line of it without its line feed.
    pub fn line(&self) -> String {
        // Numbers and strings that were checked always become JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a line that is written exactly as [`Head::line`] does.
    ///
    /// # Errors
    /// Says in what it is not written as a head is.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        let head: Self = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        if head.line().as_bytes() != line {
            return Err("it is not written as heads are: in one order, without spaces".to_owned());
        }
        Ok(head)
    }
}

impl TryFrom<HeadLine> for Head {
    type Error = String;

    fn try_from(line: HeadLine) -> Result<Self, String> {
        if line.size == 0 {
            return Err("`size` is 0, and there is no head of no entries".to_owned());
        }
        let time = parse_time(&line.time);
        Ok(Self {
            size: line.size,
            root: line.root,
            time: time.ok_or("`time` is no time with nine digits, in UTC")?,
            key: line.key,
            signature: line.signature,
        })
    }
}

impl From<Head> for HeadLine {
    fn from(head: Head) -> Self {
        Self {
            size: head.size,
            root: head.root,
            time: head.time.to_string(),
            key: head.key,
            signature: head.signature,
        }
    }
}

/// When heads are due. It follows from the entries and the last head alone, so that a replay
/// and a restart make the same heads, however entries are gathered into commits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Schedule {
    /// The latest time so far. Entries whose time is before it are taken as of then.
    latest: Timestamp,
    /// Entries without a head.
    unsigned: u64,
    /// When these have to be signed.
    due: Timestamp,
}

impl Schedule {
    /// After a head.
    pub(super) fn signed(time: Timestamp) -> Self {
        Self {
            latest: time,
            ..Self::default()
        }
    }

    /// The time of the head that has to be signed before anything of `time` is added.
    pub(super) fn due_before(&self, time: Timestamp) -> Option<Timestamp> {
        (self.unsigned > 0 && self.due <= time.max(self.latest)).then_some(self.due)
    }

    /// Counts an entry; tells the time of the head that has to be signed right after it.
    pub(super) fn add(&mut self, time: Timestamp, kind: Kind) -> Option<Timestamp> {
        self.latest = self.latest.max(time);
        if self.unsigned == 0 {
            let now = self.latest.as_nanos();
            let in_time = now.saturating_add(HEAD_SECONDS * NANOS_PER_SECOND);
            let day_nanos = SECONDS_PER_DAY * NANOS_PER_SECOND;
            let midnight = (now / day_nanos)
                .saturating_add(1)
                .saturating_mul(day_nanos);
            self.due = Timestamp::from_nanos(in_time.min(midnight));
        }
        self.unsigned = self.unsigned.saturating_add(1);
        let is_due = self.unsigned >= HEAD_ENTRIES || kind == Kind::Stop;
        is_due.then_some(self.latest)
    }

    /// The latest time so far.
    pub(super) const fn latest(&self) -> Timestamp {
        self.latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: i64) -> Timestamp {
        Timestamp::from_parts(seconds, 0)
    }

    #[test]
    fn a_head_is_due_a_minute_after_the_first_entry_or_at_midnight() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.due_before(seconds(1_000)), None, "no entry");
        assert_eq!(schedule.add(seconds(100), Kind::Alert), None);
        assert_eq!(schedule.add(seconds(130), Kind::Alert), None);
        assert_eq!(schedule.due_before(seconds(159)), None);
        assert_eq!(schedule.due_before(seconds(160)), Some(seconds(160)));
        assert_eq!(schedule.due_before(seconds(900)), Some(seconds(160)));
        let mut schedule = Schedule::signed(seconds(160));
        assert_eq!(schedule.due_before(seconds(900)), None);
        schedule.add(seconds(86_399), Kind::Alert);
        assert_eq!(schedule.due_before(seconds(86_400)), Some(seconds(86_400)));
    }

    #[test]
    fn a_head_is_due_after_a_thousand_entries_and_at_stop() {
        let mut schedule = Schedule::signed(seconds(50));
        for _ in 1..HEAD_ENTRIES {
            assert_eq!(schedule.add(seconds(10), Kind::Alert), None);
        }
        assert_eq!(schedule.add(seconds(10), Kind::Alert), Some(seconds(50)));
        let mut schedule = Schedule::default();
        assert_eq!(schedule.add(seconds(10), Kind::Stop), Some(seconds(10)));
        // The end of time is no overflow.
        let mut schedule = Schedule::default();
        schedule.add(Timestamp::from_nanos(u64::MAX), Kind::Start);
        assert!(
            schedule
                .due_before(Timestamp::from_nanos(u64::MAX))
                .is_some()
        );
    }

    #[test]
    fn a_head_is_written_and_signed_in_one_way() {
        let key = Key::from_seed(&[7; 32]).unwrap();
        let head = Head::sign(3, Hash([1; 32]), seconds(5), &key);
        let line = head.line();
        assert!(line.len() < HEAD_LINE_BYTES_MAX);
        assert_eq!(Head::parse(line.as_bytes()), Ok(head));
        assert!(head.is_signed());
        let message = head.message();
        assert_eq!(
            (message.len(), &message[26..34]),
            (74, &[0, 0, 0, 0, 0, 0, 0, 3][..])
        );
        for wrong in [
            Head { size: 4, ..head },
            Head {
                root: Hash([2; 32]),
                ..head
            },
            Head {
                time: seconds(6),
                ..head
            },
            Head {
                key: PublicKey([9; 32]),
                ..head
            },
        ] {
            assert!(!wrong.is_signed(), "{wrong:?}");
        }
        for (from, to) in [
            (":3,", ": 3,"),
            (":3,", ":0,"),
            ("}", ",\"x\":1}"),
            ("05.0", "05."),
        ] {
            let wrong = line.replacen(from, to, 1);
            assert_ne!(wrong, line);
            assert!(Head::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
