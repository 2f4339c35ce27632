mod bounds;
mod cuts;
mod encodings;
mod generated;
mod make;
mod noise;
mod privacy;
mod records;
mod vectors;

use super::*;

const KEY: [u8; 16] = *b"0123456789abcdef";

fn inspector() -> Inspector {
    Inspector::new(KEY, TestCards::Counted).unwrap()
}

/// What a stream of these bytes shows.
fn inspect(bytes: impl AsRef<[u8]>) -> Found {
    inspect_cut(&inspector(), bytes.as_ref(), usize::MAX)
}

/// The same, in pieces of so many bytes.
fn inspect_cut(inspector: &Inspector, bytes: &[u8], piece: usize) -> Found {
    let mut found = Found::default();
    let mut stream = Stream::default();
    for piece in bytes.chunks(piece) {
        inspector.push(&mut stream, piece, &mut found);
    }
    inspector.finish(stream, &mut found);
    found
}

fn hits(kind: Kind, bytes: impl AsRef<[u8]>) -> u64 {
    inspect(bytes).hits(kind)
}
