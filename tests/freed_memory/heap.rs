//! The heap of this test, which searches every block that is given back.

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{ptr, slice};

#[global_allocator]
static HEAP: Searched = Searched;

struct Searched;

static WATCHED: AtomicBool = AtomicBool::new(false);
static TRACED: AtomicBool = AtomicBool::new(false);
static FOUND: AtomicUsize = AtomicUsize::new(0);
/// What is looked for: a fixed room, as the heap cannot ask itself for any.
static NEEDLES: Mutex<[&[u8]; 8]> = Mutex::new([&[]; 8]);

// SAFETY: every call is handed on to the system's allocator as it came. A block is read before it is freed, as bytes that
// may never have been written, by volatile reads that nothing is concluded from.
unsafe impl GlobalAlloc for Searched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Zeroed, so that every byte of a block was written when it is searched.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if WATCHED.load(Ordering::Relaxed) {
            // SAFETY: the block is the caller's until the next line, and was zeroed when it was made.
            search(unsafe { slice::from_raw_parts(block, layout.size()) });
            // So that another block in its place shows what was written there since.
            unsafe { ptr::write_bytes(block, 0, layout.size()) };
        }
        unsafe { System.dealloc(block, layout) }
    }

    // `realloc` is that of the trait: a block that moves is freed by the above.
}

fn search(block: &[u8]) {
    let holds = {
        // Waited for, as any thread may free at this moment: a block that nobody searched would count as clean. Whoever has
        // the lock asks this heap for nothing.
        let needles = NEEDLES.lock().unwrap_or_else(PoisonError::into_inner);
        needles.iter().any(|needle| !needle.is_empty() && contains(block, needle))
    };
    if holds {
        FOUND.fetch_add(1, Ordering::Relaxed);
        if TRACED.load(Ordering::Relaxed) {
            WATCHED.store(false, Ordering::Relaxed);
            let text = String::from_utf8_lossy(block);
            eprintln!("a block of {} bytes:\n{}\n{}", block.len(), text.trim_matches('\0'), Backtrace::force_capture());
            WATCHED.store(true, Ordering::Relaxed);
        }
    }
}

fn contains(block: &[u8], needle: &[u8]) -> bool {
    let mut rest = block;
    while let Some(at) = rest.iter().position(|byte| *byte == needle[0]) {
        rest = &rest[at..];
        if rest.starts_with(needle) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

/// One test at a time: the heap is everybody's.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks for these from now on, and for nothing else. They are never freed.
pub(crate) fn look_for(needles: &[&'static [u8]]) {
    let mut room: [&[u8]; 8] = [&[]; 8];
    room[..needles.len()].copy_from_slice(needles);
    *NEEDLES.lock().unwrap_or_else(PoisonError::into_inner) = room;
}

/// How many blocks with one of them were freed by this, and by the runtime that it ran on and all its connections.
///
/// The room of the future itself is not counted: it is of the test, and was copied with what lay beneath it on the stack.
pub(crate) fn freed_by<F: Future>(act: F) -> (usize, F::Output) {
    TRACED.store(std::env::var_os("TOKENTURN_FREED_TRACE").is_some(), Ordering::Relaxed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut act = Box::pin(Some(act));
    FOUND.store(0, Ordering::Relaxed);
    WATCHED.store(true, Ordering::Relaxed);
    let done = runtime.block_on(act.as_mut().as_pin_mut().unwrap());
    act.set(None);
    drop(runtime);
    WATCHED.store(false, Ordering::Relaxed);
    (FOUND.load(Ordering::Relaxed), done)
}
