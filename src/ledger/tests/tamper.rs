//! Every single change to a ledger is found, and at the entry where it begins.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;

const ENTRIES: u64 = 200;

/// Draws changes.
struct Tamperer {
    random: ChaCha8Rng,
    lines: Vec<Vec<u8>>,
}

impl Tamperer {
    fn below(&mut self, end: usize) -> usize {
        (self.random.next_u64() % end as u64) as usize
    }

    /// An entry in the place of one of the lines that is right but for its body.
    fn forged(&mut self, index: usize) -> Vec<u8> {
        let previous = index.checked_sub(1).map_or(Hash::NONE, |before| {
            leaf_hash(self.lines[before].trim_ascii_end())
        });
        let entry = Entry {
            index: index as u64,
            time: seconds(index as i64 * 2),
            kind: Kind::Alert,
            previous,
            body: format!(r#"{{"bytes":{}}}"#, self.random.next_u64()),
        };
        format!("{entry}\n").into_bytes()
    }

    /// What was done, and the file after it.
    fn change(&mut self) -> (&'static str, Vec<u8>) {
        let (mut lines, count) = (self.lines.clone(), self.lines.len());
        let (one, other) = (self.below(count), self.below(count));
        let what = match self.below(9) {
            0 | 1 => {
                let mut bytes = lines.concat();
                let place = self.below(bytes.len());
                bytes[place] ^= 1 + self.below(255) as u8;
                return ("flip", bytes);
            }
            2 => {
                lines.remove(one);
                "delete"
            }
            3 => {
                lines.insert(self.below(count + 1), self.lines[other].clone());
                "insert a copy"
            }
            4 => {
                let forged = self.forged(one);
                lines.insert(one, forged);
                "insert a forged one"
            }
            5 => {
                lines[one] = self.forged(one);
                "replace by a forged one"
            }
            6 => {
                lines.swap(one, other);
                "swap"
            }
            7 => {
                lines.truncate(one);
                "cut lines"
            }
            _ => {
                let mut bytes = lines.concat();
                bytes.truncate(self.below(bytes.len()));
                return ("cut bytes", bytes);
            }
        };
        (what, lines.concat())
    }

    /// The first line that is another one.
    fn first_bad(&self, bytes: &[u8]) -> u64 {
        let changed = lines(bytes);
        let same = self.lines.iter().zip(&changed);
        same.take_while(|(was, is)| was == is).count() as u64
    }
}

#[test]
fn ten_thousand_changes_are_found_where_they_begin() {
    let folder = tempfile::tempdir().unwrap();
    let heads = stopped(folder.path(), ENTRIES);
    assert_eq!(heads.len(), 7, "one a minute, and one at the stop");
    let report = check(folder.path());
    assert!(report.is_sound(), "{report}");
    assert_eq!((report.entries, report.signed_entries), (ENTRIES, ENTRIES));
    let sound = read(folder.path(), "entries.jsonl");
    let mut tamperer = Tamperer {
        random: ChaCha8Rng::seed_from_u64(9_162),
        lines: lines(&sound),
    };
    let mut found = std::collections::BTreeMap::new();
    while found.values().sum::<u32>() < 10_000 {
        let (what, bytes) = tamperer.change();
        if bytes == sound {
            continue;
        }
        fs::write(folder.path().join("entries.jsonl"), &bytes).unwrap();
        let report = check(folder.path());
        let expected = tamperer.first_bad(&bytes);
        assert_eq!(report.first_bad(), Some(expected), "{what}:\n{report}");
        assert!(report.signed_entries <= expected, "{what}:\n{report}");
        *found.entry(what).or_insert(0_u32) += 1;
    }
    assert_eq!(found.len(), 8, "{found:?}");
    println!("{found:?}");
}

#[test]
fn a_link_that_was_changed_is_told_from_the_line_that_it_leads_to() {
    let folder = tempfile::tempdir().unwrap();
    stopped(folder.path(), ENTRIES);
    let sound = lines(&read(folder.path(), "entries.jsonl"));
    for index in 0..sound.len() {
        let mut entry = Entry::parse(sound[index].trim_ascii_end()).unwrap();
        entry.previous.0[7] ^= 1;
        let mut changed = sound.clone();
        changed[index] = format!("{entry}\n").into_bytes();
        fs::write(folder.path().join("entries.jsonl"), changed.concat()).unwrap();
        let report = check(folder.path());
        assert_eq!(report.first_bad(), Some(index as u64), "{report}");
        assert!(
            report.to_string().contains("its `previous` is "),
            "{report}"
        );
    }
}

#[test]
fn no_flipped_byte_of_the_heads_passes() {
    let folder = tempfile::tempdir().unwrap();
    let heads = stopped(folder.path(), 40);
    let sound = read(folder.path(), "heads.jsonl");
    fs::remove_file(folder.path().join("checkpoint")).unwrap();
    for place in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[place] ^= 1 << (place % 7);
        fs::write(folder.path().join("heads.jsonl"), &bytes).unwrap();
        let report = check(folder.path());
        let is_last_line_feed = place + 1 == sound.len();
        assert_eq!(report.is_sound(), is_last_line_feed, "{place}: {report}");
        assert!(report.heads < heads.len() as u64, "{place}: {report}");
        assert!(
            !report.is_sound() || report.unsigned_entries() > 0,
            "{place}"
        );
    }
}

/// Changes the body of an entry, and makes the chain anew up to another.
fn rewrite(folder: &Path, from: usize, to: usize) -> Vec<Vec<u8>> {
    let mut lines = lines(&read(folder, "entries.jsonl"));
    let parse = |line: &Vec<u8>| Entry::parse(line.trim_ascii_end()).unwrap();
    let mut entries: Vec<Entry> = lines[from..to].iter().map(parse).collect();
    entries[0].body = r#"{"bytes":0}"#.to_owned();
    let previous = entries[0].previous;
    for (slot, line) in lines[from..to].iter_mut().zip(chained(entries, previous)) {
        *slot = (line + "\n").into_bytes();
    }
    fs::write(folder.join("entries.jsonl"), lines.concat()).unwrap();
    lines
}

#[test]
fn a_chain_that_was_made_anew_breaks_the_next_head() {
    let folder = tempfile::tempdir().unwrap();
    stopped(folder.path(), ENTRIES);
    let sound = read(folder.path(), "entries.jsonl");
    let sizes: Vec<u64> = lines(&read(folder.path(), "heads.jsonl"))
        .iter()
        .map(|line| Head::parse(line.trim_ascii_end()).unwrap().size)
        .collect();
    for from in (0..ENTRIES).step_by(7) {
        rewrite(folder.path(), from as usize, ENTRIES as usize);
        let report = check(folder.path());
        fs::write(folder.path().join("entries.jsonl"), &sound).unwrap();
        let over = sizes.iter().position(|size| *size > from).unwrap();
        let before = over.checked_sub(1).map_or(0, |before| sizes[before]);
        let Some(Fault::Entry {
            index,
            vouched,
            reason,
        }) = report.faults.first()
        else {
            panic!("{report}");
        };
        assert_eq!(*vouched, before, "{report}");
        assert!((before..sizes[over]).contains(index), "{report}");
        assert!(reason.contains("signs the root"), "{report}");
        assert!(
            sizes[over] == ENTRIES || *index == before,
            "the chain goes on: {report}"
        );
    }
}

#[test]
fn who_has_the_key_is_found_by_heads_that_were_kept_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let heads = stopped(folder.path(), ENTRIES);
    let witness = tempfile::NamedTempFile::new().unwrap();
    let kept: Vec<String> = heads.iter().map(Head::line).collect();
    let options = VerifyOptions {
        key: Some(key().public()),
        witness: Some(witness.path().to_owned()),
    };
    // The last line lacks its line feed, which is nothing in a file that people keep.
    fs::write(witness.path(), kept.join("\n")).unwrap();
    let report = verify(folder.path(), &options).unwrap();
    assert!(report.is_sound(), "{report}");
    assert_eq!(report.witnesses, Some(heads.len() as u64));
    // All of it is written again from entry 150 on, and signed again.
    let rewritten = rewrite(folder.path(), 150, ENTRIES as usize);
    for name in ["entries.jsonl", "heads.jsonl", "checkpoint"] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    let mut ledger = open(folder.path()).ledger;
    for line in rewritten {
        let entry = Entry::parse(line.trim_ascii_end()).unwrap();
        let body = Body::parse(&entry.body).unwrap();
        ledger.append(entry.time, entry.kind, &body).unwrap();
    }
    ledger.commit().unwrap();
    drop(ledger);
    let report = check(folder.path());
    assert!(report.is_sound(), "nothing inside tells: {report}");
    let report = verify(folder.path(), &options).unwrap();
    assert_eq!(report.first_bad(), Some(heads[4].size), "{report}");
    assert!((heads[4].size..heads[5].size).contains(&150));
    assert!(
        report.to_string().contains("by somebody who has the key"),
        "{report}"
    );
    // A head that was kept outlives a ledger that is cut off together with its own heads.
    let short = tempfile::tempdir().unwrap();
    stopped(short.path(), 100);
    let report = verify(short.path(), &options).unwrap();
    assert!(!report.is_sound(), "{report}");
    fs::write(witness.path(), "x\n".repeat(30)).unwrap();
    let report = verify(folder.path(), &options).unwrap();
    assert_eq!(
        (report.faults.len(), report.faults_untold),
        (FAULTS_MAX, 10)
    );
    assert!(
        report.to_string().contains(":1: this is no head: "),
        "{report}"
    );
}

#[test]
fn what_lies_behind_the_last_head_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(folder.path()).ledger;
    add(&mut ledger, 0, 40);
    ledger.commit().unwrap();
    let report = check(folder.path());
    assert!(report.is_sound(), "{report}");
    assert_eq!((report.entries, report.unsigned_entries()), (40, 10));
    assert!(
        report.to_string().contains("behind the last head: 10\n"),
        "{report}"
    );
    // Without a key from elsewhere the one beside it is believed, and that is said.
    let report = verify(folder.path(), &VerifyOptions::default()).unwrap();
    assert!(
        report
            .to_string()
            .contains("note: the key was read from `key.pub`"),
        "{report}"
    );
    let other = VerifyOptions {
        key: Some(PublicKey([1; 32])),
        witness: None,
    };
    let report = verify(folder.path(), &other).unwrap();
    assert!(
        report
            .to_string()
            .contains("heads.jsonl:1: this head is of the key"),
        "{report}"
    );
    // A torn last line that no head covers may be one that is being written.
    let mut bytes = read(folder.path(), "entries.jsonl");
    bytes.extend(b"{\"index\":40,\"ti");
    fs::write(folder.path().join("entries.jsonl"), bytes).unwrap();
    let report = check(folder.path());
    assert!(report.is_sound(), "{report}");
    assert!(
        report.to_string().contains("ends with 15 bytes of a line"),
        "{report}"
    );
}

#[test]
fn heads_that_were_taken_out_are_missed() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(folder.path()).ledger;
    for number in 0..20_000 {
        ledger
            .append(seconds(0), Kind::Alert, &body(number))
            .unwrap();
        if number % 5_000 == 0 {
            ledger.commit().unwrap();
        }
    }
    ledger.commit().unwrap();
    assert!(check(folder.path()).is_sound());
    fs::remove_file(folder.path().join("checkpoint")).unwrap();
    let heads = lines(&read(folder.path(), "heads.jsonl"));
    assert_eq!(heads.len(), 20);
    let with = |heads: &[Vec<u8>]| {
        fs::write(folder.path().join("heads.jsonl"), heads.concat()).unwrap();
        check(folder.path())
    };
    let report = with(&[&heads[..4], &heads[5..]].concat());
    assert_eq!(report.first_bad(), None, "{report}");
    assert!(
        report
            .to_string()
            .contains("heads.jsonl:5: more entries have no head"),
        "{report}"
    );
    let report = with(&heads[..2]);
    assert_eq!(report.first_bad(), Some(2_000), "{report}");
    assert!(
        report
            .to_string()
            .contains("18000 entries, of which a crash leaves 17384"),
        "{report}"
    );
    assert!(with(&heads[..3]).is_sound(), "as after a crash");
}
