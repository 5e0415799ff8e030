//! Changed databases of every kind: whatever they hold, reading returns.

use std::time::{Duration, Instant};

use super::ndb;
use super::{guest, read, real};
use crate::guest::linux::packages::rpm::header;

/// Changes one byte after another of `places`, in several ways, and reads.
fn changed(name: &str, file: &[u8], places: impl Iterator<Item = usize>) {
    let start = Instant::now();
    let (mut tried, mut errors) = (0, 0);
    for at in places {
        for change in [0x01, 0x80, 0xff] {
            let mut file = file.to_vec();
            file[at] ^= change;
            errors += u32::from(read(&guest(&[(name, &file)]).tree()).is_err());
            tried += 1;
        }
        assert!(start.elapsed() < Duration::from_secs(300), "{name}: {tried} changes took too long");
    }
    assert!(tried > 100 && errors > 0 && errors < tried, "{name}: {errors} errors of {tried}");
}

#[test]
fn a_changed_hash_of_berkeley_db_never_harms() {
    let Some(file) = real("rpmdb-bdb-epoch-Packages") else { return };
    let pages = file.len() / 4096;
    // The metadata, the heads of pages and where their entries lie, and the index of the header.
    let heads =
        (1..pages).flat_map(|page| (page * 4096..page * 4096 + 64).chain(page * 4096 + 4050..(page + 1) * 4096));
    changed("Packages", &file, (0..240).chain(heads));
}

#[test]
fn a_changed_ndb_never_harms() {
    let Some(headers) = ndb::headers() else { return };
    let one: Vec<_> = headers.into_iter().filter(|(_, header)| header.len() < 10_000).take(1).collect();
    let file = ndb::database(&one);
    changed("Packages.db", &file, (0..96).chain(4096..file.len().min(4096 + 16 + 2048)));
}

#[test]
fn a_changed_sqlite_never_harms() {
    let Some(file) = real("rpmdb-sqlite-cbl-mariner-2.0-rpmdb.sqlite.zst") else { return };
    // The file's head, the schema, and the heads of the first pages of tables.
    let heads = (1..12).flat_map(|page| page * 4096..page * 4096 + 12);
    changed("rpmdb.sqlite", &file, (0..110).chain(heads));
}

#[test]
fn a_changed_header_never_harms() {
    let Some(headers) = ndb::headers() else { return };
    let (_, whole) = headers.iter().filter(|(_, header)| header.len() > 4000).min_by_key(|(_, h)| h.len()).unwrap();
    header::package(whole).unwrap();
    for at in 0..whole.len().min(3000) {
        for change in [0x01, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= change;
            let _ = header::package(&bytes);
            let _ = header::name(&bytes);
        }
    }
    for len in 0..2000 {
        assert!(header::package(&whole[..len]).is_err(), "{len}");
        let _ = header::name(&whole[..len]);
    }
}
