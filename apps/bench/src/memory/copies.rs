//! Memory copied, and filled with a byte that is not zero. Of a floor: two registers of 16 bytes are loaded or stored by one instruction,
//! a round of a loop is 128 bytes.
//!
//! Floor of `mem.memcpy_64`, 8: loads (2), stores (2), which size (2), call and return (2).
//!
//! Floor of `mem.memcpy_1k`, 86: loads (32), stores (32), rounds (8 × 2), which size (4), call and return (2).
//!
//! Floor of `mem.memcpy_4k`, 326: loads (128), stores (128), rounds (32 × 2), which size (4), call and return (2).
//!
//! Floor of `mem.memcpy_64k`, 5,126: loads (2,048), stores (2,048), rounds (512 × 2), which size (4), call and return (2).
//!
//! Floor of `mem.memcpy_1m`, 81,926: loads (32,768), stores (32,768), rounds (8,192 × 2), which size (4), call and return (2).
//!
//! Floor of `mem.memset_64`, 7: the byte spread (1), stores (2), which size (2), call and return (2).
//!
//! Floor of `mem.memset_1k`, 55: the byte spread (1), stores (32), rounds (8 × 2), which size (4), call and return (2).
//!
//! Floor of `mem.memset_4k`, 199: the byte spread (1), stores (128), rounds (32 × 2), which size (4), call and return (2).
//!
//! Floor of `mem.memset_64k`, 3,079: the byte spread (1), stores (2,048), rounds (512 × 2), which size (4), call and return (2).
//!
//! Floor of `mem.memset_1m`, 49,159: the byte spread (1), stores (32,768), rounds (8,192 × 2), which size (4), call and return (2).

use std::hint::black_box;

use crate::meter::{MANY, SOME, is_measuring, row};

/// Prints the rows `mem.…`.
pub fn run() {
    copy("mem.memcpy_64", 64, MANY);
    copy("mem.memcpy_1k", 1 << 10, MANY);
    copy("mem.memcpy_4k", 4 << 10, SOME);
    copy("mem.memcpy_64k", 64 << 10, SOME);
    copy("mem.memcpy_1m", 1 << 20, SOME / 10);
    fill("mem.memset_64", 64, MANY);
    fill("mem.memset_1k", 1 << 10, MANY);
    fill("mem.memset_4k", 4 << 10, SOME);
    fill("mem.memset_64k", 64 << 10, SOME);
    fill("mem.memset_1m", 1 << 20, SOME / 10);
}

fn copy(name: &str, bytes: usize, rounds: u32) {
    let (from, mut to) = (vec![1_u8; bytes], vec![0_u8; bytes]);
    row(name, rounds, || {
        let (from, to) = (black_box(from.as_slice()), black_box(to.as_mut_slice()));
        to.copy_from_slice(from);
    });
    assert!(!is_measuring() || from == to, "all of it is copied");
}

fn fill(name: &str, bytes: usize, rounds: u32) {
    let mut to = vec![0_u8; bytes];
    row(name, rounds, || black_box(to.as_mut_slice()).fill(black_box(7)));
    assert!(!is_measuring() || to.iter().all(|byte| *byte == 7), "all of it is filled");
}
