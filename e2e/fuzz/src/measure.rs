//! What one execution costs: its largest allocation, the most it held, its time on the processor.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// No single allocation may be larger.
pub const MOST_AT_ONCE: usize = 64 << 20;
/// No execution may take longer, on a processor of its own.
pub const LONGEST: Duration = Duration::from_secs(2);

static LARGEST: AtomicUsize = AtomicUsize::new(0);
static HELD: AtomicIsize = AtomicIsize::new(0);
static MOST_HELD: AtomicIsize = AtomicIsize::new(0);
static TOO_LARGE: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// True while this thread reads hostile bytes.
    static COUNTED: Cell<bool> = const { Cell::new(false) };
}

/// The system's allocator, with an eye on it.
pub struct Counting;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(0, layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(0, layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        note(layout.size(), 0);
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(layout.size(), size);
        unsafe { System.realloc(at, layout, size) }
    }
}

fn note(gone: usize, come: usize) {
    if !COUNTED.try_with(Cell::get).unwrap_or(false) {
        return;
    }
    let change = come as isize - gone as isize;
    MOST_HELD.fetch_max(HELD.fetch_add(change, Relaxed) + change, Relaxed);
    LARGEST.fetch_max(come, Relaxed);
    if come > MOST_AT_ONCE && !TOO_LARGE.swap(true, Relaxed) {
        COUNTED.set(false);
        eprintln!("an allocation of {come} bytes\n{}", std::backtrace::Backtrace::force_capture());
        // libFuzzer keeps the input.
        std::process::abort();
    }
}

/// The worst of all executions so far.
#[derive(Clone, Copy)]
struct Worst {
    slowest: Duration,
    largest: usize,
    held: isize,
}

static WORST: Mutex<Worst> = Mutex::new(Worst { slowest: Duration::ZERO, largest: 0, held: 0 });

/// Runs `read` and panics where it took too long. Whenever one is worse than all before, that goes to the file
/// `FUZZ_WORST`: slowest in microseconds, largest allocation and most that was held in bytes.
pub fn measured(read: impl FnOnce()) {
    HELD.store(0, Relaxed);
    MOST_HELD.store(0, Relaxed);
    let start = processor_time();
    COUNTED.set(true);
    read();
    COUNTED.set(false);
    let took = processor_time().saturating_sub(start);
    let mut worst = WORST.lock().unwrap();
    let held = MOST_HELD.load(Relaxed);
    let now = Worst {
        slowest: worst.slowest.max(took),
        largest: worst.largest.max(LARGEST.load(Relaxed)),
        held: worst.held.max(held),
    };
    if (now.slowest, now.largest, now.held) != (worst.slowest, worst.largest, worst.held) {
        *worst = now;
        if let Ok(file) = std::env::var("FUZZ_WORST") {
            let line = format!("{} {} {}\n", now.slowest.as_micros(), now.largest, now.held);
            std::fs::write(&file, line).unwrap_or_else(|e| panic!("{file}: {e}"));
        }
    }
    assert!(took < LONGEST, "an execution took {took:?}");
}

/// Of this thread: what else the machine does is none of its fault.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
