//! `image-import rules`: every rule listed, one explained, or all of them as `docs/rules.md`; `image-import explain`.

use std::process::ExitCode;

use crate::profiles;
use crate::rules::{RULES, Rule, docs};

/// Flags of `rules`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Explain this one, by catalogue id, name or code: DRV-01, VirtioInstalled, VirtioNotInstall
    rule: Option<String>,
    /// Print all of them as Markdown: docs/rules.md
    #[arg(long, conflicts_with = "rule")]
    markdown: bool,
}

/// Flags of `explain`.
#[derive(clap::Args, Debug)]
pub struct Explain {
    /// A rule by catalogue id, name or code: DRV-01, VirtioInstalled, VirtioNotInstall
    rule: String,
}

/// Explains a rule, or all that a cloud's code may mean.
pub fn explain(args: &Explain) -> ExitCode {
    explained(&args.rule)
}

fn explained(word: &str) -> ExitCode {
    let profiles = profiles::built_in();
    let (found, said) = (docs::named(word, &profiles), docs::handling(word, &profiles));
    if found.is_empty() && said.is_empty() {
        if let Some(why) = docs::unruled(word) {
            eprintln!("image-import: {word} is no rule of this version: {why}");
            return ExitCode::from(super::inspect::exit::USAGE);
        }
        eprintln!("image-import: no rule or code {word:?}; `image-import rules` lists them");
        return ExitCode::from(super::inspect::exit::USAGE);
    }
    let texts: Vec<String> = found.iter().map(|rule| docs::explained(rule, &profiles)).collect();
    super::show(&(said + &texts.join("\n")), ExitCode::SUCCESS)
}

/// Runs it.
pub fn run(args: &Args) -> ExitCode {
    let text = match &args.rule {
        _ if args.markdown => docs::markdown(&profiles::built_in()),
        None => {
            let line = |rule: &&Rule| format!("{:<7} {:<24} {}\n", rule.id, rule.name, rule.code);
            RULES.iter().map(line).collect::<Vec<_>>().concat()
        }
        Some(word) => return explained(word),
    };
    super::show(&text, ExitCode::SUCCESS)
}
