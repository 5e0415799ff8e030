//! `image-import profiles`: the built-in profiles, listed or printed.

use std::process::ExitCode;

use clap::ValueEnum;

use crate::profiles::{self, Builtin, PROFILES};

/// Flags of `profiles`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Print this one
    name: Option<String>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t, requires = "name")]
    output: Output,
}

/// How to print a profile.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Output {
    /// As an object for `kubectl apply`
    #[default]
    Yaml,
    /// As a page for people: docs/profiles/NAME.md
    Markdown,
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
    match args.output {
        Output::Yaml => super::show(profile.yaml, ExitCode::SUCCESS),
        Output::Markdown => {
            let page = profile.parse().map(|parsed| profiles::docs::markdown(&parsed)).unwrap_or_default();
            super::show(&page, ExitCode::SUCCESS)
        }
    }
}
