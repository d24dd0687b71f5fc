//! What a check is, and the crowd that most of them need.

use std::thread;

/// A name, and what panics if the name is not true.
pub type Check = (&'static str, fn());

/// Threads in a crowd: more than the machine has cores.
pub const CROWD: usize = 8;

/// Runs `work` in [`CROWD`] threads at once, each with its number, and waits for all.
pub fn crowd(work: impl Fn(usize) + Sync) {
    thread::scope(|scope| {
        for number in 0..CROWD {
            let work = &work;
            scope.spawn(move || work(number));
        }
    });
}
