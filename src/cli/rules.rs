//! `image-import rules`: every rule listed, one explained, or all of them as `docs/rules.md`.

use std::process::ExitCode;

use crate::profiles;
use crate::rules::{self, RULES, Rule, docs};

/// Flags of `rules`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Explain this one, by catalogue id or name: DRV-01, VirtioInstalled
    rule: Option<String>,
    /// Print all of them as Markdown: docs/rules.md
    #[arg(long, conflicts_with = "rule")]
    markdown: bool,
}

/// Runs it.
pub fn run(args: &Args) -> ExitCode {
    let text = match &args.rule {
        _ if args.markdown => docs::markdown(&profiles::built_in()),
        None => {
            let line = |rule: &&Rule| format!("{:<7} {:<24} {}\n", rule.id, rule.name, rule.code);
            RULES.iter().map(line).collect::<Vec<_>>().concat()
        }
        Some(name) => {
            let Some(rule) = rules::find(name) else {
                eprintln!("image-import: no rule {name:?}; `image-import rules` lists them");
                return ExitCode::from(super::inspect::exit::USAGE);
            };
            docs::explained(rule, &profiles::built_in())
        }
    };
    super::show(&text, ExitCode::SUCCESS)
}
