//! `borderflow generate`: manual pages and completions, from the arguments themselves.

use std::fs;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_complete::generate_to;

use crate::sink::SinkError;

use super::arguments::{Arguments, GenerateArguments};
use super::{CommandError, Outcome};

/// Shells that Debian has a place for completions of.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Fish, Shell::Zsh];

pub(super) fn run(arguments: &GenerateArguments) -> Result<Outcome, CommandError> {
    let folder = &arguments.folder;
    let written = write(folder);
    written.map_err(|error| SinkError::io(&folder.display().to_string(), "write", error))?;
    Ok(Outcome::Complete)
}

fn write(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let command = Arguments::command();
    let name = command.get_name().to_owned();
    for shell in SHELLS {
        generate_to(shell, &mut command.clone(), &name, folder)?;
    }
    clap_mangen::generate_to(command, folder)
}
