//! Accounts and capabilities.

use std::fs;
use std::io;
use std::path::Path;

use rustix::process::geteuid;
use rustix::thread::{
    CapabilitySet, CapabilitySets, Gid, Uid, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_keep_capabilities, set_no_new_privs,
    set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use super::{Keeps, SandboxError};

/// Who goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    uid: Uid,
    gid: Gid,
}

/// Refuses where there are other threads.
pub(super) fn check_alone() -> Result<(), SandboxError> {
    // Without /proc nobody can tell, and the order of the program holds.
    let threads = fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    match threads {
        0 | 1 => Ok(()),
        _ => Err(SandboxError::HasThreads),
    }
}

/// Looks an account up, where one is named.
pub(super) fn account(name: Option<&str>) -> Result<Option<Account>, SandboxError> {
    let Some(name) = name else { return Ok(None) };
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = find(&accounts, name);
    let found = found.ok_or_else(|| SandboxError::NoUser(name.to_owned()))?;
    match geteuid() {
        own if own == found.uid => Ok(None),
        own if own.is_root() => Ok(Some(found)),
        _ => Err(SandboxError::NotRoot(name.to_owned())),
    }
}

/// Finds an account in the text of passwd(5).
fn find(accounts: &str, name: &str) -> Option<Account> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let is_it = fields.next()? == name;
        let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        is_it.then(|| Account {
            uid: Uid::from_raw(uid),
            gid: Gid::from_raw(gid),
        })
    })
}

/// Makes a folder for an account. Where that fails, who needs the folder says so later.
pub(super) fn make_folder(folder: &Path, account: Option<&Account>) {
    if folder.exists() || fs::create_dir_all(folder).is_err() {
        return;
    }
    if let Some(Account { uid, gid }) = account {
        let _ = rustix::fs::chown(folder, Some(*uid), Some(*gid));
    }
}

/// Goes on as an account, with the capabilities that are kept and no others, and never more.
pub(super) fn drop(keeps: Keeps, account: Option<&Account>) -> Result<Vec<String>, SandboxError> {
    let has_been_root = geteuid().is_root();
    let refused = |what| move |error| refused(what, error);
    let before = capabilities(None).map_err(refused("reading capabilities"))?;
    let kept = kept(keeps) & before.permitted;
    if before.effective.contains(CapabilitySet::SETPCAP) {
        // Numbers that this kernel does not know end the list.
        let all = (0..u64::BITS).map(|bit| CapabilitySet::from_bits_retain(1 << bit));
        let others = all.filter(|one| !kept.contains(*one));
        let _ = others
            .into_iter()
            .try_for_each(remove_capability_from_bounding_set);
    }
    if let Some(Account { uid, gid }) = account {
        let become_it = || {
            set_keep_capabilities(true)?;
            set_thread_groups(&[])?;
            set_thread_res_gid(*gid, *gid, *gid)?;
            set_thread_res_uid(*uid, *uid, *uid)?;
            set_keep_capabilities(false)
        };
        become_it().map_err(refused("changing the account"))?;
    }
    // A kernel without ambient capabilities has none to clear.
    let _ = clear_ambient_capability_set();
    let sets = CapabilitySets {
        effective: kept,
        permitted: kept,
        inheritable: CapabilitySet::empty(),
    };
    let has_more = account.is_some() || before.effective | before.permitted != kept;
    // A service manager that has left no more than is kept may forbid the call as well.
    let dropped = match has_more {
        true => set_capabilities(None, sets),
        false => Ok(()),
    };
    let mut notes = Vec::new();
    match dropped {
        Err(error) if !has_been_root => notes.push(format!(
            "capabilities stay as the service manager has left them: {error}"
        )),
        dropped => dropped.map_err(refused("dropping capabilities"))?,
    }
    set_no_new_privs(true).map_err(refused("giving up new privileges"))?;
    if has_been_root && account.is_none() {
        let note = "running as root, though without what root may do: name an account with --user \
                    or sandbox.user";
        notes.push(note.to_owned());
    }
    Ok(notes)
}

fn kept(keeps: Keeps) -> CapabilitySet {
    match keeps {
        Keeps::Nothing => CapabilitySet::empty(),
        Keeps::Sockets => CapabilitySet::NET_RAW,
        Keeps::Programs => CapabilitySet::NET_RAW | CapabilitySet::NET_ADMIN | CapabilitySet::BPF,
    }
}

fn refused(what: &'static str, error: impl Into<io::Error>) -> SandboxError {
    let why = error.into().to_string();
    SandboxError::Refused { what, why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_found_by_their_whole_names() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\nborder:x:7:8::/:/bin/sh\n\
            bad line\nshort:x\nborderflow:x:990:991:Sensor:/:/usr/sbin/nologin\n";
        let of = |name| find(accounts, name).map(|it| (it.uid.as_raw(), it.gid.as_raw()));
        assert_eq!(of("borderflow"), Some((990, 991)));
        assert_eq!(of("border"), Some((7, 8)));
        assert_eq!(of("short"), None);
        assert_eq!(of(""), None);
    }
}
