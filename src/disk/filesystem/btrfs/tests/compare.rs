//! A filesystem compared with a directory that should be the same, every byte of it.

use std::fs::{self, File, Metadata};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::super::super::{FileSystem, Node, NodeKind};

const WINDOW: usize = 300_000;

/// Compares all below directory `dir` with `source` and gives how many entries there were.
pub(super) fn compare(fs: &dyn FileSystem, dir: Node, source: &Path) -> usize {
    let name_of = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut expected: Vec<_> = fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path()).collect();
    expected.sort_by_key(name_of);
    let mut found = fs.list(dir, 100_000).unwrap();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let names: Vec<_> = found.iter().map(|entry| entry.name.clone()).collect();
    assert_eq!(names, expected.iter().map(name_of).collect::<Vec<_>>(), "{}", source.display());

    let mut count = expected.len();
    for (path, entry) in expected.iter().zip(&found) {
        assert_eq!(fs.lookup(dir, &entry.name).unwrap(), entry.node, "{}", path.display());
        count += compare_node(fs, entry.node, path);
    }
    assert!(fs.lookup(dir, "there is none").unwrap_err().is_not_found());
    count
}

fn compare_node(fs: &dyn FileSystem, node: Node, path: &Path) -> usize {
    let expected = fs::symlink_metadata(path).unwrap();
    let stat = fs.stat(node).unwrap();
    let shown = (stat.kind, stat.mode, stat.uid, stat.gid);
    let wanted = (kind(&expected), expected.mode() & 0o7777, expected.uid(), expected.gid());
    assert_eq!(shown, wanted, "{}", path.display());
    match stat.kind {
        NodeKind::Directory => return compare(fs, node, path),
        NodeKind::Link => {
            assert_eq!(fs.read_link(node).unwrap(), fs::read_link(path).unwrap().to_string_lossy());
        }
        NodeKind::File => {
            assert_eq!(stat.size, expected.len(), "{}", path.display());
            compare_content(fs, node, path);
        }
        NodeKind::Special => {}
    }
    0
}

fn kind(of: &Metadata) -> NodeKind {
    match of.file_type() {
        kind if kind.is_dir() => NodeKind::Directory,
        kind if kind.is_symlink() => NodeKind::Link,
        kind if kind.is_file() => NodeKind::File,
        _ => NodeKind::Special,
    }
}

fn compare_content(fs: &dyn FileSystem, node: Node, path: &Path) {
    let expected = File::open(path).unwrap();
    let len = expected.metadata().unwrap().len();
    let mut window = vec![0; WINDOW];
    for at in (0..=len).step_by(WINDOW) {
        let part = &mut window[..usize::try_from((len - at).min(WINDOW as u64)).unwrap()];
        expected.read_exact_at(part, at).unwrap();
        assert!(fs.read_at(node, at, WINDOW).unwrap() == *part, "{} from {at}", path.display());
    }
    // And at odd places: across sectors, across the end, behind it.
    for (at, want) in [(len / 3, 5000), (len.saturating_sub(3), 10), (len, 1), (len + (1 << 40), 1)] {
        let part = &mut window[..usize::try_from(len.saturating_sub(at).min(want)).unwrap()];
        expected.read_exact_at(part, at).unwrap();
        assert!(fs.read_at(node, at, usize::try_from(want).unwrap()).unwrap() == *part, "{} from {at}", path.display());
    }
}
