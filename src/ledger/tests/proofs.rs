//! Proofs that leave the ledger, and entries that are shown.

use super::*;

#[test]
fn every_entry_under_a_head_is_proven_to_who_has_the_public_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(folder.path()).ledger;
    add(&mut ledger, 0, 40);
    ledger.commit().unwrap();
    for index in 0..30 {
        let proof = prove(folder.path(), index).unwrap();
        let text = serde_json::to_string(&proof).unwrap();
        let entry = Proof::parse(&text).unwrap().check(Some(key().public()));
        assert_eq!(entry.unwrap().index, index);
        assert_eq!(proof.head.size, 30);
    }
    let error = prove(folder.path(), 30).unwrap_err().to_string();
    assert!(error.contains("no head covers entry 30 yet"), "{error}");
}

#[test]
fn a_proof_that_was_changed_proves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    stopped(folder.path(), 40);
    let proof = prove(folder.path(), 5).unwrap();
    let changed = |change: fn(&mut Proof)| {
        let mut proof = proof.clone();
        change(&mut proof);
        proof.check(Some(key().public())).unwrap_err()
    };
    assert_eq!(
        changed(|proof| proof.entry.push(' ')),
        ProofError::Entry("it does not end with `}`")
    );
    let of_body = |proof: &mut Proof| proof.entry = proof.entry.replace("5000", "6000");
    assert_eq!(changed(of_body), ProofError::Leaf);
    let with_leaf = |proof: &mut Proof| {
        proof.entry = proof.entry.replace("5000", "6000");
        proof.leaf = leaf_hash(proof.entry.as_bytes());
    };
    assert_eq!(changed(with_leaf), ProofError::Path);
    assert_eq!(changed(|proof| proof.path.truncate(2)), ProofError::Path);
    assert_eq!(changed(|proof| proof.head.size += 1), ProofError::Signature);
    let theirs = Some(PublicKey([1; 32]));
    assert_eq!(
        proof.check(theirs),
        Err(ProofError::OtherKey(key().public()))
    );
    for text in ["", "{}", &" ".repeat(PROOF_BYTES_MAX + 1)] {
        assert!(matches!(Proof::parse(text), Err(ProofError::Unreadable(_))));
    }
}

#[test]
fn a_ledger_is_proven_to_have_been_added_to_only() {
    let folder = tempfile::tempdir().unwrap();
    let heads = stopped(folder.path(), 200);
    for head in &heads {
        let proof = prove_consistency(folder.path(), *head).unwrap();
        let text = serde_json::to_string(&proof).unwrap();
        let proof = ConsistencyProof::parse(&text).unwrap();
        assert_eq!(proof.check(Some(key().public())), Ok(()));
        assert_eq!(proof.new.size, 200);
        let mut changed = proof;
        changed.old.root = Hash::NONE;
        assert_eq!(changed.check(None), Err(ProofError::Signature));
    }
    // A head of another ledger by the same key.
    let other = tempfile::tempdir().unwrap();
    let mut ledger = open(other.path()).ledger;
    ledger.append(seconds(0), Kind::Stop, &body(9)).unwrap();
    let head = ledger.commit().unwrap().heads[0];
    let error = prove_consistency(folder.path(), head).unwrap_err();
    assert!(
        error.to_string().contains("not those that the head signs"),
        "{error}"
    );
}

#[test]
fn nothing_is_proven_of_a_ledger_that_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    stopped(folder.path(), 40);
    let mut bytes = read(folder.path(), "entries.jsonl");
    bytes[60] ^= 1;
    fs::write(folder.path().join("entries.jsonl"), &bytes).unwrap();
    for index in [0, 20] {
        let error = prove(folder.path(), index).unwrap_err();
        assert!(error.to_string().contains("verify the ledger"), "{error}");
    }
}

#[test]
fn entries_are_shown_by_index_time_and_kind() {
    let folder = tempfile::tempdir().unwrap();
    stopped(folder.path(), 40);
    let shown = |filter| -> Vec<u64> {
        let entries = show(folder.path(), filter).unwrap();
        entries.map(|entry| entry.unwrap().index).collect()
    };
    let all = Filter::default;
    assert_eq!(shown(all()).len(), 40);
    let (first, last) = (Some(5), Some(8));
    assert_eq!(
        shown(Filter {
            first,
            last,
            ..all()
        }),
        [5, 6, 7, 8]
    );
    let (since, until) = (Some(seconds(6)), Some(seconds(10)));
    assert_eq!(
        shown(Filter {
            since,
            until,
            ..all()
        }),
        [3, 4]
    );
    let kinds = vec![Kind::Stop, Kind::Start];
    assert_eq!(shown(Filter { kinds, ..all() }), [39]);
    // A line is shown as it stands, and one that is none ends it with an error.
    let mut bytes = read(folder.path(), "entries.jsonl");
    let mut entries = show(folder.path(), all()).unwrap();
    let line = entries.next().unwrap().unwrap().to_string() + "\n";
    assert!(bytes.starts_with(line.as_bytes()));
    bytes[line.len() + 3] = b'x';
    fs::write(folder.path().join("entries.jsonl"), &bytes).unwrap();
    let mut entries = show(folder.path(), all()).unwrap();
    assert!(entries.next().unwrap().is_ok());
    let error = entries.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("entry 1: "), "{error}");
    assert!(entries.next().is_none());
}
