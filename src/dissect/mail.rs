//! Protocols of lines that begin in the clear and may go over to TLS: SMTP (RFC 5321), IMAP
//! (RFC 9051), POP3 (RFC 1939) and the control connection of FTP (RFC 959).
//!
//! The client asks for TLS by a command (RFC 3207, RFC 2595, RFC 4217). That the next byte
//! it sends is the first of a TLS record shows that the server agreed. None of these
//! protocols has such a byte at the begin of a line.

use std::sync::Arc;

use super::content::Content;
use super::stream::{Sides, Verdict, begins_with_any};
use super::{Application, Protection, Reading, Said, text, tls};

/// A conversation in which the server has greeted.
pub(super) fn greeted(sides: &Sides<'_>) -> Verdict {
    match begins_with_any(sides.server, &GREETINGS) {
        Some(true) => {}
        Some(false) => return Verdict::Not,
        None => return Verdict::Unsure,
    }
    let mut lines = sides.server.split_inclusive(is_line_end);
    let greeting = lines.next().unwrap_or_default();
    let mut commands = sides.client.split_inclusive(is_line_end);
    let command = commands.next().unwrap_or_default();
    if [greeting, command]
        .iter()
        .any(|line| !line.ends_with(b"\n"))
        && !sides.is_over
    {
        return Verdict::Unsure;
    }
    match application(greeting, command, sides.ports) {
        Some(application) => Verdict::Is(dialogue(sides, application, greeting)),
        None => Verdict::Not,
    }
}

/// A conversation of which only the client's commands are seen.
pub(super) fn asked(sides: &Sides<'_>) -> Verdict {
    let ([first, ..], []) = (sides.client, sides.server) else {
        return Verdict::Not;
    };
    // What begins otherwise is no greeting, and the end of its line need not be looked for.
    let may_greet = matches!(first, b'e' | b'E' | b'h' | b'H');
    if !may_greet && !first.is_ascii_whitespace() {
        return if sides.is_over {
            Verdict::Not
        } else {
            Verdict::Unsure
        };
    }
    match word(sides.client, 0) {
        [] => Verdict::Not,
        _ if !sides.is_over => Verdict::Unsure,
        command if is_any(command, &["ehlo", "helo"]) => {
            Verdict::Is(dialogue(sides, Application::Smtp, b""))
        }
        _ => Verdict::Not,
    }
}

/// Which protocol it is, by greeting and first command. SMTP and FTP greet alike.
fn application(greeting: &[u8], command: &[u8], ports: [u16; 2]) -> Option<Application> {
    match greeting.first()? {
        b'*' => return Some(Application::Imap),
        // Others begin an answer like this, too.
        b'+' => {
            let is_known = command.is_empty() || is_any(word(command, 0), POST_OFFICE);
            return is_known.then_some(Application::Pop3);
        }
        _ => {}
    }
    let greeting = greeting.to_ascii_uppercase();
    let says = |word: &[u8]| greeting.windows(word.len()).any(|window| window == word);
    let verb = word(command, 0);
    if is_any(verb, &["ehlo", "helo"]) {
        Some(Application::Smtp)
    } else if is_any(
        verb,
        &["user", "auth", "feat", "syst", "opts", "clnt", "host"],
    ) {
        Some(Application::Ftp)
    } else if says(b"SMTP") {
        Some(Application::Smtp)
    } else if says(b"FTP") {
        Some(Application::Ftp)
    } else {
        ports.into_iter().find_map(|port| match port {
            21 => Some(Application::Ftp),
            25 | 465 | 587 | 2525 => Some(Application::Smtp),
            _ => None,
        })
    }
}

/// What is said up to where it is clear that there will be TLS, or none.
fn dialogue(sides: &Sides<'_>, application: Application, greeting: &[u8]) -> Reading {
    let server_name = || match application {
        Application::Smtp => host(word(greeting.get(CODE_BYTES..).unwrap_or_default(), 0)),
        _ => None,
    };
    let is_said = |bytes: &[u8]| (!bytes.is_empty()).then_some(Content::Text);
    let clear = || {
        Reading::Done(Said {
            application,
            protection: Protection::Clear,
            server_name: server_name(),
            content: [sides.client, sides.server].map(is_said),
            ..Said::default()
        })
    };
    match course(sides.client, application) {
        Course::Encrypted(hello) => {
            let answer = behind_lines(sides.server);
            match tls::read(hello, answer, sides.is_over) {
                Reading::More => Reading::More,
                Reading::Done(said) => Reading::Done(Said {
                    application,
                    server_name: said.server_name.or_else(server_name),
                    ..said
                }),
            }
        }
        Course::Clear => clear(),
        Course::Open if sides.is_over => clear(),
        Course::Open => Reading::More,
    }
}

/// How it goes on with a conversation.
#[derive(Debug)]
enum Course<'a> {
    /// It may still go over to TLS.
    Open,
    /// It stays in the clear: a name, a password or a mail was already sent.
    Clear,
    /// It has gone over, and the client's part of that is this.
    Encrypted(&'a [u8]),
}

/// Goes through the commands of a client.
fn course(client: &[u8], application: Application) -> Course<'_> {
    let mut left = client;
    // IMAP has a tag before each command.
    let place = usize::from(application == Application::Imap);
    for _ in 0..COMMANDS_MAX {
        let Some(end) = left.iter().position(is_line_end) else {
            return Course::Open;
        };
        let (line, rest) = left
            .split_at_checked(end.saturating_add(1))
            .unwrap_or_default();
        left = rest;
        let verb = word(line, place);
        let kind = word(line, place.saturating_add(1));
        let asks_for_tls = match application {
            Application::Ftp => {
                is_any(verb, &["auth"]) && is_any(kind, &["tls", "ssl", "tls-c", "tls-p"])
            }
            _ => is_any(verb, &["starttls", "stls"]),
        };
        if asks_for_tls {
            match tls::begins(rest) {
                Some(true) => return Course::Encrypted(rest),
                None => return Course::Open,
                // The server has refused.
                Some(false) => {}
            }
        } else if is_any(verb, COMMITTING) && !(kind.is_empty() && is_any(verb, &["auth"])) {
            return Course::Clear;
        }
    }
    Course::Clear
}

/// What a server sends behind its lines: the first one that begins as a TLS record does.
fn behind_lines(server: &[u8]) -> &[u8] {
    let mut left = server;
    while let Some(end) = left.iter().position(is_line_end) {
        left = left.get(end.saturating_add(1)..).unwrap_or_default();
        if matches!(left, [0x14..=0x17, 3, ..] | [0x14..=0x17]) {
            return left;
        }
    }
    &[]
}

/// The name by which a server greets, if it looks like one of a host.
fn host(name: &[u8]) -> Option<Arc<str>> {
    let is_sound = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let is_host = name.iter().all(is_sound)
        && name.iter().any(u8::is_ascii_alphabetic)
        && name
            .split(|byte| *byte == b'.')
            .all(|label| !label.is_empty())
        && name.contains(&b'.')
        && name.len() <= text::NAME_BYTES_MAX;
    is_host.then(|| text::shown(name)).flatten()
}

const fn is_line_end(byte: &u8) -> bool {
    *byte == b'\n'
}

/// A word of the first line, counted from 0; empty where there are fewer.
fn word(bytes: &[u8], place: usize) -> &[u8] {
    let line = bytes.split(is_line_end).next().unwrap_or_default();
    let mut words = line.trim_ascii_end().split(|byte| *byte == b' ');
    words.nth(place).unwrap_or_default()
}

fn is_any(word: &[u8], others: &[&str]) -> bool {
    let is_same = |other: &&str| word.eq_ignore_ascii_case(other.as_bytes());
    others.iter().any(is_same)
}

/// What servers greet with: SMTP and FTP, POP3, IMAP.
const GREETINGS: [&[u8]; 5] = [b"220 ", b"220-", b"+OK", b"* OK", b"* PREAUTH"];

/// A code of three digits, and a dash where more lines follow.
const CODE_BYTES: usize = 4;

/// Commands that a client of POP3 may begin with.
const POST_OFFICE: &[&str] = &[
    "capa", "user", "apop", "auth", "stls", "quit", "noop", "utf8", "lang",
];

/// Commands behind which nobody asks for TLS any more.
const COMMITTING: &[&str] = &[
    "mail",
    "rcpt",
    "data",
    "bdat",
    "auth",
    "quit",
    "user",
    "pass",
    "apop",
    "stat",
    "list",
    "retr",
    "login",
    "authenticate",
    "select",
    "examine",
    "logout",
    "port",
    "pasv",
    "epsv",
    "stor",
    "type",
    "cwd",
];

/// Commands that are read.
const COMMANDS_MAX: usize = 64;

#[cfg(test)]
mod tests;
