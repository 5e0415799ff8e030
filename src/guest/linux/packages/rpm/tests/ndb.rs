use super::{all, by_us, found, guest, names, read, real};
use crate::disk::ErrorKind;
use crate::guest::linux::packages::rpm::{MAX_HEADER, sqlite};

/// A database of these headers, as rpm's `lib/backend/ndb/rpmpkg.c` writes it; one slot in three is free.
pub(super) fn database(headers: &[(u32, Vec<u8>)]) -> Vec<u8> {
    const PAGE: usize = 4096;
    let pages = (headers.len() * 3).div_ceil(PAGE / 16 - 2) + 1;
    let mut file = vec![0; pages * PAGE];
    for slot in file.chunks_exact_mut(16) {
        slot[..4].copy_from_slice(b"Slot");
    }
    let put = |file: &mut Vec<u8>, at: usize, numbers: &[u32]| {
        for (at, number) in (at..).step_by(4).zip(numbers) {
            file[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
    };
    file[..4].copy_from_slice(b"RpmP");
    put(&mut file, 4, &[0, 1, u32::try_from(pages).unwrap(), 999, 0, 0, 0]);
    for (nth, (number, header)) in headers.iter().enumerate() {
        let at = file.len();
        let blocks = (16 + header.len() + 12).div_ceil(16);
        file.resize(at + blocks * 16, 0);
        file[at..at + 4].copy_from_slice(b"BlbS");
        put(&mut file, at + 4, &[*number, 1, u32::try_from(header.len()).unwrap()]);
        file[at + 16..at + 16 + header.len()].copy_from_slice(header);
        let tail = at + blocks * 16 - 12;
        put(&mut file, tail, &[0, u32::try_from(header.len()).unwrap()]);
        file[tail + 8..tail + 12].copy_from_slice(b"BlbE");
        let place = [*number, u32::try_from(at / 16).unwrap(), u32::try_from(blocks).unwrap()];
        put(&mut file, 32 + nth * 48 + 4, &place);
    }
    file
}

/// The headers of a real database.
pub(super) fn headers() -> Option<Vec<(u32, Vec<u8>)>> {
    let file = real("rpmdb-sqlite-cbl-mariner-2.0-rpmdb.sqlite.zst")?;
    let tree = guest(&[("rpmdb.sqlite", &file)]).tree();
    let (_, headers) = sqlite::open(&tree, "/var/lib/rpm").unwrap().unwrap();
    let numbers = headers.numbers().unwrap();
    Some(numbers.into_iter().map(|n| (n, headers.read(n, MAX_HEADER).unwrap().unwrap())).collect())
}

#[test]
fn every_package_is_found_through_its_slot() {
    let Some(headers) = headers() else { return };
    let sqlite = real("rpmdb-sqlite-cbl-mariner-2.0-rpmdb.sqlite.zst").unwrap();
    let theirs = all(&guest(&[("rpmdb.sqlite", &sqlite)]));
    let fs = guest(&[("Packages.db", &database(&headers))]);
    let ours = all(&fs);
    assert_eq!(names(&ours), names(&theirs));
    assert_eq!(by_us(&ours), by_us(&theirs));
    let found = found(&fs);
    assert_eq!(found.format, "ndb");
    let wanted = theirs.iter().filter(|p| super::wanted(&p.name)).count();
    assert_eq!(found.installed.len(), wanted, "names in the first part of a header tell which are read whole");
}

#[test]
fn what_is_no_database_is_an_error() {
    let kind = |file: &[u8]| read(&guest(&[("Packages.db", file)]).tree()).unwrap_err().kind;
    assert_eq!(kind(&[1; 4096]), ErrorKind::Corrupt);
    let mut newer = database(&[]);
    newer[4] = 1;
    assert_eq!(kind(&newer), ErrorKind::Unsupported);
    let mut longer = database(&[]);
    longer[12..16].copy_from_slice(&[0xff; 4]);
    assert_eq!(kind(&longer), ErrorKind::Limit);
}
