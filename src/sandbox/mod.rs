//! What a running sensor gives up: privileges, files that are not its own, system calls.
//!
//! A sensor reads what strangers send. Once its sockets are open it needs little: so it goes on
//! as an account without rights, keeps one capability at most, sees the folders that it was
//! given and no others (Landlock), and may make the system calls that it needs and no others
//! (seccomp). None of it can be taken back, and threads inherit it, so it has to happen before
//! the first of them begins.
//!
//! One capability stays, CAP_NET_RAW, because an interface that was removed and comes back needs
//! a new socket. With `capture.wait_for_interface = false` there is none to keep.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod folders;
#[cfg(target_os = "linux")]
mod privileges;

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::capture::Method;
use crate::config::Config;
use crate::sink::SinkSettings;

/// What is to be given up, and what is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// Account to go on as, where this is root.
    user: Option<String>,
    landlock: bool,
    seccomp: bool,
    keeps: Keeps,
    /// Files and folders that may be read.
    readable: Vec<PathBuf>,
    /// Folders in which files may be made, written, renamed and removed.
    writable: Vec<PathBuf>,
}

/// Capabilities that a sensor goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    /// None: what it has open is enough.
    Nothing,
    /// CAP_NET_RAW, to open an interface again.
    Sockets,
    /// Those that XDP needs for that, and the system call bpf(2).
    Programs,
}

/// Why a sensor could not give up what it does not need.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// There is no such account.
    #[error(
        "--user {0}: no such account in /etc/passwd; make one with `useradd --system {0}`, or name \
         another"
    )]
    NoUser(String),
    /// Only root can become somebody else.
    #[error("--user {0}: only root can go on as another account; leave it out")]
    NotRoot(String),
    /// Other threads would keep what this one gives up.
    #[error(
        "the sandbox must be entered before other threads begin, by a defect; please report it"
    )]
    HasThreads,
    /// The system refused.
    #[error("{what}: {why}; `[sandbox]` in the configuration switches parts of it off")]
    Refused {
        /// What was being done.
        what: &'static str,
        /// What the system said.
        why: String,
    },
}

impl Sandbox {
    /// What a sensor by this configuration, which was read from `file`, needs to go on.
    pub fn new(config: &Config, file: Option<&Path>) -> Self {
        let keeps = match (config.capture.wait_for_interface, config.capture.method) {
            (false, _) => Keeps::Nothing,
            (true, Method::Xdp) => Keeps::Programs,
            (true, _) => Keeps::Sockets,
        };
        let geo = [
            &config.geo.country,
            &config.geo.country_second,
            &config.geo.asn,
        ];
        let geo = geo.into_iter().flatten().chain(&config.geo.providers);
        let policy = config.policy.approvals.iter();
        let packs = config.policy.packs.iter().flatten().map(Path::new);
        let named = file.into_iter();
        let named = named.chain(geo.chain(policy).map(PathBuf::as_path));
        let named = named.chain(packs.filter(|pack| pack.is_file()));
        let others = [
            &config.http.feedback_token_file,
            &config.http.web_config,
            &config.privacy.key,
            &config.inspect.key,
        ];
        let named = named.chain(others.into_iter().flatten().map(PathBuf::as_path));
        let named = named.chain(config.sink.iter().flat_map(SinkSettings::files_read));
        let named = named.chain(config.flow_input.conn_logs.iter().map(PathBuf::as_path));
        let mut readable: Vec<_> = named.map(folder_of).collect();
        if let (Some(inventory), Some(file)) = (&config.asset.inventory, file) {
            readable.push(folder_of(&folder_of(file).join(inventory)));
        }
        let writable = [&config.state.dir, &config.ledger.dir, &config.history.dir];
        let writable = writable.into_iter().flatten().map(PathBuf::as_path);
        let of_sinks = config.sink.iter().filter_map(SinkSettings::folder_written);
        Self {
            user: config.sandbox.user.clone(),
            landlock: config.sandbox.landlock,
            seccomp: config.sandbox.seccomp,
            keeps,
            readable,
            writable: writable.chain(of_sinks).map(Path::to_owned).collect(),
        }
    }

    /// Goes on as this account, where root has started it.
    #[must_use]
    pub fn with_user(mut self, user: Option<&str>) -> Self {
        self.user = user.map(str::to_owned).or(self.user);
        self
    }

    /// Keeps no capability where no interface is captured, so that none is opened again.
    #[must_use]
    pub const fn with_interfaces(mut self, has_interfaces: bool) -> Self {
        if !has_interfaces {
            self.keeps = Keeps::Nothing;
        }
        self
    }

    /// Lets files be written in a folder, too.
    #[must_use]
    pub fn with_folder(mut self, folder: Option<&Path>) -> Self {
        self.writable.extend(folder.map(Path::to_owned));
        self
    }

    /// Gives up what is not needed, for good. Returns what the operator should know: what the
    /// kernel does not have, or what is switched off.
    ///
    /// # Errors
    /// Where the account does not exist, or the system refuses what it has.
    #[cfg(target_os = "linux")]
    pub fn enter(&self) -> Result<Vec<String>, SandboxError> {
        privileges::check_alone()?;
        self.enter_thread()
    }

    /// The same for the calling thread alone, and those that it begins.
    ///
    /// # Errors
    /// Those of [`Self::enter`].
    #[cfg(target_os = "linux")]
    pub fn enter_thread(&self) -> Result<Vec<String>, SandboxError> {
        let mut notes = Vec::new();
        let account = privileges::account(self.user.as_deref())?;
        // What does not exist cannot be allowed, so it is made while that is easy.
        for folder in &self.writable {
            privileges::make_folder(folder, account.as_ref());
        }
        notes.extend(privileges::drop(self.keeps, account.as_ref())?);
        match self.landlock {
            true => notes.extend(folders::restrict(&self.readable, &self.writable)?),
            false => notes.push(
                "sandbox.landlock = false: it can open every file that its account can".to_owned(),
            ),
        }
        match self.seccomp {
            true => notes.extend(calls::restrict(self.keeps == Keeps::Programs)?),
            false => notes.push(
                "sandbox.seccomp = false: it can make every system call, running programs included"
                    .to_owned(),
            ),
        }
        Ok(notes)
    }

    /// Says that there is nothing of the kind here.
    ///
    /// # Errors
    /// None.
    #[cfg(not(target_os = "linux"))]
    pub fn enter(&self) -> Result<Vec<String>, SandboxError> {
        Ok(vec![
            "this system has neither Landlock nor seccomp: nothing was given up".to_owned(),
        ])
    }
}

/// The folder of a file, since who replaces a file gives it a new identity. In folders that hold
/// everybody's files only the file itself.
fn folder_of(file: &Path) -> PathBuf {
    let folder = file.parent().unwrap_or(Path::new(""));
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let shared = ["/", "/etc", "/home", "/tmp", "/usr", "/var"].map(Path::new);
    let whole = folder.canonicalize();
    match whole.is_ok_and(|whole| shared.contains(&whole.as_path())) {
        true => file.to_owned(),
        false => folder.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_configuration_names_may_be_read_and_what_it_keeps_written() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("lists")).unwrap();
        std::fs::write(at("lists/assets.csv"), "name,addresses\n").unwrap();
        let text = "[asset]\ninventory = \"lists/assets.csv\"\n[geo]\nasn = \"geo/asn.mmdb\"\n\
            [flow_input]\nconn_logs = [\"zeek/conn.log\"]\n[state]\ndir = \"state\"\n\
            [sandbox]\nuser = \"nobody\"\n";
        std::fs::write(at("b.toml"), text).unwrap();
        let config = Config::read(&at("b.toml")).unwrap();
        let sandbox = Sandbox::new(&config, Some(&at("b.toml"))).with_folder(Some(&at("out")));
        assert_eq!(
            sandbox.readable,
            [at(""), at("geo"), at("zeek"), at("lists")]
        );
        assert_eq!(sandbox.writable, [at("state"), at("out")]);
        assert_eq!(sandbox.user.as_deref(), Some("nobody"));
        let other = sandbox.with_user(Some("daemon"));
        assert_eq!(other.user.as_deref(), Some("daemon"));
        assert_eq!(other.keeps, Keeps::Sockets);
        assert_eq!(other.with_interfaces(false).keeps, Keeps::Nothing);
    }

    #[test]
    fn a_file_among_those_of_everybody_does_not_open_their_folder() {
        assert_eq!(
            folder_of(Path::new("/etc/b.toml")),
            Path::new("/etc/b.toml")
        );
        assert_eq!(
            folder_of(Path::new("/etc/../etc/b.toml")),
            Path::new("/etc/../etc/b.toml")
        );
        assert_eq!(
            folder_of(Path::new("/etc/borderflow/b.toml")),
            Path::new("/etc/borderflow")
        );
        assert_eq!(folder_of(Path::new("b.toml")), Path::new("."));
    }
}
