//! Configurations and databases.

use std::path::Path;

use crate::packets::{NOON, upload, write};
use crate::program::{borderflow, replay_to, results, run};
use crate::support::{Ran, number, root, shared};

/// Replays three packets with a configuration of these bytes; also says whether results
/// of an earlier replay are still there.
fn replay_with(config: &[u8]) -> (Ran, bool) {
    let folder = tempfile::tempdir().unwrap();
    let good = upload(NOON, 3).write(folder.path(), "good.pcap");
    let config = write(folder.path(), "site.toml", config);
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    write(&out, "flows.jsonl", b"{}\n");
    let ran = replay_to(&out, &[&good], &["--config", config.to_str().unwrap()]);
    let kept = std::fs::read(out.join("flows.jsonl")).unwrap() == b"{}\n";
    (ran, kept)
}

fn refused(config: &str, words: &[&str]) {
    let (ran, kept) = replay_with(config.as_bytes());
    ran.refused(2, words);
    assert!(!ran.stderr.contains("no --config"), "{ran:?}");
    assert!(kept, "a refusal leaves earlier results alone: {config}");
}

#[test]
fn an_unknown_key() {
    refused(
        "[site]\nnetwork = []\n",
        &["site.toml:2:1: ", "unknown field `network`", "`networks`"],
    );
    refused(
        "[sight]\n",
        &["site.toml:1:2: ", "unknown field `sight`", "`site`"],
    );
    refused(
        "\n\n[geo]\n[[geo.override]]\nprefix = 7\n",
        &["site.toml:5:10: "],
    );
}

#[test]
fn a_value_that_means_nothing() {
    refused(
        "[site]\njurisdictions = []\n",
        &["site.toml:2:17: ", "name at least one"],
    );
    refused(
        "[site]\ntime_zone = \"Beijing\"\n",
        &["site.toml: site: ", "`Beijing`"],
    );
    refused("[site\n", &["site.toml:1:6: "]);
    refused("[limits]\nflows = -1\n", &["site.toml:2:9: "]);
    refused(
        "[[geo.override]]\nprefix = \"10.0.0.0/8\"\ncountry = \"SG\"\n\
         [[geo.override]]\nprefix = \"10.0.0.0/8\"\ncountry = \"DE\"\n",
        &["geo.override: 10.0.0.0/8 stands twice"],
    );
}

#[test]
fn a_byte_order_mark_and_carriage_returns_work() {
    let config = "\u{feff}[site]\r\nnetworks = [\"10.0.0.0/24\"]\r\njurisdictions = [\"CN\"]\r\n";
    let (ran, kept) = replay_with(config.as_bytes());
    ran.succeeded();
    assert!(!kept, "results are replaced");
    assert!(
        ran.stdout.contains("3 packets of 3 frames, 1 flow"),
        "{ran:?}"
    );
}

#[test]
fn another_encoding_is_refused() {
    let text = "[site]\r\njurisdictions = [\"CN\"]\r\n";
    let utf_16: Vec<u8> = "\u{feff}"
        .encode_utf16()
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let (ran, kept) = replay_with(&utf_16);
    ran.refused(2, &["site.toml", "UTF-8"]);
    assert!(kept);
}

#[test]
fn no_configuration_file() {
    let mut command = borderflow("replay");
    command.args(["--config", "no-such.toml", "x.pcap"]);
    run(command).refused(2, &["no-such.toml", "No such file"]);
    let mut command = borderflow("replay");
    command.arg("--config").arg(root()).arg("x.pcap");
    run(command).refused(2, &["directory"]);
}

#[test]
fn a_mistake_on_the_command_line() {
    let usages: [&[&str]; 6] = [
        &[],
        &["--flows", "x.pcap"],
        &["--workers", "0", "x.pcap"],
        &["--workers", "many", "x.pcap"],
        &["--nonsense", "x.pcap"],
        &["--metrics", "localhost", "x.pcap"],
    ];
    for arguments in usages {
        let mut command = borderflow("replay");
        command.args(arguments);
        let ran = run(command);
        assert_eq!((ran.status, &*ran.stdout), (Some(2), ""), "{ran:?}");
        assert!(ran.stderr.starts_with("error: "), "{ran:?}");
    }
    let mut command = borderflow("replay");
    command.args(["--metrics", "0.0.0.0:0", "x.pcap"]);
    run(command).refused(2, &["0.0.0.0:0", "--web-config", "127.0.0.1"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = borderflow("replay");
    command.args(["--metrics", &address, "x.pcap"]);
    run(command).refused(
        1,
        &[
            "--metrics or --console ",
            &address,
            "is another program using it?",
        ],
    );
}

#[test]
fn an_asn_file_given_as_country() {
    let path = root().join("models/geo/dbip-asn.mmdb");
    database_refused(
        "country",
        &path,
        &["holds no country: is it an ASN database?"],
    );
    let path = root().join("models/geo/dbip-country.mmdb");
    database_refused(
        "asn",
        &path,
        &["holds no AS number: is it a country database?"],
    );
}

#[test]
fn a_database_without_countries() {
    let test = "a_database_without_countries";
    let Some(folder) = shared(test, "geo/maxmind-db-tests/test-data") else {
        return;
    };
    for name in [
        "GeoIP2-Connection-Type-Test.mmdb",
        "MaxMind-DB-test-ipv4-24.mmdb",
    ] {
        database_refused("country", &folder.join(name), &[name, "holds no country"]);
    }
}

#[test]
fn a_database_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let text = write(folder.path(), "text.mmdb", b"not a database");
    database_refused("country", &text, &["text.mmdb", "no MMDB file"]);
    let whole = std::fs::read(root().join("models/geo/dbip-country.mmdb")).unwrap();
    let cut = write(folder.path(), "cut.mmdb", &whole[..whole.len() / 2]);
    database_refused(
        "country",
        &cut,
        &["cut.mmdb", "cut short", "fetch it again"],
    );
    database_refused("country", folder.path(), &["not a regular file"]);
    database_refused(
        "country",
        &folder.path().join("gone.mmdb"),
        &["there is no file"],
    );
}

fn database_refused(key: &str, path: &Path, words: &[&str]) {
    let config = format!("[geo]\n{key} = '{}'\n", path.display());
    refused(&config, &[&[&*format!("geo.{key}: ")], words].concat());
}

#[test]
fn a_learned_state_that_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let good = upload(NOON, 3).write(folder.path(), "good.pcap");
    let (out, state) = (folder.path().join("out"), folder.path().join("state"));
    let options = ["--state", state.to_str().unwrap()];
    replay_to(&out, &[&good], &options).succeeded();
    let mut spoiled = 0;
    for entry in std::fs::read_dir(&state).unwrap() {
        std::fs::write(entry.unwrap().path(), b"spoiled").unwrap();
        spoiled += 1;
    }
    assert!(spoiled > 0, "nothing was learned");
    let ran = replay_to(&out, &[&good], &options);
    ran.succeeded();
    assert!(ran.stdout.contains("note: "), "{ran:?}");
    assert_eq!(number(&results(&out).summary, "packets"), 3);
    let file = write(folder.path(), "state-file", b"");
    let ran = replay_to(&out, &[&good], &["--state", file.to_str().unwrap()]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert_eq!(ran.complaints().len(), 1, "{ran:?}");
    assert!(ran.stderr.contains("state-file"), "{ran:?}");
}
