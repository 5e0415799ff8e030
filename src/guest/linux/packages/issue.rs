//! `/etc/issue` and `/etc/issue.net` (issue(5), agetty(8)): whether they are as their package brought them, and which
//! distribution their text names.

#[cfg(test)]
mod tests;

use super::{Is, Packages};
use crate::disk::Result;
use crate::disk::filesystem::NodeKind;
use crate::guest::Tree;
use crate::guest::linux::{cut, optional, release};
use crate::inspect::facts::{Issue, IssueState, Release};

/// The files.
const PATHS: &[&str] = &["/etc/issue", "/etc/issue.net"];
/// Largest of them that is read.
const MAX_BYTES: usize = 64 * 1024;
/// Most characters of a line that go into the facts.
const LINE: usize = 80;

/// Reads both; `release` is what the guest says it is.
///
/// # Errors
/// What the filesystem reports.
pub fn read(tree: &Tree, packages: Option<&Packages>, release: Option<&Release>) -> Result<Vec<Issue>> {
    PATHS.iter().map(|path| one(tree, packages, release, path)).collect()
}

fn one(tree: &Tree, packages: Option<&Packages>, release: Option<&Release>, path: &str) -> Result<Issue> {
    let issue = Issue { path: path.to_owned(), ..Issue::default() };
    let Some(stat) = optional(tree.stat_link(path))? else { return Ok(Issue { state: IssueState::Absent, ..issue }) };
    if stat.kind == NodeKind::Link && is_made_at_boot(&tree.read_link(path)?) {
        return Ok(Issue { state: IssueState::Generated, ..issue });
    }
    let Some(content) = optional(tree.read(path, MAX_BYTES))? else {
        return Ok(Issue { state: IssueState::Absent, ..issue });
    };
    let state = match packages {
        None => IssueState::Unknown,
        Some(packages) => compared(tree, packages, path, &content)?,
    };
    if state == IssueState::Shipped {
        return Ok(Issue { state, ..issue });
    }
    let text = String::from_utf8_lossy(&content);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let own = release.is_some_and(|release| names(&text, release));
    let names = if own { None } else { release::named(&text) };
    Ok(Issue { state, line: cut(line, LINE), own, names: names.unwrap_or_default().to_owned(), ..issue })
}

/// A target below `/run`, which is empty until the system starts, or of a package.
fn is_made_at_boot(target: &str) -> bool {
    let below_etc = target.strip_prefix("../").map(|rest| format!("/{rest}"));
    let target = below_etc.as_deref().unwrap_or(target);
    ["/run/", "/var/run/", "/usr/lib/"].iter().any(|start| target.starts_with(start))
}

fn compared(tree: &Tree, packages: &Packages, path: &str, content: &[u8]) -> Result<IssueState> {
    let mut state = IssueState::Unowned;
    for (_, owned) in packages.owners(tree, path)? {
        match &owned.is {
            Is::File(digest) | Is::Either(digest) if digest.algorithm.of(content) == *digest => {
                return Ok(IssueState::Shipped);
            }
            Is::File(_) | Is::Either(_) | Is::Link(_) => state = IssueState::Modified,
            Is::Listed | Is::Unsaid => {}
        }
    }
    Ok(state)
}

/// Whether the text names this distribution, by its name, its `ID` or an escape that agetty puts them for.
fn names(text: &str, release: &Release) -> bool {
    // "\S" alone is PRETTY_NAME; "\s" is the kernel's name.
    if ["\\S{NAME}", "\\S{PRETTY_NAME}"].iter().any(|escape| text.contains(escape))
        || text.split("\\S").skip(1).any(|rest| !rest.starts_with('{'))
    {
        return true;
    }
    let text = text.to_lowercase();
    let family = |id: &str| {
        match id {
            "opensuse-leap" | "opensuse-tumbleweed" => "opensuse",
            "sles_sap" => "sles",
            id => id,
        }
        .to_owned()
    };
    let id = family(&release.id);
    let pretty = release.pretty_name.to_lowercase();
    release::named(&text).is_some_and(|named| named == id)
        || (!pretty.is_empty() && text.contains(&pretty))
        || text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| !id.is_empty() && word == id)
}
