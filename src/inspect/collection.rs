//! The collection of real-world samples, row by row of its manifest: what the layers can answer of each is checked, and
//! what they cannot is said.

mod archives;
mod disks;
mod guests;
mod place;
mod rows;
mod trees;

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::disk::testkit;
use rows::{ROWS, Row};

#[test]
fn every_sample_of_the_collection_is_answered_or_said_not_to_be() {
    let Some(dir) = testkit::collection() else { return };
    let manifest = std::fs::read_to_string(dir.join("MANIFEST.tsv")).unwrap();
    let rows: BTreeMap<_, _> = ROWS.iter().map(|(path, row)| (*path, row)).collect();
    assert_eq!(rows.len(), ROWS.len(), "a sample has two rows");
    let (mut answered, mut unanswered, mut wrong) = (0, 0, Vec::new());
    for line in manifest.lines().skip(1) {
        let fields: Vec<_> = line.split('\t').collect();
        let (path, digest) = (fields[0], fields[1]);
        match rows.get(path) {
            None => wrong.push(format!("{path}: no row says what is expected of it")),
            Some(Row::Not(why)) => {
                println!("not answered: {path}: {why}");
                unanswered += 1;
            }
            Some(row) => match answer(&dir.join(path), digest, row) {
                Ok(said) => {
                    println!("answered: {path}: {said}");
                    answered += 1;
                }
                Err(what) => wrong.push(format!("{path}: {what}")),
            },
        }
    }
    println!("{answered} samples answered, {unanswered} not answered, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What was compared, or what is wrong.
fn answer(sample: &Path, digest: &str, row: &Row) -> Result<String, String> {
    let bytes = std::fs::read(sample).map_err(|e| e.to_string())?;
    if hex::encode(Sha256::digest(bytes)) != digest {
        return Err("is not the sample of the manifest".to_owned());
    }
    let said = |panic: Box<dyn std::any::Any + Send>| match panic.downcast::<String>() {
        Ok(what) => *what,
        Err(_) => "a panic, see above".to_owned(),
    };
    let (found, wanted, compared) = match row {
        Row::Disk(wanted) => {
            let (found, compared) = catch_unwind(|| disks::found(sample)).map_err(said)?;
            (found, wanted, compared)
        }
        Row::Other(wanted, check) => (catch_unwind(|| check(sample)).map_err(said)?, wanted, String::new()),
        Row::Beside(file) => return beside(sample, file),
        Row::Not(_) => return Err("is not answered".to_owned()),
    };
    if found != *wanted {
        return Err(format!("{found}\n  not {wanted}"));
    }
    let compared = compared.trim_end_matches("; ");
    Ok(if compared.is_empty() { found } else { format!("{found} [compared: {compared}]") })
}

/// Whether the tests in a file of the source ask for a sample.
fn beside(sample: &Path, file: &str) -> Result<String, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let source = std::fs::read_to_string(source).map_err(|e| format!("{file}: {e}"))?;
    let name = sample.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if source.contains(name) { Ok(format!("by the tests in {file}")) } else { Err(format!("{file} does not name it")) }
}
