//! The key of pseudonyms.
//!
//! Its file holds 32 bytes as 64 hexadecimal digits and nothing else. These two commands make
//! one as [`PseudonymKey::create`] does: `umask 077` and `openssl rand -hex 32 > privacy.key`.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;

use ipcrypt_rs::{Ipcrypt, IpcryptPfx};
use ipnet::IpNet;
use sha2::{Digest, Sha256};

use super::PrivacyError;
use crate::decode::Mac;
use crate::store::{create_secret, read_secret};

/// What pseudonyms are made by and taken back by.
pub struct PseudonymKey {
    addresses: IpcryptPfx,
    cards: Ipcrypt,
}

/// What a pseudonym stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revealed {
    /// An address.
    Address(IpAddr),
    /// A network: the part that its addresses have in common.
    Network(IpNet),
    /// A network card.
    Card(Mac),
}

/// Bytes of a key.
pub(super) const KEY_BYTES: usize = IpcryptPfx::KEY_BYTES;

impl PseudonymKey {
    /// Takes the bytes of a key, unless its halves are the same: by such a key ipcrypt-pfx would
    /// change no address.
    pub fn new(bytes: &[u8; KEY_BYTES]) -> Option<Self> {
        let (low, high) = bytes.split_at(KEY_BYTES / 2);
        if low == high {
            return None;
        }
        // The draft wants keys of their own for each of its methods.
        let digest = Sha256::new().chain_update(CARD_LABEL).chain_update(bytes);
        let mut of_cards = [0; 16];
        for (place, byte) in of_cards.iter_mut().zip(digest.finalize()) {
            *place = byte;
        }
        Some(Self {
            addresses: IpcryptPfx::new(*bytes),
            cards: Ipcrypt::new(of_cards),
        })
    }

    /// Reads the file of a key.
    ///
    /// # Errors
    /// Where it cannot be read, others than its owner may read or write it, or it is no key.
    pub fn read(path: &Path) -> Result<Self, PrivacyError> {
        let bytes = read_secret(path)?;
        Self::new(&bytes).ok_or_else(|| PrivacyError::SameHalves(path.display().to_string()))
    }

    /// Draws a new key and writes its file, which only its owner may read. A file that exists
    /// is never written over.
    ///
    /// # Errors
    /// Where the file exists or cannot be written.
    pub fn create(path: &Path) -> Result<Self, PrivacyError> {
        create_secret::<KEY_BYTES>(path)?;
        Self::read(path)
    }

    pub(super) fn address(&self, address: IpAddr) -> IpAddr {
        self.addresses.encrypt_ipaddr(address)
    }

    /// The token of a network card: it encrypts a block of 16 bytes, of which the first ten are
    /// always the same, so that a token of another key is known for what it is.
    pub(super) fn card(&self, card: Mac) -> String {
        let mut block = [0; 16];
        let (fixed, own) = block.split_at_mut(CARD_BLOCK.len());
        fixed.copy_from_slice(&CARD_BLOCK);
        own.copy_from_slice(&card.0);
        self.cards.encrypt_ip16(&mut block);
        format!("{CARD_MARK}{:032x}", u128::from_be_bytes(block))
    }

    /// What a pseudonym stands for: of an address, of a network as `10.0.0.0/8`, or of a card.
    /// Any address is the pseudonym of some other, so of one that is none the answer is without
    /// meaning.
    ///
    /// # Errors
    /// What is none of these, or the token of a card by another key.
    pub fn reveal(&self, pseudonym: &str) -> Result<Revealed, String> {
        if let Some(token) = pseudonym.strip_prefix(CARD_MARK) {
            return self.reveal_card(token).map(Revealed::Card);
        }
        if let Ok(address) = IpAddr::from_str(pseudonym) {
            let address = self.addresses.decrypt_ipaddr(address.to_canonical());
            return Ok(Revealed::Address(address));
        }
        let network = IpNet::from_str(pseudonym);
        let network = network.map_err(|_| {
            format!("`{pseudonym}` is no address, no network and no token such as {CARD_MARK}…")
        })?;
        let first = self.addresses.decrypt_ipaddr(network.network());
        let network = IpNet::new(first, network.prefix_len());
        let network = network.map_err(|error| error.to_string())?;
        Ok(Revealed::Network(network.trunc()))
    }

    /// The name that an incident has inside, by the one that is told: the address of its asset
    /// stands between a time and a country. Nothing where no pseudonym stands there.
    pub fn incident(&self, name: &str) -> Option<String> {
        let (time, rest) = name.split_once('/')?;
        let (asset, country) = rest.rsplit_once('/')?;
        let plain = self.reveal(asset).ok()?;
        Some(format!("{time}/{plain}/{country}"))
    }

    fn reveal_card(&self, token: &str) -> Result<Mac, String> {
        let is_token = token.len() == 32 && token.bytes().all(|digit| digit.is_ascii_hexdigit());
        let bits = u128::from_str_radix(token, 16).ok().filter(|_| is_token);
        let bits = bits.ok_or_else(|| format!("`{CARD_MARK}{token}` has not 32 digits"))?;
        let mut block = bits.to_be_bytes();
        self.cards.decrypt_ip16(&mut block);
        let (fixed, own) = block.split_at(CARD_BLOCK.len());
        let card = <[u8; 6]>::try_from(own).ok();
        let card = card.filter(|_| fixed == CARD_BLOCK);
        let other = || format!("`{CARD_MARK}{token}` was not made by this key");
        card.map(Mac).ok_or_else(other)
    }
}

impl fmt::Debug for PseudonymKey {
    /// Shows nothing of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PseudonymKey").finish_non_exhaustive()
    }
}

impl fmt::Display for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Network(network) => network.fmt(f),
            Self::Card(card) => card.fmt(f),
        }
    }
}

/// What the token of a card begins with.
const CARD_MARK: &str = "mac-";

/// What stands before a card in the block that is encrypted.
const CARD_BLOCK: [u8; 10] = *b"\0\0\0\0\0\0\0mac";

/// By what the key of cards differs from that of addresses.
const CARD_LABEL: &[u8] = b"borderflow mac\0";
