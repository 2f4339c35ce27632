//! The borderflow program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    borderflow::cli::main()
}
