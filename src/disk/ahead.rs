//! Reads that are known before they are made. What is about to be done is rehearsed on the bytes that are there already:
//! each read that lacks some fails, and is noted. What was noted is fetched side by side, and the rehearsal begins again.
//! So the requests that do not depend on one another share one round trip, whoever makes them, and no reader has to know.
//!
//! A rehearsal decides nothing: its results are dropped, and what it could not have is read again in earnest.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use super::want::wanted;
use super::{Error, ReadAt, Result};

/// Most rounds of one rehearsal.
const ROUNDS: usize = 24;
/// Most bytes that are fetched ahead: they are not to push out one another.
const MOST: u64 = 8 << 20;
/// Rehearsing takes milliseconds. What takes longer is not rehearsed again.
const LONG: Duration = Duration::from_secs(1);
/// A longer read is of a file that streams, and makes one request of its own.
const LONGEST: u64 = 1 << 20;

/// Bytes that a read lacked.
struct Lack {
    at: u64,
    len: u64,
    wanted_for: String,
}

thread_local! {
    /// What this thread's rehearsal lacked so far.
    static LACKS: RefCell<Option<Vec<Lack>>> = const { RefCell::new(None) };
    /// What this thread fetches for whom.
    static FETCHED: RefCell<Vec<Lack>> = const { RefCell::new(Vec::new()) };
}

/// Fetches from `object` what `rehearsal` will read of it, as far as that can be found out. It must change nothing that
/// stays, and its errors mean nothing. Within another one nothing is fetched: that one goes on and reads it all.
pub fn fetch_ahead(object: &dyn ReadAt, rehearsal: impl Fn() -> Result<()>) {
    if rehearsing() {
        return;
    }
    let (mut fetched, mut spent) = (0_u64, Duration::ZERO);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let lacks = rehearse(&rehearsal);
        spent = spent.saturating_add(start.elapsed());
        let places = merged(&lacks);
        fetched = places.iter().fold(fetched, |sum, (_, len)| sum.saturating_add(*len));
        if places.is_empty() || fetched > MOST || spent > LONG {
            return;
        }
        FETCHED.replace(lacks);
        let done = object.will_read_all(&places);
        FETCHED.take();
        // Whoever needs it in earnest is told, if it fails again.
        if done.is_err() {
            return;
        }
    }
}

/// Places (offset, length) of the object, each byte once: many readers want the same.
fn merged(lacks: &[Lack]) -> Vec<(u64, u64)> {
    let mut sorted: Vec<(u64, u64)> = lacks.iter().map(|lack| (lack.at, lack.at.saturating_add(lack.len))).collect();
    sorted.sort_unstable();
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for (from, to) in sorted {
        match spans.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => spans.push((from, to)),
        }
    }
    spans.into_iter().map(|(from, to)| (from, to.saturating_sub(from))).collect()
}

fn rehearse(rehearsal: impl Fn() -> Result<()>) -> Vec<Lack> {
    /// Ends the rehearsal, whatever happens in it.
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            LACKS.take();
        }
    }
    let _end = End;
    LACKS.replace(Some(Vec::new()));
    let _nothing_follows_from_it = rehearsal();
    LACKS.take().unwrap_or_default()
}

/// True while this thread rehearses.
pub(crate) fn rehearsing() -> bool {
    LACKS.with_borrow(Option::is_some)
}

/// True while this thread fetches what a rehearsal lacked.
pub(crate) fn fetching() -> bool {
    FETCHED.with_borrow(|lacks| !lacks.is_empty())
}

/// Notes that a read of this thread's rehearsal lacks these bytes of the object.
pub(crate) fn lack(at: u64, len: u64) {
    LACKS.with_borrow_mut(|lacks| {
        if let Some(lacks) = lacks.as_mut().filter(|_| len <= LONGEST) {
            lacks.push(Lack { at, len, wanted_for: wanted() });
        }
    });
}

/// What a read is told that lacks something.
pub(crate) fn lacking(at: u64) -> Error {
    Error::io("source", "not fetched yet").at(at)
}

/// Who wants `from .. to` of the object: this thread, or those whose reads it fetches ahead.
pub(crate) fn wanted_by(from: u64, to: u64) -> String {
    FETCHED.with_borrow(|lacks| {
        let within = |lack: &&Lack| lack.at < to && from < lack.at.saturating_add(lack.len);
        let mut names: Vec<&str> = lacks.iter().filter(within).map(|lack| lack.wanted_for.as_str()).collect();
        names.dedup();
        match names.as_slice() {
            [] => wanted(),
            [only] => (*only).to_owned(),
            [first, others @ ..] => format!("{first}; and {} more", others.len()),
        }
    })
}

#[cfg(test)]
mod tests;
