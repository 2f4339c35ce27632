//! Going on after a crash, a full disk, and what looks like one and is none.

use std::fs::File;

use super::*;

const NAMES: [&str; 2] = ["entries.jsonl", "heads.jsonl"];

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    fs::write(folder.join(name), bytes).unwrap();
}

#[test]
fn the_same_entries_and_key_give_the_same_bytes() {
    let files = |commit_every: u64, starts: &[u64]| {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = open(folder.path()).ledger;
        for number in 0..2_500 {
            if starts.contains(&number) {
                ledger.commit().unwrap();
                drop(ledger);
                ledger = open(folder.path()).ledger;
            }
            // Bursts, silence, days, and now and then a time that runs back.
            let time = seconds((number / 40 * 40_000) as i64 - (number % 3 * 7) as i64);
            ledger.append(time, Kind::Totals, &body(number)).unwrap();
            if number % commit_every == 0 {
                ledger.commit().unwrap();
            }
        }
        ledger
            .append(seconds(9_000_000), Kind::Stop, &body(1))
            .unwrap();
        ledger.commit().unwrap();
        assert!(check(folder.path()).is_sound());
        NAMES.map(|name| read(folder.path(), name))
    };
    let expected = files(50, &[]);
    assert_eq!(lines(&expected[1]).len(), 64);
    assert!(files(333, &[]) == expected);
    assert!(files(5_000, &[1, 13, 40, 41, 999, 1_000, 2_499]) == expected);
}

#[test]
fn a_thousand_entries_have_a_head() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(folder.path()).ledger;
    for number in 0..2_400 {
        ledger
            .append(seconds(0), Kind::Alert, &body(number))
            .unwrap();
    }
    let sizes = |heads: &[Head]| -> Vec<u64> { heads.iter().map(|head| head.size).collect() };
    assert_eq!(sizes(&ledger.commit().unwrap().heads), [1_000, 2_000]);
    ledger.advance(seconds(59));
    assert_eq!(ledger.commit().unwrap().heads, []);
    ledger.advance(seconds(61));
    let committed = ledger.commit().unwrap();
    assert_eq!(sizes(&committed.heads), [2_400]);
    assert_eq!(committed.heads[0].time, seconds(60));
    assert_eq!(committed.acknowledged, 2_400);
    ledger.advance(seconds(500));
    assert_eq!(ledger.commit().unwrap().heads, []);
}

/// A ledger that a crash ended, with 10 entries behind its second head.
fn crashed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(folder.path()).ledger;
    add(&mut ledger, 0, 70);
    ledger.commit().unwrap();
    folder
}

#[test]
fn a_torn_last_line_is_cut_off_and_that_is_said() {
    let folder = crashed();
    let [entries, heads] = NAMES.map(|name| read(folder.path(), name));
    let ends: Vec<usize> = lines(&entries)
        .iter()
        .scan(0, |end, line| {
            *end += line.len();
            Some(*end)
        })
        .collect();
    let signed = ends[59];
    let every_third = (signed - 20..signed + 300).step_by(3);
    for length in every_third.chain([signed, ends[60], entries.len()]) {
        write(folder.path(), "entries.jsonl", &entries[..length]);
        write(folder.path(), "heads.jsonl", &heads);
        let whole = ends.iter().filter(|end| **end <= length).count();
        let torn = length - ends[whole - 1];
        let opened = Ledger::open(folder.path(), key());
        if length < signed {
            let error = opened.unwrap_err().to_string();
            assert!(error.contains("entry 59: it is "), "{error}");
            assert_eq!(read(folder.path(), "entries.jsonl"), &entries[..length]);
            continue;
        }
        let opened = opened.unwrap();
        assert_eq!(
            opened.notes.len(),
            usize::from(torn > 0),
            "{:?}",
            opened.notes
        );
        let size = whole as u64 + u64::from(torn > 0);
        assert_eq!(opened.ledger.acknowledged(), size);
        drop(opened);
        let report = check(folder.path());
        assert!(report.is_sound() && report.notes.is_empty(), "{report}");
        if torn > 0 {
            let last = show(folder.path(), Filter::default()).unwrap().last();
            let last = last.unwrap().unwrap();
            let told = format!(r#"{{"cut_entries_bytes":{torn},"cut_heads_bytes":0}}"#);
            assert_eq!((last.kind, last.body), (Kind::Note, told));
        }
    }
}

#[test]
fn what_was_torn_is_gone_even_where_it_was_longer_than_what_says_so() {
    let folder = crashed();
    for name in NAMES {
        let mut bytes = read(folder.path(), name);
        bytes.extend([b'x'; 400]);
        write(folder.path(), name, &bytes);
    }
    let opened = open(folder.path());
    assert_eq!(opened.notes.len(), 2, "{:?}", opened.notes);
    drop(opened);
    for name in NAMES {
        assert!(read(folder.path(), name).ends_with(b"}\n"), "{name}");
    }
    let report = check(folder.path());
    assert!(report.is_sound() && report.notes.is_empty(), "{report}");
}

#[test]
fn heads_that_a_crash_took_are_signed_again() {
    let folder = crashed();
    let [entries, heads] = NAMES.map(|name| read(folder.path(), name));
    let first = lines(&heads)[0].len();
    for length in (0..heads.len())
        .step_by(5)
        .chain([0, first, heads.len() - 1])
    {
        write(folder.path(), "entries.jsonl", &entries);
        write(folder.path(), "heads.jsonl", &heads[..length]);
        let opened = open(folder.path());
        assert_eq!(opened.heads.len(), if length < first { 2 } else { 1 });
        let torn = length % first > 0;
        assert_eq!(opened.notes.len(), usize::from(torn), "{:?}", opened.notes);
        assert_eq!(read(folder.path(), "heads.jsonl"), heads);
        assert_eq!(opened.ledger.acknowledged(), 70 + u64::from(torn));
        assert!(check(folder.path()).is_sound());
    }
    write(folder.path(), "heads.jsonl", b"");
    let mut ledger = open(folder.path()).ledger;
    let from = ledger.size();
    for _ in 0..20_000 / PENDING_ENTRIES_MAX + 1 {
        for number in 0..PENDING_ENTRIES_MAX {
            ledger
                .append(seconds(200), Kind::Alert, &body(from + number))
                .unwrap();
        }
        ledger.commit().unwrap();
    }
    drop(ledger);
    write(folder.path(), "heads.jsonl", b"");
    let _ = fs::remove_file(folder.path().join("checkpoint"));
    let error = Ledger::open(folder.path(), key()).unwrap_err().to_string();
    assert!(error.contains("`heads.jsonl` was cut"), "{error}");
}

#[test]
fn other_damage_is_refused_with_its_index() {
    let folder = crashed();
    let [entries, heads] = NAMES.map(|name| read(folder.path(), name));
    let lines = lines(&entries);
    for index in [0, 30, 59, 60, 68] {
        let mut changed = lines.clone();
        let place = changed[index].len() - 5;
        changed[index][place] ^= 1;
        write(folder.path(), "entries.jsonl", &changed.concat());
        let error = Ledger::open(folder.path(), key()).unwrap_err().to_string();
        assert!(error.contains(&format!("entry {index}: ")), "{error}");
        assert!(error.contains("keep this folder as it is"), "{error}");
        assert_eq!(read(folder.path(), "entries.jsonl"), changed.concat());
    }
    write(folder.path(), "entries.jsonl", &entries);
    let mut changed = heads;
    changed[20] ^= 1;
    write(folder.path(), "heads.jsonl", &changed);
    let error = Ledger::open(folder.path(), key()).unwrap_err().to_string();
    assert!(error.contains("heads.jsonl:1: "), "{error}");
}

#[test]
fn a_checkpoint_saves_reading_and_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    stopped(folder.path(), 200);
    let [entries, heads] = NAMES.map(|name| read(folder.path(), name));
    let checkpoint = read(folder.path(), "checkpoint");
    // What lies before it is not read.
    let mut changed = entries.clone();
    changed[100] ^= 1;
    write(folder.path(), "entries.jsonl", &changed);
    assert_eq!(open(folder.path()).ledger.size(), 200);
    assert_eq!(check(folder.path()).first_bad(), Some(0));
    // The line at which it stands is read.
    changed = entries.clone();
    let place = entries.len() - 5;
    changed[place] ^= 1;
    write(folder.path(), "entries.jsonl", &changed);
    let error = Ledger::open(folder.path(), key()).unwrap_err().to_string();
    assert!(error.contains("entry 199: "), "{error}");
    write(folder.path(), "entries.jsonl", &entries);
    // However it is damaged, the ledger goes on the same.
    for place in (0..checkpoint.len()).step_by(3) {
        let mut changed = checkpoint.clone();
        changed[place] ^= 1 << (place % 7);
        write(folder.path(), "checkpoint", &changed);
        let opened = open(folder.path());
        assert_eq!(opened.ledger.size(), 200, "{place}");
        assert!(
            opened.notes[0].starts_with("the checkpoint was passed over"),
            "{place}"
        );
        drop(opened);
        assert!(check(folder.path()).is_sound(), "{place}");
    }
    // One of a ledger that was longer tells that it was cut, whatever the heads say.
    write(folder.path(), "checkpoint", &checkpoint);
    write(
        folder.path(),
        "entries.jsonl",
        &lines(&entries)[..100].concat(),
    );
    write(folder.path(), "heads.jsonl", &lines(&heads)[..3].concat());
    let error = Ledger::open(folder.path(), key()).unwrap_err().to_string();
    assert!(error.contains("entry 100: it is missing, for "), "{error}");
    assert_eq!(check(folder.path()).first_bad(), Some(100));
}

#[test]
fn a_long_ledger_is_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(folder.path()).ledger;
    for number in 0..CHECKPOINT_ENTRIES + 1_500 {
        ledger
            .append(seconds(0), Kind::Alert, &body(number))
            .unwrap();
        if number % 500 == 0 {
            ledger.commit().unwrap();
        }
    }
    ledger.commit().unwrap();
    drop(ledger);
    let mut changed = read(folder.path(), "entries.jsonl");
    changed[100] ^= 1;
    write(folder.path(), "entries.jsonl", &changed);
    let mut ledger = open(folder.path()).ledger;
    assert_eq!(ledger.size(), CHECKPOINT_ENTRIES + 1_500);
    // The same as if it had never been closed.
    ledger.append(seconds(1), Kind::Stop, &body(0)).unwrap();
    ledger.commit().unwrap();
    changed = read(folder.path(), "entries.jsonl");
    changed[100] ^= 1;
    write(folder.path(), "entries.jsonl", &changed);
    let report = check(folder.path());
    assert!(
        report.is_sound() && report.unsigned_entries() == 0,
        "{report}"
    );
}

#[test]
fn a_disk_that_takes_nothing_loses_nothing() {
    for broken in 0..2 {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = open(folder.path()).ledger;
        add(&mut ledger, 0, 70);
        assert_eq!(ledger.commit().unwrap().acknowledged, 70);
        add(&mut ledger, 70, 140);
        let read_only = || File::open(folder.path().join(NAMES[broken])).unwrap();
        let tail = match broken {
            0 => &mut ledger.entries,
            _ => &mut ledger.heads,
        };
        let file = std::mem::replace(&mut tail.file, read_only());
        let error = ledger.commit().unwrap_err().to_string();
        assert!(error.contains(NAMES[broken]), "{error}");
        assert_eq!(ledger.acknowledged(), [70, 140][broken]);
        match broken {
            0 => ledger.entries.file = file,
            _ => ledger.heads.file = file,
        }
        let committed = ledger.commit().unwrap();
        assert_eq!((committed.acknowledged, committed.heads.len()), (140, 2));
        drop(ledger);
        let report = check(folder.path());
        assert!(report.is_sound() && report.entries == 140, "{report}");
    }
}

#[test]
fn what_is_refused_is_counted_in_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(folder.path()).ledger;
    let large = Body::new(&json!("x".repeat(BODY_BYTES_MAX - 2))).unwrap();
    let mut taken = 0;
    while ledger.append(seconds(0), Kind::Alert, &large).is_ok() {
        taken += 1;
    }
    assert!((100..200).contains(&taken), "{taken}");
    let error = ledger.append(seconds(0), Kind::Alert, &large).unwrap_err();
    assert!(
        error.to_string().contains("entries wait to be written"),
        "{error}"
    );
    assert_eq!(ledger.commit().unwrap().acknowledged, taken);
    let index = ledger.append(seconds(1), Kind::Alert, &large).unwrap();
    assert_eq!(index, taken + 1);
    ledger.commit().unwrap();
    let filter = Filter {
        kinds: vec![Kind::Note],
        ..Filter::default()
    };
    let note = show(folder.path(), filter)
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(note.body, r#"{"refused_entries":2}"#);
    assert!(check(folder.path()).is_sound());
}

#[test]
fn a_ledger_is_one_process_s_and_one_key_s() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path());
    let error = Ledger::open(folder.path(), key()).unwrap_err();
    assert!(error.to_string().contains("is in use"), "{error}");
    drop(opened);
    let other = Key::from_seed(&[8; 32]).unwrap();
    let error = Ledger::open(folder.path(), other).unwrap_err().to_string();
    assert!(
        error.contains("key.pub: the ledger is signed by the key"),
        "{error}"
    );
    open(folder.path());
}

#[test]
fn a_file_that_was_removed_takes_nothing_more_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(folder.path()).ledger;
    add(&mut ledger, 0, 3);
    ledger.commit().unwrap();
    let (there, away) = (folder.path().join(NAMES[0]), folder.path().join("away"));
    fs::rename(&there, &away).unwrap();
    add(&mut ledger, 3, 5);
    for _ in 0..2 {
        let error = ledger.commit().unwrap_err().to_string();
        assert!(error.contains("was removed or replaced"), "{error}");
    }
    assert_eq!(ledger.acknowledged(), 3);
    // Put back, it goes on, and nothing is missing.
    fs::rename(&away, &there).unwrap();
    assert_eq!(ledger.commit().unwrap().acknowledged, 5);
    assert!(check(folder.path()).is_sound());
}
