//! Landlock: which files can be opened.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use super::SandboxError;

/// What this knows of: Linux 6.12. Of an older kernel what that has is used.
const VERSION: ABI = ABI::V6;

/// What the libraries beside us read: about this process for its metrics, about interfaces that
/// come back, and to find hosts that results are sent to.
const OF_LIBRARIES: [&str; 17] = [
    "/proc/self",
    "/proc/stat",
    "/proc/net",
    "/proc/sys/kernel",
    "/sys/class/net",
    "/sys/devices",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/resolv.conf",
    "/run/systemd/resolve",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/ssl",
    "/usr/lib",
    "/usr/share",
];

/// Lets files be opened below these paths and nowhere else. Says what the kernel does not have.
pub(super) fn restrict(
    readable: &[PathBuf],
    writable: &[PathBuf],
) -> Result<Option<String>, SandboxError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = read
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer;
    let of_libraries = OF_LIBRARIES.iter().map(Path::new);
    let readable = of_libraries.chain(readable.iter().map(PathBuf::as_path));
    let rules = readable.map(|path| (path, read));
    let rules = rules.chain(writable.iter().map(|path| (path.as_path(), write)));
    let status = enforce(rules).map_err(|error| SandboxError::Refused {
        what: "Landlock",
        why: error.to_string(),
    })?;
    Ok(match status {
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => None,
        RulesetStatus::NotEnforced => Some(
            "this kernel has no Landlock (or its `lsm=` does not name it, or a container keeps it \
             away): it can open every file that its account can"
                .to_owned(),
        ),
    })
}

fn enforce<'a>(
    rules: impl Iterator<Item = (&'a Path, BitFlags<AccessFs>)>,
) -> Result<RulesetStatus, RulesetError> {
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort);
    let mut ruleset = ruleset
        .handle_access(AccessFs::from_all(VERSION))?
        .scope(Scope::from_all(VERSION))?
        .create()?;
    for (path, access) in rules {
        // What is not there can only be refused.
        let Ok(opened) = PathFd::new(path) else {
            continue;
        };
        let access = match path.is_dir() {
            true => access,
            false => access & AccessFs::from_file(VERSION),
        };
        ruleset = ruleset.add_rule(PathBeneath::new(opened, access))?;
    }
    Ok(ruleset.restrict_self()?.ruleset)
}
