//! upstart jobs (init(5) of upstart, "Override File Handling", "manual").

use super::{MAX_BYTES, Start, place};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::optional;

/// Whether the job of that name starts by an event of the boot.
///
/// # Errors
/// What the filesystem reports.
pub fn start(tree: &Tree, job: &str) -> Result<Start> {
    let path = format!("/etc/init/{job}.conf");
    let Some(text) = optional(tree.read_text(&path, MAX_BYTES))? else { return Ok(Start::Absent) };
    let over = format!("/etc/init/{job}.override");
    let more = optional(tree.read_text(&over, MAX_BYTES))?.unwrap_or_default();
    // Of several stanzas the last one counts, and "manual" undoes a "start on" before it.
    let lines = text.lines().zip(1_u32..).map(|line| (&path, line));
    let lines = lines.chain(more.lines().zip(1_u32..).map(|line| (&over, line)));
    let mut found = Start::Disabled;
    for (file, (line, number)) in lines {
        let mut words = line.split_whitespace();
        let by = || place(&format!("{file}:{number}"));
        match (words.next(), words.next()) {
            (Some("start"), Some("on")) => found = Start::Enabled { by: by() },
            (Some("manual"), None) => found = Start::Kept { by: by() },
            _ => {}
        }
    }
    Ok(found)
}
