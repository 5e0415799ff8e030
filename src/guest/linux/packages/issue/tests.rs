use super::super::digest::Algorithm;
use super::super::{Manager, Owned, Package};
use super::*;
use crate::guest::testing::MemoryFs;

fn os(id: &str, pretty: &str) -> Release {
    Release { id: id.to_owned(), pretty_name: pretty.to_owned(), ..Release::default() }
}

fn owns(is: Is) -> Packages {
    let files = vec![Owned { path: "/etc/issue".to_owned(), is }];
    let package = Package { name: "base-files".to_owned(), files, ..Package::default() };
    Packages { manager: Manager::Dpkg, format: "status", path: String::new(), installed: vec![package] }
}

fn first(fs: MemoryFs, packages: Option<&Packages>, release: &Release) -> Issue {
    let found = read(&fs.tree(), packages, Some(release)).unwrap();
    assert_eq!((found.len(), found[1].state), (2, IssueState::Absent));
    found.into_iter().next().unwrap()
}

#[test]
fn the_content_of_the_package_passes_whatever_it_says() {
    let text = "Welcome\n";
    let packages = owns(Is::File(Algorithm::Md5.of(text.as_bytes())));
    let found = first(MemoryFs::of_texts(&[("/etc/issue", text)]), Some(&packages), &os("debian", "Debian"));
    assert_eq!(found, Issue { path: "/etc/issue".into(), state: IssueState::Shipped, ..Issue::default() });
}

#[test]
fn a_changed_text_says_which_distribution_it_names() {
    let packages = owns(Is::File(Algorithm::Md5.of(b"shipped")));
    let rows: &[(&str, &str, &str, bool, &str)] = &[
        ("debian", "Debian GNU/Linux 12 (bookworm)", "Debian GNU/Linux 12 \\n \\l", true, ""),
        ("debian", "Debian GNU/Linux 12 (bookworm)", "\n\nUbuntu 20.04 \\n \\l", false, "ubuntu"),
        ("centos", "CentOS Linux 7 (Core)", "\\S\nKernel \\r on an \\m\n", true, ""),
        ("centos", "CentOS Linux 7 (Core)", "\\S{PRETTY_NAME} here", true, ""),
        ("centos", "CentOS Linux 7 (Core)", "\\S{VERSION_ID}", false, ""),
        ("centos", "CentOS Linux 7 (Core)", "\\s \\r", false, ""),
        ("centos", "CentOS Linux 7 (Core)", "Authorised use only", false, ""),
        ("opensuse-leap", "openSUSE Leap 15.5", "Welcome to openSUSE Leap 15.5 - Kernel \\r (\\l).", true, ""),
        ("sles_sap", "SUSE Linux Enterprise Server 12", "Welcome to SUSE Linux Enterprise Server 12", true, ""),
        ("kali", "Kali GNU/Linux Rolling", "Kali GNU/Linux Rolling \\n \\l", true, ""),
        ("ol", "Oracle Linux Server 8", "All is old here", false, ""),
        ("", "", "Debian", false, "debian"),
    ];
    for (id, pretty, text, own, names) in rows {
        let fs = MemoryFs::of_texts(&[("/etc/issue", text)]);
        let found = first(fs, Some(&packages), &os(id, pretty));
        assert_eq!((found.state, found.own, &*found.names), (IssueState::Modified, *own, *names), "{id}: {text}");
        assert!(!found.line.is_empty() && text.contains(&found.line), "{found:?}");
    }
}

#[test]
fn what_is_made_at_boot_or_absent_is_not_compared() {
    let packages = owns(Is::Unsaid);
    let state = |fs: MemoryFs| first(fs, Some(&packages), &os("sles", "")).state;
    for target in ["../run/issue", "/run/issue", "../usr/lib/issue.d/x", "/usr/lib/issue"] {
        assert_eq!(state(MemoryFs::new().link("/etc/issue", target)), IssueState::Generated, "{target}");
    }
    assert_eq!(state(MemoryFs::new().dir("/etc")), IssueState::Absent);
    assert_eq!(state(MemoryFs::new().link("/etc/issue", "gone")), IssueState::Absent);
    assert_eq!(state(MemoryFs::new().file("/etc/mine", "x").link("/etc/issue", "mine")), IssueState::Unowned);
    let none = first(MemoryFs::of_texts(&[("/etc/issue", "x")]), None, &os("sles", ""));
    assert_eq!(none.state, IssueState::Unknown);
}

#[test]
fn a_long_line_is_cut() {
    let text = format!("{}\u{7}\n", "x".repeat(9999));
    let found = first(MemoryFs::of_texts(&[("/etc/issue", &text)]), None, &os("debian", ""));
    assert_eq!(found.line.len(), LINE);
}
