//! Randomness: std takes its hash keys from it.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::thread;

use super::Check;

/// This file's checks.
pub const CHECKS: &[Check] = &[("no two threads hash with the same keys", distinct)];

fn distinct() {
    // One thread draws its keys once and counts them up; each new thread draws anew.
    let hash = || {
        thread::spawn(|| RandomState::new().hash_one(1))
            .join()
            .expect("it does not panic")
    };
    let hashes: HashSet<u64> = (0..200).map(|_| hash()).collect();
    assert_eq!(hashes.len(), 200);
    let ones: u32 = hashes.iter().map(|hash| hash.count_ones()).sum();
    println!("    {:.1} % of the bits are ones", f64::from(ones) / 128.0);
    assert!((5_900..=6_900).contains(&ones));
}
