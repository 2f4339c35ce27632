//! What conversations and name servers have said lately of who is behind an address.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::alert::{Recipient, Source};
use crate::baseline::TopFlow;
use crate::dissect::{Answered, Said};
use crate::time::Tick;
use crate::transfer::Transfer;

use super::sensor::Speaker;

/// Names of receivers, as long as there is room: what was said last outlives the rest.
#[derive(Debug, Default)]
pub(super) struct Recipients {
    words: Words,
    /// By the address that a name server answered with.
    names: Recent<IpAddr, Arc<str>>,
}

impl Recipients {
    /// Takes what was said in a tick, or in several, by whom it may be. Names must be in an
    /// order that does not depend on the workers: of two of an address the last one stands.
    pub(super) fn learn<'a>(
        &mut self,
        words: &mut Vec<(Tick, Speaker, Arc<Said>)>,
        names: impl Iterator<Item = &'a Answered>,
    ) {
        self.words.take(std::mem::take(words));
        for answered in names {
            for address in &answered.addresses {
                self.names.insert(*address, answered.shown_name());
            }
        }
    }

    /// The host name that a transfer went to, if somebody has named it.
    pub(super) fn host(&mut self, transfer: &Transfer) -> Option<&str> {
        let conversation = transfer.conversation?;
        let said = self.words.of(&(transfer.asset_ip, conversation));
        let answered = || self.names.get(&conversation.peer).map(AsRef::as_ref);
        let (name, _) = named(said.map(|(_, said)| said), answered)?;
        Some(name.strip_prefix("*.").unwrap_or(name))
    }

    /// What is known of the receiver of a conversation.
    pub(super) fn of(&mut self, flow: &TopFlow) -> Recipient {
        let speaker = (flow.asset_ip, flow.conversation);
        let (tick, said) = self.words.of(&speaker).unzip();
        let answered = || self.names.get(&flow.conversation.peer).map(AsRef::as_ref);
        let name = named(said, answered);
        let certificate = said.and_then(|said| said.certificate.as_deref());
        Recipient {
            domain: name
                .map(|(name, _)| name.strip_prefix("*.").unwrap_or(name))
                .and_then(registered_domain)
                .map(str::to_owned),
            name: name.map(|(name, source)| (name.to_owned(), source)),
            application: said.map(|said| said.application).unwrap_or_default(),
            protection: said.map(|said| said.protection).unwrap_or_default(),
            ja4: said.and_then(|said| said.ja4.as_deref()).map(str::to_owned),
            certificate: certificate
                .zip(tick)
                .map(|(certificate, tick)| certificate.line(tick)),
        }
    }
}

/// How a receiver is called, and on whose word: what the client asked for counts before what the
/// server showed, and that before what was looked up. A certificate of many tenants tells less of
/// who receives than the name that was looked up.
fn named<'a>(
    said: Option<&'a Said>,
    answered: impl Fn() -> Option<&'a str>,
) -> Option<(&'a str, Source)> {
    let asked = said.and_then(|said| said.server_name.as_deref());
    let asked = asked.map(|name| (name, Source::ServerName));
    let shown = |is_shared: bool| {
        let certificate = said?.certificate.as_deref()?;
        let name = certificate.name.as_deref()?;
        (certificate.is_shared == is_shared).then_some((name, Source::Certificate))
    };
    asked
        .or_else(|| shown(false))
        .or_else(|| answered().map(|name| (name, Source::Dns)))
        .or_else(|| shown(true))
}

/// What somebody has registered of a host name, by the public suffix list
/// (<https://publicsuffix.org>); nothing of an address or of a name without a known suffix.
pub(super) fn registered_domain(name: &str) -> Option<&str> {
    let domain = psl::domain(name.as_bytes())?;
    let is_known = domain.suffix().is_known();
    let text = std::str::from_utf8(domain.as_bytes()).ok();
    text.filter(|_| is_known)
}

/// What conversations have said, as long as there is room.
///
/// Nearly all of it is forgotten without that anybody asks. So it is only put in order when
/// somebody does.
#[derive(Debug, Default)]
struct Words {
    /// In the order of their ticks; in which order a tick's are depends on the workers.
    entries: VecDeque<(Tick, Speaker, Arc<Said>)>,
    /// Which of all that was taken the first entry is.
    first: u64,
    /// By a hash of who spoke: which of all that was taken was said last, up to `ordered`. Of
    /// two with one hash the first is not found, which happens to nobody.
    places: HashMap<u64, u64, RandomState>,
    hasher: RandomState,
    ordered: u64,
}

impl Words {
    /// Takes what was said in a tick, or in several. Where there is no more room the oldest
    /// tick goes as a whole, so that what is left does not depend on the workers.
    fn take(&mut self, mut words: Vec<(Tick, Speaker, Arc<Said>)>) {
        words.sort_by_key(|(tick, ..)| *tick);
        self.entries.extend(words);
        while self.entries.len() > WORDS_MAX
            && let Some((oldest, ..)) = self.entries.front()
            && let Some(count) = self.entries.iter().position(|(tick, ..)| tick > oldest)
        {
            self.entries.drain(..count);
            self.first += count as u64;
        }
    }

    /// What somebody said last, and when.
    fn of(&mut self, speaker: &Speaker) -> Option<(Tick, &Said)> {
        if self.places.len() > PLACES_MAX {
            self.places.clear();
            self.ordered = 0;
        }
        self.ordered = self.ordered.max(self.first);
        let known = (self.ordered - self.first) as usize;
        for (_, speaker, _) in self.entries.iter().skip(known) {
            let hash = self.hasher.hash_one(speaker);
            self.places.insert(hash, self.ordered);
            self.ordered += 1;
        }
        let place = self.places.get(&self.hasher.hash_one(speaker))?;
        let place = usize::try_from(place.checked_sub(self.first)?).ok()?;
        let (tick, who, said) = self.entries.get(place)?;
        (who == speaker).then_some((*tick, said))
    }
}

/// Conversations whose words are kept, and places that are, some of them of words that are
/// not kept any more.
const WORDS_MAX: usize = 32_768;
const PLACES_MAX: usize = 2 * WORDS_MAX;

/// A map that forgets the oldest half of what it holds when it is full.
#[derive(Debug)]
struct Recent<K, V> {
    young: HashMap<K, V, RandomState>,
    old: HashMap<K, V, RandomState>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self {
            young: HashMap::default(),
            old: HashMap::default(),
        }
    }
}

impl<K: Eq + Hash, V> Recent<K, V> {
    fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= GENERATION_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }
}

/// Entries of each of the two generations.
const GENERATION_MAX: usize = 32_768;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registered_domain_is_below_the_public_suffix() {
        let of = |name| registered_domain(name);
        assert_eq!(of("a.b.example.co.uk"), Some("example.co.uk"));
        assert_eq!(
            of("tenant.blob.core.windows.net"),
            Some("tenant.blob.core.windows.net")
        );
        assert_eq!(of("192.0.2.1"), None);
        assert_eq!(of("localhost"), None);
        assert_eq!(of(""), None);
    }

    #[test]
    fn what_was_said_last_outlives_the_rest() {
        let mut recent = Recent::default();
        for key in 0..3 * GENERATION_MAX {
            recent.insert(key, ());
        }
        assert!(recent.get(&0).is_none());
        assert!(recent.get(&(3 * GENERATION_MAX - 1)).is_some());
        assert!(recent.young.len() + recent.old.len() <= 2 * GENERATION_MAX);
    }
}
