//! Why a list cannot be used.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::LIST_BYTES_MAX;

/// A list of a provider that cannot be used.
#[derive(Debug, Error)]
pub enum ProvidersError {
    /// Nothing has this path.
    #[error(
        "geo.providers: there is no file `{}`: fetch the list, or take the path out",
        .path.display()
    )]
    Missing {
        /// Its path.
        path: PathBuf,
    },
    /// A directory, a device or a pipe.
    #[error("geo.providers: `{}` is not a regular file: name a list", .path.display())]
    NotAFile {
        /// Its path.
        path: PathBuf,
    },
    /// The operating system does not let it be read.
    #[error("geo.providers: `{}` cannot be read: {source}", .path.display())]
    Read {
        /// Its path.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// More than [`LIST_BYTES_MAX`].
    #[error(
        "geo.providers: `{}` has more than {LIST_BYTES_MAX} bytes: is it a list of prefixes?",
        .path.display()
    )]
    TooLarge {
        /// Its path.
        path: PathBuf,
    },
    /// No JSON, only the first part of one, or fields of another kind. The reader says in
    /// which line and column.
    #[error("geo.providers: `{path}` is no JSON of a provider, or is cut short: {source}")]
    Json {
        /// Its path.
        path: String,
        /// What the reader says.
        source: serde_json::Error,
    },
    /// A list of no known format, or an empty one.
    #[error("geo.providers: `{path}` {problem}")]
    Whole {
        /// Its path.
        path: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A value that cannot be used.
    #[error("geo.providers: `{path}`, {place}: {problem}")]
    Value {
        /// Its path.
        path: String,
        /// A line, or in JSON the path to the value.
        place: String,
        /// What is wrong and what to do.
        problem: String,
    },
}

/// What is wrong with a list, before it is known which one it is.
#[derive(Debug)]
pub(super) enum Fault {
    Json(serde_json::Error),
    Whole(String),
    Value { place: String, problem: String },
}

impl Fault {
    pub(super) fn at(place: String, problem: String) -> Self {
        Self::Value { place, problem }
    }

    /// The same of the list `path`.
    pub(super) fn of(self, path: &str) -> ProvidersError {
        let path = path.to_owned();
        match self {
            Self::Json(source) => ProvidersError::Json { path, source },
            Self::Whole(problem) => ProvidersError::Whole { path, problem },
            Self::Value { place, problem } => ProvidersError::Value {
                path,
                place,
                problem,
            },
        }
    }
}
