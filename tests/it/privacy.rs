//! Pseudonyms in place of addresses: nothing that is written shows one of the site, all of it
//! is the same otherwise, and who has the key finds the way back.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use borderflow::privacy::{PseudonymKey, Veil};
use serde_json::Value;

use crate::restart::{ALERT_EARLY, WITHIN_THE_LEAK, split};
use crate::schemas::Schema;
use crate::support::{Ran, json_lines, office_config, office_week, run};

/// One asset that has a name; all others are told by their addresses.
const SITE: &str = "
[[asset.known]]
name = \"web\"
addresses = [\"10.20.2.0/24\"]
organisation = \"Example Ltd\"
categories = [\"personal\"]
[policy]
packs = [\"cn-base\"]
";

const HIDDEN: &str = "[privacy]\nmode = \"pseudonyms\"\nkey = \"privacy.key\"\n";

/// Any key; the first of the draft's vectors.
const KEY: &str = "0123456789abcdeffedcba98765432101032547698badcfeefcdab8967452301\n";

/// Files of lines that a replay writes.
const LINES: [&str; 5] = [
    "alerts.jsonl",
    "shadow.jsonl",
    "flows.jsonl",
    "transfers.jsonl",
    "verdicts.jsonl",
];

struct Office {
    folder: tempfile::TempDir,
    capture: PathBuf,
}

impl Office {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let capture = office_week(folder.path());
        let office = Self { folder, capture };
        for name in ["privacy.key", "ledger.key"] {
            fs::write(office.at(name), KEY).unwrap();
            set_private(&office.at(name));
        }
        office
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replays a capture with more settings than the site's, and returns what it said.
    fn replay(&self, capture: &Path, out: &str, more: &str, options: &[&str]) -> Ran {
        let learning = if more.contains("[baseline]") {
            ""
        } else {
            ALERT_EARLY
        };
        let text = format!("{learning}{SITE}{more}");
        let config = office_config(self.folder.path(), &format!("{out}.toml"), &text);
        let (key, out) = (self.at("ledger.key"), self.at(out));
        let [capture, config, key, out] =
            [capture, &config, &key, &out].map(|path| path.to_str().unwrap());
        let fixed = ["replay", capture, "--flows", "--transfers", "--out", out];
        let mut all = fixed.to_vec();
        all.extend(["--config", config, "--ledger", "--key", key]);
        all.extend(options);
        let ran = run(&all, Duration::from_secs(60));
        assert_eq!(ran.status, Some(0), "{ran:?}");
        ran
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn veil(&self, hides_peers: bool) -> Veil {
        let key = PseudonymKey::read(&self.at("privacy.key")).unwrap();
        let networks = ["10.20.0.0/16", "fd20:2026:302::/48"].map(|text| text.parse().unwrap());
        Veil::new(key, &networks, hides_peers)
    }
}

fn set_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Both ends of every flow.
fn ends(flows: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut own, mut others) = (BTreeSet::new(), BTreeSet::new());
    for line in flows.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        for end in ["src", "dst"] {
            let address = line[end].as_str().unwrap().to_owned();
            let is_own = address.starts_with("10.20.") || address.starts_with("fd20:");
            if is_own { &mut own } else { &mut others }.insert(address);
        }
    }
    (own, others)
}

/// Whether an address stands in a text, and not as a part of another one.
fn holds(text: &str, address: &str) -> bool {
    text.match_indices(address).any(|(at, _)| {
        let is_part = |letter: char| letter.is_ascii_hexdigit();
        let before = text[..at].chars().next_back();
        let after = text[at + address.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[test]
fn no_address_of_the_site_is_in_anything_that_is_written() {
    let office = Office::new();
    office.replay(&office.capture, "plain", "", &["--workers", "1"]);
    let said = office.replay(&office.capture, "hidden", HIDDEN, &["--workers", "3"]);
    let (own, others) = ends(&office.read("plain/flows.jsonl"));
    assert!(own.len() > 5 && others.len() > 5, "{own:?} {others:?}");

    let veil = office.veil(false);
    for name in LINES {
        let [plain, hidden] = ["plain", "hidden"].map(|out| office.read(&format!("{out}/{name}")));
        let is_silent = name == "shadow.jsonl";
        assert_eq!(hidden.is_empty(), is_silent, "{name}");
        // Whatever field it is in: a text is hidden in the same way as its parts are.
        assert_eq!(veil.text(&plain), hidden, "{name}");
    }
    let others_too = ["ledger/entries.jsonl", "ledger/heads.jsonl", "summary.json"];
    let all = LINES.into_iter().chain(others_too);
    let texts: Vec<_> = all
        .map(|name| (name, office.read(&format!("hidden/{name}"))))
        .collect();
    for address in &own {
        for (name, text) in &texts {
            assert!(!holds(text, address), "{address} is in {name}");
        }
        assert!(!holds(&said.stdout, address), "{}", said.stdout);
    }
    let flows = &texts[2].1;
    let peers = others.iter().filter(|address| holds(flows, address));
    assert_eq!(peers.count(), others.len(), "peers are told");
    assert!(texts[3].1.contains("\"asset\":\"web\""), "names are told");
    for name in ["alerts", "flows", "transfers", "verdicts"] {
        let lines = office.at(&format!("hidden/{name}.jsonl"));
        Schema::read(name).accepts(&json_lines(&lines));
    }
    let folder = office.at("hidden/ledger");
    let verified = run(&["ledger", "verify", folder.to_str().unwrap()], SOON);
    assert_eq!(verified.status, Some(0), "{verified:?}");
}

#[test]
fn peers_are_hidden_too_where_that_is_asked_for_and_nobody_gives_a_community_id() {
    let office = Office::new();
    let learns = "[baseline]\nlearn = \"30d\"\n[alert]\nbudget_per_asset_week = 5.0\n";
    let more = format!("{learns}{HIDDEN}hides_peers = true\n[flow]\ncommunity_id = true\n");
    office.replay(&office.capture, "plain", learns, &[]);
    let said = office.replay(&office.capture, "hidden", &more, &[]);
    let [plain, hidden] = ["plain", "hidden"].map(|out| office.read(&format!("{out}/flows.jsonl")));
    assert_eq!(office.veil(true).text(&plain), hidden);
    // What is still being learned is told here alone.
    let shadow = ["plain", "hidden"].map(|out| office.read(&format!("{out}/shadow.jsonl")));
    assert!(!shadow[0].is_empty());
    assert_eq!(office.veil(true).text(&shadow[0]), shadow[1]);
    let (own, others) = ends(&plain);
    for name in LINES {
        let text = office.read(&format!("hidden/{name}"));
        let shown = own
            .iter()
            .chain(&others)
            .find(|address| holds(&text, address));
        assert_eq!(shown, None, "{name}");
    }
    assert!(!hidden.contains("community_id"), "{}", said.stdout);
}

#[test]
fn who_has_the_key_finds_the_way_back_and_says_what_an_incident_was() {
    let office = Office::new();
    let [first, second] = split(&office.capture, WITHIN_THE_LEAK);
    let state = office.at("state");
    let state = state.to_str().unwrap();
    office.replay(&first, "first", HIDDEN, &["--state", state]);
    let alerts = json_lines(&office.at("first/alerts.jsonl"));
    let leak = alerts.iter().rfind(|alert| alert["jurisdiction"] == "RU");
    let leak = leak.unwrap();
    let text = |field: &str| leak[field].as_str().unwrap();

    let key = office.at("privacy.key");
    let key = key.to_str().unwrap();
    let reveal = |pseudonym: &str| run(&["privacy", "reveal", pseudonym, "--key", key], SOON);
    let revealed = reveal(text("asset_ip"));
    assert_eq!(revealed.stdout, "10.20.10.12\n", "{revealed:?}");
    let name = reveal(text("incident")).stdout;
    assert!(name.trim_end().ends_with("/10.20.10.12/RU"), "{name}");
    assert_eq!(reveal("pc").status, Some(2));

    let feedback = |more: &[&str]| {
        let mut words = vec!["feedback", text("incident"), "malicious", "--state", state];
        words.extend(["--by", "Ms Wu", "--note", "her laptop"].iter().chain(more));
        run(&words, SOON)
    };
    let unknown = feedback(&[]);
    assert_eq!(unknown.status, Some(2), "{unknown:?}");
    assert!(unknown.stderr.contains("--key"), "{unknown:?}");
    let given = feedback(&["--key", key]);
    assert_eq!(given.status, Some(0), "{given:?}");

    // The ledger has what was said and how far it reaches, and nobody's name.
    office.replay(&second, "second", HIDDEN, &["--state", state]);
    let folder = office.at("second/ledger");
    let folder = folder.to_str().unwrap();
    let shown = run(&["ledger", "show", folder, "--kind", "feedback"], SOON).stdout;
    let entry: Value = serde_json::from_str(&shown).unwrap();
    let body = &entry["body"];
    assert_eq!(body["verdict"], "malicious");
    assert_eq!(body["incident"], text("incident"));
    assert_eq!(body["asset"], text("asset_ip"));
    assert_eq!(body["jurisdiction"], "RU");
    let entries = office.read("second/ledger/entries.jsonl");
    assert!(
        !entries.contains("Ms Wu") && !entries.contains("laptop"),
        "{entries}"
    );
    let proved = run(
        &["ledger", "prove", folder, &entry["index"].to_string()],
        SOON,
    );
    assert_eq!(proved.status, Some(0), "{proved:?}");

    // It is written once.
    office.replay(&second, "third", HIDDEN, &["--state", state]);
    let folder = office.at("third/ledger");
    let words = [
        "ledger",
        "show",
        folder.to_str().unwrap(),
        "--kind",
        "feedback",
    ];
    assert_eq!(run(&words, SOON).stdout, "");
}

#[test]
fn without_a_key_nothing_starts() {
    let office = Office::new();
    let refused = |more: &str| {
        let config = office_config(office.folder.path(), "refused.toml", more);
        let [config, out] = [config, office.at("refused")].map(|path| path.display().to_string());
        let checked = run(&["check", &config], SOON);
        assert_eq!(checked.status, Some(2), "{checked:?}");
        let capture = office.capture.to_str().unwrap();
        let ran = run(
            &["replay", capture, "--config", &config, "--out", &out],
            SOON,
        );
        assert_eq!((ran.status, &ran.stderr), (Some(2), &checked.stderr));
        ran.stderr
    };
    let none = refused("[privacy]\nmode = \"pseudonyms\"\n");
    assert!(none.contains("borderflow privacy key FILE"), "{none}");
    let missing = "[privacy]\nmode = \"pseudonyms\"\nkey = \"no.key\"\n";
    let missing = refused(missing);
    assert!(missing.contains("no.key: No such file"), "{missing}");
    fs::write(office.at("privacy.key"), "07".repeat(32)).unwrap();
    let same = refused(HIDDEN);
    assert!(same.contains("halves of the key are the same"), "{same}");

    let new = office.at("new.key");
    let words = ["privacy", "key", new.to_str().unwrap()];
    let made = run(&words, SOON);
    assert_eq!(made.status, Some(0), "{made:?}");
    assert!(PseudonymKey::read(&new).is_ok());
    let again = run(&words, SOON);
    assert_eq!(again.status, Some(2), "{again:?}");
}

const SOON: Duration = Duration::from_secs(20);
