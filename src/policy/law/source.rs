//! Where the text of packs is from: built in, or a file and what lies beside it.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::pack::Pack;
use super::parse::{PackError, load};

/// The largest file of a pack that is read, in bytes.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// A text, and how it is called in errors.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) text: String,
}

macro_rules! embedded {
    ($($id:literal),* $(,)?) => {
        /// The packs that are built in: name and text.
        pub const EMBEDDED_PACKS: &[(&str, &str)] = &[
            $(($id, include_str!(concat!("../../../models/policy/", $id, ".toml")))),*
        ];
    };
}

embedded!(
    "br-lgpd",
    "cn-auto2026",
    "cn-base",
    "cn-ftz-beijing",
    "cn-ftz-hainan",
    "cn-ftz-shanghai",
    "cn-ftz-tianjin",
    "cn-ftz-zhejiang",
    "cn-gba",
    "eu-gdpr",
    "id-pdp",
    "in-dpdp",
    "jp-appi",
    "kr-pipa",
    "ru-152fz",
    "sa-pdpl",
    "us-dsp",
    "vn-pdpl",
);

impl Pack {
    /// The pack that is built in under a name.
    ///
    /// # Errors
    /// If there is none, or, by a defect of this program, it cannot be read.
    pub fn embedded(id: &str) -> Result<Self, PackError> {
        let source = embedded_source(id).ok_or_else(|| PackError::Unknown {
            id: id.to_owned(),
            known: EMBEDDED_PACKS
                .iter()
                .map(|(id, _)| *id)
                .collect::<Vec<_>>()
                .join(", "),
        })?;
        load(source, &|id| Ok(embedded_source(id)))
    }

    /// All packs that are built in, by name.
    ///
    /// # Errors
    /// If, by a defect of this program, one cannot be read.
    pub fn all_embedded() -> Result<Vec<Self>, PackError> {
        EMBEDDED_PACKS
            .iter()
            .map(|(id, _)| Self::embedded(id))
            .collect()
    }

    /// Reads a text that extends built-in packs only; `name` stands for the file in errors.
    ///
    /// # Errors
    /// Names the line and column.
    pub fn parse(text: &str, name: &str) -> Result<Self, PackError> {
        let source = Source {
            name: name.to_owned(),
            text: text.to_owned(),
        };
        load(source, &|id| Ok(embedded_source(id)))
    }

    /// Reads a file. What it extends lies beside it as `<id>.toml`, or is built in.
    ///
    /// # Errors
    /// Names the file, and where it can the line and column.
    pub fn read(path: &Path) -> Result<Self, PackError> {
        let missing = || PackError::Read {
            path: path.display().to_string(),
            source: ErrorKind::NotFound.into(),
        };
        let source = read_source(path)?.ok_or_else(missing)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        // Names of packs hold no character that could lead out of the folder.
        load(source, &|id| {
            let beside = read_source(&folder.join(format!("{id}.toml")))?;
            Ok(beside.or_else(|| embedded_source(id)))
        })
    }
}

fn embedded_source(id: &str) -> Option<Source> {
    let (_, text) = EMBEDDED_PACKS.iter().find(|(name, _)| *name == id)?;
    Some(Source {
        name: format!("models/policy/{id}.toml"),
        text: (*text).to_owned(),
    })
}

/// Nothing where there is no file.
fn read_source(path: &Path) -> Result<Option<Source>, PackError> {
    let name = path.display().to_string();
    let error = |source| PackError::Read {
        path: name.clone(),
        source,
    };
    let file = match File::open(path) {
        Err(said) if said.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(error)?,
    };
    let mut text = String::new();
    // One byte more than may be, so that a device without an end is found out too.
    let mut bounded = file.take(FILE_BYTES_MAX + 1);
    bounded.read_to_string(&mut text).map_err(error)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(PackError::TooLarge(name));
    }
    Ok(Some(Source { name, text }))
}
