//! The beginnings of conversations, for as long as they are read, and what they said.

mod beginning;
mod reader;

use std::collections::VecDeque;
use std::sync::Arc;

use self::beginning::Beginning;
use self::reader::Reader;
use crate::dissect::{
    Answered, Application, Messages, PREFIX_BYTES_MAX, Protection, Reading, Said, bytes_wanted,
};
use crate::prefetch::prefetch;
use crate::time::Timestamp;

/// What the conversations of a shard say of themselves, by the numbers of their slots.
///
/// Two bounds hold it: bytes of beginnings that are being read, of which the oldest give way
/// with what they have said until then, and conversations whose words are kept.
#[derive(Debug, Default)]
pub(super) struct Beginnings {
    /// By the number of a slot, as long as the last that has one.
    entries: Vec<Entry>,
    running: Vec<Beginning>,
    running_free: Vec<u32>,
    /// Places in `running` in the order in which they were taken, and some that are over.
    queue: VecDeque<(u32, u32)>,
    began: u32,
    /// Of all that are being read.
    bytes: usize,
    /// What was said and nobody has asked for yet, with the slots of who said it.
    news: Vec<News>,
    /// What messages of DNS in a stream say, by their direction, and nobody has asked for yet.
    names: Vec<(usize, Answered)>,
    said: Vec<Option<Arc<Said>>>,
    said_free: Vec<u32>,
    /// Conversations whose beginning or words found no room.
    dropped: u64,
    keeps_content_class: bool,
    keeps_words: bool,
}

/// What a conversation has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News {
    pub(super) slot: u32,
    pub(super) said: Arc<Said>,
    /// Nanoseconds from the client's first hello over UDP to the answer, as they passed.
    pub(super) answered_nanos: Option<u32>,
}

/// Where what belongs to a slot is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Entry {
    #[default]
    None,
    /// A place in `running`.
    Running(u32),
    /// A place in `said`.
    Kept(u32),
    /// It was read, and this is all of it that is kept.
    Told(Protection),
}

/// Where a piece of payload belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) slot: u32,
    /// 0 from the initiator, 1 from the other side.
    pub(super) direction: usize,
    /// Ports of the initiator and the other side.
    pub(super) ports: [u16; 2],
    /// Where in a stream it stands; none of a datagram.
    pub(super) offset: Option<usize>,
    pub(super) time: Timestamp,
}

impl Beginnings {
    /// Reads what conversations say: also the class of what they send in the clear, and keeps
    /// all of it as long as the conversation lasts, if that is asked for.
    pub(super) fn new(keeps_content_class: bool, keeps_words: bool) -> Self {
        Self {
            keeps_content_class,
            keeps_words,
            ..Self::default()
        }
    }

    /// Has it fetched from memory where that is which will be asked for soon.
    #[inline]
    pub(super) fn find_entry(&self, slot: u32) {
        prefetch(&self.entries, slot as usize);
    }

    /// Has it fetched itself.
    #[inline]
    pub(super) fn find(&self, slot: u32) {
        let at = match self.entry(slot) {
            Entry::Running(at) => Some(at),
            Entry::None => self.running_free.last().copied(),
            Entry::Kept(_) | Entry::Told(_) => None,
        };
        if let Some(at) = at {
            prefetch(&self.running, at as usize);
        }
    }

    /// Takes the payload of one packet.
    pub(super) fn take(&mut self, place: Place, piece: &[u8]) {
        let at = match self.entry(place.slot) {
            Entry::Kept(_) | Entry::Told(_) => return,
            Entry::Running(at) => at,
            Entry::None => self.begin(&place),
        };
        let beginning = &mut self.running[at as usize];
        let reading = beginning.take(&place, piece);
        self.listen(at, &reading);
        let beginning = &mut self.running[at as usize];
        let said = match reading {
            Reading::Done(said) if beginning.messages.is_none() => Some(said),
            _ => beginning.enough(piece),
        };
        match said {
            Some(said) => self.close(at, said),
            None => {
                let counted = beginning.memory_bytes();
                self.bytes += counted - beginning.counted.min(counted);
                beginning.counted = counted.max(beginning.counted);
                self.make_room();
            }
        }
    }

    /// Reads the messages of a conversation of DNS over TCP, which goes on when it has said what
    /// it is.
    fn listen(&mut self, at: u32, reading: &Reading) {
        let beginning = &mut self.running[at as usize];
        if let Reading::Done(said) = reading
            && said.application == Application::Dns
            && beginning.messages.is_none()
        {
            beginning.wanted = PREFIX_BYTES_MAX;
            let said = Arc::new(said.clone());
            beginning.messages = Some(Box::new((Arc::clone(&said), Messages::default())));
            self.news.push(News {
                slot: beginning.slot,
                said,
                answered_nanos: None,
            });
        }
        let Some(messages) = &mut beginning.messages else {
            return;
        };
        for (direction, prefix) in beginning.prefixes.iter().enumerate() {
            while let Some(answered) = messages.1.next(direction, prefix.bytes()) {
                self.names.push((direction, answered));
            }
        }
    }

    /// The conversation of a slot is over: what it began to say is all there is.
    pub(super) fn end(&mut self, slot: u32) {
        if let Entry::Running(at) = self.entry(slot) {
            let said = self.running[at as usize].end();
            self.close(at, said);
        }
    }

    /// Forgets what the conversation of a slot has said, and whatever it has not.
    pub(super) fn forget(&mut self, slot: u32) {
        match self.entry(slot) {
            Entry::None => return,
            Entry::Running(at) => self.free(at),
            Entry::Kept(at) => {
                self.said[at as usize] = None;
                self.said_free.push(at);
            }
            Entry::Told(_) => {}
        }
        self.set(slot, Entry::None);
    }

    /// What the conversation of a slot has said, where words are kept.
    pub(super) fn said(&self, slot: u32) -> Option<&Arc<Said>> {
        match self.entry(slot) {
            Entry::Kept(at) => self.said[at as usize].as_ref(),
            Entry::Running(at) => {
                let messages = self.running[at as usize].messages.as_ref();
                messages.map(|it| &it.0)
            }
            Entry::None | Entry::Told(_) => None,
        }
    }

    /// How what the conversation of a slot carries is protected, as far as it has said.
    pub(super) fn protection(&self, slot: u32) -> Protection {
        match self.entry(slot) {
            Entry::Told(protection) => protection,
            _ => self
                .said(slot)
                .map_or(Protection::Unseen, |it| it.protection),
        }
    }

    /// Something that was said and not asked for yet, with the slot of who said it.
    pub(super) fn next_news(&mut self) -> Option<News> {
        self.news.pop()
    }

    /// What messages of DNS say that came last over TCP, each with its direction.
    pub(super) fn take_names(&mut self) -> Vec<(usize, Answered)> {
        std::mem::take(&mut self.names)
    }

    /// Takes what a conversation has said without that its beginning was read.
    pub(super) fn take_words(&mut self, slot: u32, said: &Arc<Said>) {
        if self.entry(slot) == Entry::None {
            self.keep(slot, said);
            self.tell(slot, Arc::clone(said), None);
        }
    }

    /// Conversations whose beginning or words found no room.
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }

    fn entry(&self, slot: u32) -> Entry {
        self.entries.get(slot as usize).copied().unwrap_or_default()
    }

    fn set(&mut self, slot: u32, entry: Entry) {
        let slot = slot as usize;
        if self.entries.len() <= slot {
            self.entries.resize(slot + 1, Entry::None);
        }
        self.entries[slot] = entry;
    }

    fn begin(&mut self, place: &Place) -> u32 {
        self.began = self.began.wrapping_add(1).max(1);
        let at = self.running_free.pop().unwrap_or_else(|| {
            self.running.push(Beginning::default());
            self.running.len() as u32 - 1
        });
        self.queue.push_back((at, self.began));
        let beginning = &mut self.running[at as usize];
        beginning.number = self.began;
        beginning.slot = place.slot;
        beginning.wanted = bytes_wanted(&[]);
        beginning.reader = Reader {
            ports: place.ports,
            is_stream: place.offset.is_some(),
            wants_classes: self.keeps_content_class,
            offer: None,
        };
        if self.queue.len() > 2 * self.running.len() + QUEUE_SLACK {
            let running = &self.running;
            let is_running = |(at, number): &(u32, u32)| running[*at as usize].number == *number;
            self.queue.retain(is_running);
        }
        self.set(place.slot, Entry::Running(at));
        at
    }

    /// Has the oldest say what they have to say, until the others have room.
    fn make_room(&mut self) {
        while self.bytes > BEGINNING_BYTES_MAX {
            let Some((at, number)) = self.queue.pop_front() else {
                return;
            };
            let beginning = &mut self.running[at as usize];
            if beginning.number == number {
                let said = beginning.end();
                self.dropped += 1;
                self.close(at, said);
            }
        }
    }

    /// Ends the reading of a beginning, of which this is kept.
    fn close(&mut self, at: u32, mut said: Said) {
        let beginning = &self.running[at as usize];
        let (slot, is_told) = (beginning.slot, beginning.messages.is_some());
        let hellos = beginning.hellos.as_ref();
        let answered_nanos = hellos.and_then(|it| it.answered_nanos());
        self.free(at);
        if !self.keeps_content_class {
            said.content = [None; 2];
        }
        if said == Said::default() {
            return self.set(slot, Entry::Told(said.protection));
        }
        let said = Arc::new(said);
        self.keep(slot, &said);
        if !is_told {
            self.tell(slot, said, answered_nanos);
        }
    }

    fn tell(&mut self, slot: u32, said: Arc<Said>, answered_nanos: Option<u32>) {
        self.news.push(News {
            slot,
            said,
            answered_nanos,
        });
    }

    /// Ends the reading of a beginning, whatever it said.
    fn free(&mut self, at: u32) {
        let beginning = &mut self.running[at as usize];
        self.bytes -= beginning.counted.min(self.bytes);
        beginning.clear((at as usize) < BUFFERS_KEPT);
        self.running_free.push(at);
    }

    fn keep(&mut self, slot: u32, said: &Arc<Said>) {
        self.set(slot, Entry::Told(said.protection));
        if self.keeps_words {
            if let Some(at) = self.said_free.pop() {
                self.said[at as usize] = Some(Arc::clone(said));
                self.set(slot, Entry::Kept(at));
            } else if self.said.len() < SAID_MAX {
                self.said.push(Some(Arc::clone(said)));
                self.set(slot, Entry::Kept(self.said.len() as u32 - 1));
            } else {
                self.dropped += 1;
            }
        }
    }
}

/// Bytes of the beginnings of one shard that are being read.
const BEGINNING_BYTES_MAX: usize = 256 * 1024;

/// Conversations of one shard whose words are kept.
const SAID_MAX: usize = 4_096;

/// Entries of the queue beside twice those that are needed.
const QUEUE_SLACK: usize = 64;

/// Beginnings of a shard whose memory is kept for others.
const BUFFERS_KEPT: usize = 32;

#[cfg(test)]
mod tests {
    use super::beginning::PIECES_MAX;
    use super::*;
    use crate::dissect::stream_without_classes;

    fn place(slot: u32, direction: usize, offset: usize) -> Place {
        Place {
            slot,
            direction,
            ports: [50_000, 80],
            offset: Some(offset),
            time: Timestamp::ZERO,
        }
    }

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: files.example.org\r\n\r\n";

    #[test]
    fn a_request_in_pieces_says_where_it_goes_and_says_it_once() {
        let mut beginnings = Beginnings::new(false, true);
        let (first, second) = REQUEST.split_at(9);
        beginnings.take(place(3, 0, 9), second);
        assert!(beginnings.said(3).is_none(), "the first bytes are missing");
        beginnings.take(place(3, 0, 0), first);
        let said = beginnings.said(3).unwrap();
        assert_eq!(said.server_name.as_deref(), Some("files.example.org"));
        assert_eq!(said.protection, Protection::Clear);
        let news = beginnings.next_news().unwrap();
        assert_eq!((news.slot, &news.said), (3, beginnings.said(3).unwrap()));
        assert_eq!(beginnings.next_news(), None, "it is told once");
        beginnings.forget(3);
        assert!(beginnings.said(3).is_none());
        beginnings.take(place(3, 0, 0), REQUEST);
        assert!(
            beginnings.said(3).is_some(),
            "another conversation in its slot"
        );
    }

    /// A hello of TLS 1.2 that asks for `a.example.org`, padded to so many bytes, and the
    /// answer of a server that takes TLS 1.2 with RSA, with a certificate behind it.
    fn handshake(padding: usize) -> [Vec<u8>; 2] {
        let sized = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat();
        let record = |kind: u8, body: &[u8]| {
            let message = [&[kind, 0][..], &sized(body)].concat();
            [&[22, 3, 3][..], &sized(&message)].concat()
        };
        let name = [&[0][..], &sized(b"a.example.org")].concat();
        let name = [&[0, 0][..], &sized(&sized(&name))].concat();
        let padding = [&[0, 21][..], &sized(&vec![0; padding])].concat();
        let begin = [&[3, 3][..], &[7; 32], &[0]].concat();
        let extensions = sized(&[name, padding].concat());
        let hello = [&begin[..], &[0, 2, 0, 0x9c, 1, 0], &extensions].concat();
        let answer = [&begin[..], &[0, 0x9c, 0]].concat();
        let server = [record(2, &answer), record(11, &[7; 900]), record(14, &[])];
        [record(1, &hello), server.concat()]
    }

    proptest::proptest! {
        #[test]
        fn segments_in_any_order_say_what_the_whole_says(
            padding in 0usize..1_200,
            segment_bytes in 1usize..1_500,
            order in proptest::collection::vec(proptest::prelude::any::<u32>(), 64),
        ) {
            let sides = handshake(padding);
            let cut = |direction: usize| {
                let bytes = &sides[direction];
                let bytes_each = segment_bytes.max(bytes.len().div_ceil(9));
                let places = (0..bytes.len()).step_by(bytes_each);
                places.map(move |at| (direction, at, &bytes[at..bytes.len().min(at + bytes_each)]))
            };
            let mut segments: Vec<_> = cut(0).chain(cut(1)).zip(&order).collect();
            segments.sort_by_key(|(_, key)| **key);
            let mut beginnings = Beginnings::new(false, true);
            for ((direction, at, piece), _) in &segments {
                beginnings.take(place(1, *direction, *at), piece);
            }
            beginnings.end(1);
            let whole = stream_without_classes(&sides[0], &sides[1], [50_000, 80], true);
            let said = beginnings.said(1).map(|said| Said::clone(said));
            proptest::prop_assert_eq!(said.map(Reading::Done), Some(whole));
        }
    }

    #[test]
    fn a_hello_that_is_read_is_not_kept() {
        let [client, server] = handshake(500);
        let mut beginnings = Beginnings::new(false, true);
        beginnings.take(place(0, 0, 0), &client);
        let Entry::Running(at) = beginnings.entry(0) else {
            panic!("the answer has not come");
        };
        let beginning = &beginnings.running[at as usize];
        assert!(beginning.reader.offer.is_some() && beginning.is_empty());
        beginnings.take(place(0, 1, 0), &server[..200]);
        beginnings.take(place(0, 1, 200), &server[200..]);
        let said = beginnings.said(0).unwrap();
        assert_eq!(said.server_name.as_deref(), Some("a.example.org"));
        assert_eq!(said.protection, Protection::Standard);
    }

    #[test]
    fn what_ends_before_it_is_whole_says_what_it_said() {
        let mut beginnings = Beginnings::new(false, true);
        beginnings.take(place(0, 0, 0), b"SSH-2.0-client\r\n");
        assert!(beginnings.said(0).is_none());
        beginnings.end(0);
        assert_eq!(beginnings.said(0).unwrap().application, Application::Ssh);
    }

    /// A message of DNS over TCP about a name: the question, or an answer with an address.
    fn message(name: &str, is_response: bool) -> Vec<u8> {
        let labels = name.split('.').map(|label| {
            let length = [u8::try_from(label.len()).unwrap()];
            [&length[..], label.as_bytes()].concat()
        });
        let name = [labels.collect::<Vec<_>>().concat(), vec![0]].concat();
        let flags = if is_response { 0x80 } else { 0 };
        let head = [0, 7, flags, 0, 0, 1, 0, u8::from(is_response), 0, 0, 0, 0];
        let answer = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 9];
        let answer = if is_response { &answer[..] } else { &[] };
        let message = [&head[..], &name, &[0, 1, 0, 1], answer].concat();
        [&(message.len() as u16).to_be_bytes()[..], &message].concat()
    }

    proptest::proptest! {
        #[test]
        fn messages_of_a_stream_are_told_once_each(
            names in proptest::collection::vec("[a-z]{1,20}\\.[a-z]{1,20}", 1..5),
            segment_bytes in 20usize..200,
            order in proptest::collection::vec(proptest::prelude::any::<u32>(), 64),
        ) {
            let side = |is_response| -> Vec<u8> {
                names.iter().flat_map(|name| message(name, is_response)).collect()
            };
            let sides = [side(false), side(true)];
            let segments = |direction: usize| {
                let segments = sides[direction].chunks(segment_bytes).enumerate();
                segments.map(move |(at, piece)| (direction, at * segment_bytes, piece))
            };
            let mut segments: Vec<_> = segments(0).chain(segments(1)).zip(&order).collect();
            segments.truncate(PIECES_MAX.into());
            let is_whole = segments.len() < PIECES_MAX.into();
            segments.sort_by_key(|(_, key)| **key);
            let mut beginnings = Beginnings::new(false, true);
            let mut told = Vec::new();
            for ((direction, at, piece), _) in segments {
                let place = Place { ports: [50_000, 53], ..place(1, direction, at) };
                beginnings.take(place, piece);
                told.extend(beginnings.take_names());
            }
            if is_whole {
                for direction in 0..2 {
                    let told = told.iter().filter(|(side, _)| *side == direction);
                    let shown: Vec<_> = told.map(|(_, it)| it.shown_name().to_string()).collect();
                    proptest::prop_assert_eq!(&shown, &names);
                }
                let is_answered = |(side, it): &(usize, Answered)| {
                    it.addresses.is_empty() == (*side == 0)
                };
                proptest::prop_assert!(told.iter().all(is_answered));
                proptest::prop_assert_eq!(beginnings.protection(1), Protection::Clear);
            }
            beginnings.end(1);
            let news = std::iter::from_fn(|| beginnings.next_news()).count();
            proptest::prop_assert!(news <= 1, "it is told once");
        }
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_gives_way() {
        let mut beginnings = Beginnings::new(false, true);
        let mut request = b"GET /".to_vec();
        request.resize(2_000, b'a');
        for slot in 0..2_000 {
            beginnings.take(place(slot, 0, 0), &request);
            assert!(beginnings.bytes <= BEGINNING_BYTES_MAX + 16_384);
        }
        assert!(beginnings.dropped() > 1_000);
        assert!(beginnings.queue.len() < 4_500);
        let said = beginnings.said(0).unwrap();
        assert_eq!(said.application, Application::Http);
        assert!(matches!(beginnings.entry(1_999), Entry::Running(_)));
        (0..2_000).for_each(|slot| beginnings.forget(slot));
        assert_eq!(beginnings.bytes, 0);
        assert_eq!(beginnings.running.len(), beginnings.running_free.len());
    }

    #[test]
    fn words_are_bounded_too() {
        let mut beginnings = Beginnings::new(false, true);
        let slots = SAID_MAX as u32 + 10;
        (0..slots).for_each(|slot| beginnings.take(place(slot, 0, 0), REQUEST));
        assert_eq!(beginnings.dropped(), 10);
        beginnings.forget(5);
        beginnings.take(place(slots, 0, 0), REQUEST);
        assert!(beginnings.said(slots).is_some(), "there is room again");
    }
}
