//! `image-import profiles`.

use std::process::ExitCode;

/// Flags of `profiles`.
#[derive(clap::Args, Debug)]
pub struct Args {}

/// Runs it.
pub fn run(_args: &Args) -> ExitCode {
    ExitCode::from(70)
}
