use std::sync::Arc;

use proptest::prelude::*;

use super::super::stream;
use super::*;

fn said(client: &[u8], server: &[u8]) -> Said {
    match stream(client, server, [40_000, 8080], true) {
        Reading::Done(said) => said,
        Reading::More => panic!("it is over"),
    }
}

fn name_of(client: &str) -> Option<Arc<str>> {
    let said = said(client.as_bytes(), b"");
    assert_eq!(said.application, Application::Http, "{client:?}");
    assert_eq!(said.protection, Protection::Clear);
    said.server_name
}

#[test]
fn the_host_is_that_of_target_or_field() {
    let cases = [
        (
            "GET / HTTP/1.1\r\nHost: Www.Example.org\r\n\r\n",
            "www.example.org",
        ),
        ("GET / HTTP/1.1\nhost:example.org:8080\n\n", "example.org"),
        (
            "PROPFIND /d HTTP/1.1\r\nDepth: 1\r\nHost: dav.example.org.\r\n\r\n",
            "dav.example.org",
        ),
        ("VERSION-CONTROL /d HTTP/1.1\r\nHost: a\r\n\r\n", "a"),
        (
            "GET http://u:p@b.example:80/?x=http://c HTTP/1.1\r\nHost: a\r\n\r\n",
            "b.example",
        ),
        (
            "GET /?x=http://c HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n",
            "2001:db8::1",
        ),
        (
            "CONNECT example.org:443 HTTP/1.1\r\nHost: other\r\n\r\n",
            "example.org",
        ),
    ];
    for (request, name) in cases {
        assert_eq!(name_of(request).as_deref(), Some(name), "{request:?}");
    }
    assert_eq!(name_of("GET / HTTP/1.0\r\n\r\n"), None);
    assert_eq!(name_of("GET / HTTP/1.1\r\nHost: cut.exa"), None);
    assert_eq!(name_of(&format!("GET /{} ", "x".repeat(5_000))), None);
}

#[test]
fn others_have_request_lines_of_their_own() {
    for other in [
        "OPTIONS sip:a@example.org SIP/2.0\r\n\r\n",
        "OPTIONS rtsp://example.org/ RTSP/1.0\r\n\r\n",
        "EHLO mail.example.org\r\n",
        "GET key\r\nmore of it\r\n",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ / HTTP/1.1\r\n",
    ] {
        assert_ne!(
            said(other.as_bytes(), b"").application,
            Application::Http,
            "{other:?}"
        );
    }
}

#[test]
fn bodies_have_a_class() {
    let pdf = "%PDF-1.7 and more";
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let put = format!(
        "PUT /f HTTP/1.1\r\nContent-Length: {}\r\n\r\n{pdf}",
        pdf.len()
    );
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                  3;x\r\n%PD\r\ne\r\nF-1.7 and more\r\n0\r\n\r\n";
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
    let until_close = "HTTP/1.0 200 OK\r\n\r\nname,city\nLi,Paris\n";
    let pressed = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\
                   Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\n\x1f\x08\x08";
    let (document, text) = (Some(Content::Document), Some(Content::Text));
    let cases = [
        (get, chunks, [None, document]),
        (&put, interim, [document, None]),
        (get, until_close, [None, text]),
        (get, pressed, [None, text]),
        (
            get,
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
            [None, None],
        ),
        (
            "HEAD / HTTP/1.1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
            [None, None],
        ),
        (get, "no response of this protocol", [None, text]),
    ];
    for (client, server, content) in cases {
        assert_eq!(
            said(client.as_bytes(), server.as_bytes()).content,
            content,
            "{server:?}"
        );
    }
    // Only the response was seen, by the responder or midstream.
    assert_eq!(said(b"", chunks.as_bytes()).content, [None, document]);
    assert_eq!(
        said(chunks.as_bytes(), get.as_bytes()).content,
        [document, None]
    );
}

#[test]
fn the_file_of_a_form_tells_its_class() {
    let form = "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nvalue\r\n--b\r\n\
                Content-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\n\
                SQLite format 3\0\x01\x02\r\n--b--\r\n";
    let request = format!(
        "POST /up HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    );
    assert_eq!(
        said(request.as_bytes(), b"").content[0],
        Some(Content::Database)
    );
    let plain = request.replace("filename", "other");
    assert_eq!(
        said(plain.as_bytes(), b"").content[0],
        None,
        "neither text nor known"
    );
}

#[test]
fn behind_a_proxy_is_another_conversation() {
    let connect = b"CONNECT example.org:22 HTTP/1.1\r\nHost: example.org:22\r\n\r\n";
    let granted = b"HTTP/1.1 200 Connection established\r\n\r\n";
    let inside = said(
        &[&connect[..], b"SSH-2.0-a\r\n"].concat(),
        &[&granted[..], b"SSH-1.5-b\r\n"].concat(),
    );
    assert_eq!(inside.application, Application::Ssh);
    assert_eq!(inside.protection, Protection::Weak);
    assert_eq!(inside.server_name.as_deref(), Some("example.org"));
    let refused = said(
        connect,
        b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
    );
    assert_eq!(refused.protection, Protection::Clear);
    let nested = [&connect[..]; 6].concat();
    assert_eq!(
        said(&nested, &[&granted[..]; 6].concat()).application,
        Application::Http
    );
}

#[test]
fn version_two_is_known_by_its_preface() {
    let said = said(&[PREFACE, b"\0\0\0\x04\0\0\0\0\0"].concat(), b"");
    assert_eq!(
        (said.application, said.protection),
        (Application::Http, Protection::Clear)
    );
}

proptest! {
    #[test]
    fn bodies_come_out_of_their_chunks(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..12),
    ) {
        let mut framed = Vec::new();
        for chunk in &chunks {
            framed.extend(format!("{:x}\r\n", chunk.len()).bytes());
            framed.extend(chunk);
            framed.extend(b"\r\n");
        }
        prop_assert_eq!(joined(&framed), (chunks.concat(), false));
        framed.extend(b"0\r\n\r\n");
        prop_assert_eq!(joined(&framed), (chunks.concat(), true));
    }
}
