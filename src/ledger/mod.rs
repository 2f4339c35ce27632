//! A record of what the sensor saw, in which nothing can be changed unseen.
//!
//! Every alert, verdict, daily total, config, policy pack and database in force, and every start
//! and stop is an entry. Entries are chained to each other, and are the leaves of a Merkle tree
//! whose head the sensor signs. Who keeps a head elsewhere can tell later that nothing before
//! it was changed, taken out, added, or cut off. What this cannot show: that what was written
//! was true; that nothing was left out before it was written; and anything against somebody who
//! has the key, before the first head that was kept elsewhere.
//!
//! # The files
//!
//! This is all that another program has to know to check a ledger. `H` is SHA-256, `||` puts
//! bytes one after the other, hexadecimal digits are in lower case, and every line ends with
//! a line feed (0x0a), which belongs to no hash.
//!
//! `entries.jsonl` holds one entry a line, a JSON object of UTF-8 with these members in this
//! order and nothing between its tokens:
//!
//! ```text
//! {"index":7,"time":"2026-03-02T08:00:00.000000005Z","kind":"alert","previous":"5d..28","body":{}}
//! ```
//!
//! - `index` counts from 0. The line is that many lines behind the first.
//! - `time` is packet time, RFC 3339 in UTC with nine digits of a second. It may run back.
//! - `kind` is one of `start`, `stop`, `config`, `database`, `pack`, `register`, `alert`,
//!   `verdict`, `feedback`, `totals`, `sensor`, `meter` and `note`.
//! - `previous` is the leaf hash of the line before; 64 zeros in the first.
//! - `body` is any JSON of at most 65,536 bytes: members sorted by the bytes of their names,
//!   strings with the escapes that JSON demands and no others, numbers as they were written.
//!   Who checks need not bring it into this form, for hashes are of the bytes of the line.
//!
//! The *leaf hash* of a line is `H(0x00 || line)`, a node of the tree is
//! `H(0x01 || left || right)`, and the tree and its proofs are those of RFC 9162, section 2.1.
//!
//! `heads.jsonl` holds one signed head a line, of growing size:
//!
//! ```text
//! {"size":8,"root":"64 digits","time":"..","key":"64 digits","signature":"128 digits"}
//! ```
//!
//! - `root` is the tree head (section 2.1.1) over the first `size` lines; `size` is 1 or more.
//! - `signature` is Ed25519 (RFC 8032) by the public key `key` over 74 bytes: the 25 characters
//!   `borderflow ledger head v1`, a zero byte, `size` as 8 bytes, `time` as 8 bytes of
//!   nanoseconds since 1970-01-01T00:00:00Z, both with the highest byte first, and the 32
//!   bytes of the root.
//! - `time` is packet time, and does not run back. A head is signed 60 seconds after the first
//!   entry that has none, or at the midnight (UTC) before that, with that very time; after
//!   1,000 entries that have none; and after `stop`, both with the latest time so far. Of the
//!   same entries and the same key the same heads follow.
//!
//! `key.pub` holds the public key as 64 digits. Behind the bytes `302a300506032b6570032100` they
//! are the key as `openssl pkey -pubin -inform DER` reads it; `openssl pkeyutl -verify -rawin`
//! checks the signature.
//!
//! `checkpoint` serves only a faster start: a line of JSON, whose member `head` is a head as
//! above, and a line with the SHA-256 of it.
//!
//! A *proof* ([`Proof`]) is a JSON object of `entry` (the line as a string), `leaf` (its leaf
//! hash), `path` (the hashes of section 2.1.3.1, from the leaf to the root) and `head`. It holds
//! if the head is signed by a key that is trusted, the leaf is that of the line, and the path
//! leads from the leaf with the `index` of the line to the root (section 2.1.3.2).
//!
//! # What is checked
//!
//! [`verify`] reads everything and names the first entry that is wrong. A line that was flipped,
//! taken out, added or moved breaks the chain there. Whoever makes the chain anew from there on
//! breaks the next head; whoever cuts the end off lacks what a head signs. Who has the key as
//! well can sign anew, and is found by heads that were kept elsewhere alone. Entries behind the
//! last head are held by nothing but the chain: who can write the file can change them.
//!
//! # A crash
//!
//! Entries count once they were committed: written and synced. A crash may leave more entries
//! than were acknowledged, or a torn last line; that is cut off at the next start, and an entry
//! says so. Heads that it left unsigned are signed then.

mod audit;
mod checkpoint;
mod entry;
mod error;
mod hash;
mod head;
mod heads;
mod key;
mod lines;
mod locate;
mod open;
mod prove;
mod report;
mod show;
mod tail;
#[cfg(test)]
mod tests;
mod tree;
mod verify;
mod writer;

pub use entry::{BODY_BYTES_MAX, BODY_DEPTH_MAX, Body, BodyError, Entry, Kind, LINE_BYTES_MAX};
pub use error::LedgerError;
pub use hash::{Hash, PublicKey, Signature};
pub use head::{HEAD_ENTRIES, HEAD_LINE_BYTES_MAX, HEAD_SECONDS, Head};
pub use heads::{AreSigned, CheckSignatures, are_signed};
pub use key::Key;
pub use open::Opened;
pub use prove::{
    ConsistencyProof, PROOF_BYTES_MAX, Proof, ProofError, last_head, prove, prove_consistency,
};
pub use report::{FAULTS_MAX, Fault, Report};
pub use show::{Entries, Filter, show};
pub use tree::{Frontier, PATH_HASHES_MAX, PathBuilder, is_consistent, is_included, leaf_hash};
pub use verify::{VerifyOptions, verify, verify_by};
pub use writer::{CHECKPOINT_ENTRIES, Committed, Ledger, PENDING_BYTES_MAX, PENDING_ENTRIES_MAX};
