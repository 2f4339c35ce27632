//! How the program behaves towards a person: its complaints, its files, its signals.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{self, BINARY, Ran};

impl Ran {
    /// Lines of standard error, but for the one that says which defaults are used.
    pub(crate) fn complaints(&self) -> Vec<&str> {
        let usual = |line: &&str| !line.starts_with("borderflow: no --config:");
        self.stderr.lines().filter(usual).collect()
    }

    /// Checks that it ended with `status` and one line of complaint that holds `words`.
    pub(crate) fn complained(&self, status: i32, words: &[&str]) {
        assert_eq!(self.status, Some(status), "{self:?}");
        let complaints = self.complaints();
        let [line] = complaints[..] else {
            panic!("not one line of complaint: {self:?}");
        };
        assert!(line.starts_with("borderflow: "), "{line}");
        for word in words {
            assert!(line.contains(word), "`{word}` is not in: {line}");
        }
    }

    /// Checks that it could not start: as [`Self::complained`], and not a word on stdout.
    pub(crate) fn refused(&self, status: i32, words: &[&str]) {
        self.complained(status, words);
        assert_eq!(self.stdout, "", "{self:?}");
    }

    /// Checks that nothing was wrong.
    pub(crate) fn succeeded(&self) {
        assert_eq!(self.status, Some(0), "{self:?}");
        assert!(self.complaints().is_empty(), "{self:?}");
    }
}

/// The program, to be given arguments, with the log level that it has by itself.
pub(crate) fn borderflow(command: &str) -> Command {
    let mut program = Command::new(BINARY);
    program.arg(command).env_remove("RUST_LOG");
    program
}

/// Runs a command to its end.
pub(crate) fn run(command: Command) -> Ran {
    support::run_command(command, LIMIT)
}

/// Replays files into a folder, with all files asked for.
pub(crate) fn replay_to(out: &Path, files: &[&Path], options: &[&str]) -> Ran {
    let mut command = borderflow("replay");
    command.args(["--flows", "--transfers", "--out"]).arg(out);
    command.args(options).args(files);
    run(command)
}

/// The files that a replay leaves.
#[derive(Debug)]
pub(crate) struct Results {
    pub(crate) alerts: Vec<Value>,
    pub(crate) shadow: Vec<Value>,
    pub(crate) flows: Vec<Value>,
    pub(crate) transfers: Vec<Value>,
    pub(crate) summary: Value,
}

/// Reads the files of a folder, all of which must be there and whole.
pub(crate) fn results(out: &Path) -> Results {
    let lines = |name: &str| {
        let path = out.join(name);
        let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(
            text.last().is_none_or(|last| *last == b'\n'),
            "{name} is cut"
        );
        support::json_lines(&path)
    };
    Results {
        alerts: lines("alerts.jsonl"),
        shadow: lines("shadow.jsonl"),
        flows: lines("flows.jsonl"),
        transfers: lines("transfers.jsonl"),
        summary: support::json(&out.join("summary.json")),
    }
}

/// A child with pipes, which does not outlive the test that started it.
#[derive(Debug)]
pub(crate) struct Running(Option<Child>);

impl Running {
    /// Starts a command with pipes for its outputs.
    pub(crate) fn start(mut command: Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self::of(command.spawn().unwrap())
    }

    /// Takes care of a child, whatever its outputs are.
    pub(crate) const fn of(child: Child) -> Self {
        Self(Some(child))
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.0.as_ref().unwrap().id()
    }

    /// The child.
    pub(crate) fn child(&mut self) -> &mut Child {
        self.0.as_mut().unwrap()
    }

    /// Reads standard error byte by byte up to and with a line that holds `word`, so that
    /// nothing behind it is taken away. Returns what was read.
    pub(crate) fn await_line(&mut self, word: &str) -> String {
        let stderr = self.child().stderr.as_mut().unwrap();
        let (mut all, mut line) = (Vec::new(), Vec::new());
        let mut byte = [0];
        while stderr.read(&mut byte).unwrap() == 1 {
            all.push(byte[0]);
            line.push(byte[0]);
            if byte[0] == b'\n' {
                if String::from_utf8_lossy(&line).contains(word) {
                    return String::from_utf8(all).unwrap();
                }
                line.clear();
            }
        }
        panic!("ended without `{word}`: {}", String::from_utf8_lossy(&all));
    }

    /// Sends a signal by its name, without SIG.
    pub(crate) fn signal(&mut self, name: &str) {
        let number = self.child().id().to_string();
        let sent = Command::new("kill").args(["-s", name, &number]).status();
        assert!(sent.unwrap().success(), "SIG{name} could not be sent");
    }

    /// Waits for the end and takes what was said since.
    pub(crate) fn finish(mut self) -> Ran {
        let mut child = self.0.take().unwrap();
        let stdout = read_all(child.stdout.take());
        let stderr = read_all(child.stderr.take());
        let start = Instant::now();
        let (status, timed_out) = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break (status.code(), false);
            }
            if start.elapsed() > LIMIT {
                child.kill().unwrap();
                break (child.wait().unwrap().code(), true);
            }
            thread::sleep(Duration::from_millis(5));
        };
        Ran {
            status,
            stdout: stdout.join().unwrap(),
            stderr: stderr.join().unwrap(),
            timed_out,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Whether this process is root; the kernel's word is in `/proc`.
pub(crate) fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    ids.is_some_and(|ids| ids.split_whitespace().nth(1) == Some("0"))
}

/// Whether all of these commands are here; if not, says for the test `test` which is missing.
pub(crate) fn has_commands(test: &str, names: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let missing = names
        .iter()
        .find(|name| !folders.iter().any(|folder| folder.join(name).is_file()));
    if let Some(missing) = missing {
        println!("{test}: skipped, there is no `{missing}`");
    }
    missing.is_none()
}

fn read_all(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes).unwrap();
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// No test needs longer for one run.
const LIMIT: Duration = Duration::from_secs(120);
