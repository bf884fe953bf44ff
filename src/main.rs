//! The `sala` binary.

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

/// A request takes and gives back hundreds of small pieces on several threads: docs/PERFORMANCE.md says what it is worth.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    sala::cli::run(sala::cli::Cli::parse())
}
