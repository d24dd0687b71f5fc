//! Every storm at once, round after round: `soak SECONDS`. After each round nobody waits for anything and every table is empty; and the
//! memory that is free, the heap's size, and what program and kernel have of it, are at the end what they were when a tenth of the time had
//! passed.
//!
//! `cargo xtask test --soak MINUTES` runs it for so long on both boards.

mod futaphores;
mod futexes;
mod heap;
mod lending;
mod memory;
mod robust;
mod semaphores;
mod several;
mod state;
mod threads;

use std::env;
use std::thread;
use std::time::{Duration, Instant};

use state::Memory;

/// What it is called, and what panics if something was lost. A storm asks nothing of the whole machine: the others run beside it.
type Storm = (&'static str, fn(u32));

/// An object of System V does not get an id again before so many others have come: the table of ids grows until then.
const IDS: usize = 64;

const STORMS: [Storm; 13] = [
    ("broadcasts by requeue", futexes::broadcasts),
    ("requeues back and forth", futexes::back_and_forth),
    ("timeouts under load", futexes::timeouts),
    ("wakes with an operation", futexes::wake_ops),
    ("locks that lend priority", lending::locks),
    ("conditions that hand on such a lock", lending::conditions),
    ("holders that die", robust::deaths),
    ("waits for several words", several::waits),
    ("threads that come and go", threads::churn),
    ("semaphores", semaphores::meals),
    ("semaphores that are given back at the end", semaphores::deaths),
    ("shared memory", memory::lives),
    ("futaphores", futaphores::pairs),
];

fn main() {
    let seconds: u64 = env::args().nth(1).expect("SECONDS is missing").parse().expect("SECONDS is a number");
    warm_up();
    let (begun, whole) = (Instant::now(), Duration::from_secs(seconds));
    let (mut rounds, mut told, mut early) = (0, 0, None);
    while begun.elapsed() < whole {
        round(rounds);
        rounds += 1;
        state::assert_at_rest();
        let tenths = begun.elapsed().as_secs_f64() * 10.0 / whole.as_secs_f64();
        if tenths >= 1.0 && early.is_none() {
            early = Some(Memory::now());
        }
        if tenths >= f64::from(told + 1) {
            told += 1;
            println!("{told} tenths: {rounds} rounds, {}", Memory::now());
        }
    }
    let early = early.expect("a round ends when a tenth has passed");
    assert_eq!(Memory::now(), early, "memory is not what it was");
    println!("soak: {rounds} rounds of {} storms, {} threads wait, memory is what it was", STORMS.len(), skete::futex::waiters());
}

/// Makes what is made once and kept: threads' records, tables that grow to their least size, the output's buffer.
fn warm_up() {
    threads::warm_up();
    semaphores::warm_up();
    memory::warm_up();
    println!("every thread, set and segment was there once");
}

fn round(number: u32) {
    let storms = STORMS.map(|(name, storm)| (name, thread::spawn(move || storm(number))));
    for (name, storm) in storms {
        assert!(storm.join().is_ok(), "{name}");
    }
}

/// Lets others run until `is_so`.
fn await_that(is_so: impl Fn() -> bool) {
    while !is_so() {
        thread::yield_now();
    }
}
