//! Blocks of the heap: of 32 that are held the oldest is given back for a new one, by one thread and by four of them; and blocks that
//! another thread gives back. `malloc.64B.1` itself is a row of C's alone.
//!
//! Floor of `malloc.16B.1`, 20: the list of this size, there and back (2 × 3), interrupts masked and let through (2 × 3), the first block
//! taken off and put back (2 × 3), whether there is one (2).
//!
//! Floor of `malloc.256B.1`, 20: the same (20).
//!
//! Floor of `malloc.4K.1`, 20: the same (20).
//!
//! Floor of `malloc.64K.1`, 60: what no core keeps: the lock (2 × 7), the list of this size (2 × 5), a block off it and back on (2 × 8), its
//! neighbours looked at (2 × 4), its size noted (2 × 6).
//!
//! Floor of `malloc.1M.1`, 60: the same (60).
//!
//! Floor of `malloc.64B.4`, 20: the same as for one thread of a core's (20).
//!
//! Floor of `malloc.64B.remote`, 26: taken here and given back there (20), the pointer handed over: stored and loaded (2 × 2), one of 64
//! pays for a hand-over of 175 and less (2).

use std::array;
use std::hint::black_box;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crate::meter::{MANY, SOME, is_measuring, row, say_ns};
use crate::system::set_affinity;

type Block = Vec<u8>;

/// Blocks that are held.
const HELD: usize = 32;
/// Blocks that are handed over at once.
const BATCH: usize = 64;

/// Prints the rows `malloc.…`.
pub fn run() {
    turns_of("malloc.16B.1", 16, MANY);
    turns_of("malloc.256B.1", 256, MANY);
    turns_of("malloc.4K.1", 4096, MANY);
    turns_of("malloc.64K.1", 65536, SOME);
    turns_of("malloc.1M.1", 1 << 20, SOME);
    together();
    remote();
}

fn turns_of(name: &str, bytes: usize, rounds: u32) {
    let mut ring = Ring::default();
    row(name, rounds, || ring.turn(bytes));
}

struct Ring {
    held: [Block; HELD],
    oldest: usize,
}

impl Default for Ring {
    fn default() -> Self {
        Self { held: array::from_fn(|_| Block::new()), oldest: 0 }
    }
}

impl Ring {
    fn turn(&mut self, bytes: usize) {
        self.held[self.oldest] = Block::new();
        self.held[self.oldest] = black_box(Block::with_capacity(black_box(bytes)));
        self.oldest = (self.oldest + 1) % HELD;
    }
}

/// Four threads, on core 0 all of them; their beginnings and ends are part of the mean.
fn together() {
    const THREADS: u32 = 4;
    if !is_measuring() {
        return;
    }
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                set_affinity(1);
                let mut ring = Ring::default();
                for _ in 0..MANY {
                    ring.turn(64);
                }
            });
        }
    });
    say_ns("malloc.64B.4", start.elapsed().as_secs_f64() * 1e9 / f64::from(THREADS * MANY));
}

/// A thread takes blocks, another one gives them back.
fn remote() {
    if !is_measuring() {
        return;
    }
    let (batch, is_full) = (Mutex::new(Vec::with_capacity(BATCH)), AtomicU32::new(0));
    let is_over = AtomicBool::new(false);
    let here = thread::current();
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            set_affinity(1);
            while !is_over.load(Ordering::Acquire) {
                if is_full.load(Ordering::Acquire) == 1 {
                    batch.lock().unwrap_or_else(PoisonError::into_inner).clear();
                    is_full.store(0, Ordering::Release);
                    here.unpark();
                }
                thread::park();
            }
        });
        let mut filled: Vec<Block> = Vec::with_capacity(BATCH);
        let start = Instant::now();
        for _ in 0..SOME {
            filled.extend((0..BATCH).map(|_| black_box(Block::with_capacity(black_box(64)))));
            mem::swap(&mut filled, &mut *batch.lock().unwrap_or_else(PoisonError::into_inner));
            is_full.store(1, Ordering::Release);
            other.thread().unpark();
            while is_full.load(Ordering::Acquire) == 1 {
                thread::park();
            }
        }
        let took = start.elapsed();
        is_over.store(true, Ordering::Release);
        other.thread().unpark();
        say_ns("malloc.64B.remote", took.as_secs_f64() * 1e9 / (f64::from(SOME) * BATCH as f64));
    });
}
