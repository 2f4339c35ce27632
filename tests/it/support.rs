//! What several tests need: the binary with a time limit, the shared captures, the lines
//! that a replay wrote.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use borderflow::simulate::{Scenario, simulate};
use serde_json::Value;

/// How a run of the binary ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Exit status; none where a signal ended it.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Whether it was killed because its time was up.
    pub(crate) timed_out: bool,
}

/// Runs `borderflow` with these arguments, for at most `limit`.
pub(crate) fn run<S: AsRef<OsStr>>(arguments: &[S], limit: Duration) -> Ran {
    let mut command = Command::new(BINARY);
    command.args(arguments);
    run_command(command, limit)
}

/// Runs any command with an empty standard input, for at most `limit`.
pub(crate) fn run_command(mut command: Command, limit: Duration) -> Ran {
    // Files, not pipes, so that nobody has to read while it runs.
    let (mut stdout, mut stderr) = (temporary(), temporary());
    command
        .stdin(Stdio::null())
        .stdout(stdout.try_clone().unwrap())
        .stderr(stderr.try_clone().unwrap());
    let begun = Instant::now();
    let mut child = command.spawn().unwrap();
    let mut timed_out = false;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if !timed_out && begun.elapsed() > limit {
            timed_out = true;
            child.kill().unwrap();
        }
        thread::sleep(POLL);
    };
    Ran {
        status: status.code(),
        stdout: text(&mut stdout),
        stderr: text(&mut stderr),
        timed_out,
    }
}

/// Replays files into the folder `out`, with flows and transfers and with `options`.
pub(crate) fn replay(files: &[&Path], out: &Path, options: &[&str]) -> Ran {
    let mut arguments = vec![OsStr::new("replay")];
    arguments.extend(files.iter().map(|file| file.as_os_str()));
    let fixed = ["--flows", "--transfers", "--out"].map(OsStr::new);
    arguments.extend(fixed);
    arguments.push(out.as_os_str());
    arguments.extend(options.iter().map(OsStr::new));
    run(&arguments, REPLAY_LIMIT)
}

/// A folder of the shared test data, which lies beside this repository; where it is
/// absent, says so for the test `test`.
pub(crate) fn shared(test: &str, folder: &str) -> Option<PathBuf> {
    let path = root().join("../shared").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("{test}: skipped, there is no ../shared/{folder}");
    None
}

/// The root of this repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The values of a file with one JSON value per line.
pub(crate) fn json_lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e} in {line}"));
    text.lines().map(parse).collect()
}

/// The value of a JSON file.
pub(crate) fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A number of a JSON object.
pub(crate) fn number(object: &Value, field: &str) -> u64 {
    let value = object[field].as_u64();
    value.unwrap_or_else(|| panic!("no number `{field}` in {object}"))
}

/// Every capture that the manifests of the shared captures list, sorted: its name below
/// that folder, and what the manifest says of it.
pub(crate) fn listed_captures(captures: &Path) -> Vec<(String, Value)> {
    let mut listed = Vec::new();
    for entry in fs::read_dir(captures).unwrap() {
        let folder = entry.unwrap();
        let source = folder.file_name().into_string().unwrap();
        let manifest = folder.path().join("manifest.json");
        let Value::Object(files) = json(&manifest) else {
            panic!("{}: not an object", manifest.display());
        };
        listed.extend(
            files
                .into_iter()
                .map(|(name, said)| (format!("{source}/{name}"), said)),
        );
    }
    listed.sort_by(|(a, _), (b, _)| a.cmp(b));
    listed
}

/// What a replay into `out` left behind, checked for conservation: every frame is a packet
/// or was dropped for a reason, and the flows hold the packets and their bytes.
#[derive(Debug)]
pub(crate) struct Conserved {
    pub(crate) summary: Value,
    pub(crate) flows: Vec<Value>,
}

impl Conserved {
    /// Reads and checks the results in `out`.
    pub(crate) fn of(out: &Path) -> Result<Self, String> {
        let summary = json(&out.join("summary.json"));
        let flows = json_lines(&out.join("flows.jsonl"));
        let dropped = summary["dropped"].as_object().unwrap().values();
        let dropped: u64 = dropped.map(|frames| frames.as_u64().unwrap()).sum();
        for flow in &flows {
            let of = |field: &str, side: &str| number(flow, &format!("{field}_{side}"));
            let kinds = ["unique_bytes", "payload_bytes", "ip_bytes", "wire_bytes"];
            for side in ["src", "dst"] {
                if !kinds.map(|kind| of(kind, side)).is_sorted() {
                    return Err(format!("a part is larger than the whole: {flow}"));
                }
            }
        }
        let both = |field: &str| {
            let of_flow = |flow| {
                let side = |side| number(flow, &format!("{field}_{side}"));
                side("src") + side("dst")
            };
            flows.iter().map(of_flow).sum::<u64>()
        };
        let sums = [
            ("frames_read", number(&summary, "packets") + dropped),
            ("packets", both("packets")),
            ("wire_bytes", both("wire_bytes")),
            ("ip_bytes", both("ip_bytes")),
            ("flows", flows.len() as u64),
        ];
        for (field, sum) in sums {
            let said = number(&summary, field);
            if said != sum {
                return Err(format!("{field} is {said}, its parts are {sum}"));
            }
        }
        let mut exported = BTreeMap::<String, u64>::new();
        for transfer in json_lines(&out.join("transfers.jsonl")) {
            let country = transfer["jurisdiction"].as_str().unwrap().to_owned();
            *exported.entry(country).or_default() += number(&transfer, "bytes");
        }
        if summary["export_bytes"] != serde_json::json!(exported) {
            let said = &summary["export_bytes"];
            return Err(format!(
                "export_bytes is {said}, its transfers are {exported:?}"
            ));
        }
        Ok(Self { summary, flows })
    }
}

/// Plays the scenario of a small office's nine days into `folder`; returns its capture.
pub(crate) fn office_week(folder: &Path) -> PathBuf {
    let scenario = root().join("models/scenarios/office-week.toml");
    let scenario = Scenario::read(&scenario).unwrap();
    let path = folder.join("office-week.pcap");
    let mut capture = File::create(&path).unwrap();
    simulate(&scenario, &mut capture, &mut Vec::new()).unwrap();
    path
}

/// Writes a configuration for that office into `folder`, with `more` lines of TOML.
pub(crate) fn office_config(folder: &Path, name: &str, more: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, format!("{OFFICE_SITE}{more}")).unwrap();
    path
}

fn temporary() -> File {
    tempfile::tempfile().unwrap()
}

fn text(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The program as the tests built it.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_borderflow");

/// What the sensor is told of the office.
const OFFICE_SITE: &str = r#"
[site]
networks = ["10.20.0.0/16", "fd20:2026:302::/48"]
jurisdictions = ["CN"]
time_zone = "Asia/Shanghai"
"#;

/// The longest that one replay may take.
pub(crate) const REPLAY_LIMIT: Duration = Duration::from_secs(10);

/// Between two looks at a running child.
const POLL: Duration = Duration::from_millis(2);
