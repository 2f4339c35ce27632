use super::super::stream;
use super::*;

fn reading(client: &[u8], server: &[u8], port: u16, is_over: bool) -> Option<Said> {
    match stream(client, server, [40_000, port], is_over) {
        Reading::Done(said) => Some(said),
        Reading::More => None,
    }
}

/// Application and protection, without the end being seen.
fn told(client: &str, server: &str, port: u16) -> Option<(Application, Protection)> {
    let said = reading(client.as_bytes(), server.as_bytes(), port, false)?;
    Some((said.application, said.protection))
}

#[test]
fn greeting_and_command_tell_the_protocol() {
    use Application::{Ftp, Imap, Pop3, Smtp};
    let cases = [
        (
            "EHLO me\r\nMAIL FROM:<a@b>\r\n",
            "220 mx.example.org ready\r\n",
            26,
            Smtp,
        ),
        ("USER anonymous\r\n", "220 ready\r\n", 2121, Ftp),
        ("QUIT\r\n", "220-ftp server\r\n", 2121, Ftp),
        ("QUIT\r\n", "220 x ESMTP\r\n", 2121, Smtp),
        ("QUIT\r\n", "220 x\r\n", 21, Ftp),
        ("QUIT\r\n", "220 x\r\n", 587, Smtp),
        ("CAPA\r\nUSER me\r\n", "+OK ready\r\n", 110, Pop3),
        (
            "a1 CAPABILITY\r\na2 login me secret\r\n",
            "* OK ready\r\n",
            143,
            Imap,
        ),
    ];
    for (client, server, port, application) in cases {
        let expected = Some((application, Protection::Clear));
        assert_eq!(told(client, server, port), expected, "{client:?}");
        assert_eq!(told(server, client, port).map(|it| it.0), Some(application));
    }
    let store = reading(b"*1\r\n$4\r\nPING\r\n", b"+OK\r\n", 6379, true).unwrap();
    assert_eq!(store.application, Application::Unknown);
    let unknown = reading(b"QUIT\r\n", b"220 x\r\n", 9, true).unwrap();
    assert_eq!(unknown.application, Application::Unknown);
    assert_eq!(
        told("EHLO me\r\n", "220 mx.example.org\r\n", 25),
        None,
        "may still encrypt"
    );
    let alone = reading(b"EHLO me\r\n", b"", 25, true).unwrap();
    assert_eq!(alone.application, Smtp);
}

#[test]
fn the_recipient_is_the_server_that_greets() {
    let name = |greeting: &str| {
        let client = b"EHLO client.example.net\r\nQUIT\r\n";
        reading(client, greeting.as_bytes(), 25, false)
            .unwrap()
            .server_name
    };
    assert_eq!(
        name("220 MX-1.example.org ESMTP\r\n").as_deref(),
        Some("mx-1.example.org")
    );
    assert_eq!(
        name("220-mx.example.org hello\r\n").as_deref(),
        Some("mx.example.org")
    );
    for greeting in [
        "220 ESMTP\r\n",
        "220 ****** x\r\n",
        "220 192.0.2.1 x\r\n",
        "220 a..b\r\n",
    ] {
        assert_eq!(name(greeting), None, "{greeting:?}");
    }
}

/// Bytes that begin as a record with a hello does.
const HELLO: &[u8] = b"\x16\x03\x01\0\x04\x01\0\0\0";

#[test]
fn tls_begins_behind_the_command_for_it() {
    let cases: [(&str, &str, u16, Application); 4] = [
        (
            "EHLO me\r\nSTARTTLS\r\n",
            "220 mx.example.org ESMTP\r\n250-mx\r\n250 STARTTLS\r\n220 go\r\n",
            25,
            Application::Smtp,
        ),
        (
            "a CAPABILITY\r\nb starttls\r\n",
            "* OK x\r\na OK\r\nb OK\r\n",
            143,
            Application::Imap,
        ),
        ("STLS\r\n", "+OK x\r\n+OK go\r\n", 110, Application::Pop3),
        ("AUTH TLS\r\n", "220 x\r\n234 go\r\n", 21, Application::Ftp),
    ];
    for (client, server, port, application) in cases {
        assert_eq!(told(client, server, port), None, "no TLS yet");
        let client_all = [client.as_bytes(), HELLO].concat();
        let server_all = [server.as_bytes(), HELLO].concat();
        let said = reading(&client_all, &server_all, port, true).unwrap();
        assert_eq!(said.application, application);
        assert_ne!(said.protection, Protection::Clear);
        assert_eq!(said.content, [None; 2]);
        // Asked for, but refused.
        let refused = format!("{client}USER me\r\na LOGIN me x\r\nMAIL FROM:<a@b>\r\n");
        let expected = Some((application, Protection::Clear));
        assert_eq!(told(&refused, server, port), expected);
    }
    assert_eq!(
        behind_lines(b"220 x\r\n\x16\x03\x03abc"),
        b"\x16\x03\x03abc"
    );
    assert_eq!(behind_lines(b"\x16\x03\x03abc"), b"", "no line before");
}
