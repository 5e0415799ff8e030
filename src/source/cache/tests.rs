#![expect(clippy::cast_possible_truncation, reason = "tests run on 64-bit machines")]

use std::sync::Arc;

use super::*;
use crate::disk::Error;

/// Bytes that say where they are, and a log of what was fetched.
struct Store {
    size: u64,
    log: Arc<Mutex<Vec<(u64, u64)>>>,
    refuse: bool,
}

fn byte(at: u64) -> u8 {
    at.wrapping_mul(2_654_435_761).to_le_bytes()[3]
}

impl Fetch for Store {
    fn len(&self) -> u64 {
        self.size
    }
    fn fetch(&self, from: u64, to: u64) -> Result<Bytes> {
        assert!(from < to && to <= self.size, "{from}..{to}");
        self.log.lock().unwrap().push((from, to));
        Ok((from..to).map(byte).collect::<Vec<_>>().into())
    }
    fn check(&self) -> Result<()> {
        if self.refuse { Err(Error::limit("source", "used up")) } else { Ok(()) }
    }
}

type Log = Arc<Mutex<Vec<(u64, u64)>>>;

fn cached(size: u64) -> (Cached<Store>, Log) {
    let log = Log::default();
    (Cached::new(Store { size, log: Arc::clone(&log), refuse: false }, Bytes::new(), Arc::default()), log)
}

fn assert_right(cache: &Cached<Store>, at: u64, len: usize) {
    let read = cache.read_vec_at(at, len).unwrap();
    assert!(read.iter().zip(at..).all(|(b, at)| *b == byte(at)), "{at} {len}");
}

#[test]
fn reads_of_any_place_and_size_are_right() {
    let size = 9 * UNIT + 17;
    let (cache, _) = cached(size);
    let mut seed = 1u64;
    for _ in 0..500 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = (seed >> 20) % size;
        let len = ((seed >> 40) % (size - at).min(3 * UNIT)) as usize;
        assert_right(&cache, at, len);
    }
    assert_right(&cache, 0, size as usize);
    assert_right(&cache, size - 1, 1);
}

#[test]
fn no_byte_is_fetched_twice() {
    let (cache, log) = cached(200 * UNIT);
    for at in [5 * UNIT, 0, 70 * UNIT + 9, 3 * UNIT, 5 * UNIT + 100] {
        assert_right(&cache, at, 4096);
    }
    assert_right(&cache, 0, (100 * UNIT) as usize);
    let mut fetched = log.lock().unwrap().clone();
    fetched.sort_unstable();
    assert!(fetched.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{fetched:?}");
}

#[test]
fn one_read_is_one_request() {
    let (cache, log) = cached(100 * UNIT);
    assert_right(&cache, 10 * UNIT + 1, (5 * UNIT) as usize);
    assert_eq!(*log.lock().unwrap(), [(10 * UNIT, 16 * UNIT)]);
}

#[test]
fn a_stream_goes_past_the_cache() {
    let (cache, log) = cached(100 * UNIT);
    assert_right(&cache, 90 * UNIT, 1);
    log.lock().unwrap().clear();
    assert_right(&cache, 10 * UNIT + 1, (6 << 20) + 7);
    let (from, middle, to) = (10 * UNIT + 1, 10 * UNIT + 1 + STREAM_MAX, 10 * UNIT + 8 + (6 << 20));
    assert_eq!(*log.lock().unwrap(), [(from, middle), (middle, to)], "these bytes and no others");
    assert_eq!(cache.units().by_number.len(), 1, "none of them is kept");
    assert_right(&cache, 80 * UNIT, (20 * UNIT) as usize);
    assert!(!log.lock().unwrap()[2..].contains(&(90 * UNIT, 91 * UNIT)), "and what is there is not fetched again");
}

#[test]
fn what_is_announced_comes_with_one_request_and_only_once() {
    let (cache, log) = cached(100 * UNIT);
    assert_right(&cache, 40 * UNIT, 1);
    cache.will_read(10 * UNIT + 5, 20 * UNIT).unwrap();
    for at in (10 * UNIT + 5..30 * UNIT).step_by(40_000) {
        assert_right(&cache, at, 40_000);
    }
    assert_eq!(*log.lock().unwrap(), [(40 * UNIT, 41 * UNIT), (10 * UNIT, 31 * UNIT)]);
    cache.will_read(39 * UNIT, 3 * UNIT).unwrap();
    let later: Vec<u64> = log.lock().unwrap()[2..].iter().map(|(from, _)| *from).collect();
    assert_eq!(later, [39 * UNIT, 41 * UNIT], "what is there is not fetched again");
}

#[test]
fn an_announcement_is_bounded() {
    let (cache, log) = cached(1000 * UNIT);
    for (at, len) in [(0, u64::MAX), (u64::MAX, u64::MAX), (1000 * UNIT, 1), (7, 0)] {
        cache.will_read(at, len).unwrap();
    }
    let fetched: u64 = log.lock().unwrap().iter().map(|(from, to)| to - from).sum();
    assert!(fetched <= 2 * REQUEST_MAX * UNIT, "{fetched}");
}

#[test]
fn reading_on_asks_for_twice_as_much_up_to_a_mebibyte() {
    let (cache, log) = cached(200 * UNIT);
    for at in (0..60 * UNIT).step_by(4096) {
        assert_right(&cache, at, 4096);
    }
    let sizes: Vec<u64> = log.lock().unwrap().iter().map(|(from, to)| (to - from) / UNIT).collect();
    assert_eq!(sizes, [1, 2, 4, 8, 8, 8, 8, 8, 8, 8]);
}

#[test]
fn two_streams_at_once_are_both_read_ahead() {
    let (cache, log) = cached(400 * UNIT);
    for step in 0..32 {
        assert_right(&cache, step * UNIT, 4096);
        assert_right(&cache, (200 + step) * UNIT, 4096);
    }
    assert!(log.lock().unwrap().len() <= 16, "{:?}", log.lock().unwrap());
}

#[test]
fn the_end_is_where_the_object_ends() {
    let (cache, log) = cached(UNIT + 512);
    assert_right(&cache, UNIT, 512);
    assert_eq!(*log.lock().unwrap(), [(UNIT, UNIT + 512)]);
    assert!(cache.read_vec_at(UNIT, 513).is_err());
    assert!(cache.read_vec_at(u64::MAX, 2).is_err());
    assert!(cache.read_vec_at(UNIT + 512, 0).unwrap().is_empty());
}

#[test]
fn memory_is_bounded() {
    let (cache, _) = cached(2000 * UNIT);
    for at in (0..2000 * UNIT).step_by(100_000) {
        assert_right(&cache, at, 1);
    }
    let units = cache.units();
    assert!(units.by_number.len() <= KEPT && units.by_use.len() == units.by_number.len());
    let bytes: usize = units.by_number.values().map(|unit| unit.bytes.len()).sum();
    assert!(bytes <= 16 << 20);
}

#[test]
fn what_is_used_is_kept() {
    let (cache, log) = cached(2000 * UNIT);
    for unit in 0..600 {
        assert_right(&cache, 1000 * UNIT, 1);
        assert_right(&cache, unit * UNIT, 1);
    }
    assert_eq!(log.lock().unwrap().iter().filter(|(from, _)| *from == 1000 * UNIT).count(), 1);
}

#[test]
fn a_stream_does_not_push_out_what_was_read_before() {
    let (cache, log) = cached(4000 * UNIT);
    for unit in 0..20 {
        assert_right(&cache, (3000 + 2 * unit) * UNIT, 4096);
    }
    let before = log.lock().unwrap().len();
    for at in (0..1000 * UNIT).step_by(1 << 20) {
        assert_right(&cache, at, 1 << 20);
    }
    let streamed = log.lock().unwrap().len();
    assert!(streamed > before);
    for unit in 0..20 {
        assert_right(&cache, (3000 + 2 * unit) * UNIT, 4096);
    }
    assert_eq!(log.lock().unwrap().len(), streamed, "all of it is still there");
}

#[test]
fn the_first_bytes_are_given_not_fetched() {
    let log = Log::default();
    let head: Bytes = (0..UNIT).map(byte).collect::<Vec<_>>().into();
    let cache = Cached::new(Store { size: 3 * UNIT, log: Arc::clone(&log), refuse: false }, head, Arc::default());
    assert_right(&cache, 100, 4096);
    assert!(log.lock().unwrap().is_empty());
    assert_right(&cache, 0, (3 * UNIT) as usize);
    assert_eq!(*log.lock().unwrap(), [(UNIT, 3 * UNIT)]);
}

#[test]
fn a_used_up_budget_refuses_cached_bytes_too() {
    let head: Bytes = (0..UNIT).map(byte).collect::<Vec<_>>().into();
    let cache = Cached::new(Store { size: UNIT, log: Log::default(), refuse: true }, head, Arc::default());
    assert_eq!(cache.read_vec_at(0, 1).unwrap_err().kind, crate::disk::ErrorKind::Limit);
}

#[test]
fn places_that_are_announced_together_are_fetched_side_by_side() {
    let (cache, log) = cached(100 * UNIT);
    assert_right(&cache, 40 * UNIT, 1);
    cache.will_read_all(&[(70 * UNIT, UNIT), (3 * UNIT + 5, 10), (4 * UNIT, 2 * UNIT), (40 * UNIT, 9)]).unwrap();
    let expected = [(40, 41), (3, 6), (70, 71)].map(|(from, to)| (from * UNIT, to * UNIT));
    assert_eq!(*log.lock().unwrap(), expected);
    assert_right(&cache, 3 * UNIT, (3 * UNIT) as usize);
    assert_eq!(log.lock().unwrap().len(), 3, "all of it is there");
}

#[test]
fn a_small_gap_is_cheaper_than_another_request() {
    let (cache, log) = cached(100 * UNIT);
    assert_right(&cache, 21 * UNIT, 1);
    let apart = |units: &[u64]| units.iter().map(|unit| (unit * UNIT, 10)).collect::<Vec<_>>();
    cache.will_read_all(&apart(&[3, 4 + GAP, 6 + 2 * GAP, 20, 22])).unwrap();
    let fetched: Vec<_> = log.lock().unwrap()[1..].iter().map(|(from, to)| (from / UNIT, to / UNIT)).collect();
    let joined = [(3, 5 + GAP), (6 + 2 * GAP, 7 + 2 * GAP), (20, 21), (22, 23)];
    assert_eq!(fetched, joined, "not over what is there already");
}

#[test]
fn a_rehearsal_learns_what_is_missing_and_fetches_it_at_once() {
    let (cache, log) = cached(100 * UNIT);
    ahead::fetch_ahead(&cache, || {
        let _ = cache.read_vec_at(7, 10).and_then(|_| cache.read_vec_at(50 * UNIT, 10));
        let _ = cache.will_read(90 * UNIT, 2 * UNIT);
        cache.read_vec_at(30 * UNIT, 2 << 20).map(drop)
    });
    let fetched: Vec<_> = log.lock().unwrap().iter().map(|(from, to)| (from / UNIT, to / UNIT)).collect();
    assert_eq!(fetched, [(0, 1), (90, 92), (50, 51)]);
}

#[test]
fn what_was_fetched_ahead_is_there_when_it_is_read_whatever_streams_by() {
    let (cache, log) = cached(1000 * UNIT);
    let places: Vec<u64> = (0..20).map(|n| n * 4 * UNIT).collect();
    ahead::fetch_ahead(&cache, || {
        for at in &places {
            let _ = cache.read_vec_at(*at, 1);
        }
        Ok(())
    });
    let fetched = log.lock().unwrap().len();
    for at in (200..900).step_by(16) {
        assert_right(&cache, at * UNIT, (UNIT * 7) as usize);
        assert_right(&cache, (at + 7) * UNIT, (UNIT * 9) as usize);
    }
    let streamed = log.lock().unwrap().len();
    for at in &places {
        assert_right(&cache, *at, 1);
    }
    assert_eq!(log.lock().unwrap().len(), streamed, "nothing of it is fetched twice");
    assert!(fetched > 0 && streamed > fetched);
}

#[test]
fn what_is_awaited_leaves_room_for_what_is_read() {
    let (cache, log) = cached(1000 * UNIT);
    for round in 0..4 {
        ahead::fetch_ahead(&cache, || {
            for n in 0..40 {
                let _ = cache.read_vec_at((round * 160 + n * 4) * UNIT, 1);
            }
            Ok(())
        });
    }
    let before = log.lock().unwrap().len();
    for _ in 0..5 {
        for n in 0..40 {
            assert_right(&cache, (700 + n * 4) * UNIT, 1);
        }
    }
    assert_eq!(log.lock().unwrap().len(), before + 40, "each once");
}

#[test]
fn who_wanted_a_read_is_remembered() {
    let meter = Arc::new(Meter::default());
    let store = Store { size: 9 * UNIT, log: Log::default(), refuse: false };
    let cache = Cached::new(store, Bytes::new(), Arc::clone(&meter));
    {
        let _file = crate::disk::want::wanted_for("/etc/fstab");
        assert_right(&cache, 5 * UNIT, 10);
    }
    let reads = meter.reads();
    assert_eq!((reads[0].at, reads[0].len, reads[0].wanted_for.as_str()), (5 * UNIT, UNIT, "/etc/fstab"));
}
