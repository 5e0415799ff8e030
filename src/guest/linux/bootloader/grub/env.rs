//! GRUB's environment block (GRUB manual, "Environment block").

use super::run::Status;
use super::state::{Arg, State};
use crate::disk::Result;
use crate::guest::linux::bootloader::place::Places;
use crate::guest::linux::optional;

/// The first line of every environment block.
const SIGNATURE: &str = "# GRUB Environment Block\n";
/// Largest environment block that is read; grub-editenv makes 1024 bytes.
const MAX_BYTES: usize = 64 * 1024;

/// `load_env [--file FILE] [names]`.
///
/// # Errors
/// What reading the guest's files reports.
pub fn load(places: Places, args: &[Arg], state: &mut State) -> Result<Status> {
    let mut file = None;
    let mut names = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match &*arg.text {
            "-f" | "--file" => file = args.next().cloned(),
            text if text.starts_with("--file=") => {
                file = Some(Arg { text: text.trim_start_matches("--file=").into(), whole: arg.whole });
            }
            text if text.starts_with('-') => {}
            text => names.push(text.to_owned()),
        }
    }
    let prefix = state.get("prefix");
    let path = file.unwrap_or_else(|| Arg { text: format!("{}/grubenv", prefix.text).into(), ..prefix });
    let root = state.get("root");
    let (Some(path), Some(root)) = (path.value(), root.value()) else { return Ok(None) };
    let Some(path) = places.file(path, root) else { return Ok(None) };
    let Some(text) = optional(places.system.tree.read_text(&path, MAX_BYTES))? else { return Ok(Some(false)) };
    let Some(values) = parse(&text) else { return Ok(Some(false)) };
    for (name, value) in values {
        if names.is_empty() || names.contains(&name) {
            state.set(&name, Arg::known(&value))?;
        }
    }
    Ok(Some(true))
}

/// The assignments of an environment block; `None` where it is none. A backslash keeps the character after it.
pub fn parse(text: &str) -> Option<Vec<(String, String)>> {
    let mut rest = text.strip_prefix(SIGNATURE)?.chars();
    let mut out = Vec::new();
    let mut line = String::new();
    loop {
        let next = rest.next();
        match next {
            Some('\\') => line.extend(rest.next()),
            Some('\n') | None => {
                if let Some((name, value)) = line.split_once('=').filter(|(name, _)| !name.starts_with('#')) {
                    out.push((name.to_owned(), value.to_owned()));
                }
                line.clear();
                if next.is_none() {
                    return Some(out);
                }
            }
            Some(c) => line.push(c),
        }
    }
}
