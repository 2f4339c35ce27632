//! Who may ask, and who may say something: names of the host, passwords, the token of feedback.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HOST, HeaderName, ORIGIN};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::HttpError;

/// Letters of a token, at least: 32 of base 64 are 192 bits.
const TOKEN_BYTES_MIN: usize = 32;

/// Letters of a token, at most.
const TOKEN_BYTES_MAX: u64 = 1_024;

/// Passwords that were found right and are kept in mind, so that a page of twenty requests takes
/// one look at a hash.
const RIGHT_MAX: usize = 256;

/// Passwords that are looked at, at once and waiting; more are refused.
const LOOKS_WAITING_MAX: usize = 16;

/// What a secret is kept as.
type Digested = [u8; 32];

/// The token by which feedback is given.
#[derive(Clone)]
pub struct Token(Digested);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// Reads the token of a file, which is all of it but white space around it.
    ///
    /// # Errors
    /// Where the file cannot be read or the token is too short.
    pub fn read(path: &Path) -> Result<Self, HttpError> {
        let wrong = |message: String| HttpError::Token {
            path: path.display().to_string(),
            message,
        };
        let mut text = String::new();
        let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
        let read = file.take(TOKEN_BYTES_MAX).read_to_string(&mut text);
        read.map_err(|error| wrong(error.to_string()))?;
        let token = text.trim();
        if token.len() < TOKEN_BYTES_MIN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong(format!(
                "no token of {TOKEN_BYTES_MIN} or more visible ASCII characters; make one with \
                 `openssl rand -base64 32`"
            )));
        }
        Ok(Self(digest(&[token.as_bytes()])))
    }

    /// Whether a request shows the token.
    pub(super) fn is_shown(&self, headers: &HeaderMap) -> bool {
        let shown = credentials(headers, "bearer");
        shown.is_some_and(|shown| are_equal(&digest(&[shown.as_bytes()]), &self.0))
    }
}

/// Users and their passwords.
pub(super) struct Users {
    hashes: Arc<BTreeMap<String, String>>,
    right: Mutex<HashSet<Digested>>,
    looks: Semaphore,
}

/// What becomes of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Granted,
    Refused,
    /// Too many are being looked at.
    Busy,
}

impl Users {
    pub(super) fn new(hashes: BTreeMap<String, String>) -> Self {
        Self {
            hashes: Arc::new(hashes),
            right: Mutex::default(),
            looks: Semaphore::new(1),
        }
    }

    /// Whether a request comes from one of them. All do if there are none.
    pub(super) async fn admit(&self, headers: &HeaderMap, waiting: &Semaphore) -> Admission {
        if self.hashes.is_empty() {
            return Admission::Granted;
        }
        let Some((user, password)) = basic(headers) else {
            return Admission::Refused;
        };
        let shown = digest(&[user.as_bytes(), password.as_bytes()]);
        if self.right().contains(&shown) {
            return Admission::Granted;
        }
        let (Ok(_place), Ok(_look)) = (waiting.try_acquire(), self.looks.acquire().await) else {
            return Admission::Busy;
        };
        let hashes = Arc::clone(&self.hashes);
        let look = tokio::task::spawn_blocking(move || {
            let known = hashes.get(&user);
            // Who is not known takes as long.
            let hash = known.or(hashes.values().next());
            let is_right =
                hash.is_some_and(|hash| bcrypt::verify(&password, hash).unwrap_or(false));
            is_right && known.is_some()
        });
        if !look.await.unwrap_or(false) {
            return Admission::Refused;
        }
        let mut right = self.right();
        if right.len() >= RIGHT_MAX {
            right.clear();
        }
        right.insert(shown);
        Admission::Granted
    }

    /// A poisoned lock guards digests, which are as good as they were.
    fn right(&self) -> std::sync::MutexGuard<'_, HashSet<Digested>> {
        self.right.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Places for requests whose password is looked at.
pub(super) fn looks_waiting() -> Semaphore {
    Semaphore::new(LOOKS_WAITING_MAX)
}

/// User and password (RFC 7617).
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let decoded = STANDARD.decode(credentials(headers, "basic")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// What follows a scheme, whose letters may be of either case (RFC 9110 section 11.4).
fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (said, rest) = value.split_once(' ')?;
    said.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

fn digest(parts: &[&[u8]]) -> Digested {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Takes as long wherever they differ.
fn are_equal(a: &Digested, b: &Digested) -> bool {
    let differ = a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b));
    std::hint::black_box(differ) == 0
}

/// The hosts that requests may name.
#[derive(Clone, Debug)]
pub(super) struct Hosts {
    /// In small letters.
    names: Vec<String>,
    /// Whether others than this machine are served, which may name its address.
    is_for_others: bool,
}

impl Hosts {
    pub(super) fn new(names: &[String], is_for_others: bool) -> Self {
        Self {
            names: names.iter().map(|name| name.to_ascii_lowercase()).collect(),
            is_for_others,
        }
    }

    /// Whether a request names a host that is this one: else the page of another may have had
    /// its name point here (DNS rebinding), which no address can.
    pub(super) fn has(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let name = host.map(|host| host_name(host).to_ascii_lowercase());
        name.is_some_and(|name| {
            let address: Option<IpAddr> = name.parse().ok();
            match address {
                Some(address) => address.is_loopback() || self.is_for_others,
                None => name == "localhost" || self.names.contains(&name),
            }
        })
    }
}

/// A host without its port and brackets.
fn host_name(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    host.split_once(':').map_or(host, |(name, _)| name)
}

/// Whether a page of another site sends a request: browsers say so.
pub(super) fn is_of_another_site(headers: &HeaderMap) -> bool {
    const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    let site = headers.get(SITE).map(|site| site.as_bytes());
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return true;
    }
    let Some(origin) = headers.get(ORIGIN) else {
        return false;
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let origin = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"));
    origin.is_none_or(|(_, origin)| host != Some(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.insert(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_name_that_is_not_ours_is_refused() {
        let hosts = Hosts::new(&["Sensor.example".to_owned()], false);
        let has = |host: &str| hosts.has(&headers(&[("host", host)]));
        for host in [
            "localhost:9477",
            "127.0.0.1",
            "[::1]:9477",
            "sensor.EXAMPLE:1",
        ] {
            assert!(has(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "10.0.0.1",
            "",
            "::1:80",
        ] {
            assert!(!has(host), "{host}");
        }
        assert!(!hosts.has(&HeaderMap::new()));
        assert!(Hosts::new(&[], true).has(&headers(&[("host", "10.0.0.1:9477")])));
    }

    #[test]
    fn other_sites_are_known_by_what_browsers_say() {
        let is = |lines: &[(&'static str, &str)]| is_of_another_site(&headers(lines));
        let host = ("host", "localhost:9477");
        assert!(!is(&[host]));
        assert!(!is(&[host, ("origin", "http://localhost:9477")]));
        assert!(is(&[host, ("origin", "http://localhost:80")]));
        assert!(is(&[host, ("origin", "null")]));
        assert!(is(&[host, ("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn a_token_is_long_and_shown_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let text = "0123456789abcdef0123456789abcdef";
        std::fs::write(&path, format!("{text}\n")).unwrap();
        let token = Token::read(&path).unwrap();
        let shown = |value: &str| token.is_shown(&headers(&[("authorization", value)]));
        assert!(shown(&format!("Bearer {text}")) && shown(&format!("bearer  {text}")));
        assert!(!shown(&format!("Bearer {}", &text[1..])) && !shown(text));
        std::fs::write(&path, "short").unwrap();
        assert!(
            Token::read(&path)
                .unwrap_err()
                .to_string()
                .contains("openssl rand")
        );
    }
}
