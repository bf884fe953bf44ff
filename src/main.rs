//! The `sala` binary.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    sala::cli::run(sala::cli::Cli::parse())
}
