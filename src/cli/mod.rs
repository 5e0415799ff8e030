//! The program's face: subcommands, their flags and exit codes.

mod crds;
mod inspect;
mod profiles;
mod rules;
mod run;
mod worker;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Says whether a cloud will take a disk image, before a byte is copied, and imports it into a private image store.
#[derive(Parser, Debug)]
#[command(name = "image-import", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Judge a disk image in a file or a bucket, without a cluster
    Inspect(inspect::Args),
    /// List the built-in profiles, or print one
    Profiles(profiles::Args),
    /// Explain the rules
    Rules(rules::Args),
    /// Print the custom resource definitions
    Crds(crds::Args),
    /// Run the operator in a cluster
    Run(run::Args),
    /// Read or copy one disk; started by the operator in a pod
    #[command(hide = true)]
    Worker(worker::Args),
}

/// Parses the arguments and runs the subcommand they name.
pub fn main() -> ExitCode {
    // Both reqwest and kube are built without a provider of their own; the first one installed is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return worker::refuse(&error).unwrap_or_else(|| refused(&error)),
    };
    match cli.command {
        Command::Inspect(args) => inspect::run(&args),
        Command::Profiles(args) => profiles::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Crds(args) => crds::run(&args),
        Command::Run(args) => run::run(args),
        Command::Worker(args) => worker::run(args),
    }
}

/// Prints what is wrong with the arguments, or the help that was asked for. clap's own exit code for a wrong argument, 2,
/// is a verdict here.
fn refused(error: &clap::Error) -> ExitCode {
    // Nothing is left to do when the terminal is gone.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(inspect::exit::USAGE) } else { ExitCode::SUCCESS }
}

/// Prints on standard output. A reader that has gone away (`| head`) is no failure.
fn show(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stdout().write_all(text.as_bytes());
}
