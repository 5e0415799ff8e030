use std::fmt::Write as _;

use super::{all, by_rpm, by_us, found, guest, names, read, real, run};
use crate::disk::ErrorKind;
use crate::guest::linux::testdata;

/// As db_dump(1) prints a database.
struct Dump {
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Dump {
    fn of(file: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Packages");
        std::fs::write(&path, file).unwrap();
        let text = String::from_utf8(run("db_dump", &[path.to_str().unwrap()], b"")).unwrap();
        let lines: Vec<&[u8]> = text.lines().filter_map(|l| l.strip_prefix(' ')).map(str::as_bytes).collect();
        let bytes = |line: &&[u8]| hex::decode(line).unwrap();
        Self { pairs: lines.chunks(2).map(|pair| (bytes(&pair[0]), bytes(&pair[1]))).collect() }
    }

    /// A database of these pairs, as db_load(1) makes it.
    fn load(&self, kind: &str, order: &str, page_size: u32) -> Vec<u8> {
        let mut text = format!(
            "VERSION=3\nformat=bytevalue\ntype={kind}\ndb_lorder={order}\ndb_pagesize={page_size}\nHEADER=END\n"
        );
        for (key, value) in &self.pairs {
            writeln!(text, " {}\n {}", hex::encode(key), hex::encode(value)).unwrap();
        }
        text.push_str("DATA=END\n");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        run("db_load", &[path.to_str().unwrap()], text.as_bytes());
        std::fs::read(path).unwrap()
    }
}

#[test]
fn real_databases_hold_the_packages_that_rpm_lists() {
    for name in ["centos5-plain", "centos7-plain"] {
        let Some(file) = real(&format!("rpmdb-bdb-{name}-Packages.zst")) else { return };
        let fs = guest(&[("Packages", &file)]);
        let listed = String::from_utf8(testdata(&format!("pkgdb/{name}.rpm-qa.txt")).unwrap()).unwrap();
        assert_eq!(names(&all(&fs)), listed.lines().map(str::to_owned).collect(), "{name}");
        let found = found(&fs);
        assert_eq!((found.manager.name(), found.format, &*found.path), ("rpm", "bdb", "/var/lib/rpm/Packages"));
        let bash = found.installed("bash").unwrap();
        assert_eq!(bash.vendor, "CentOS");
        assert!(bash.files.iter().any(|file| file.path == "/bin/bash" || file.path == "/usr/bin/bash"), "{bash:?}");
        assert!(found.installed("cloud-init").is_none());
    }
}

#[test]
fn files_and_vendors_are_those_that_rpm_prints() {
    for name in ["bdb-centos5-plain-Packages.zst", "bdb-centos7-plain-Packages.zst", "bdb-libuuid-Packages"] {
        let Some(file) = real(&format!("rpmdb-{name}")) else { return };
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("Packages"), &file).unwrap();
        let ours = by_us(&all(&guest(&[("Packages", &file)])));
        assert_eq!(ours, by_rpm(folder.path(), "bdb_ro"), "{name}");
        assert!(name.contains("libuuid") || ours.len() > 10, "{}", ours.len());
    }
}

#[test]
fn an_epoch_is_part_of_the_version() {
    let Some(file) = real("rpmdb-bdb-epoch-Packages") else { return };
    let packages = all(&guest(&[("Packages", &file)]));
    assert!(packages.len() == 1 && packages[0].version.ends_with(":0.0.1-rls"), "{packages:?}");
}

/// The index as rpm writes it: name to number and place, in the order of the file.
fn index(packages: &Dump, of: &[&str], big: bool) -> Dump {
    let mut pairs = Vec::new();
    for (key, value) in &packages.pairs {
        if let Ok(package) = crate::guest::linux::packages::rpm::header::package(value)
            && of.contains(&package.name.as_str())
        {
            let mut entry: Vec<u8> = key.clone();
            if big {
                entry.reverse();
            }
            entry.extend([0; 4]);
            pairs.push((package.name.into_bytes(), entry));
        }
    }
    Dump { pairs }
}

#[test]
fn either_byte_order_and_either_kind_of_index_is_read() {
    let Some(file) = real("rpmdb-bdb-centos5-plain-Packages.zst") else { return };
    let little = Dump::of(&file);
    let swapped = |key: &[u8]| key.iter().rev().copied().collect::<Vec<u8>>();
    let big = Dump { pairs: little.pairs.iter().map(|(key, value)| (swapped(key), value.clone())).collect() };
    let plain = names(&all(&guest(&[("Packages", &file)])));
    for (order, dump) in [("1234", &little), ("4321", &big)] {
        for page_size in [512, 4096, 65536] {
            let file = dump.load("hash", order, page_size);
            assert_eq!(names(&all(&guest(&[("Packages", &file)]))), plain, "{order} {page_size}");
            for kind in ["hash", "btree"] {
                let name = index(&little, &["bash", "glibc", "tzdata"], order == "4321").load(kind, order, page_size);
                let found = found(&guest(&[("Packages", &file), ("Name", &name)]));
                let names: Vec<&str> = found.installed.iter().map(|p| p.name.as_str()).collect();
                // What the index does not name is not installed, as rpm says.
                assert_eq!(names.len(), 2, "{order} {page_size} {kind}: {names:?}");
                assert!(names.contains(&"bash") && names.contains(&"glibc"), "{names:?}");
            }
        }
    }
}

#[test]
fn an_index_of_many_names_is_walked_to_its_end() {
    let pairs = |count: u32| {
        let name = |n: u32| format!("package-{n:05}-{}", "x".repeat(usize::try_from(n % 40).unwrap())).into_bytes();
        let entry = |n: u32| [n.to_le_bytes(), [0; 4]].concat();
        let mut pairs: Vec<_> = (1..=count).map(|n| (name(n), entry(n))).collect();
        pairs.push((b"bash".to_vec(), entry(7)));
        pairs.push((b"zz-release".to_vec(), [entry(8), entry(9)].concat()));
        Dump { pairs }
    };
    let Some(packages) = real("rpmdb-bdb-centos5-plain-Packages.zst") else { return };
    for kind in ["hash", "btree"] {
        for page_size in [512, 4096] {
            let name = pairs(3000).load(kind, "1234", page_size);
            let tree = guest(&[("Packages", &packages), ("Name", &name)]).tree();
            let (_, headers) = crate::guest::linux::packages::rpm::bdb::open(&tree, "/var/lib/rpm").unwrap().unwrap();
            let mut found = headers.by_name(|name| matches!(name, "bash" | "zz-release")).unwrap().unwrap();
            found.sort_unstable();
            assert_eq!(found, [7, 8, 9], "{kind} {page_size}");
            assert_eq!(headers.by_name(|_| true).unwrap().unwrap().len(), 3003, "{kind} {page_size}");
        }
    }
}

#[test]
fn what_is_no_database_is_an_error_and_an_empty_file_is_none() {
    let error = read(&guest(&[("Packages", &[7; 4096])]).tree()).unwrap_err();
    assert_eq!((error.kind, error.layer), (ErrorKind::Corrupt, "rpm bdb"));
    assert_eq!(read(&guest(&[("Packages", b"")]).tree()).unwrap(), None);
}
