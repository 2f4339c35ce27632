use super::check::{host_of, is_host_and_port};
use super::*;
use crate::config::Config;

fn error(text: &str) -> String {
    Config::parse(text, "x.toml").unwrap_err().to_string()
}

fn complain(cases: &[(&str, &str)]) {
    for (text, complaint) in cases {
        let said = error(&format!("[[sink]]\n{text}\n"));
        assert!(said.starts_with(complaint), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn complaints_name_the_line_and_the_fix() {
    let cases = [
        ("kind = \"kafka\"", "x.toml:2:8: unknown variant `kafka`"),
        (
            "kind = \"file\"\npth = \"x\"",
            "x.toml:3:1: unknown field `pth`",
        ),
        (
            "kind = \"file\"",
            "x.toml:2:8: a sink of kind file needs `path`",
        ),
        (
            "kind = \"syslog\"\naddress = \"a:1\"",
            "x.toml:2:8: a sink of kind syslog needs `carrier`",
        ),
        (
            "kind = \"file\"\npath = \"x\"\nurl = \"http://a\"",
            "x.toml:4:7: `url` means nothing to a sink of kind file: remove it",
        ),
        (
            "kind = \"alertmanager\"\nurl = \"http://a\"\nformat = \"json\"",
            "x.toml:4:10: `format` means nothing",
        ),
        (
            "kind = \"webhook\"\nurl = \"http://a\"\nformat = \"cef\"",
            "x.toml:4:10: a sink of kind webhook does not write cef: use json, eve,",
        ),
        (
            "kind = \"syslog\"\naddress = \"a\"\ncarrier = \"udp\"",
            "x.toml:3:11: `a` is no host with a port",
        ),
        (
            "kind = \"webhook\"\nurl = \"ftp://a\"",
            "x.toml:3:7: `ftp://a` begins with neither",
        ),
        (
            "kind = \"webhook\"\nurl = \"https://me:secret@a/\"",
            "x.toml:3:7: a password in a url is shown in logs",
        ),
        (
            "kind = \"webhook\"\nurl = \"http://a/\"\ntoken_file = \"t\"",
            "x.toml:4:14: the token would go in the clear",
        ),
        (
            "kind = \"webhook\"\nurl = \"http://a/\"\ntls_ca = \"t\"",
            "x.toml:4:10: there is no TLS here",
        ),
    ];
    complain(&cases);
}

#[test]
fn complaints_of_what_does_not_go_together_do_so_too() {
    let cases = [
        (
            "kind = \"webhook\"\nurl = \"https://a/\"\ntls_key = \"t\"",
            "x.toml:4:11: tls_certificate and tls_key go together",
        ),
        (
            "kind = \"file\"\npath = \"x\"\nformat = \"eve\"\nheads = true",
            "x.toml:5:9: heads of the ledger are told as json,",
        ),
        (
            "kind = \"file\"\npath = \"x\"\nalerts = false",
            "x.toml:2:8: neither alerts nor heads",
        ),
        (
            "kind = \"file\"\npath = \"x\"\nspool_bytes = 5",
            "x.toml:4:15: 5 bytes are too few",
        ),
        (
            "kind = \"file\"\npath = \"x\"\nrotate_files = 5000",
            "x.toml:4:16: at most 1000 files",
        ),
        (
            "kind = \"file\"\npath = \"x\"\nname = \"../x\"",
            "x.toml:4:8: `../x` is no name of a sink",
        ),
        (
            "kind = \"file\"\npath = \"x\"\n[[sink]]\nkind = \"file\"\npath = \"y\"",
            "x.toml:5:8: two sinks are called `file`",
        ),
        (
            "kind = \"file\"\npath = \"x\"\nseverity_at_least = \"worst\"",
            "x.toml:4:21: unknown variant `worst`",
        ),
    ];
    complain(&cases);
}

#[test]
fn there_are_so_many_sinks_at_most() {
    let sinks = (0..=SINKS_MAX)
        .map(|n| format!("[[sink]]\nkind = \"file\"\npath = \"x\"\nname = \"n{n}\"\n"));
    let said = error(&sinks.collect::<String>());
    assert!(said.contains("more than 16 sinks"), "{said}");
}

#[test]
fn hosts_and_urls_are_read_as_they_are_written() {
    for address in [
        "a:1",
        "siem.example:6514",
        "10.0.0.1:514",
        "[2001:db8::1]:514",
    ] {
        assert!(is_host_and_port(address), "{address}");
    }
    for address in [
        "a",
        "a:0",
        "a:70000",
        "a b:1",
        "[a]:1",
        ":1",
        "2001:db8::1:514",
        "[::1]",
        "a\n:1",
    ] {
        assert!(!is_host_and_port(address), "{address}");
    }
    for (url, host) in [
        ("http://127.0.0.1:9093", "127.0.0.1"),
        ("https://a.example/x?y=1", "a.example"),
        ("http://[::1]:80/", "::1"),
        ("http://[::1]", "::1"),
    ] {
        assert_eq!(host_of(url), Ok(host));
    }
    for url in [
        "http://",
        "https:///x",
        "http://a:b/",
        "http://a b/",
        "http://a/#x",
        "http://a\u{202e}/",
    ] {
        assert!(host_of(url).is_err(), "{url}");
    }
}

#[test]
fn a_token_is_a_line_and_files_are_relative_to_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.toml");
    let text = "[[sink]]\nkind = \"webhook\"\nurl = \"http://localhost/\"\ntoken_file = \"t\"\n";
    std::fs::write(&path, text).unwrap();
    let config = Config::read(&path).unwrap();
    let open = || {
        config.sink[0]
            .open()
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    assert!(
        open().unwrap_err().contains("token_file"),
        "there is no file"
    );
    std::fs::write(folder.path().join("t"), "secret\n").unwrap();
    assert_eq!(open(), Ok(()));
    std::fs::write(folder.path().join("t"), "a\nb\n").unwrap();
    assert!(open().unwrap_err().contains("one line"));
}

#[test]
fn severities_and_heads_are_chosen() {
    let text = "[[sink]]\nkind = \"file\"\npath = \"x\"\nseverity_at_least = \"high\"\n\
        [[sink]]\nkind = \"file\"\nname = \"w\"\npath = \"y\"\nalerts = false\nheads = true\n";
    let config = Config::parse(text, "x.toml").unwrap();
    let mut line = crate::sink::event::tests::alert_line("x");
    let high = Event::of_alert(&line).unwrap();
    line["severity"] = serde_json::json!("medium");
    let medium = Event::of_alert(&line).unwrap();
    let wants = |sink: usize, event| config.sink[sink].wants(event);
    assert_eq!(
        [wants(0, &high), wants(0, &medium), wants(1, &high)],
        [true, false, false]
    );
    assert!(config.sink[1].wants_heads() && !config.sink[0].wants_heads());
}

#[test]
fn sinks_of_flows_have_keys_of_their_own() {
    complain(&[
        (
            "kind = \"flow_file\"",
            "x.toml:2:8: a sink of kind flow_file needs `path`",
        ),
        (
            "kind = \"flow_file\"\npath = \"x\"\nformat = \"json\"",
            "x.toml:4:10: a sink of kind flow_file does not write json: use zeek, eve, ocsf",
        ),
        (
            "kind = \"ipfix\"\naddress = \"a:1\"",
            "x.toml:2:8: a sink of kind ipfix needs `carrier`",
        ),
        (
            "kind = \"ipfix\"\naddress = \"a:1\"\ncarrier = \"tls\"",
            "x.toml:2:8: IPFIX is carried by udp or tcp",
        ),
        (
            "kind = \"ipfix\"\naddress = \"a:1\"\ncarrier = \"udp\"\nspool_bytes = 1000000",
            "x.toml:5:15: `spool_bytes` means nothing to a sink of kind ipfix: remove it",
        ),
        (
            "kind = \"flow_file\"\npath = \"x\"\nseverity_at_least = \"low\"",
            "x.toml:2:8: a sink of kind flow_file is handed flows",
        ),
    ]);
}
