//! Reads a list to memory.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::ProvidersError;

pub(super) fn read(path: &Path) -> Result<Vec<u8>, ProvidersError> {
    let failed = |source: io::Error| {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => ProvidersError::Missing { path },
            _ => ProvidersError::Read { path, source },
        }
    };
    let too_large = || {
        let path = path.to_owned();
        ProvidersError::TooLarge { path }
    };
    // Asked before it is opened, because to open a pipe waits for its other end.
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        let path = path.to_owned();
        return Err(ProvidersError::NotAFile { path });
    }
    if metadata.len() > LIST_BYTES_MAX {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    // One byte more, so that a file that grows meanwhile is not cut at the end of a line.
    file.take(LIST_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > LIST_BYTES_MAX {
        return Err(too_large());
    }
    Ok(bytes)
}

/// Bytes of the largest list that is read. Those of AWS and Azure have less than a quarter.
pub const LIST_BYTES_MAX: u64 = 32 << 20;
