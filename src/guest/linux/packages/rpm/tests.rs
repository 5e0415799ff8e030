//! Real databases against rpm itself, others as Berkeley DB's and SQLite's own tools write them, and changed ones.

mod bdb;
mod hostile;
mod ndb;
mod sqlite;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{KINDS, header};
use crate::disk::Result;
use crate::guest::Tree;
use crate::guest::linux::packages::{Is, Package, Packages, wanted, wanted_file};
use crate::guest::linux::testdata;
use crate::guest::testing::MemoryFs;

/// A database of the collection, uncompressed.
fn real(name: &str) -> Option<Vec<u8>> {
    let bytes = testdata(&format!("pkgdb/{name}"))?;
    if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) { Some(run("zstd", &["-dc"], &bytes)) } else { Some(bytes) }
}

/// What a program answers to this input.
fn run(program: &str, args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|e| panic!("{program} is needed (see e2e/packages): {e}"));
    let mut pipe = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || pipe.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    assert!(output.status.success(), "{program} {args:?}");
    output.stdout
}

/// A guest with these files in the folder of its database.
fn guest(files: &[(&str, &[u8])]) -> MemoryFs {
    files.iter().fold(MemoryFs::new(), |fs, (name, bytes)| fs.file(&format!("/var/lib/rpm/{name}"), bytes))
}

/// Every package of the database, whether it is asked for or not.
fn all(fs: &MemoryFs) -> Vec<Package> {
    let tree = fs.clone().tree();
    for (_, open) in KINDS {
        if let Some((_, headers)) = open(&tree, "/var/lib/rpm").unwrap() {
            let numbers = headers.numbers().unwrap();
            let of = |number| header::package(&headers.read(number, 1 << 25).unwrap().unwrap()).unwrap();
            return numbers.into_iter().map(of).collect();
        }
    }
    panic!("no database");
}

/// What is asked for.
fn read(tree: &Tree) -> Result<Option<Packages>> {
    super::read(tree, wanted)
}

fn found(fs: &MemoryFs) -> Packages {
    read(&fs.clone().tree()).unwrap().unwrap()
}

/// As `rpm -qa` prints them.
fn names(packages: &[Package]) -> BTreeSet<String> {
    let plain = |version: &str| version.split_once(':').map_or(version.to_owned(), |(_, rest)| rest.to_owned());
    let arch = |p: &Package| if p.architecture.is_empty() { String::new() } else { format!(".{}", p.architecture) };
    packages.iter().map(|p| format!("{}-{}{}", p.name, plain(&p.version), arch(p))).collect()
}

/// What rpm says of the databases in that folder, a line for each file: name, vendor, source, path, digest, target.
fn by_rpm(folder: &Path, backend: &str) -> BTreeSet<String> {
    let format = "[%{=NAME}\t%{=VENDOR}\t%{=SOURCERPM}\t%{FILENAMES}\t%{FILEDIGESTS}\t%{FILELINKTOS}\t%{FILEFLAGS}\t%{FILEMODES}\t%{FILESTATES}\n]";
    let define = format!("_db_backend {backend}");
    let args = ["--define", &define, "--dbpath", folder.to_str().unwrap(), "-qa", "--qf", format];
    let text = String::from_utf8(run("rpm", &args, b"")).unwrap();
    let mut lines = BTreeSet::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.split('\t').collect();
        let [name, vendor, source, path, digest, link, flags, mode, state] = cells[..] else { continue };
        let (flags, mode): (u32, u32) = (flags.parse().unwrap(), mode.parse().unwrap());
        // Documentation that was left out has another state than 0.
        if state == "0" && wanted_file(path.rsplit('/').next().unwrap()) {
            let is = match mode & 0xF000 {
                _ if flags & 64 != 0 => "-",
                0xA000 => link,
                0x8000 => digest,
                _ => "-",
            };
            lines.insert(format!("{name} {vendor} {source} {path} {is}").replace("(none)", ""));
        }
    }
    lines
}

fn by_us(packages: &[Package]) -> BTreeSet<String> {
    let is = |is: &Is| match is {
        Is::File(digest) | Is::Either(digest) => digest.hex.clone(),
        Is::Link(target) => target.clone(),
        Is::Listed | Is::Unsaid => "-".to_owned(),
    };
    let lines = packages.iter().flat_map(|p| {
        p.files.iter().map(move |f| format!("{} {} {} {} {}", p.name, p.vendor, p.source, f.path, is(&f.is)))
    });
    lines.collect()
}
