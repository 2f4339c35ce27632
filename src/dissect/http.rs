//! HTTP without TLS (RFC 9112): the host that is asked for, and the class of what is sent.
//!
//! Read are the first request and its final response. What is behind a proxy's answer to
//! CONNECT is a conversation of its own.

use std::borrow::Cow;
use std::sync::Arc;

use super::content::{Content, SAMPLE_BYTES};
use super::stream::{self, Sides, Verdict, begins_with};
use super::tunnel::DEPTH_MAX;
use super::{Application, Protection, Reading, Said, text};

/// A request, and the response to it.
pub(super) fn exchange(sides: &Sides<'_>) -> Verdict {
    match begins_with(sides.client, PREFACE) {
        Some(true) => return Verdict::Is(Reading::Done(clear(None))),
        None if !sides.is_over => return Verdict::Unsure,
        _ => {}
    }
    match is_request(sides.client) {
        Some(true) => Verdict::Is(dialogue(sides).unwrap_or(Reading::More)),
        Some(false) => Verdict::Not,
        None if !sides.is_over => Verdict::Unsure,
        // A request line that is longer than what is kept.
        None if has_long_target(sides.client) => {
            Verdict::Is(dialogue(sides).unwrap_or(Reading::More))
        }
        None => Verdict::Not,
    }
}

/// A response whose request was not seen.
pub(super) fn answer(sides: &Sides<'_>) -> Verdict {
    match begins_with(sides.server, RESPONSE_BEGIN) {
        Some(true) => {}
        Some(false) => return Verdict::Not,
        None => return Verdict::Unsure,
    }
    let Some(answered) = response(sides, b"") else {
        return Verdict::Is(Reading::More);
    };
    Verdict::Is(Reading::Done(Said {
        content: [None, answered],
        ..clear(None)
    }))
}

/// What a request and the response to it say. Nothing while more bytes can tell more.
fn dialogue(sides: &Sides<'_>) -> Option<Reading> {
    let request = Head::read(sides.client, sides.is_over)?;
    let mut words = request.start.split(|byte| *byte == b' ');
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    if method == b"CONNECT" {
        return proxied(sides, &request, host(target));
    }
    // RFC 9112 section 3.2.2: a target with an authority goes before the field.
    let authority = authority(target).or_else(|| request.field(b"host"));
    let name = authority.and_then(host);
    if !sides.wants_classes {
        return Some(Reading::Done(clear(name)));
    }
    let framing = request.framing(Framing::Nothing);
    let content = [
        request.content(framing, sides.is_over)?,
        response(sides, method)?,
    ];
    Some(Reading::Done(Said {
        content,
        ..clear(name)
    }))
}

/// A tunnel through a proxy (RFC 9110 section 9.3.6): what is said inside it.
fn proxied(sides: &Sides<'_>, request: &Head<'_>, name: Option<Arc<str>>) -> Option<Reading> {
    let refused = || Some(Reading::Done(clear(name.clone())));
    let server = match Head::read(sides.server, false) {
        Some(head) if head.is_success() && sides.depth < DEPTH_MAX => head.rest,
        Some(_) => return refused(),
        None if sides.is_over && sides.depth < DEPTH_MAX => &[],
        None if sides.is_over => return refused(),
        None => return None,
    };
    let inside = Sides {
        client: request.rest,
        server,
        depth: sides.depth.saturating_add(1),
        ..*sides
    };
    let Reading::Done(mut said) = stream::read(inside) else {
        return None;
    };
    if said.application == Application::Unknown {
        said.application = Application::Http;
    }
    if said.protection == Protection::Unseen {
        said.protection = Protection::Clear;
    }
    said.server_name = said.server_name.or(name);
    Some(Reading::Done(said))
}

/// The class of what the server sends in its final response. Nothing while that is open.
fn response(sides: &Sides<'_>, method: &[u8]) -> Option<Option<Content>> {
    let mut left = sides.server;
    for _ in 0..INTERIM_MAX {
        if begins_with(left, RESPONSE_BEGIN) == Some(false) {
            let is_enough = sides.is_over || left.len() >= SAMPLE_BYTES;
            return is_enough.then(|| Content::of(left));
        }
        let head = Head::read(left, sides.is_over)?;
        let status = head.start.get(9..12).unwrap_or_default();
        let is_empty = method == b"HEAD" || matches!(status, b"101" | b"204" | b"304");
        if is_empty {
            return Some(None);
        }
        if !status.starts_with(b"1") {
            let framing = head.framing(Framing::UntilClose);
            return head.content(framing, sides.is_over);
        }
        left = head.rest;
    }
    Some(None)
}

fn clear(server_name: Option<Arc<str>>) -> Said {
    Said {
        application: Application::Http,
        protection: Protection::Clear,
        server_name,
        ..Said::default()
    }
}

/// Whether bytes begin with a request line: a method in capitals, and the version at the
/// end of the line, so that neither mail nor SIP nor RTSP passes. Any method does, as
/// there are many of WebDAV and of vendors.
fn is_request(bytes: &[u8]) -> Option<bool> {
    let is_letter = |byte: &u8| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_');
    let method = bytes.iter().take_while(|byte| is_letter(byte)).count();
    if method > METHOD_BYTES_MAX {
        return Some(false);
    }
    match bytes.get(method) {
        Some(b' ') if method >= METHOD_BYTES_MIN => {}
        Some(_) => return Some(false),
        None => return None,
    }
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = bytes.get(..end)?.trim_ascii_end();
    let version = line.last_chunk::<9>();
    Some(version.is_some_and(|version| version.starts_with(b" HTTP/1.")))
}

/// Whether bytes are a method and the begin of a target that is surely one.
fn has_long_target(bytes: &[u8]) -> bool {
    let mut words = bytes.split(|byte| *byte == b' ');
    let (method, target) = (words.next(), words.next().unwrap_or_default());
    let is_target = target.starts_with(b"/") || target.starts_with(b"http://");
    is_target && method.is_some_and(|method| method.len() >= METHOD_BYTES_MIN)
}

/// The authority of a target in absolute form.
fn authority(target: &[u8]) -> Option<&[u8]> {
    let scheme = target.windows(3).position(|window| window == b"://")?;
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic();
    if !target.get(..scheme)?.iter().all(is_letter) {
        return None;
    }
    let rest = target.get(scheme.checked_add(3)?..)?;
    rest.split(|byte| matches!(byte, b'/' | b'?' | b'#')).next()
}

/// The host of an authority, without user, port and the dot at its end (RFC 3986 section
/// 3.2). An address of IPv6 loses its brackets.
fn host(authority: &[u8]) -> Option<Arc<str>> {
    let host = authority.rsplit(|byte| *byte == b'@').next()?;
    let host = match host.strip_prefix(b"[") {
        Some(address) => address.split(|byte| *byte == b']').next()?,
        None => host.split(|byte| *byte == b':').next()?,
    };
    text::shown(host.strip_suffix(b".").unwrap_or(host))
}

/// How long a body is (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Nothing,
    Length(usize),
    Chunks,
    UntilClose,
}

/// The head of a message, and what is behind it.
#[derive(Clone, Copy, Debug)]
struct Head<'a> {
    start: &'a [u8],
    fields: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Head<'a> {
    /// The head that bytes begin with. One that is not whole is read only where no more
    /// will come.
    fn read(bytes: &'a [u8], is_over: bool) -> Option<Self> {
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let start = lines.next().unwrap_or_default();
        let mut end = start.len();
        let is_last = |line: &[u8]| line == b"\r\n" || line == b"\n";
        for line in lines {
            end = end.saturating_add(line.len());
            if is_last(line) {
                let (head, rest) = bytes.split_at_checked(end)?;
                return Some(Self {
                    start: start.trim_ascii_end(),
                    fields: head.get(start.len()..)?,
                    rest,
                });
            }
        }
        is_over.then_some(Self {
            start: start.trim_ascii_end(),
            fields: bytes.get(start.len()..)?,
            rest: &[],
        })
    }

    /// The value of the first field of a name in lower case.
    fn field(&self, name: &[u8]) -> Option<&'a [u8]> {
        let lines = self.fields.split_inclusive(|byte| *byte == b'\n');
        // A line without its end is cut, and its value could be, too.
        let mut whole = lines.filter(|line| line.ends_with(b"\n"));
        whole.find_map(|line| {
            let (key, value) = line.split_at_checked(name.len())?;
            let value = value.strip_prefix(b":")?;
            key.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
        })
    }

    fn is_success(&self) -> bool {
        self.start.get(9) == Some(&b'2')
    }

    /// The framing of the body, or the given one where the head does not say.
    fn framing(&self, otherwise: Framing) -> Framing {
        if self.field(b"transfer-encoding").is_some() {
            return Framing::Chunks;
        }
        let length = self.field(b"content-length");
        let length = length.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
        length.map_or(otherwise, Framing::Length)
    }

    /// The class of the body. Nothing while more of it can change that.
    fn content(&self, framing: Framing, is_over: bool) -> Option<Option<Content>> {
        let (body, is_whole): (Cow<'_, [u8]>, bool) = match framing {
            Framing::Nothing => (Cow::default(), true),
            Framing::UntilClose => (self.rest.into(), false),
            Framing::Length(length) => match self.rest.get(..length) {
                Some(body) => (body.into(), true),
                None => (self.rest.into(), false),
            },
            Framing::Chunks => {
                let (body, is_whole) = joined(self.rest);
                (body.into(), is_whole)
            }
        };
        let is_whole = is_whole || is_over;
        if body.is_empty() {
            return is_whole.then_some(None);
        }
        let kind = self.field(b"content-type").unwrap_or_default();
        let coding = self.field(b"content-encoding").unwrap_or_default();
        if !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity") {
            return Some(stated(kind));
        }
        let part = if has_word(kind, b"multipart/form-data") {
            file_of_form(&body, is_whole)?
        } else {
            &body
        };
        let is_enough = is_whole || part.len() >= SAMPLE_BYTES;
        is_enough.then(|| Content::of(part))
    }
}

/// A body out of its chunks (RFC 9112 section 7.1), and whether that is all of it. What
/// does not look like chunks stays as it is.
fn joined(bytes: &[u8]) -> (Vec<u8>, bool) {
    let (mut body, mut left) = (Vec::new(), bytes);
    loop {
        let Some(end) = left.iter().position(|byte| *byte == b'\n') else {
            return (body, false);
        };
        let line = left.get(..end).unwrap_or_default();
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let digits = std::str::from_utf8(digits.trim_ascii()).unwrap_or_default();
        let Ok(length) = usize::from_str_radix(digits, 16) else {
            // Not what was announced: then the bytes themselves are all there is.
            let is_first = body.is_empty();
            return (if is_first { bytes.to_vec() } else { body }, !is_first);
        };
        let chunk = left.get(end.saturating_add(1)..).unwrap_or_default();
        if length == 0 {
            return (body, true);
        }
        let Some((data, rest)) = chunk.split_at_checked(length) else {
            body.extend_from_slice(chunk);
            return (body, false);
        };
        body.extend_from_slice(data);
        let rest = rest.strip_prefix(b"\r").unwrap_or(rest);
        left = rest.strip_prefix(b"\n").unwrap_or(rest);
    }
}

/// The class that a head states, of a body that cannot be seen because it is pressed.
fn stated(kind: &[u8]) -> Option<Content> {
    let is = |word: &[u8]| has_word(kind, word);
    if is(b"text/") || is(b"json") || is(b"xml") || is(b"javascript") || is(b"urlencoded") {
        Some(Content::Text)
    } else if is(b"image/") {
        Some(Content::Image)
    } else if is(b"audio/") || is(b"video/") {
        Some(Content::Media)
    } else {
        None
    }
}

/// The first file of a form, else all of the form (RFC 7578 section 4.2). Nothing while
/// more bytes could bring one.
fn file_of_form(body: &[u8], is_whole: bool) -> Option<&[u8]> {
    let mut left = body;
    let boundary = body.split(|byte| *byte == b'\n').next()?.trim_ascii_end();
    let is_boundary = boundary.starts_with(b"--") && boundary.len() <= BOUNDARY_BYTES_MAX;
    for _ in 0..PARTS_MAX {
        match Head::read(left, false) {
            Some(part) if has_word(part.fields, b"filename") => return Some(part.rest),
            Some(part) if is_boundary => {
                let mut windows = part.rest.windows(boundary.len());
                match windows.position(|window| window == boundary) {
                    Some(place) => left = part.rest.get(place..)?,
                    None => return is_whole.then_some(body),
                }
            }
            Some(_) => break,
            None => return is_whole.then_some(body),
        }
    }
    Some(body)
}

/// Whether a value contains a word in lower case.
fn has_word(value: &[u8], word: &[u8]) -> bool {
    let mut windows = value.windows(word.len());
    windows.any(|window| window.eq_ignore_ascii_case(word))
}

/// What a client of HTTP/2 begins with (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const RESPONSE_BEGIN: &[u8] = b"HTTP/1.";

/// Methods have 3 bytes (GET, PUT) to 16 (VERSION-CONTROL and its like).
const METHOD_BYTES_MIN: usize = 3;
const METHOD_BYTES_MAX: usize = 20;

/// Responses before the final one that are passed over (RFC 9110 section 15.2).
const INTERIM_MAX: usize = 8;

/// Parts of a form among which a file is looked for.
const PARTS_MAX: usize = 16;

/// The longest line between parts (RFC 2046 section 5.1.1): two dashes and 70 characters.
const BOUNDARY_BYTES_MAX: usize = 72;

#[cfg(test)]
mod tests;
