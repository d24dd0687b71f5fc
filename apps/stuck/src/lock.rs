//! A thread waits for a lock of the kernel's, held by one that cannot run. All on core 0, where the priorities say who runs.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use skete::thread::{report, set_affinity, set_priority};

use crate::{LONG, begin};

/// Bytes that are written under the lock: long enough to be found at it.
const BYTES: usize = 64 << 20;
const NAP: Duration = Duration::from_millis(1);
/// How often main asks for a report: were it the very moment when the lock changes hands, the next one is not.
const REPORTS: usize = 2;

/// How often the waiter has asked for the lock, and had it.
static ASKED: AtomicU32 = AtomicU32::new(0);
static HAD: AtomicU32 = AtomicU32::new(0);

fn take_place(priority: u8) {
    set_affinity(1).expect("core 0 is there");
    set_priority(priority).expect("there is such a priority");
}

/// Writes and writes; each write holds the lock of the open files until all bytes are copied.
fn hold() {
    take_place(1);
    let mut file = File::create("/held").expect("the tree takes it");
    let bytes = vec![0; BYTES];
    loop {
        file.rewind().expect("a file can be rewound");
        file.write_all(&bytes).expect("there is memory");
    }
}

/// Asks for that lock now and then.
fn want() {
    take_place(20);
    loop {
        thread::sleep(NAP);
        ASKED.fetch_add(1, Ordering::Relaxed);
        drop(File::open("/held"));
        HAD.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whoever has asked and not had the lock while main slept, waits for it: else it would have run.
pub fn run() {
    take_place(31);
    begin("sleeper", || {
        take_place(30);
        thread::sleep(LONG);
    });
    begin("hold", hold);
    begin("want", want);
    let mut left = REPORTS;
    while left > 0 {
        thread::sleep(NAP);
        let asked = ASKED.load(Ordering::Relaxed);
        thread::sleep(NAP);
        if HAD.load(Ordering::Relaxed) + 1 == asked && ASKED.load(Ordering::Relaxed) == asked {
            report();
            left -= 1;
        }
    }
    std::process::exit(0)
}
