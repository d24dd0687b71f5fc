//! Four threads, each pinned to a core of its own, each says where it is:
//!
//! ```text
//! hello from thread 0 on core 0
//! …
//! hello from thread 3 on core 3
//! ```
//!
//! With fewer cores, threads share them. With std as it is on Linux (`--std linux`) the cores are asked for by Linux's calls.

#[cfg(target_os = "linux")]
mod linux;

use std::thread;

#[cfg(target_os = "linux")]
use linux::{core, set_affinity};
#[cfg(target_os = "hermit")]
use skete::thread::{core, set_affinity};

fn main() {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads: Vec<_> = (0..4).map(|number| thread::spawn(move || greet(number, number % cores))).collect();
    for thread in threads {
        thread.join().expect("a greeting does not panic");
    }
}

fn greet(number: usize, on: usize) {
    set_affinity(1 << on).expect("the core is there");
    println!("hello from thread {number} on core {}", core());
}
