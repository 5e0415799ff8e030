//! The program's face: subcommands, their flags and exit codes.

mod crds;
mod import;
mod inspect;
mod profiles;
mod release;
mod rules;
mod run;
mod worker;

use std::io::Write as _;
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
    /// Carry out an ImageImport without a cluster: judge the image, write it to its destination, record it
    Import(import::Args),
    /// List the built-in profiles, or print one
    Profiles(profiles::Args),
    /// List the rules
    Rules(rules::Args),
    /// Explain a rule, or a code that a cloud answers with
    Explain(rules::Explain),
    /// Print the custom resource definitions
    Crds(crds::Args),
    /// Run the operator in a cluster
    Run(run::Args),
    /// Let the records of images be deleted without their objects, before the operator is uninstalled
    ReleaseFinalizers(release::Args),
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
        Command::Import(args) => import::run(&args),
        Command::Profiles(args) => profiles::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Explain(args) => rules::explain(&args),
        Command::Crds(args) => crds::run(&args),
        Command::Run(args) => run::run(args),
        Command::ReleaseFinalizers(args) => release::run(&args),
        Command::Worker(args) => worker::run(args),
    }
}

/// Prints what is wrong with the arguments, or the help that was asked for. clap's own exit code for a wrong argument, 2,
/// is a verdict here.
fn refused(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        // Nothing is left to do when the terminal is gone.
        let _ = error.print();
        return ExitCode::from(inspect::exit::USAGE);
    }
    written(error.print().and_then(|()| std::io::stdout().flush()), ExitCode::SUCCESS)
}

/// Prints on standard output and gives the exit code: `code`, or `EX_IOERR` where it cannot be written.
fn show(text: &str, code: ExitCode) -> ExitCode {
    let mut out = std::io::stdout().lock();
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()), code)
}

/// The exit code once standard output was written to. A reader that has gone away (`| head`) is no failure.
fn written(result: std::io::Result<()>, code: ExitCode) -> ExitCode {
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("image-import: standard output: {error}");
            ExitCode::from(inspect::exit::OUTPUT)
        }
        _ => code,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Lines that are wrapped by hand are wrapped once more, in the middle.
    #[test]
    fn no_help_is_wrapped_twice() {
        for width in [80, 100] {
            for command in Cli::command().get_subcommands() {
                let text = command.clone().term_width(width).render_long_help().to_string();
                let lines: Vec<&str> = text.lines().collect();
                for pair in lines.windows(2) {
                    let [line, next] = pair else { unreachable!() };
                    let word = next.split_whitespace().next().unwrap_or_default();
                    let prose = next.starts_with(|c: char| c.is_ascii_alphanumeric());
                    let fits = line.len() + 1 + word.len() <= width;
                    assert!(line.is_empty() || !(prose && fits), "{}: {line}\n{next}", command.get_name());
                }
            }
        }
    }
}
