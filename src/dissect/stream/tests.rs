//! Conversations of every protocol, cut in every way, and noise.

use proptest::prelude::*;

use super::*;

/// A conversation whose outcome is known.
#[derive(Clone, Debug)]
struct Talk {
    client: Vec<u8>,
    server: Vec<u8>,
    port: u16,
    application: Application,
    protection: Protection,
    server_name: Option<&'static str>,
    content: [Option<Content>; 2],
}

/// What two sides say, in an exchange that needs both.
fn talk(client: &[u8], server: &[u8], port: u16, application: Application) -> Talk {
    Talk {
        client: client.to_vec(),
        server: server.to_vec(),
        port,
        application,
        protection: Protection::Clear,
        server_name: None,
        content: [None; 2],
    }
}

/// A conversation of each kind, with a body of some bytes where it has one.
fn talks(body: &[u8]) -> Vec<Talk> {
    let mut talks = lines();
    talks.extend(web(body));
    talks.extend(binary());
    talks.extend(carried());
    talks.extend(others(body));
    talks
}

fn web(body: &[u8]) -> Vec<Talk> {
    let put = format!(
        "PUT /f HTTP/1.1\r\nHost: up.example.org:80\r\nContent-Length: {}\r\n\r\n",
        body.len() + 5
    );
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunks = format!("{head}4\r\nBZh9\r\n{:x}\r\n", body.len().max(1));
    let connect = b"CONNECT in.example.org:80 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n";
    let granted = b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 204 None\r\n\r\n";
    let web = |client: &[u8], server: &[u8]| talk(client, server, 80, Application::Http);
    vec![
        Talk {
            server_name: Some("up.example.org"),
            content: [Some(Content::Document), Some(Content::Archive)],
            ..web(
                &[put.as_bytes(), b"%PDF-", body].concat(),
                &[chunks.as_bytes(), body, b"\r\n0\r\n\r\n"].concat(),
            )
        },
        Talk {
            server_name: Some("in.example.org"),
            ..web(connect, granted)
        },
        Talk {
            content: [None, Some(Content::Text)],
            ..web(
                b"GET / HTTP/1.0\r\n\r\n",
                b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.0 200 OK\r\n\r\nclosed at the end",
            )
        },
        web(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0", b"\0\0\0\x04\0"),
    ]
}

fn lines() -> Vec<Talk> {
    let content = [Some(Content::Text); 2];
    vec![
        Talk {
            server_name: Some("mx.example.org"),
            content,
            ..talk(
                b"EHLO me\r\nMAIL FROM:<a@b>\r\nDATA\r\nhello\r\n.\r\n",
                b"220 mx.example.org ESMTP\r\n250 ok\r\n250 ok\r\n",
                25,
                Application::Smtp,
            )
        },
        Talk {
            protection: Protection::Standard,
            ..talk(
                b"a CAPABILITY\r\nb STARTTLS\r\n\x16\x03\x01\0\x04\x01\0\0\0",
                b"* OK x\r\na OK\r\nb OK\r\n\x16\x03\x03\0\x04\x02\0\0\0",
                143,
                Application::Imap,
            )
        },
        Talk {
            content,
            ..talk(
                b"USER me\r\nPASS x\r\n",
                b"+OK x\r\n+OK\r\n",
                110,
                Application::Pop3,
            )
        },
        Talk {
            content,
            ..talk(
                b"USER me\r\nPASS x\r\n",
                b"220 x\r\n331 x\r\n",
                21,
                Application::Ftp,
            )
        },
    ]
}

fn binary() -> Vec<Talk> {
    let request = b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0";
    let answer = b"\x03\0\0\x13\x0e\xd0\0\0\0\0\0\x02\0\x08\0\0\0\0\0rest";
    let mut negotiate = vec![0, 0, 0, 68, 0xfe, b'S', b'M', b'B'];
    negotiate.resize(72, 0);
    let transformed = [&negotiate[..], b"\0\0\0\x40\xfdSMB", &[7; 60]].concat();
    let reset = b"\0\x0e\x38sessioni\0\0\0\0\0\0\x22\x20";
    let query = b"\0\x1d\xbe\xef\x01\0\0\x01\0\0\0\0\0\0\x07example\x03org\0\0\x01\0\x01";
    vec![
        Talk {
            protection: Protection::Weak,
            ..talk(request, answer, 3389, Application::Rdp)
        },
        Talk {
            protection: Protection::Standard,
            ..talk(&transformed, &transformed, 445, Application::Smb)
        },
        Talk {
            protection: Protection::Standard,
            ..talk(reset, b"\0\x1a\x40server", 1194, Application::OpenVpn)
        },
        talk(query, query, 53, Application::Dns),
        Talk {
            protection: Protection::Standard,
            ..talk(
                b"\x16\x03\x01\0\x04\x01\0\0\0",
                b"\x16\x03\x03\0\x04\x02\0\0\0",
                443,
                Application::Tls,
            )
        },
    ]
}

/// Hellos behind an opening of their carrier's own.
fn carried() -> Vec<Talk> {
    let hello = b"\x16\x03\x01\0\x04\x01\0\0\0";
    let answer = b"\x16\x03\x03\0\x04\x02\0\0\0";
    let named = b"\x05\x01\0\x05\x01\0\x03\x0bexample.org\x01\xbb";
    let with_password = b"\x05\x02\0\x02\x01\x01u\x01p\x05\x01\0\x01\x7f\0\0\x01\x01\xbb";
    let granted = b"\x05\0\x05\0\0\x01\0\0\0\0\0\0";
    let admitted = b"\x05\x02\x01\0\x05\0\0\x01\0\0\0\0\0\0";
    let mut flags = vec![32, 0, 0, 1, 0x85, 0xae];
    flags.resize(36, 0);
    let old = b"\x04\x01\x01\xbb\x7f\0\0\x01me\0";
    let old_named = b"\x04\x01\x01\xbb\0\0\0\x01\0example.org\0";
    let old_granted = b"\0\x5a\x01\xbb\x7f\0\0\x01";
    let openings: [(&[u8], &[u8], Option<&'static str>); 6] = [
        (old, old_granted, None),
        (old_named, old_granted, Some("example.org")),
        (named, granted, Some("example.org")),
        (with_password, admitted, None),
        (b"\0\0\0\x08\x04\xd2\x16\x2f", b"S", None),
        (&flags, b"\x05\0\0\0\x0a8.0\0", None),
    ];
    let talks = openings.map(|(client, server, server_name)| Talk {
        protection: Protection::Standard,
        server_name,
        ..talk(
            &[client, hello].concat(),
            &[server, answer].concat(),
            1080,
            Application::Tls,
        )
    });
    talks.into()
}

fn others(body: &[u8]) -> Vec<Talk> {
    let spread: Vec<u8> = (0..900u32).map(|i| (i * 167 % 256) as u8).collect();
    let zeros = [0; 700];
    vec![
        Talk {
            protection: Protection::Weak,
            ..talk(
                b"SSH-1.5-a\r\n",
                b"hello\r\nSSH-1.99-b\r\n",
                22,
                Application::Ssh,
            )
        },
        Talk {
            content: [Some(Content::Database), None],
            ..talk(
                &[b"SQLite format 3\0", body].concat(),
                b"",
                9,
                Application::Unknown,
            )
        },
        Talk {
            protection: Protection::Opaque,
            ..talk(&spread, &spread[100..], 9, Application::Unknown)
        },
        Talk {
            protection: Protection::Unseen,
            ..talk(&zeros, &zeros, 9, Application::Unknown)
        },
    ]
}

/// The outcome on growing parts of both directions, as the steps say: which direction
/// grows and by how much. Checked is that it never changes once it is there.
fn grown(talk: &Talk, steps: &[(bool, usize)]) -> Said {
    let mut lengths = [0usize; 2];
    let mut told: Option<Said> = None;
    let rest = [(true, usize::MAX), (false, usize::MAX)];
    for (is_client, count) in steps.iter().chain(&rest) {
        let length = &mut lengths[usize::from(!is_client)];
        *length = length.saturating_add(*count);
        let client = &talk.client[..lengths[0].min(talk.client.len())];
        let server = &talk.server[..lengths[1].min(talk.server.len())];
        let ports = [40_000, talk.port];
        let reading = stream(client, server, ports, false);
        if let Some(mut offer) = offer(client) {
            assert_eq!(offer.clone().answered(server, false), reading);
            let over = stream(client, server, ports, true);
            assert_eq!(offer.answered(server, true), over);
        }
        match reading {
            Reading::Done(said) => {
                assert!(told.is_none_or(|it| it == said), "changed to {said:?}");
                told = Some(said);
            }
            Reading::More => assert!(told.is_none(), "open again"),
        }
    }
    let end = stream(&talk.client, &talk.server, [40_000, talk.port], true);
    let Reading::Done(said) = end else {
        panic!("it is over");
    };
    assert!(told.is_none_or(|it| it == said), "at the end {said:?}");
    said
}

#[test]
fn every_protocol_is_told_apart() {
    for body in [&[][..], &[7; 40], &[7; 3_000]] {
        for talk in talks(body) {
            let said = grown(&talk, &[]);
            assert_eq!(said.application, talk.application, "{talk:?}");
            if talk.application != Application::Tls && talk.application != Application::Imap {
                assert_eq!(said.protection, talk.protection, "{talk:?}");
            }
            assert_eq!(said.server_name.as_deref(), talk.server_name, "{talk:?}");
            assert_eq!(said.content, talk.content, "{talk:?}");
        }
    }
}

#[test]
fn roles_are_exchanged_where_the_responder_asks() {
    for talk in talks(&[7; 600]) {
        let ports = [talk.port, 40_000];
        let Reading::Done(mut said) = stream(&talk.server, &talk.client, ports, true) else {
            panic!("it is over");
        };
        said.content.reverse();
        assert_eq!(said, grown(&talk, &[]));
    }
}

#[test]
fn a_full_prefix_ends_the_reading() {
    for byte in [0, b'G', b'2', 3, 0x16, b'+', 0xff] {
        let full = [byte; PREFIX_BYTES_MAX];
        for (client, server) in [(&full[..], &[][..]), (&[], &full), (&full, &full)] {
            let reading = stream(client, server, [1, 53], false);
            assert_ne!(reading, Reading::More, "{byte}");
        }
    }
}

#[test]
fn hardly_anything_said_leaves_it_open_until_the_end() {
    assert_eq!(stream(b"", b"", [1, 2], false), Reading::More);
    assert_eq!(
        stream(b"", b"", [1, 2], true),
        Reading::Done(Said::default())
    );
    assert_eq!(stream(b"GE", b"", [1, 2], false), Reading::More);
    assert_eq!(
        stream(b"GE", b"", [1, 2], true),
        Reading::Done(Said::default())
    );
}

/// Steps in which directions grow.
fn steps() -> impl Strategy<Value = Vec<(bool, usize)>> {
    prop::collection::vec((any::<bool>(), 0usize..200), 0..20)
}

proptest! {
    #[test]
    fn the_cut_makes_no_difference(
        steps in steps(),
        kind in any::<prop::sample::Index>(),
        body in prop::collection::vec(any::<u8>(), 0..1_500),
    ) {
        let talks = talks(&body);
        let talk = kind.get(&talks);
        let bytes = |count: usize| [(true, 1), (false, 1)].repeat(count);
        prop_assert_eq!(grown(talk, &steps), grown(talk, &[]));
        prop_assert_eq!(grown(talk, &bytes(120)), grown(talk, &[]));
    }

    #[test]
    fn damage_is_safe(
        steps in steps(),
        kind in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        inserted in prop::collection::vec(any::<u8>(), 0..30),
        is_client in any::<bool>(),
    ) {
        let talks = talks(&[7; 100]);
        let mut talk = kind.get(&talks).clone();
        let side = if is_client { &mut talk.client } else { &mut talk.server };
        for (place, byte) in damage {
            if !side.is_empty() {
                let place = place.index(side.len());
                side[place] = byte;
            }
        }
        side.splice(..0, inserted.iter().copied().take(inserted.len() / 8));
        // What makes no sense still says the same however it is cut.
        grown(&talk, &steps);
    }

    #[test]
    fn any_bytes_are_safe(
        client in prop::collection::vec(any::<u8>(), 0..1_000),
        server in prop::collection::vec(any::<u8>(), 0..1_000),
        ports in any::<[u16; 2]>(),
        is_over in any::<bool>(),
    ) {
        let reading = stream(&client, &server, ports, is_over);
        prop_assert!(!is_over || reading != Reading::More);
    }
}
