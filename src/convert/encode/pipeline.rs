//! Work on several threads whose results are taken in the order of the jobs.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::LAYER;
use crate::disk::{Error, Result};

/// How much is done at a time.
#[derive(Debug, Clone, Copy)]
pub struct Width {
    /// Threads.
    pub threads: usize,
    /// Jobs that are begun and whose results are not taken yet.
    pub ahead: usize,
}

impl Width {
    /// Twice as many threads as there are processors, so that some read while others compute, within what memory allows:
    /// a thread holds two chunks, a result that waits one.
    pub fn of_machine() -> Self {
        let threads = thread::available_parallelism().map_or(2, std::num::NonZero::get).saturating_mul(2).clamp(4, 10);
        Self { threads, ahead: threads.saturating_add(2) }
    }
}

/// Does the jobs on threads, each with a worker of its own that `worker` makes, and gives the results to `take` in order.
/// An error takes its job's place in that order, and is the end. When this returns, no thread is left.
///
/// # Errors
/// The first error of a job, a worker or `take`; `Limit` where there is no thread to be had, and `Unsupported` where a
/// thread panicked.
pub fn ordered<T, R, W>(
    width: Width,
    jobs: impl Iterator<Item = Result<T>> + Send,
    worker: impl Fn() -> Result<W> + Sync,
    mut take: impl FnMut(R) -> Result<()>,
) -> Result<()>
where
    R: Send,
    W: FnMut(T) -> Result<R>,
{
    let shared = Shared::default();
    let jobs = Mutex::new((0_u64, jobs));
    thread::scope(|scope| {
        // Whatever happens to the one who takes, the threads end, and the scope with them.
        let _stop = Stop(&shared);
        for _ in 0..width.threads.max(1) {
            let thread = || {
                let done = catch_unwind(AssertUnwindSafe(|| shared.work(width.ahead, &jobs, &worker)));
                match done {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => shared.fail(error),
                    Err(_panic) => shared.fail(Error::unsupported(LAYER, "a thread panicked, which is a mistake here")),
                }
            };
            thread::Builder::new()
                .name(LAYER.to_owned())
                .spawn_scoped(scope, thread)
                .map_err(|error| Error::limit(LAYER, format!("no thread to work on: {error}")))?;
        }
        while let Some(result) = shared.next() {
            take(result?)?;
        }
        Ok(())
    })
}

struct Shared<R> {
    state: Mutex<State<R>>,
    /// Something was taken, or all ends.
    room: Condvar,
    /// Something is there to be taken, or all ends.
    news: Condvar,
}

struct State<R> {
    /// Leaves to begin a job.
    begun: u64,
    /// Results that were taken: the number of the next.
    taken: u64,
    /// Results by their number.
    ready: BTreeMap<u64, Result<R>>,
    /// How many jobs there are, when that is known.
    jobs: Option<u64>,
    /// What went wrong outside of a job.
    failed: Option<Error>,
    stop: bool,
}

impl<R> Default for Shared<R> {
    fn default() -> Self {
        let state = State { begun: 0, taken: 0, ready: BTreeMap::new(), jobs: None, failed: None, stop: false };
        Self { state: Mutex::new(state), room: Condvar::new(), news: Condvar::new() }
    }
}

struct Stop<'a, R>(&'a Shared<R>);

impl<R> Drop for Stop<'_, R> {
    fn drop(&mut self) {
        self.0.lock().stop = true;
        self.0.room.notify_all();
    }
}

impl<R> Shared<R> {
    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, error: Error) {
        self.lock().failed.get_or_insert(error);
        self.news.notify_all();
    }

    /// Waits for leave to begin a job; false where there is no more to do.
    fn may_begin(&self, ahead: usize) -> bool {
        let ahead = crate::disk::bytes::to_u64(ahead.max(1));
        let full = |state: &mut State<R>| {
            !state.stop && state.jobs.is_none() && state.begun.saturating_sub(state.taken) >= ahead
        };
        let mut state = self.room.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner);
        state.begun = state.begun.saturating_add(1);
        !state.stop && state.jobs.is_none()
    }

    fn work<T, W: FnMut(T) -> Result<R>>(
        &self,
        ahead: usize,
        jobs: &Mutex<(u64, impl Iterator<Item = Result<T>>)>,
        worker: &impl Fn() -> Result<W>,
    ) -> Result<()> {
        let mut worker = worker()?;
        while self.may_begin(ahead) {
            let (number, job) = {
                // After a panic the numbers are still right, and the work ends anyhow.
                let mut jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
                let number = jobs.0;
                jobs.0 = number.saturating_add(1);
                (number, jobs.1.next())
            };
            let Some(job) = job else {
                let mut state = self.lock();
                state.jobs = Some(state.jobs.unwrap_or(number).min(number));
                drop(state);
                self.room.notify_all();
                self.news.notify_all();
                return Ok(());
            };
            let result = job.and_then(&mut worker);
            self.lock().ready.insert(number, result);
            self.news.notify_all();
        }
        Ok(())
    }

    /// The next result; `None` when there is none any more.
    fn next(&self) -> Option<Result<R>> {
        let waiting = |state: &mut State<R>| {
            state.failed.is_none() && state.jobs != Some(state.taken) && !state.ready.contains_key(&state.taken)
        };
        let mut state = self.news.wait_while(self.lock(), waiting).unwrap_or_else(PoisonError::into_inner);
        let number = state.taken;
        if let Some(result) = state.ready.remove(&number) {
            state.taken = number.saturating_add(1);
            drop(state);
            self.room.notify_all();
            return Some(result);
        }
        state.failed.take().map(Err)
    }
}
