//! Cores by Linux's own calls.

use rustix::io;
use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity};

/// The number of the core that the caller runs on.
pub fn core() -> usize {
    sched_getcpu()
}

/// Keeps the caller on the cores of `mask`.
pub fn set_affinity(mask: usize) -> io::Result<()> {
    let mut cores = CpuSet::new();
    (0..4).filter(|core| mask & 1 << core != 0).for_each(|core| cores.set(core));
    sched_setaffinity(None, &cores)
}
