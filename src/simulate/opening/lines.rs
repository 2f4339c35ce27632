//! Protocols of lines: HTTP/1.1 (RFC 9112), SMTP (RFC 5321), FTP (RFC 959).

use super::Message;
use super::tls::{Hellos, Kind};
use crate::simulate::chance::Chance;

/// A request in the clear. Whoever sends more than comes back sends it as the body, and waits
/// for the server to want it (RFC 9110 section 10.1.1).
pub(super) fn http(name: &str, [sent, received]: [u64; 2], chance: &mut Chance) -> Vec<Message> {
    let number = chance.word();
    if sent <= received {
        let head =
            format!("GET /{number:08x} HTTP/1.1\r\nHost: {name}\r\n{AGENT}Accept: */*\r\n\r\n");
        return vec![Message::of_client(head)];
    }
    let head = |length: u64| {
        format!(
            "POST /upload/{number:08x} HTTP/1.1\r\nHost: {name}\r\n{AGENT}Accept: */*\r\n\
             Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n\
             Expect: 100-continue\r\n\r\n"
        )
    };
    // The length of the body is what the head leaves, which grows with the digits of that.
    let guess = sent.saturating_sub(head(sent).len() as u64);
    let length = sent.saturating_sub(head(guess).len() as u64);
    vec![
        Message::of_client(head(length)),
        Message::of_server("HTTP/1.1 100 Continue\r\n\r\n"),
    ]
}

/// A mail in the clear, up to its text.
pub(super) fn mail(name: &str, chance: &mut Chance) -> Vec<Message> {
    let mut messages = greeting(name, "");
    let number = chance.word();
    for (command, answer) in [
        (
            "MAIL FROM:<reports@example.com>\r\n".to_owned(),
            "250 2.1.0 Ok\r\n".to_owned(),
        ),
        (
            format!("RCPT TO:<inbox@{name}>\r\n"),
            "250 2.1.5 Ok\r\n".to_owned(),
        ),
        (
            "DATA\r\n".to_owned(),
            "354 End data with <CR><LF>.<CR><LF>\r\n".to_owned(),
        ),
    ] {
        messages.push(Message::of_client(command));
        messages.push(Message::of_server(answer));
    }
    let head = format!("Message-ID: <{number:08x}@example.com>\r\nSubject: Report\r\n\r\n");
    messages.push(Message::of_client(head));
    messages
}

/// The same over TLS from the second command on (RFC 3207).
pub(super) fn mail_over_tls(name: &str, chance: &mut Chance) -> Vec<Message> {
    let mut messages = greeting(name, "250-STARTTLS\r\n");
    messages.push(Message::of_client("STARTTLS\r\n"));
    messages.push(Message::of_server("220 2.0.0 Ready to start TLS\r\n"));
    let hellos = Hellos::new(Kind::Tls13, name, &[], chance);
    messages.extend(hellos.records(name, chance));
    messages
}

/// What an SMTP server greets with and what it can do besides.
fn greeting(name: &str, extension: &str) -> Vec<Message> {
    vec![
        Message::of_server(format!("220 {name} ESMTP\r\n")),
        Message::of_client("EHLO client.example.com\r\n"),
        Message::of_server(format!(
            "250-{name}\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n{extension}250 8BITMIME\r\n"
        )),
    ]
}

/// A control connection in the clear, up to the command that sends a file.
pub(super) fn files(name: &str, chance: &mut Chance) -> Vec<Message> {
    let number = chance.word();
    vec![
        Message::of_server(format!("220 {name} FTP server ready.\r\n")),
        Message::of_client("USER anonymous\r\n"),
        Message::of_server("331 Please specify the password.\r\n"),
        Message::of_client("PASS guest@example.com\r\n"),
        Message::of_server("230 Login successful.\r\n"),
        Message::of_client("TYPE I\r\n"),
        Message::of_server("200 Switching to Binary mode.\r\n"),
        Message::of_client(format!("STOR {number:08x}.bin\r\n")),
    ]
}

/// A program that nobody makes.
const AGENT: &str = "User-Agent: example-client/1.0\r\n";
