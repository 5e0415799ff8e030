//! Commands that load rules: `nft -f FILE` (nft(8)), `iptables-restore FILE` (iptables-restore(8)), `iptables` itself.

use super::chains::{Outcome, all};
use super::{nft, saved};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::services::Services;
use crate::inspect::facts::Passage;

/// What one command loads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Load {
    /// A file of nft's.
    Nft(String),
    /// A file of iptables-save's; of IPv6, where that is true.
    Saved(String, bool),
    /// Rules that are not followed; of IPv6, where that is true.
    Unread(bool),
}

impl Load {
    /// The program, as it is told.
    pub fn program(&self) -> &'static str {
        match self {
            Self::Nft(_) => "nft",
            Self::Saved(_, false) => "iptables-restore",
            Self::Saved(_, true) => "ip6tables-restore",
            Self::Unread(false) => "iptables",
            Self::Unread(true) => "ip6tables",
        }
    }

    /// What it makes of SSH; `None` where its file is not there: nothing is loaded then.
    ///
    /// # Errors
    /// What the filesystem reports.
    pub fn judge(&self, tree: &Tree, place: &str) -> Result<Option<Outcome>> {
        Ok(match self {
            Self::Nft(file) | Self::Saved(file, _) if !file.starts_with('/') => {
                Some((Passage::Unknown, place.to_owned()))
            }
            Self::Nft(file) if tree.exists(file)? => Some(nft::judge(tree, file)?),
            Self::Saved(file, _) if tree.exists(file)? => Some(saved(tree, file)?),
            Self::Unread(_) => Some((Passage::Unknown, place.to_owned())),
            Self::Nft(_) | Self::Saved(..) => None,
        })
    }
}

/// What the commands of one line load.
pub fn loads(line: &str) -> Option<Load> {
    let words: Vec<&str> =
        line.split(|c: char| c.is_whitespace() || "\"';&|()".contains(c)).filter(|w| !w.is_empty()).collect();
    for (at, word) in words.iter().enumerate() {
        let rest = words.get(at.saturating_add(1)..).unwrap_or_default();
        let v6 = word.rsplit('/').next().is_some_and(|name| name.starts_with("ip6"));
        match word.rsplit('/').next().unwrap_or_default() {
            "nft" => {
                let mut after = rest.iter().skip_while(|word| !matches!(**word, "-f" | "--file"));
                if let (Some(_), Some(file)) = (after.next(), after.next()) {
                    return Some(Load::Nft((*file).to_owned()));
                }
                if rest.iter().any(|word| matches!(*word, "drop" | "reject")) {
                    return Some(Load::Unread(false));
                }
            }
            "iptables-restore"
            | "ip6tables-restore"
            | "iptables-legacy-restore"
            | "ip6tables-legacy-restore"
            | "iptables-nft-restore"
            | "ip6tables-nft-restore" => {
                let file =
                    rest.iter().map(|word| word.trim_start_matches('<')).find(|word| word.starts_with(['/', '$']));
                return Some(file.map_or(Load::Unread(v6), |file| Load::Saved(file.to_owned(), v6)));
            }
            "iptables" | "ip6tables" => {
                let has = |any: &[&str]| rest.iter().any(|word| any.contains(word));
                if has(&["INPUT"])
                    && has(&["DROP", "REJECT"])
                    && has(&["-A", "-I", "-P", "--append", "--insert", "--policy"])
                {
                    return Some(Load::Unread(v6));
                }
            }
            _ => {}
        }
    }
    None
}

/// What the lines of a unit load; `None` where it has none, or one that runs a script of the distribution's, which loads
/// the usual file.
///
/// # Errors
/// What the filesystem reports.
pub fn of_unit(tree: &Tree, services: &Services, name: &str) -> Result<Option<(Outcome, Vec<String>)>> {
    let Some(units) = services.systemd() else { return Ok(None) };
    let Some(unit) = units.read(name)? else { return Ok(None) };
    let lines = unit.list("Service", "ExecStart");
    let usual = |line: &str| line.split_whitespace().next().and_then(|program| program.strip_suffix(".init")).is_some();
    if lines.iter().all(|entry| usual(&entry.value)) {
        return Ok(None);
    }
    let mut outcomes = Vec::new();
    let mut files = Vec::new();
    for entry in lines {
        match loads(&entry.value) {
            Some(load) => {
                outcomes.extend(load.judge(tree, &entry.place)?);
                if let Load::Nft(file) = load {
                    files.push(file);
                }
            }
            None if usual(&entry.value) => {}
            None => outcomes.push((Passage::Unknown, entry.place.clone())),
        }
    }
    Ok(Some((all(outcomes), files)))
}
