//! What there is in the machine between two rounds.

use std::fmt;
use std::sync::OnceLock;

use skete::futaphore::Page;
use skete::futex;
use skete::memory::{frames, heap};
use skete::sysv::{sem, shm};
use skete::thread;

use crate::await_that;

/// Memory that nobody has, what the heap has, and what is taken of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    free_frames: usize,
    heap_bytes: usize,
    program_bytes: usize,
    kernel_bytes: usize,
}

impl Memory {
    /// As it is now, at rest.
    pub fn now() -> Self {
        Self { free_frames: frames::count().1, heap_bytes: heap::size(), program_bytes: crate::heap::held(), kernel_bytes: heap::held() }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { free_frames, heap_bytes, program_bytes, kernel_bytes } = self;
        write!(f, "{free_frames} frames are free, the heap has {heap_bytes} bytes, the program {program_bytes}, the kernel {kernel_bytes}")
    }
}

/// Nobody waits, and every table is empty. Threads that were joined may still be on their way out.
pub fn assert_at_rest() {
    static NODES: OnceLock<u32> = OnceLock::new();
    await_that(|| thread::count() == 1);
    assert_eq!((futex::waiters(), sem::sleepers()), (0, 0), "somebody is left waiting");
    assert_eq!(futex::free_nodes(), *NODES.get_or_init(futex::free_nodes), "a node is not given back");
    let (sets, _) = sem::info(true).expect("there is memory");
    assert_eq!((sets.semusz, sets.semaem), (0, 0), "a set of semaphores is left");
    let (segments, _) = shm::usage().expect("there is memory");
    assert_eq!((segments.used_ids, segments.shm_tot), (0, 0), "a segment is left");
    assert_eq!(Page::get().count(), 0, "a futaphore is left");
}
