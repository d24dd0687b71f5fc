//! What there is in the machine when nobody is served; `cargo xtask stress` wants it to be the same after many connections as after few.

use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use skete::memory::{frames, heap};
use skete::net;

/// How often it is looked whether the last connection and its thread have ended.
const LOOK: Duration = Duration::from_millis(10);
/// How long that may take: an end that is not acknowledged is given up after a minute.
const PATIENCE: Duration = Duration::from_secs(70);
/// How many threads there were the first time.
static THREADS: OnceLock<u32> = OnceLock::new();

/// Waits until nothing is left of any connection, and tells what there is; of what does not end in time too.
pub fn tell(program: &str) {
    let threads = *THREADS.get_or_init(skete::thread::count);
    let begun = Instant::now();
    while (connections() > 0 || skete::thread::count() > threads) && begun.elapsed() < PATIENCE {
        thread::sleep(LOOK);
    }
    let (threads, connections, kernel, (all, free)) = (skete::thread::count(), connections(), heap::held(), frames::count());
    let taken = (all - free) * 4;
    println!("{program}: at rest: {threads} threads, {connections} connections, {kernel} bytes the kernel's, {taken} KiB taken");
}

fn connections() -> usize {
    net::with(|stack| Ok(stack.connections())).unwrap_or(0)
}
