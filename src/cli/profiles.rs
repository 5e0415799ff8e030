//! `image-import profiles`: the built-in profiles, listed or printed.

use std::process::ExitCode;

use crate::profiles::{Builtin, PROFILES};

/// Flags of `profiles`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Print this one, as an object for `kubectl apply`
    name: Option<String>,
    /// How to print: YAML is the only way
    #[arg(short, long, value_parser = ["yaml"], default_value = "yaml", requires = "name")]
    output: String,
}

/// Runs it.
pub fn run(args: &Args) -> ExitCode {
    let Some(name) = &args.name else {
        let title = |profile: &Builtin| profile.parse().map(|p| p.spec.title).unwrap_or_default();
        let lines: Vec<String> = PROFILES.iter().map(|p| format!("{:<20} {}\n", p.name, title(p))).collect();
        return super::show(&lines.concat(), ExitCode::SUCCESS);
    };
    let Some(profile) = PROFILES.iter().find(|profile| profile.name == name.as_str()) else {
        eprintln!("image-import: no profile {name:?}; `image-import profiles` lists them");
        return ExitCode::from(super::inspect::exit::USAGE);
    };
    super::show(profile.yaml, ExitCode::SUCCESS)
}
