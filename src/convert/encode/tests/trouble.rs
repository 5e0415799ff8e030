//! What goes wrong ends the work with what went wrong, and leaves no thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Compression, Faulty, Kept, MIB, TARGETS, Target, compressible, convert, disk, mixed};
use crate::convert::encode::pipeline::{Width, ordered};
use crate::convert::encode::{Sink, encode, plan};
use crate::disk::{Error, ErrorKind, Result, testkit};

#[test]
fn a_read_that_fails_midway_ends_the_work_with_that_error() {
    let pulled = Arc::new(AtomicBool::new(false));
    let when = pulled.clone();
    let is_bad = move |at, _| when.load(Relaxed) && at >= 40 * MIB;
    let disk = disk(Arc::new(Faulty { inner: testkit::memory(mixed(80 << 20)), is_bad }));
    pulled.store(true, Relaxed);
    for target in TARGETS {
        let mut kept = Kept::default();
        let error = encode(&disk, &plan(&disk, *target, 0).unwrap(), &mut kept).unwrap_err();
        assert_eq!(
            (error.kind, error.at),
            (ErrorKind::Io, Some(40 * MIB)),
            "{target:?}: the first in the disk's order"
        );
        assert!(!kept.order.contains(&1) || *target == Target::Raw || matches!(target, Target::VhdFixed { .. }));
    }
}

#[test]
fn a_damaged_cluster_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let raw = dir.path().join("disk.raw");
    std::fs::write(&raw, compressible(20 << 20)).unwrap();
    for (options, name) in [("compression_type=zlib", "zlib"), ("compression_type=zstd", "zstd")] {
        let file = convert(&raw, "qcow2", "source", &["-c", "-o", options]);
        let mut image = std::fs::read(&file).unwrap();
        let middle = image.len() / 2;
        // Some clusters as a whole: within one, damage may still be something to unpack.
        image[middle..middle + 200_000].fill(0xff);
        let disk = disk(testkit::memory(image));
        for target in TARGETS {
            let error = encode(&disk, &plan(&disk, *target, 0).unwrap(), &mut Kept::default()).unwrap_err();
            assert_eq!((error.kind, error.layer), (ErrorKind::Corrupt, "qcow2"), "{target:?}: {error}");
            assert!(error.what.contains(name), "{error}");
        }
    }
}

/// Takes a few parts and then no more.
struct Stops {
    parts: usize,
    panics: bool,
}

impl Sink for Stops {
    fn part(&mut self, _number: u32, _bytes: Bytes) -> Result<()> {
        match self.parts.checked_sub(1) {
            Some(left) => self.parts = left,
            None if self.panics => panic!("a sink's mistake"),
            None => return Err(Error::io("destination", "enough")),
        }
        Ok(())
    }
}

#[test]
fn a_sink_that_stops_or_panics_ends_the_work() {
    let disk = disk(testkit::memory(mixed(60 << 20)));
    for target in TARGETS {
        for parts in 0..2 {
            let plan = plan(&disk, *target, 0).unwrap();
            let error = encode(&disk, &plan, &mut Stops { parts, panics: false }).unwrap_err();
            assert_eq!(error.layer, "destination");
            let panics = std::panic::AssertUnwindSafe(|| encode(&disk, &plan, &mut Stops { parts, panics: true }));
            assert!(std::panic::catch_unwind(panics).is_err());
        }
    }
}

struct Cancelled(u64);

impl Sink for Cancelled {
    fn part(&mut self, _number: u32, _bytes: Bytes) -> Result<()> {
        Ok(())
    }
    fn reached(&mut self, at: u64) -> Result<()> {
        if at >= self.0 { Err(Error::io("convert", "the work was stopped")) } else { Ok(()) }
    }
}

#[test]
fn the_work_can_be_ended_where_no_part_is_full() {
    let disk = disk(testkit::memory(compressible(20 << 20)));
    for target in TARGETS {
        let plan = plan(&disk, *target, 64 * MIB).unwrap();
        let error = encode(&disk, &plan, &mut Cancelled(4 * MIB)).unwrap_err();
        assert_eq!(error.what, "the work was stopped");
    }
}

const NARROW: Width = Width { threads: 3, ahead: 4 };

#[test]
fn results_come_in_order_and_no_more_are_begun_than_may_be() {
    let (begun, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let jobs = (0..200_u64).map(Ok);
    let worker = || {
        Ok(|job: u64| {
            let ahead = begun.fetch_add(1, Relaxed) - taken.load(Relaxed).min(begun.load(Relaxed));
            assert!(ahead <= NARROW.ahead + 1, "{ahead}");
            std::thread::sleep(Duration::from_micros(job * 7919 % 500));
            Ok(job)
        })
    };
    let mut next = 0;
    ordered(NARROW, jobs, worker, |job| {
        assert_eq!(job, next);
        next += 1;
        taken.fetch_add(1, Relaxed);
        Ok(())
    })
    .unwrap();
    assert_eq!(next, 200);
}

#[test]
fn a_panic_an_error_or_a_worker_that_cannot_be_made_is_the_end() {
    let start = Instant::now();
    for at in [0, 1, 5, 50] {
        let seen = |worker: &(dyn Fn(u64) -> Result<u64> + Sync)| {
            let mut last = None;
            let ended = ordered(
                NARROW,
                (0..1_000_000).map(Ok),
                || Ok(worker),
                |job| {
                    last = Some(job);
                    Ok(())
                },
            );
            (ended.unwrap_err().kind, last)
        };
        let fails = |job| if job >= at { Err(Error::limit("test", "no more")) } else { Ok(job) };
        assert_eq!(seen(&fails), (ErrorKind::Limit, at.checked_sub(1)), "all before it were taken");
        let panics = |job| if job == at { panic!("a worker's mistake") } else { Ok(job) };
        assert_eq!(seen(&panics).0, ErrorKind::Unsupported);
    }
    let none = || Err::<fn(u64) -> Result<u64>, _>(Error::limit("test", "no memory"));
    assert_eq!(ordered(NARROW, (0..9).map(Ok), none, |_| Ok(())).unwrap_err().kind, ErrorKind::Limit);
    let jobs = (0..9).map(|job| if job == 4 { panic!("a map's mistake") } else { Ok(job) });
    assert_eq!(ordered(NARROW, jobs, || Ok(Ok), |_: u64| Ok(())).unwrap_err().kind, ErrorKind::Unsupported);
    let jobs = (0..9).map(|job| if job == 4 { Err(Error::limit("test", "the map")) } else { Ok(job) });
    assert_eq!(ordered(NARROW, jobs, || Ok(Ok), |_: u64| Ok(())).unwrap_err().what, "the map");
    ordered(NARROW, std::iter::empty::<Result<u64>>(), || Ok(Ok), |_| Ok(())).unwrap();
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn without_compression_zstd_or_zlib_nothing_is_packed() {
    let disk = disk(testkit::memory(vec![1; 1 << 20]));
    let sizes = [Compression::None, Compression::Zlib, Compression::Zstd].map(|compression| {
        let mut kept = Kept::default();
        encode(&disk, &plan(&disk, Target::qcow2(compression), 0).unwrap(), &mut kept).unwrap().bytes
    });
    assert!(sizes[0] > sizes[1] && sizes[0] > sizes[2], "{sizes:?}");
}
