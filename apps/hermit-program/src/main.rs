//! A program written for Hermit, as Hermit's own template has it. It boots here after one changed line of its `Cargo.toml`. Prints
//!
//! ```text
//! Hello from Hermit!
//! N threads were here
//! ```

#[cfg(target_os = "hermit")]
use hermit as _;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

fn main() {
    println!("Hello from Hermit!");
    let count = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| count.fetch_add(1, Ordering::Relaxed));
        }
    });
    println!("{} threads were here", count.into_inner());
}
