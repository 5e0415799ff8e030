//! Records, runs and lists of attributes by themselves.

use super::super::runs::{self, Run};
use super::super::stream::Stream;
use super::super::{Ntfs, attribute};
use super::{edit, kind_of, make, node, noise, open, put};
use crate::disk::ErrorKind;
use crate::disk::testkit::{self, Counting};

fn decode(pairs: &[u8], first: u64, end: u64) -> crate::disk::Result<Vec<Run>> {
    let mut found = Vec::new();
    runs::decode(pairs, (first, end), 0x1_0000, 0, &mut found).map(|()| found)
}

#[test]
fn mapping_pairs() {
    // Forth, back, a hole, a hole as NT 4 wrote it, a length of two bytes.
    let pairs = [0x21, 0x10, 0x00, 0x20, 0x11, 0x08, 0xF0, 0x01, 0x04, 0x22, 0x00, 0x01, 0x00, 0x10, 0x00, 0xFF];
    let run = |vcn, lcn, len| Run { vcn, lcn, len };
    let expected =
        [run(5, Some(0x2000), 0x10), run(21, Some(0x1FF0), 8), run(29, None, 4), run(33, Some(0x2FF0), 0x100)];
    assert_eq!(decode(&pairs, 5, 289).unwrap(), expected);
    assert_eq!(decode(&[0x11, 4, 0xFF, 0], 0, 4).unwrap(), [run(0, None, 4)]);
    assert_eq!(decode(&[0], 0, 0).unwrap(), []);
    assert_eq!(decode(&[], 7, 7).unwrap(), []);
    for (pairs, first, end) in [
        (&[0x11, 4, 1, 0][..], 0, 5),
        (&[0x11, 4, 1, 0], 0, 3),
        (&[0x11, 0, 1, 0], 0, 0),
        (&[0x10, 1, 0], 0, 1),
        (&[0x11, 0xFF, 1, 0], 0, 255),
        (&[0x11, 4, 0x80, 0], 0, 4),
        (&[0x31, 4, 0xFF, 0xFF, 0x7F, 0], 0, 4),
        (&[0x31, 2, 0xFF, 0xFF, 0x00, 0], 0, 2),
        (&[0x11, 4], 0, 4),
        (&[0x99, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], 0, 1),
        (&[0x18, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 1, 0], 2, u64::MAX),
    ] {
        assert_eq!(kind_of(decode(pairs, first, end)), ErrorKind::Corrupt, "{pairs:x?}");
    }
    let many = [0x11, 1, 1].repeat(1 << 17);
    assert_eq!(kind_of(runs::decode(&many, (0, 1 << 17), 1 << 30, 0, &mut Vec::new())), ErrorKind::Limit);
}

#[test]
fn a_reference_to_what_was_there_before() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "", 16 << 20);
    put(&image, "file", "", b"content");
    let file = node(open(&image).unwrap().as_ref(), "file").unwrap();
    edit::record(&image, file, |raw| raw[0x10] += 1);
    let fs = open(&image).unwrap();
    assert_eq!(fs.lookup(fs.root(), "file").unwrap(), file);
    for error in [kind_of(fs.stat(file)), kind_of(fs.read_at(file, 0, 1)), kind_of(fs.stat(1 << 40))] {
        assert_eq!(error, ErrorKind::Corrupt);
    }
    edit::record(&image, file, |raw| {
        raw[0x10] -= 1;
        raw[0x16] = 0;
    });
    assert_eq!(kind_of(open(&image).unwrap().stat(file)), ErrorKind::Corrupt);
}

#[test]
fn an_attribute_list_that_leads_astray() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "-c 1024", 4 << 20);
    put(&image, "other", "", b"another file");
    let name = |n: usize| format!("stream-{n}-{}", "n".repeat(40));
    for n in 0..6 {
        put(&image, "streams", &name(n), &noise(n as u64, 900));
    }
    let fs = open(&image).unwrap();
    let (file, other) = (node(fs.as_ref(), "streams").unwrap(), node(fs.as_ref(), "other").unwrap());
    let streams = || {
        let mft = Ntfs::open(testkit::open(&image)).unwrap().mft;
        let file = mft.file(file).unwrap();
        let size = |n| file.stream(&mft, attribute::DATA, &name(n)).map(|stream| stream.unwrap().size);
        (0..6).map(size).collect::<Vec<_>>()
    };
    assert_eq!(streams(), vec![Ok(900); 6]);
    // The list itself is in clusters, so there are no update sequences in the way.
    let mft = Ntfs::open(testkit::open(&image)).unwrap().mft;
    let own = mft.file(file).unwrap().record;
    let list = own.attributes().unwrap().into_iter().find(|found| found.kind == attribute::ATTRIBUTE_LIST).unwrap();
    let list = Stream::new(&list, &mft.disk).unwrap();
    assert!(list.resident().is_none());
    let clean = list.bytes(&mft.disk, 9999).unwrap();
    let place = list.place(&mft.disk, 0).unwrap();
    for astray in [other, file, 1 << 40, 0] {
        let mut raw = clean.clone();
        let mut entry = 0;
        while entry < raw.len() {
            let reference = &mut raw[entry + 0x10..entry + 0x18];
            if reference != file.to_le_bytes() {
                reference.copy_from_slice(&astray.to_le_bytes());
            }
            entry += usize::from(raw[entry + 4]);
        }
        edit::write(&image, place, &raw);
        let found = streams();
        let failed = found.iter().filter_map(|found| found.as_ref().err()).collect::<Vec<_>>();
        assert!(failed.len() >= 2 && failed.iter().all(|error| error.kind == ErrorKind::Corrupt), "{found:?}");
    }
}

#[test]
fn a_name_among_hundreds_is_found_with_few_reads() {
    let dir = tempfile::tempdir().unwrap();
    let image = make(dir.path(), "-c 4096", 16 << 20);
    let from = 100;
    for n in from..from + 120 {
        put(&image, &format!("driver-{n}-{}", "n".repeat(80)), "", b"");
    }
    let disk = Counting::new(testkit::open(&image));
    let fs = super::super::open(disk.clone()).unwrap();
    let opened = disk.requests();
    assert!(opened <= 2, "{opened} to open");
    for n in [101, 150, 199] {
        fs.lookup(fs.root(), &format!("DRIVER-{n}-{}", "N".repeat(80))).unwrap();
    }
    // The root's record, two for the table of upper case, and three blocks a name.
    let (requests, bytes) = (disk.requests() - opened, disk.bytes());
    assert!(requests <= 3 + 3 * 3, "{requests} requests");
    assert!(bytes <= (128 << 10) + (12 << 12), "{bytes} bytes");
}
