//! `image-import profiles`: the built-in profiles, listed or printed.

use std::process::ExitCode;

use crate::profiles::PROFILES;

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
        for profile in PROFILES {
            let title = profile.parse().map(|p| p.spec.title).unwrap_or_default();
            println!("{:<20} {title}", profile.name);
        }
        return ExitCode::SUCCESS;
    };
    match PROFILES.iter().find(|profile| profile.name == name.as_str()) {
        Some(profile) => {
            print!("{}", profile.yaml);
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("image-import: no profile {name:?}; `image-import profiles` lists them");
            ExitCode::from(super::inspect::exit::USAGE)
        }
    }
}
