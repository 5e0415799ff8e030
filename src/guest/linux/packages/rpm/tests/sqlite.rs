use std::path::Path;

use super::{all, by_rpm, by_us, found, guest, names, read, real, run};
use crate::disk::ErrorKind;
use crate::guest::linux::packages::rpm::{Headers, sqlite};

/// Runs a script of Python on the database in that folder, and gives its files back.
fn python(folder: &Path, script: &str) -> (Vec<(String, Vec<u8>)>, String) {
    let path = folder.join("rpmdb.sqlite");
    let script = format!("import sqlite3, os, sys, hashlib, random\npath = {:?}\n{script}", path.to_str().unwrap());
    let out = run("python3", &["-c", &script], b"");
    let files = ["rpmdb.sqlite", "rpmdb.sqlite-wal", "rpmdb.sqlite-journal"];
    let files = files.iter().filter_map(|name| Some(((*name).to_owned(), std::fs::read(folder.join(name)).ok()?)));
    (files.collect(), String::from_utf8(out).unwrap())
}

fn guest_of(files: &[(String, Vec<u8>)]) -> crate::guest::testing::MemoryFs {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (&**name, &**bytes)).collect();
    guest(&files)
}

#[test]
fn a_real_database_is_read_as_rpm_reads_it() {
    let Some(file) = real("rpmdb-sqlite-cbl-mariner-2.0-rpmdb.sqlite.zst") else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rpmdb.sqlite"), &file).unwrap();
    let fs = guest(&[("rpmdb.sqlite", &file)]);
    let packages = all(&fs);
    assert_eq!(names(&packages).len(), 129);
    assert_eq!(by_us(&packages), by_rpm(folder.path(), "sqlite"));
    let found = found(&fs);
    assert_eq!(found.format, "sqlite");
    let bash = found.installed("bash").unwrap();
    assert_eq!(bash.vendor, "Microsoft Corporation");
    assert!(found.installed("glibc").is_some() && found.installed("mariner-release").is_some());
    assert!(found.installed.iter().all(|p| super::wanted(&p.name)), "others were read");
}

/// Tables of rows of every size, in pages of every size, after deletions.
const TABLES: &str = r#"
random.seed(size)
c = sqlite3.connect(path)
c.execute("pragma page_size=%d" % size)
c.execute("create table filler(a)")
c.execute("create table 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)")
c.execute("create table 'Name' (key 'TEXT' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL)")
c.execute("create index 'Name_key_idx' on 'Name'(key ASC)")
for n in range(1, 400):
    blob = random.randbytes(random.choice([0, 1, 30, size - 40, size - 35, size - 34, size, 5 * size, 20000]))
    c.execute("insert into Packages values(?, ?)", (n * n, blob))
    c.execute("insert into Name values(?, ?, 0)", ("package-%d" % n, n * n))
c.execute("delete from Packages where hnum % 7 = 1")
c.commit()
"#;
const PRINT: &str = r#"
for n, blob in sqlite3.connect(path).execute("select hnum, blob from Packages"):
    print(n, hashlib.sha256(blob).hexdigest())
"#;

fn rows(headers: &dyn Headers) -> String {
    let digest = |n| {
        let blob = headers.read(n, 1 << 20).unwrap().unwrap();
        crate::guest::linux::packages::digest::Algorithm::Sha256.of(&blob).hex
    };
    let lines = headers.numbers().unwrap().into_iter().map(|n| format!("{n} {}\n", digest(n)));
    lines.collect::<Vec<_>>().concat()
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn rows_of_every_size_are_read_from_pages_of_every_size() {
    for size in [512, 1024, 4096, 65536] {
        let folder = tempfile::tempdir().unwrap();
        let (files, printed) = python(folder.path(), &format!("size = {size}\n{TABLES}{PRINT}"));
        let tree = guest_of(&files).tree();
        let (_, headers) = sqlite::open(&tree, "/var/lib/rpm").unwrap().unwrap();
        assert_eq!(sorted(&rows(&*headers)), sorted(&printed), "{size}");
        assert_eq!(headers.by_name(|name| name == "package-20").unwrap(), Some(vec![400]));
        assert_eq!(headers.by_name(|_| true).unwrap().unwrap().len(), 399);
        assert_eq!(headers.read(3, 10).unwrap(), None);
        let row = headers.numbers().unwrap()[3];
        let whole = headers.read(row, 1 << 20).unwrap().unwrap();
        assert_eq!(headers.read(row, 5).unwrap().unwrap(), whole[..whole.len().min(5)]);
    }
}

/// What was committed to the log and never made it into the file; the process then dies in the middle of a transaction.
const LOG: &str = r#"
c.execute("pragma journal_mode=wal")
c.execute("pragma wal_autocheckpoint=0")
for n in range(1, 60):
    c.execute("insert or replace into Packages values(?, ?)", (n * n, random.randbytes(n * 100)))
    c.execute("insert into Name values(?, ?, 0)", ("cloud-init", n))
    c.commit()
for n, blob in c.execute("select hnum, blob from Packages"):
    print(n, hashlib.sha256(blob).hexdigest())
c.execute("pragma cache_size=2")
c.execute("delete from Packages where hnum > 100")
c.execute("update Name set key = 'gone'")
sys.stdout.flush()
os._exit(0)
"#;

#[test]
fn the_log_of_a_process_that_died_counts_as_far_as_it_was_committed() {
    for size in [512, 4096] {
        let folder = tempfile::tempdir().unwrap();
        let (files, printed) = python(folder.path(), &format!("size = {size}\n{TABLES}{LOG}"));
        assert_eq!(files.len(), 2, "the log is left");
        let tree = guest_of(&files).tree();
        let (_, headers) = sqlite::open(&tree, "/var/lib/rpm").unwrap().unwrap();
        assert_eq!(sorted(&rows(&*headers)), sorted(&printed), "{size}");
        assert_eq!(headers.by_name(|name| name == "cloud-init").unwrap().unwrap().len(), 59);
    }
}

#[test]
fn frames_that_do_not_check_out_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let (mut files, _) = python(folder.path(), &format!("size = 4096\n{TABLES}{LOG}"));
    let count = |files: &[(String, Vec<u8>)]| {
        let tree = guest_of(files).tree();
        let (_, headers) = sqlite::open(&tree, "/var/lib/rpm").unwrap().unwrap();
        headers.by_name(|name| name == "cloud-init").unwrap().unwrap().len()
    };
    let log = files[1].1.clone();
    for at in [0, 4, 17, 24, 40, 60, 5000] {
        files[1].1.clone_from(&log);
        files[1].1[at] ^= 1;
        assert_eq!(count(&files), 0, "{at}");
    }
    files[1].1 = log[..log.len() / 4].to_vec();
    assert!((1..59).contains(&count(&files)), "{}", count(&files));
}

#[test]
fn a_transaction_that_was_not_finished_is_undecided() {
    const JOURNAL: &str = r#"
c.execute("pragma cache_size=2")
c.execute("delete from Packages where hnum > 100")
c.execute("update Name set key = 'gone'")
os._exit(0)
"#;
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = python(folder.path(), &format!("size = 4096\n{TABLES}{JOURNAL}"));
    assert_eq!(files.len(), 2, "the journal is left");
    let error = read(&guest_of(&files).tree()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(error.what.contains("rollback journal"), "{error}");
}
