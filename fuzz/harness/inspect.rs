//! Any bytes as what somebody sends in the clear.
//!
//! Byte 0 says in what pieces they come besides whole.

use borderflow::inspect::{
    CARRY_BYTES_MAX, Found, HASHES_MAX, Inspector, Stream, TestCards, UNPACKED_BYTES_MAX,
};

/// Looks through the bytes whole and in pieces: both show the same, in bounded memory.
pub fn run(bytes: &[u8]) {
    let Some((step, content)) = bytes.split_first() else {
        return;
    };
    INSPECTOR.with(|inspector| {
        let whole = inspect(inspector, content, content.len().max(1));
        let pieces = inspect(inspector, content, usize::from(*step).max(1));
        assert_eq!(whole, pieces, "in pieces of {step}");
        for (kind, sightings) in whole.identifiers() {
            assert!(sightings.hashes().len() <= HASHES_MAX, "{kind:?}");
            let most = content.len() as u64 + UNPACKED_BYTES_MAX;
            assert!(
                sightings.hits() + sightings.unconfirmed() <= most,
                "{kind:?}"
            );
        }
        let mut twice = whole.clone();
        twice.merge(&whole);
        for (kind, sightings) in whole.identifiers() {
            assert_eq!(twice.hits(kind), 2 * sightings.hits(), "{kind:?}");
        }
    });
}

fn inspect(inspector: &Inspector, content: &[u8], step: usize) -> Found {
    let (mut stream, mut found) = (Stream::default(), Found::default());
    for piece in content.chunks(step) {
        inspector.push(&mut stream, piece, &mut found);
        let kept = stream.kept_bytes();
        assert!(kept <= LAYERS * CARRY_BYTES_MAX, "{kept} bytes are kept");
    }
    inspector.finish(stream, &mut found);
    found
}

thread_local! {
    static INSPECTOR: Inspector = Inspector::new([7; 16], TestCards::Ignored).unwrap();
}

/// What is sent, what is base64 in it, and what is packed in that.
const LAYERS: usize = 3;
