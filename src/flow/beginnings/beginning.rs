//! The beginning of one conversation, as long as it is read.

use std::sync::Arc;

use super::Place;
use super::reader::Reader;
use crate::dissect::{
    Application, Hellos, Messages, Prefix, Protection, Reading, Said, awaits_certificate,
    bytes_wanted, is_random, offer,
};

/// A beginning that is being read.
#[derive(Debug, Default)]
pub(super) struct Beginning {
    /// Which it is of all that began; 0 when it is over.
    pub(super) number: u32,
    pub(super) slot: u32,
    pub(super) reader: Reader,
    pub(super) prefixes: [Prefix; 2],
    /// Of a conversation over UDP that begins with hellos.
    pub(super) hellos: Option<Box<Hellos>>,
    /// Of one over TCP that is of DNS: what was told of it, and its messages.
    pub(super) messages: Option<Box<(Arc<Said>, Messages)>>,
    pub(super) pieces: u8,
    /// Bytes of the pieces, and after how many no more come.
    pub(super) taken: usize,
    pub(super) wanted: usize,
    /// What was counted of it in `bytes`.
    pub(super) counted: usize,
}

impl Beginning {
    pub(super) fn take(&mut self, place: &Place, piece: &[u8]) -> Reading {
        self.pieces = self.pieces.saturating_add(1);
        self.taken += piece.len();
        let is_client = place.direction == 0;
        if let Some(offset) = place.offset {
            return self.take_segment(place.direction, offset, piece);
        }
        if self.hellos.is_none() && self.is_empty() {
            self.hellos = Hellos::begin(piece).map(Box::new);
        }
        if let Some(hellos) = &mut self.hellos {
            return hellos.take(is_client, piece, place.time);
        }
        if self.prefixes[place.direction].bytes().is_empty() {
            self.prefixes[place.direction].insert(0, piece);
        }
        let has_both = self
            .prefixes
            .iter()
            .all(|prefix| !prefix.bytes().is_empty());
        self.read(has_both)
    }

    /// Takes a piece of a stream. Most hellos and requests come whole in the first one, and
    /// are read where they lie: only what needs more is kept.
    fn take_segment(&mut self, direction: usize, offset: usize, piece: &[u8]) -> Reading {
        let Self {
            reader, prefixes, ..
        } = self;
        if direction == 0 && reader.offer.is_some() {
            return Reading::More;
        }
        if self.messages.is_some() {
            prefixes[direction].insert(offset, piece);
            return Reading::More;
        }
        let is_first = offset == 0 && prefixes[direction].is_empty();
        if !is_first && !prefixes[direction].insert(offset, piece) {
            return Reading::More;
        }
        let mut sides = prefixes.each_ref().map(Prefix::bytes);
        if is_first {
            sides[direction] = piece;
        }
        if offset == 0 {
            self.wanted = self.wanted.max(bytes_wanted(piece));
        }
        if direction == 0 {
            reader.offer = offer(sides[0]);
        }
        let reading = reader.read(sides, false);
        if direction == 0 && reader.offer.is_some() {
            prefixes[0] = std::mem::take(&mut prefixes[0]).emptied();
        } else if is_first && is_kept(&reading) {
            prefixes[direction].insert(0, piece);
        }
        reading
    }

    /// What it has said if more is not waited for: it looks random, or so much of it was read
    /// that no more will come. Then its exports are told with what is seen of it.
    pub(super) fn enough(&mut self, piece: &[u8]) -> Option<Said> {
        let has_enough = self.taken >= self.wanted && !self.awaits_certificate();
        if self.pieces >= PIECES_MAX || has_enough {
            return Some(self.end());
        }
        let may_be_random = match self.pieces {
            1 => piece.len() >= OPAQUE_BYTES_SURE && is_random(piece),
            pieces => pieces == PIECES_OF_OPAQUE,
        };
        let is_open = self.reader.is_stream && self.reader.offer.is_none();
        let said = (is_open && may_be_random).then(|| self.end());
        said.filter(|said| said.protection == Protection::Opaque)
    }

    /// Whether what a server shows of itself is worth more than what was asked for.
    fn awaits_certificate(&self) -> bool {
        self.taken < CERTIFICATE_BYTES_MAX
            && self.reader.offer.is_some()
            && awaits_certificate(self.prefixes[1].bytes())
    }

    /// Makes it ready for another conversation; with the memory, where that is kept.
    pub(super) fn clear(&mut self, keeps_memory: bool) {
        let prefixes = std::mem::take(&mut self.prefixes);
        *self = Self::default();
        if keeps_memory {
            self.prefixes = prefixes.map(Prefix::emptied);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.prefixes.iter().all(|prefix| prefix.bytes().is_empty())
    }

    /// What it has said when no more of it is read.
    pub(super) fn end(&mut self) -> Said {
        if let Some(hellos) = &self.hellos {
            return hellos.said();
        }
        match self.read(true) {
            Reading::Done(said) => said,
            Reading::More => Said::default(),
        }
    }

    fn read(&mut self, is_over: bool) -> Reading {
        let sides = self.prefixes.each_ref().map(Prefix::bytes);
        self.reader.read(sides, is_over)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let hellos = self.hellos.as_ref().map_or(0, |it| it.memory_bytes());
        let prefixes: usize = self.prefixes.iter().map(Prefix::memory_bytes).sum();
        let messages = self
            .messages
            .as_ref()
            .map_or(0, |_| size_of::<(Said, Messages)>());
        size_of::<Self>() + prefixes + hellos + messages
    }
}

/// Whether what has come is needed when more comes.
fn is_kept(reading: &Reading) -> bool {
    match reading {
        Reading::More => true,
        Reading::Done(said) => said.application == Application::Dns,
    }
}

/// Bytes of both directions within which a certificate is waited for, until it has come.
const CERTIFICATE_BYTES_MAX: usize = 10_240;

/// Pieces of one beginning: no more of it will come.
pub(super) const PIECES_MAX: u8 = 20;

/// Pieces after which what looks random is told as that, and bytes of the first that are
/// enough: nothing that is known begins so.
const PIECES_OF_OPAQUE: u8 = 3;
const OPAQUE_BYTES_SURE: usize = 512;
