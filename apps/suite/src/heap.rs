//! The heap from all cores at once.

use std::sync::mpsc;
use std::thread;

use super::{Check, cores};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    (
        "blocks of all sizes keep what is written, whoever allocates beside",
        stress,
    ),
    (
        "a block allocated by one thread is freed by another",
        passed_on,
    ),
    ("a vector that grows keeps its contents", growth),
    ("more memory than there is is refused", refused),
];

/// A small generator of numbers that look random (Marsaglia's xorshift), the same at each run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 8).unwrap_or(0) % below
    }
}

/// A block with a mark in each of its bytes.
struct Marked(Vec<u8>, u8);

impl Marked {
    fn new(len: usize, mark: u8) -> Self {
        Self(vec![mark; len], mark)
    }

    fn check(&self) {
        assert!(
            self.0.iter().all(|&byte| byte == self.1),
            "a block of {} bytes was written by another",
            self.0.len()
        );
    }
}

fn stress() {
    thread::scope(|scope| {
        for number in 0..2 * cores() as u64 {
            scope.spawn(move || {
                let mut numbers = Numbers(number + 1);
                let mut blocks: Vec<Marked> = Vec::new();
                for round in 0..3_000_u16 {
                    if blocks.len() > 40 || (!blocks.is_empty() && numbers.next(3) == 0) {
                        blocks.swap_remove(numbers.next(blocks.len())).check();
                    } else {
                        let len = 1 << numbers.next(13);
                        blocks.push(Marked::new(len + numbers.next(len), round.to_le_bytes()[0]));
                    }
                }
                blocks.iter().for_each(Marked::check);
            });
        }
    });
}

fn passed_on() {
    let (send, receive) = mpsc::sync_channel::<Marked>(16);
    thread::scope(|scope| {
        scope.spawn(move || receive.iter().for_each(|block| block.check()));
        for number in 0..4_u8 {
            let send = send.clone();
            scope.spawn(move || {
                for len in 1..500 {
                    send.send(Marked::new(len * 7, number))
                        .expect("it is received");
                }
            });
        }
        drop(send);
    });
}

fn growth() {
    let mut numbers = Vec::new();
    for number in 0..200_000_u32 {
        numbers.push(number);
    }
    assert!(numbers.iter().copied().eq(0..200_000));
    numbers.truncate(10);
    numbers.shrink_to_fit();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

fn refused() {
    assert!(Vec::<u8>::new().try_reserve(1 << 46).is_err());
}
