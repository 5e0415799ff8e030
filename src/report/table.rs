//! Reports for a terminal, 80 columns wide: one profile in full, or many side by side.

use super::judge::NOT_LOOKED_AT;
use super::{Outcome, Overall, Report, RuleResult};
use crate::api::{Action, ImageSummary};
use crate::rules::{self, RULES, Verifiable};

/// Columns of a terminal that everybody has.
const WIDTH: usize = 80;
/// Width of the rule's column in a matrix: the longest id and name.
const RULE_WIDTH: usize = 32;

/// One report: failures first, each with what, where, meaning and remedy; what passes in one line.
pub fn table(report: &Report) -> String {
    let mut out = image_lines(report);
    let counts = report.counts;
    let figures: Vec<String> = [
        (counts.failed, "failed"),
        (counts.warned, "warned"),
        (counts.advised, "advised"),
        (counts.undetermined, "undecided"),
        (counts.waived, "waived"),
        (counts.passed, "passed"),
    ]
    .iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, what)| format!("{n} {what}"))
    .collect();
    out += &wrap(&format!("{}: {} ({})", report.profile, verdict(report.verdict), figures.join(", ")), "", "  ");
    for result in [Outcome::Fail, Outcome::Waived, Outcome::Warn, Outcome::Advice] {
        for rule in report.rules.iter().filter(|r| r.result == result) {
            out += "\n";
            out += &finding(rule);
        }
    }
    let undecided: Vec<&RuleResult> = report.rules.iter().filter(|r| r.result == Outcome::Unknown).collect();
    if !undecided.is_empty() {
        out += "\n";
    }
    for group in groups(&undecided) {
        out += &unknown(&group);
    }
    // What the cloud leaves to the user on the declared platform, in the profile's own words.
    let told = |r: &&RuleResult| {
        r.result == Outcome::NotApplicable && r.action == Action::Ignore && r.message != NOT_LOOKED_AT
    };
    let told: Vec<&RuleResult> = report.rules.iter().filter(told).collect();
    if !told.is_empty() {
        out += "\n";
    }
    for group in groups(&told) {
        out += &unasked(&group);
    }
    let ids = |result| report.rules.iter().filter(|r| r.result == result).map(|r| r.id.as_str()).collect::<Vec<_>>();
    out += "\n";
    for (label, ids) in [("passed   ", ids(Outcome::Pass)), ("not asked", ids(Outcome::NotApplicable))] {
        if !ids.is_empty() {
            out += &wrap(&ids.join(" "), &format!("{label}  "), "           ");
        }
    }
    for (number, prerequisite) in report.prerequisites.iter().enumerate() {
        out += &wrap(&prerequisite.line(), if number == 0 { "do first   " } else { "           " }, "           ");
    }
    out + &reads_line(report)
}

/// Many reports on one image: a row a rule, worst first, a column a profile.
pub fn matrix(reports: &[Report]) -> String {
    let Some(first) = reports.first() else { return String::new() };
    let column = (WIDTH - RULE_WIDTH).checked_div(reports.len()).unwrap_or(WIDTH).clamp(8, 20);
    let mut out = image_lines(first);
    out += "\n";
    for line in header(reports, column) {
        out += &line;
    }
    let cells: Vec<String> = reports.iter().map(|r| pad(verdict_word(r.verdict), column)).collect();
    out += format!("{}{}", pad("verdict", RULE_WIDTH), cells.concat()).trim_end();
    out += "\n";
    let mut rows: Vec<(usize, String)> = RULES
        .iter()
        .filter_map(|rule| {
            let results: Vec<Option<Outcome>> =
                reports.iter().map(|report| report.rules.iter().find(|r| r.id == rule.id).map(|r| r.result)).collect();
            let worst = results.iter().flatten().map(|r| weight(*r)).min()?;
            let cells: Vec<String> = results.iter().map(|r| pad(r.map_or("", short), column)).collect();
            Some((worst, format!("{}{}", pad(&format!("{} {}", rule.id, rule.name), RULE_WIDTH), cells.concat())))
        })
        .collect();
    rows.sort_by_key(|(worst, _)| *worst);
    for (_, row) in rows {
        out += row.trim_end();
        out += "\n";
    }
    out += "\n`--profile NAME` tells what was found, where, and how to mend it.\n";
    out + &reads_line(first)
}

/// The image in one line, and one for each data disk.
fn image_lines(report: &Report) -> String {
    let system = image_line(&report.source.url, &report.image);
    let data = report.data_disks.iter().map(|disk| {
        let title = format!("data disk {}: {}", disk.name, disk.source.url);
        image_line(&title, &disk.image)
    });
    std::iter::once(system).chain(data).collect()
}

/// An image in one line: `disk.qcow2: QCOW2, 4 GiB, MBR, BIOS, x86_64, Debian GNU/Linux 12`.
fn image_line(title: &str, image: &ImageSummary) -> String {
    let ImageSummary {
        format, virtual_size_bytes, partition_table, boot_modes, architecture, operating_system, ..
    } = image;
    let size = virtual_size_bytes.and_then(|b| u64::try_from(b).ok());
    let os = operating_system.as_ref();
    let name = os.and_then(|os| os.pretty_name.clone().or_else(|| os.id.clone()).or_else(|| os.family.clone()));
    let parts = [
        format.clone(),
        size.map(|b| format!("{} GiB", crate::rules::in_gib(b))),
        partition_table.clone(),
        (!boot_modes.is_empty()).then(|| boot_modes.join(" and ")),
        architecture.clone(),
        name,
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let what = if parts.is_empty() { "not read".to_owned() } else { parts.join(", ") };
    wrap(&format!("{title}: {what}"), "", "  ")
}

fn reads_line(report: &Report) -> String {
    let all = || std::iter::once(&report.reads).chain(report.data_disks.iter().map(|disk| &disk.reads));
    let requests = all().fold(0_u64, |sum, reads| sum.saturating_add(reads.requests));
    if requests == 0 {
        return String::new();
    }
    let mib = all().map(|reads| u128::from(reads.bytes)).sum::<u128>() * 10 / (1 << 20);
    let hundredths = (all().map(|reads| reads.seconds).sum::<f64>() * 100.0).round();
    format!("read       {requests} requests, {}.{} MiB, {} s\n", mib / 10, mib % 10, hundredths / 100.0)
}

fn finding(rule: &RuleResult) -> String {
    let label = short(rule.result).to_uppercase();
    let code = if rule.code == "Passed" { String::new() } else { format!(": {}", rule.code) };
    let mut out = wrap(&format!("{} {}{code}", rule.id, rule.rule), &pad(&label, 9), "         ");
    out += &field("what", &rule.message);
    let places: Vec<String> = rule
        .evidence
        .iter()
        .take(6)
        .map(|e| {
            let at = e.offset.map(|at| format!(" at byte {at:#x}")).unwrap_or_default();
            format!("{}{at}: {}", e.place, e.what)
        })
        .collect();
    for place in places {
        out += &field("where", &place);
    }
    out += &field("meaning", &meaning(rule));
    if !rule.remedy.is_empty() {
        out += &field("remedy", &rule.remedy);
    }
    out
}

fn meaning(rule: &RuleResult) -> String {
    let what = match rule.result {
        Outcome::Fail => "the cloud refuses the image, or it does not start there",
        Outcome::Waived => "would fail, and was waived",
        Outcome::Warn => "the import goes on; this may go wrong later",
        Outcome::Advice => "a recommendation",
        Outcome::Unknown if leaves_it_open(rule) => "required, so nothing can be said for certain",
        Outcome::Unknown | Outcome::Pass | Outcome::NotApplicable => "blocks nothing",
    };
    if rule.cite.is_empty() { what.to_owned() } else { format!("{what} ({})", rule.cite.join("; ")) }
}

/// Whether the rule, undecided, makes the report Undetermined: what an image never shows in full does not.
fn leaves_it_open(rule: &RuleResult) -> bool {
    let fully = rules::find(&rule.rule).is_none_or(|found| found.verifiable == Verifiable::Fully);
    fully && rule.action == Action::Require
}

/// Rules that could not be decided for one and the same reason, together.
fn groups<'a>(rules: &[&'a RuleResult]) -> Vec<Vec<&'a RuleResult>> {
    let mut groups: Vec<Vec<&RuleResult>> = Vec::new();
    for rule in rules {
        let same =
            groups.iter_mut().find(|g| g.first().is_some_and(|f| f.message == rule.message && f.code == rule.code));
        match same {
            Some(group) => group.push(rule),
            None => groups.push(vec![rule]),
        }
    }
    groups
}

fn names(group: &[&RuleResult]) -> String {
    group.iter().map(|r| format!("{} {}", r.id, r.rule)).collect::<Vec<_>>().join(", ")
}

fn unasked(group: &[&RuleResult]) -> String {
    let Some(first) = group.first() else { return String::new() };
    wrap(&format!("{}: not asked", names(group)), &pad("NOTE", 9), "         ") + &field("what", &first.message)
}

fn unknown(group: &[&RuleResult]) -> String {
    let Some(first) = group.first() else { return String::new() };
    let mut out = wrap(&format!("{}: {}", names(group), first.code), &pad("UNKNOWN", 9), "         ");
    out += &field("why", &first.message);
    let open = group.iter().any(|rule| leaves_it_open(rule));
    out + &field("meaning", if open { "required, so nothing can be said for certain" } else { "blocks nothing" })
}

fn field(name: &str, text: &str) -> String {
    wrap(text, &format!("  {}", pad(name, 9)), "           ")
}

fn header(reports: &[Report], column: usize) -> Vec<String> {
    let names: Vec<Vec<String>> = reports.iter().map(|r| folded(&r.profile, column - 1)).collect();
    let height = names.iter().map(Vec::len).max().unwrap_or(0);
    (0..height)
        .map(|i| {
            let cells: Vec<String> = names.iter().map(|n| pad(n.get(i).map_or("", String::as_str), column)).collect();
            format!("{}{}", " ".repeat(RULE_WIDTH), cells.concat()).trim_end().to_owned() + "\n"
        })
        .collect()
}

/// A name over several lines, broken after dashes.
fn folded(name: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for part in name.split_inclusive('-') {
        let fits = lines.last().is_some_and(|l| l.is_empty() || columns(l) + columns(part) <= width);
        if !fits {
            lines.push(String::new());
        }
        if let Some(last) = lines.last_mut() {
            last.push_str(part);
        }
    }
    lines
}

fn verdict(verdict: Overall) -> &'static str {
    match verdict {
        Overall::Compliant => "Compliant",
        Overall::NonCompliant => "NonCompliant",
        Overall::Undetermined => "Undetermined",
    }
}

fn verdict_word(verdict: Overall) -> &'static str {
    match verdict {
        Overall::Compliant => "PASS",
        Overall::NonCompliant => "FAIL",
        Overall::Undetermined => "UNKNOWN",
    }
}

fn short(result: Outcome) -> &'static str {
    match result {
        Outcome::Fail => "FAIL",
        Outcome::Waived => "waived",
        Outcome::Warn => "warn",
        Outcome::Advice => "advice",
        Outcome::Unknown => "unknown",
        Outcome::Pass => "pass",
        Outcome::NotApplicable => "-",
    }
}

/// Where a result stands, the worst first.
pub(super) fn weight(result: Outcome) -> usize {
    const ORDER: [Outcome; 7] = [
        Outcome::Fail,
        Outcome::Unknown,
        Outcome::Waived,
        Outcome::Warn,
        Outcome::Advice,
        Outcome::Pass,
        Outcome::NotApplicable,
    ];
    ORDER.iter().position(|o| *o == result).unwrap_or(ORDER.len())
}

/// Columns that a terminal gives a string: two for the wide characters of East Asia.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
}

/// East Asian Wide and Fullwidth, as Unicode's `EastAsianWidth.txt` has their blocks.
fn wide(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}')
}

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text)).max(1)))
}

/// `text` in lines of at most [`WIDTH`] columns; words that are longer than a line are broken.
fn wrap(text: &str, first: &str, rest: &str) -> String {
    let mut out = String::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        if !empty && columns(&line) + 1 + columns(word) > WIDTH {
            out += &(std::mem::replace(&mut line, rest.to_owned()).trim_end().to_owned() + "\n");
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        for c in word.chars() {
            if columns(&line) + usize::from(wide(c)) >= WIDTH {
                out += &(std::mem::replace(&mut line, rest.to_owned()) + "\n");
            }
            line.push(c);
        }
        empty = false;
    }
    out + line.trim_end() + "\n"
}
