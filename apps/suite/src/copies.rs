//! Copies of every length, from every place to every place: what the compiler calls for them is the kernel's own.

use std::hint::black_box;

use super::Check;

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("a copy brings every byte and touches no other", apart),
    ("a copy onto itself, forward and back, brings what was there", overlapping),
    ("bytes are set, and no other", filled),
];

/// What no other place holds.
fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|place| place.wrapping_mul(167).wrapping_add(place >> 8).to_le_bytes()[0]).collect()
}

/// All short lengths, and some about the rounds of a loop.
fn lengths() -> impl Iterator<Item = usize> {
    (0..=300).chain([383, 384, 385, 511, 512, 513, 1023, 1024, 1040, 4095, 4096, 4097])
}

fn apart() {
    for length in lengths() {
        let source = pattern(length + 50);
        let mut target = vec![0; length + 50];
        for (from, to) in [(0, 0), (1, 0), (0, 1), (7, 3), (8, 24), (15, 1), (16, 31), (33, 9)] {
            target.fill(0xEE);
            black_box(&mut target)[to..to + length].copy_from_slice(&black_box(&source)[from..from + length]);
            assert_eq!(target[to..to + length], source[from..from + length], "{length} bytes from {from} to {to}");
            let others = target[..to].iter().chain(&target[to + length..]);
            assert!(others.copied().all(|byte| byte == 0xEE), "{length} bytes from {from} to {to}");
        }
    }
}

fn overlapping() {
    for length in lengths() {
        let source = pattern(length + 250);
        let mut place = source.clone();
        for distance in [1, 7, 8, 15, 16, 17, 31, 64, 127, 128, 129, 200] {
            for (from, to) in [(40, 40 + distance), (40 + distance, 40), (43, 43 + distance), (43 + distance, 43)] {
                place.copy_from_slice(&source);
                black_box(&mut place).copy_within(from..from + length, to);
                assert_eq!(place[to..to + length], source[from..from + length], "{length} bytes from {from} to {to}");
                assert_eq!(
                    (&place[..to], &place[to + length..]),
                    (&source[..to], &source[to + length..]),
                    "{length} bytes from {from} to {to}"
                );
            }
        }
    }
}

fn filled() {
    for length in lengths() {
        let source = pattern(length + 50);
        for start in 0..16 {
            let mut place = source.clone();
            black_box(&mut place)[start..start + length].fill(black_box(0x5A));
            assert!(place[start..start + length].iter().all(|byte| *byte == 0x5A), "{length} bytes at {start}");
            assert_eq!(
                (&place[..start], &place[start + length..]),
                (&source[..start], &source[start + length..]),
                "{length} bytes at {start}"
            );
        }
    }
}
