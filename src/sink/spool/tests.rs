use super::*;
use proptest::prelude::*;

fn drain(spool: &mut Spool) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(line) = spool.peek().unwrap().map(str::to_owned) {
        lines.push(line);
        spool.advance().unwrap();
    }
    lines
}

fn fill(spool: &mut Spool, lines: impl IntoIterator<Item = u32>) {
    for number in lines {
        spool.push(format!("line {number}")).unwrap();
    }
}

fn numbered(lines: impl IntoIterator<Item = u32>) -> Vec<String> {
    lines
        .into_iter()
        .map(|number| format!("line {number}"))
        .collect()
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|end| end == "spool"))
        .collect();
    segments.sort();
    segments
}

#[test]
fn lines_come_out_in_order_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path(), 1 << 20).unwrap();
    assert_eq!(spool.peek().unwrap(), None);
    fill(&mut spool, 0..5);
    assert_eq!(spool.waiting(), 5);
    assert_eq!(drain(&mut spool), numbered(0..5));
    assert_eq!((spool.waiting(), spool.take_lost()), (0, 0));
    fill(&mut spool, 5..7);
    assert_eq!(drain(&mut spool), numbered(5..7));
}

#[test]
fn what_waits_outlives_a_restart_and_what_was_delivered_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path(), 1 << 20).unwrap();
    fill(&mut spool, 0..5);
    spool.peek().unwrap();
    spool.advance().unwrap();
    // Nothing is written when it is dropped, so that a crash is no different.
    drop(spool);
    let mut spool = Spool::open(folder.path(), 1 << 20).unwrap();
    assert_eq!(spool.waiting(), 4);
    fill(&mut spool, 5..6);
    assert_eq!(drain(&mut spool), numbered(1..6));
    drop(spool);
    let mut spool = Spool::open(folder.path(), 1 << 20).unwrap();
    assert_eq!(drain(&mut spool), numbered([]));
    assert!(segments(folder.path()).len() <= 1);
}

#[test]
fn a_torn_and_a_changed_line_are_passed_over_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path(), 1 << 20).unwrap();
    fill(&mut spool, 0..4);
    drop(spool);
    let path = segments(folder.path()).remove(0);
    let text = fs::read_to_string(&path).unwrap();
    let torn = text.len() - 3;
    fs::write(&path, &text.replacen("line 1", "lime 1", 1)[..torn]).unwrap();
    let mut spool = Spool::open(folder.path(), 1 << 20).unwrap();
    // The next line does not stand behind what is torn.
    fill(&mut spool, 4..5);
    assert_eq!(drain(&mut spool), numbered([0, 2, 4]));
    assert_eq!(spool.take_lost(), 2);
    assert_eq!(spool.waiting(), 0);
}

#[test]
fn a_lost_cursor_delivers_twice_and_a_wrong_one_does_no_harm() {
    for cursor in ["", "x", "99999999999999999999 0\n", "0 99999999\n"] {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path(), 1 << 20).unwrap();
        fill(&mut spool, 0..3);
        spool.peek().unwrap();
        spool.advance().unwrap();
        drop(spool);
        fs::write(folder.path().join(CURSOR), cursor).unwrap();
        let mut spool = Spool::open(folder.path(), 1 << 20).unwrap();
        let read = drain(&mut spool);
        let all = if cursor.ends_with("9999\n") { 0 } else { 3 };
        assert_eq!(read.len(), all, "{cursor:?}");
        fill(&mut spool, 3..4);
        assert_eq!(drain(&mut spool), numbered([3]), "{cursor:?}");
    }
}

#[test]
fn the_oldest_give_way_and_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path(), 4_000).unwrap();
    fill(&mut spool, 0..1_000);
    let bytes: u64 = segments(folder.path())
        .iter()
        .map(|path| fs::metadata(path).unwrap().len())
        .sum();
    assert!(bytes <= 4_000, "{bytes}");
    let lost = spool.take_lost();
    let left = drain(&mut spool);
    assert_eq!(left.last().unwrap(), "line 999");
    assert_eq!(lost + left.len() as u64, 1_000);
    assert!(left.len() > 50, "{}", left.len());
    // In memory it is the same.
    let mut spool = Spool::in_memory(4_000);
    fill(&mut spool, 0..1_000);
    let lost = spool.take_lost();
    let left = drain(&mut spool);
    assert_eq!(left.last().unwrap(), "line 999");
    assert_eq!(lost + left.len() as u64, 1_000);
}

#[test]
fn a_disk_that_takes_nothing_is_told_and_lines_wait_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("spool");
    let mut spool = Spool::open(&own, 1 << 20).unwrap();
    fs::remove_dir(&own).unwrap();
    assert!(spool.push("line 0".to_owned()).is_err());
    assert_eq!(spool.waiting(), 1);
    fs::create_dir(&own).unwrap();
    fill(&mut spool, 1..3);
    assert_eq!(drain(&mut spool), numbered(0..3));
}

#[test]
fn a_line_that_is_being_sent_from_memory_stays_the_one_that_is_taken_out() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("spool");
    let mut spool = Spool::open(&own, 1 << 20).unwrap();
    fs::remove_dir(&own).unwrap();
    assert!(spool.push("line 0".to_owned()).is_err());
    assert_eq!(spool.peek().unwrap(), Some("line 0"));
    fs::create_dir(&own).unwrap();
    fill(&mut spool, 1..3);
    spool.advance().unwrap();
    assert_eq!(drain(&mut spool), numbered(1..3));
}

#[test]
fn a_folder_has_one_user() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path(), 1 << 20).unwrap();
    let error = Spool::open(folder.path(), 1 << 20).unwrap_err();
    assert!(error.to_string().contains("in use"), "{error}");
    drop(spool);
    Spool::open(folder.path(), 1 << 20).unwrap();
}

#[derive(Clone, Debug)]
enum Act {
    Push(u8),
    Deliver,
    Crash,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0..200_u8).prop_map(Act::Push),
        3 => Just(Act::Deliver),
        1 => Just(Act::Crash),
    ];
    prop::collection::vec(act, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens, what comes out is what went in: in order, and nothing of it twice where
    /// every delivery was marked.
    #[test]
    fn a_spool_is_a_queue(acts in acts()) {
        let folder = tempfile::tempdir().unwrap();
        // Room for all of it, in segments of a few lines.
        let mut spool = Spool::open(folder.path(), 40_000).unwrap();
        spool.disk.as_mut().unwrap().segment_bytes = 300;
        let mut model = VecDeque::new();
        for (number, act) in acts.into_iter().enumerate() {
            match act {
                Act::Push(length) => {
                    let line = format!("{number} {}", "x".repeat(length.into()));
                    spool.push(line.clone()).unwrap();
                    model.push_back(line);
                }
                Act::Deliver => {
                    let line = spool.peek().unwrap().map(str::to_owned);
                    prop_assert_eq!(&line, &model.pop_front());
                    if line.is_some() {
                        spool.advance().unwrap();
                    }
                }
                Act::Crash => {
                    drop(spool);
                    spool = Spool::open(folder.path(), 40_000).unwrap();
                    spool.disk.as_mut().unwrap().segment_bytes = 300;
                }
            }
            prop_assert_eq!(spool.waiting(), model.len() as u64);
        }
        prop_assert_eq!(drain(&mut spool), Vec::from(model));
        prop_assert_eq!(spool.take_lost(), 0);
    }
}
