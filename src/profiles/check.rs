//! Whether this version can apply a profile, and which word of its text is wrong.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::api::conditions::reason as word;
use crate::api::{Format, ImportProfileSpec, Limits, OsType, ProfileRule};
use crate::disk::filesystem::NAMES;
use crate::rules::{self, RULES};

/// Rules of a profile at most: each is a condition, and a status holds 128.
pub const MAX_RULES: usize = 100;

/// The rule that goes by `formats`.
const FORMAT_RULE: &str = "ImageFormatAccepted";
/// The rule that goes by `partitionTables`.
const TABLE_RULE: &str = "MbrPartitionTable";
/// The rule that goes by `platformChoices` and `refusedPlatforms`.
const PLATFORM_RULE: &str = "PlatformOffered";

/// Why a profile cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Reason of the profile's `Ready` condition: `UnknownRule`.
    pub reason: &'static str,
    /// One clause that names the thing.
    pub message: String,
    /// The word of the profile's text that is wrong; empty where it is what is not there.
    pub word: String,
    /// The field of the profile below which the word is to be looked for; empty: anywhere.
    pub below: &'static str,
}

impl Problem {
    fn new(reason: &'static str, word: impl Into<String>, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), word: word.into(), below: "" }
    }

    /// Its line in the profile's text, counted from 1.
    pub(super) fn line(&self, text: &str) -> Option<usize> {
        let from = text.lines().position(|line| line.contains(self.below))?;
        let wrong = |line: &str| !self.word.is_empty() && line.contains(&self.word);
        text.lines().skip(from).position(wrong).map(|index| from.saturating_add(index).saturating_add(1))
    }
}

/// The first thing that keeps this version from applying the profile.
pub fn problem(spec: &ImportProfileSpec) -> Option<Problem> {
    number(spec)
        .or_else(|| spec.rules.iter().find_map(|rule| of_rule(spec, rule)))
        .or_else(|| twice(spec))
        .or_else(|| handling(spec))
        .or_else(|| words(spec))
        .or_else(|| systems(spec))
        .or_else(|| limits(&spec.limits))
        .or_else(|| platforms(spec))
}

fn number(spec: &ImportProfileSpec) -> Option<Problem> {
    match spec.rules.len() {
        0 => Some(Problem::new(word::NO_RULES, "rules:", "it has no rule, and would accept everything")),
        n if n > MAX_RULES => Some(Problem::new(
            word::TOO_MANY_RULES,
            "rules:",
            format!("it has {n} rules, at most {MAX_RULES} are possible"),
        )),
        _ => None,
    }
}

fn of_rule(spec: &ImportProfileSpec, rule: &ProfileRule) -> Option<Problem> {
    // The judgement goes by names, not by catalogue ids.
    if rules::find(&rule.name).is_none_or(|found| found.name != rule.name) {
        let message = format!("this version has no rule {}; `image-import rules` lists them", rule.name);
        return Some(Problem::new(word::UNKNOWN_RULE, &rule.name, message));
    }
    if let Some(code) = rule.code.as_deref().filter(|code| !is_known(spec, code)) {
        let message = format!("no rule has the code {code} ({}), and `handling` does not say what it means", rule.name);
        return Some(Problem::new(word::UNKNOWN_CODE, code, message));
    }
    let platform = rule.platforms.iter().find(|lowered| !spec.custom_platforms.contains(&lowered.platform))?;
    let message = format!("{}: {} is not among customPlatforms", rule.name, platform.platform);
    Some(Problem::new(word::CONTRADICTION, &platform.platform, message))
}

/// A code is some rule's, or the profile says what to do about it.
fn is_known(spec: &ImportProfileSpec, code: &str) -> bool {
    RULES.iter().any(|rule| rule.code == code) || spec.handling.iter().any(|handling| handling.code == code)
}

fn twice(spec: &ImportProfileSpec) -> Option<Problem> {
    let mut seen = BTreeSet::new();
    let rule = spec.rules.iter().find(|rule| !seen.insert(&rule.name))?;
    Some(Problem::new(word::DUPLICATE_RULE, &rule.name, format!("it names the rule {} twice", rule.name)))
}

/// What is said of a code that nothing ever gives is never read.
fn handling(spec: &ImportProfileSpec) -> Option<Problem> {
    let given = |code: &str| {
        let of_profile = spec.rules.iter().any(|rule| rule.code.as_deref() == Some(code));
        of_profile || code == word::INTERNAL_ERROR || RULES.iter().any(|rule| rule.code == code)
    };
    let code = &spec.handling.iter().find(|handling| !given(&handling.code))?.code;
    let message = format!(
        "`handling` tells what to do about the code {code:?}, and no rule gives it; `image-import rules` lists the codes"
    );
    Some(Problem::new(word::UNKNOWN_CODE, code, message))
}

/// Words that have to be ones this version knows.
fn words(spec: &ImportProfileSpec) -> Option<Problem> {
    let wrong = |word: &str, message: String| Some(Problem::new(word::CONTRADICTION, word, message));
    let formats = || spec.formats.iter().chain(&spec.ticket_formats);
    if formats().next().is_none() && spec.rules.iter().any(|rule| rule.name == FORMAT_RULE) {
        return wrong("formats:", format!("formats is empty, and {FORMAT_RULE} would refuse every image"));
    }
    if spec.partition_tables.is_empty() && spec.rules.iter().any(|rule| rule.name == TABLE_RULE) {
        return wrong(
            "partitionTables:",
            format!("partitionTables is empty, and {TABLE_RULE} would refuse every disk"),
        );
    }
    let is_one = |name: &str| Format::ALL.iter().any(|format| format.name() == name);
    if let Some(format) = formats().find(|format| !is_one(format)) {
        let known: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
        return wrong(format, format!("{format} is no format that an import can have: {}", known.join(", ")));
    }
    if let Some(format) = spec.preferred_formats.iter().find(|format| formats().all(|known| known != *format)) {
        return wrong(format, format!("{format} is preferred and not among formats"));
    }
    if let Some(format) = spec.ticket_formats.iter().find(|format| spec.formats.contains(format)) {
        return wrong(format, format!("{format} is both among formats and among ticketFormats"));
    }
    if let Some(name) = spec.linux_filesystems.iter().find(|name| !NAMES.contains(&name.as_str())) {
        let known = NAMES.join(", ");
        return wrong(name, format!("linuxFilesystems: {name} is no filesystem this version knows: {known}"));
    }
    let table = spec.partition_tables.iter().find(|table| !["MBR", "GPT"].contains(&table.as_str()))?;
    wrong(table, format!("{table} is no partition table this version knows: MBR, GPT"))
}

/// A system that no os-release is.
fn systems(spec: &ImportProfileSpec) -> Option<Problem> {
    let system = spec.operating_systems.iter().find(|system| system.ids.is_empty())?;
    let message = format!("operatingSystems: {:?} has no ids, and no system would be it", system.name);
    let problem = Problem::new(word::CONTRADICTION, &system.name, message);
    Some(Problem { below: "operatingSystems:", ..problem })
}

/// The form's platforms and what is said of them elsewhere.
fn platforms(spec: &ImportProfileSpec) -> Option<Problem> {
    let choices = &spec.platform_choices;
    let wrong = |word: &str, message: String| {
        let problem = Problem::new(word::CONTRADICTION, word, message);
        Some(Problem { below: "platformChoices:", ..problem })
    };
    let of_linux = |name: &str| choices.iter().any(|choice| choice.os_type == OsType::Linux && choice.is_called(name));
    let refused = |name: &str| spec.refused_platforms.iter().any(|refused| refused.eq_ignore_ascii_case(name));
    let mut seen = BTreeSet::new();
    for choice in choices {
        for name in choice.also.iter().chain([&choice.name]) {
            if !seen.insert(name.to_ascii_lowercase()) {
                return wrong(name, format!("platformChoices has {name:?} twice"));
            }
            if refused(name) {
                return wrong(name, format!("{name:?} is both among platformChoices and among refusedPlatforms"));
            }
        }
        let other =
            |name: &&String| !choices.iter().any(|c| c.is_offered() && c.os_type == choice.os_type && c.name == **name);
        if let Some(name) = choice.instead.iter().find(other) {
            let message = format!(
                "platformChoices: {name:?} is said to stand in for {:?}, and is no choice for {:?} that is offered",
                choice.name, choice.os_type
            );
            return wrong(name, message);
        }
        if choice.is_offered() && !choice.instead.is_empty() {
            return wrong(&choice.name, format!("platformChoices: {:?} has `instead` without `notIn`", choice.name));
        }
    }
    if let Some(name) = spec.custom_platforms.iter().find(|name| refused(name)) {
        let problem = wrong(name, format!("{name:?} is both among customPlatforms and among refusedPlatforms"))?;
        return Some(Problem { below: "customPlatforms:", ..problem });
    }
    if let Some(name) = spec.custom_platforms.iter().find(|name| !choices.is_empty() && !of_linux(name)) {
        let problem = wrong(name, format!("{name:?} is among customPlatforms and no choice for Linux"))?;
        return Some(Problem { below: "customPlatforms:", ..problem });
    }
    let empty = choices.is_empty() && spec.refused_platforms.is_empty();
    let rule = spec.rules.iter().find(|rule| empty && rule.name == PLATFORM_RULE)?;
    let message =
        format!("platformChoices and refusedPlatforms are empty, and {PLATFORM_RULE} would pass every platform");
    Some(Problem::new(word::CONTRADICTION, &rule.name, message))
}

fn limits(limits: &Limits) -> Option<Problem> {
    let wrong = |word: &str, message: String| Some(Problem::new(word::CONTRADICTION, word, message));
    for (name, limit) in [("virtualSizeGiB", limits.virtual_size_gib), ("fileSizeGiB", limits.file_size_gib)] {
        if let Some(limit) = limit.filter(|limit| *limit <= 0) {
            return wrong(name, format!("limits.{name} is {limit}: nothing is that small"));
        }
    }
    if let (Some(file), Some(disk)) = (limits.file_size_gib, limits.virtual_size_gib)
        && file > disk
    {
        return wrong(
            "fileSizeGiB",
            format!(
                "limits.fileSizeGiB is {file} and limits.virtualSizeGiB {disk}: a file holds no more than its disk"
            ),
        );
    }
    let ranges = [("systemDiskGiB", &limits.system_disk_gib), ("dataDiskGiB", &limits.data_disk_gib)];
    let mut ranges = ranges.into_iter().filter_map(|(name, range)| Some((name, range.as_ref()?)));
    let (name, range) = ranges.find(|(_, range)| range.min < 1 || range.max < range.min)?;
    wrong(name, format!("limits.{name} from {} to {} holds no size", range.min, range.max))
}
