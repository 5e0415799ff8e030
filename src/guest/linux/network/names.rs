//! How udev names network cards.

use std::collections::BTreeSet;

use super::files::text;
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::{cut, optional};

/// The rules that old systems wrote down each card in.
pub const PERSISTENT: &str = "/etc/udev/rules.d/70-persistent-net.rules";
/// What gives predictable names: a link file since systemd 209, a rule since 197.
const POLICIES: &[&str] = &[
    "/usr/lib/systemd/network/99-default.link",
    "/lib/systemd/network/99-default.link",
    "/usr/lib/udev/rules.d/80-net-name-slot.rules",
    "/lib/udev/rules.d/80-net-name-slot.rules",
];
/// Links to `/dev/null` of these names turn it off.
const MASKS: &[&str] = &[
    "/etc/systemd/network/99-default.link",
    "/etc/udev/rules.d/80-net-setup-link.rules",
    "/etc/udev/rules.d/80-net-name-slot.rules",
];

/// Names that the first card of an instance may get: the kernel's own, or one that udev makes of the slots in which the
/// clouds' virtual machines have it.
pub fn card_names(kernel: bool) -> &'static [&'static str] {
    if kernel { &["eth0"] } else { &["ens3", "ens5", "enp0s3", "enp0s5", "enp1s0"] }
}

/// How many names the persistent rules give.
///
/// # Errors
/// What the filesystem reports.
pub fn persistent(tree: &Tree) -> Result<u32> {
    let Some(text) = text(tree, PERSISTENT)? else { return Ok(0) };
    let rules = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let names: BTreeSet<&str> = rules.filter_map(|line| line.split("NAME=\"").nth(1)?.split('"').next()).collect();
    Ok(u32::try_from(names.len()).unwrap_or(u32::MAX))
}

/// What keeps the kernel's own names (`eth0`); `None` where cards get predictable ones.
///
/// # Errors
/// What the filesystem reports.
pub fn kernel_names(tree: &Tree, command_line: &str) -> Result<Option<String>> {
    let last = command_line.split_whitespace().rfind(|word| word.starts_with("net.ifnames="));
    if let Some(word) = last.filter(|word| *word == "net.ifnames=0") {
        return Ok(Some(format!("kernel command line: {}", cut(word, 32))));
    }
    for mask in MASKS {
        if optional(tree.read_link(mask))?.is_some_and(|target| target == "/dev/null") {
            return Ok(Some((*mask).to_owned()));
        }
    }
    for policy in POLICIES {
        if tree.exists(policy)? {
            return Ok(None);
        }
    }
    Ok(Some("udev without predictable names".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::testing::MemoryFs;

    #[test]
    fn names_are_counted_once_each() {
        let rules = "# PCI device\nSUBSYSTEM==\"net\", ATTR{address}==\"52:54:00:00:00:01\", KERNEL==\"eth*\", NAME=\"eth0\"\n\
            # x NAME=\"eth9\"\nSUBSYSTEM==\"net\", ATTR{address}==\"52:54:00:00:00:02\", NAME=\"eth1\"\nSUBSYSTEM==\"net\", NAME=\"eth1\"\n";
        assert_eq!(persistent(&MemoryFs::of_texts(&[(PERSISTENT, rules)]).tree()).unwrap(), 2);
        assert_eq!(persistent(&MemoryFs::new().tree()).unwrap(), 0);
    }

    #[test]
    fn predictable_names_are_given_unless_something_turns_them_off() {
        let modern = || MemoryFs::of_texts(&[("/lib/systemd/network/99-default.link", "[Link]")]);
        let kept = |fs: MemoryFs, line: &str| kernel_names(&fs.tree(), line).unwrap();
        assert_eq!(kept(modern(), "ro quiet"), None);
        assert!(kept(modern(), "ro net.ifnames=0 biosdevname=0").is_some());
        assert_eq!(kept(modern(), "net.ifnames=0 net.ifnames=1"), None);
        assert!(kept(modern().link("/etc/systemd/network/99-default.link", "/dev/null"), "").is_some());
        assert!(kept(MemoryFs::new(), "").is_some(), "CentOS 6");
    }
}
