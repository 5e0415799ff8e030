//! upstart jobs (init(5) of upstart, "Override File Handling", "manual", "start on"; upstart-events(7)).

use super::{MAX_BYTES, Start, place};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::{glob, optional};

/// How deep brackets, and jobs that wait for jobs, are followed; and most of those jobs.
const MAX_DEPTH: usize = 8;
const MAX_JOBS: usize = 64;
/// Events of each boot, once the filesystems and the network are there.
const EVENTS: &[&str] = &[
    "startup",
    "virtual-filesystems",
    "local-filesystems",
    "remote-filesystems",
    "all-swaps",
    "filesystem",
    "mounting",
    "mounted",
    "net-device-added",
    "net-device-up",
    "static-network-up",
];
/// Events of jobs, whose name follows.
const OF_JOBS: &[&str] = &["starting", "started", "stopping", "stopped"];

/// Whether a condition comes true in a boot; `None` where that is not known.
type Comes = Option<bool>;

/// Whether the job of that name starts by events of a boot into `level`.
///
/// # Errors
/// What the filesystem reports.
pub fn start(tree: &Tree, job: &str, level: &str) -> Result<Start> {
    within(tree, job, level, MAX_DEPTH, &mut MAX_JOBS.clone())
}

/// The job's file with what overrides it: path and text.
///
/// # Errors
/// What the filesystem reports.
pub fn text(tree: &Tree, job: &str) -> Result<Option<(String, String)>> {
    let path = format!("/etc/init/{job}.conf");
    let Some(text) = optional(tree.read_text(&path, MAX_BYTES))? else { return Ok(None) };
    let more = optional(tree.read_text(&format!("/etc/init/{job}.override"), MAX_BYTES))?.unwrap_or_default();
    Ok(Some((path, format!("{text}\n{more}"))))
}

fn within(tree: &Tree, job: &str, level: &str, depth: usize, left: &mut usize) -> Result<Start> {
    let path = format!("/etc/init/{job}.conf");
    let Some(text) = optional(tree.read_text(&path, MAX_BYTES))? else { return Ok(Start::Absent) };
    let over = format!("/etc/init/{job}.override");
    let more = optional(tree.read_text(&over, MAX_BYTES))?.unwrap_or_default();
    // Of several stanzas the last one counts, and "manual" undoes a "start on" before it.
    let lines = text.lines().zip(1_u32..).map(|line| (&path, line));
    let mut lines = lines.chain(more.lines().zip(1_u32..).map(|line| (&over, line)));
    let mut found = Start::Disabled;
    while let Some((file, (line, number))) = lines.next() {
        let by = place(&format!("{file}:{number}"));
        let mut tokens = tokens(line);
        match tokens.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["start", "on", ..] => {
                tokens.drain(..2);
                // Brackets go on over the lines.
                while open(&tokens)
                    && let Some((_, (line, _))) = lines.next()
                {
                    tokens.extend(self::tokens(line));
                }
                let mut condition = Condition { tree, level, depth, left: &mut *left, rest: &tokens };
                found = match condition.any()? {
                    Some(true) => Start::Enabled { by },
                    Some(false) => Start::Disabled,
                    None => Start::Unknown { why: format!("{by}: whether a boot starts the job is not known") },
                };
            }
            ["manual"] => found = Start::Kept { by },
            _ => {}
        }
    }
    Ok(found)
}

/// Words and brackets of a line, without its comment.
fn tokens(line: &str) -> Vec<String> {
    let line = line.split('#').next().unwrap_or_default();
    let spaced = line.replace('(', " ( ").replace(')', " ) ");
    spaced.split_whitespace().map(str::to_owned).collect()
}

fn open(tokens: &[String]) -> bool {
    let count = |bracket: &str| tokens.iter().filter(|token| *token == bracket).count();
    count("(") > count(")")
}

/// What follows `start on`.
struct Condition<'a> {
    tree: &'a Tree,
    level: &'a str,
    depth: usize,
    /// How many more jobs are looked at.
    left: &'a mut usize,
    rest: &'a [String],
}

impl Condition<'_> {
    fn next(&mut self) -> Option<&str> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    fn peek(&self) -> Option<&str> {
        self.rest.first().map(String::as_str)
    }

    /// Both operators bind alike, from left to right.
    fn any(&mut self) -> Result<Comes> {
        let mut found = self.one()?;
        while let Some(operator @ ("and" | "or")) = self.peek() {
            let all = operator == "and";
            self.next();
            let other = self.one()?;
            found = match (found, other) {
                (Some(ends), _) | (_, Some(ends)) if ends != all => Some(ends),
                (Some(_), Some(_)) => Some(all),
                _ => None,
            };
        }
        Ok(found)
    }

    fn job(&mut self, job: &str, depth: usize) -> Result<Start> {
        *self.left = self.left.saturating_sub(1);
        within(self.tree, job, self.level, depth, self.left)
    }

    fn one(&mut self) -> Result<Comes> {
        let Some(depth) = self.depth.checked_sub(1) else { return Ok(None) };
        if self.peek() == Some("(") {
            self.next();
            self.depth = depth;
            let found = self.any()?;
            self.depth = depth.saturating_add(1);
            if self.peek() == Some(")") {
                self.next();
            }
            return Ok(found);
        }
        let event = self.next().unwrap_or_default().to_owned();
        let mut words = Vec::new();
        while let Some(word) = self.peek().filter(|word| !matches!(*word, "and" | "or" | "(" | ")")) {
            words.push(word.trim_matches('"').to_owned());
            self.next();
        }
        let named = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let reached = |pattern: &str| glob::matches(pattern, self.level);
        let first = words.first().filter(|word| !word.contains('=')).map(String::as_str);
        Ok(match event.as_str() {
            "runlevel" => Some(first.or_else(|| named("RUNLEVEL")).is_none_or(reached)),
            "never" => Some(false),
            event if EVENTS.contains(&event) => Some(true),
            event if OF_JOBS.contains(&event) => match first.or_else(|| named("JOB")) {
                _ if named("RUNLEVEL").is_some_and(|pattern| !reached(pattern)) => Some(false),
                Some(_) if *self.left == 0 => None,
                Some(job) => match self.job(job, depth)? {
                    Start::Enabled { .. } => Some(true),
                    Start::Disabled | Start::Absent | Start::Kept { .. } => Some(false),
                    Start::OnDemand { .. } | Start::Unknown { .. } => None,
                },
                None => None,
            },
            _ => None,
        })
    }
}
