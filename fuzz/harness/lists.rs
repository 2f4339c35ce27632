//! Any bytes as what an operator declares: an inventory or approvals, as a table or as TOML.
//!
//! Byte 0 says which. Behind it are one list, or two with a line `----` between them: approvals
//! and the inventory that they are held against.

use borderflow::inventory::{AssetBy, AssetConfig, Inventory, ListError, Listed, shown};
use borderflow::policy::{Approval, Register, lint};

/// Reads the bytes as lists, and where they are, looks through them as `borderflow check` does.
pub fn run(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else {
        return;
    };
    let cut = rest.windows(CUT.len()).position(|here| here == CUT);
    let (one, other) = match cut {
        Some(at) => (&rest[..at], &rest[at + CUT.len()..]),
        None => (rest, &[][..]),
    };
    let assets = match kind & 1 {
        0 => Listed::read_table(other, ASSETS),
        _ => toml(other, ASSETS, Listed::read_toml),
    };
    let approvals = match kind & 2 {
        0 => Approval::read_table(one, APPROVALS),
        _ => toml(one, APPROVALS, Approval::read_toml),
    };
    // Where there is one list alone, either may be meant.
    let assets = match (cut, kind & 4) {
        (None, 4) => match kind & 1 {
            0 => Listed::read_table(one, ASSETS),
            _ => toml(one, ASSETS, Listed::read_toml),
        },
        _ => assets,
    };
    let assets = sound(assets, ASSETS, bytes);
    let approvals = sound(approvals, APPROVALS, bytes);
    for by in [AssetBy::Auto, AssetBy::Address] {
        if let Err(error) = Listed::check(&assets, by) {
            check_error(&error, ASSETS, bytes);
        }
    }
    let known = assets.iter().map(|one| one.known.clone()).collect();
    let config = AssetConfig {
        known,
        ..AssetConfig::default()
    };
    let inventory = Inventory::new(&config);
    assert!(inventory.inspected() <= assets.len());
    let count = approvals.len();
    let Ok(register) = Register::new(approvals) else {
        return;
    };
    assert_eq!(register.approvals().len(), count);
    let today = "2026-03-02".parse().unwrap();
    for remark in lint(&assets, &register, today, &[]) {
        let place = [&*remark.file, remark.severity.name()].join(" ");
        assert!(
            !remark.sentence.is_empty() && !remark.fix.is_empty(),
            "{place}"
        );
    }
    let _ = shown(&String::from_utf8_lossy(one));
}

fn toml<T>(
    bytes: &[u8],
    file: &str,
    read: impl Fn(&str, &str) -> Result<Vec<T>, ListError>,
) -> Result<Vec<T>, ListError> {
    match str::from_utf8(bytes) {
        Ok(text) => read(text, file),
        Err(_) => Ok(Vec::new()),
    }
}

/// What was read; a complaint names a place that is there.
fn sound<T>(read: Result<Vec<T>, ListError>, file: &str, bytes: &[u8]) -> Vec<T> {
    read.unwrap_or_else(|error| {
        check_error(&error, file, bytes);
        Vec::new()
    })
}

fn check_error(error: &ListError, file: &str, bytes: &[u8]) {
    assert_eq!(error.file, file);
    // Carriage returns alone end a line of a table as well.
    let is_end = |byte: &&u8| matches!(byte, b'\n' | b'\r');
    let lines = bytes.iter().filter(is_end).count() + 1;
    assert!(error.line <= lines, "{error} of {lines} lines");
    let said = error.to_string();
    assert!(!said.contains(char::is_control), "{said:?}");
}

const ASSETS: &str = "inventory";
const APPROVALS: &str = "approvals";

/// What stands between two lists.
const CUT: &[u8] = b"\n----\n";
