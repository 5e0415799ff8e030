//! Large compressed clusters: what is wanted again is not unpacked again.

use crate::disk::container::open;
use crate::disk::container::testing::convert;
use crate::disk::testkit::{self, Counting, Dice};

const CLUSTER: u64 = 2 << 20;
const CLUSTERS: u64 = 12;

/// A disk of text that is nowhere the same, and its image with clusters of 2 MiB.
fn made(dir: &std::path::Path) -> (Vec<u8>, Vec<u8>) {
    let line =
        |number: u64| format!("line {number:>16} of a disk that compresses well enough to be packed\n").into_bytes();
    let mut disk: Vec<u8> = (0..).map(line).take((CLUSTER * CLUSTERS / 72) as usize).flatten().collect();
    disk.resize((CLUSTER * CLUSTERS) as usize, 0);
    let raw = dir.join("disk.raw");
    std::fs::write(&raw, &disk).unwrap();
    let options = ["-c", "-o", "compression_type=zstd,cluster_size=2M"];
    (disk, std::fs::read(convert(&raw, "qcow2", "large.qcow2", &options)).unwrap())
}

#[test]
fn pieces_of_many_clusters_are_unpacked_once() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, image) = made(dir.path());
    let counting = Counting::new(testkit::memory(image));
    let guest = open(counting.clone()).unwrap().guest.unwrap();
    let look = |piece: u64| {
        for cluster in 0..CLUSTERS {
            let at = cluster * CLUSTER + piece * 4096 + 100;
            assert!(guest.read_vec_at(at, 5000).unwrap() == disk[at as usize..at as usize + 5000]);
        }
        counting.bytes()
    };
    let first = look(40);
    assert_eq!((0..20).map(|_| look(40)).max(), Some(first), "all of it is kept");
    assert!(look(200) > first, "and not all of the clusters");
}

#[test]
fn reads_of_any_size_give_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, image) = made(dir.path());
    let guest = open(testkit::memory(image)).unwrap().guest.unwrap();
    let mut dice = Dice(5);
    for _ in 0..600 {
        // Most near the start of a cluster, so that many are met again, and some across its end.
        let at = dice.below(CLUSTERS) * CLUSTER + dice.below(60_000);
        let at = if dice.below(3) == 0 { at.saturating_sub(70_000) } else { at };
        let most = if dice.below(8) == 0 { 200_000 } else { 9000 };
        let len = 1 + dice.below(most);
        let len = len.min(disk.len() as u64 - at);
        assert!(
            guest.read_vec_at(at, len as usize).unwrap() == disk[at as usize..(at + len) as usize],
            "{len} at {at}"
        );
    }
}
