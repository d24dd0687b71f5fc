//! Pages: 64 KiB of them mapped and unmapped, and touched between.
//!
//! Floor of `page.map_unmap`, 184: entries and answers (2 × 8), addresses taken and given back (2 × 30), the region noted and found again
//! (2 × 40), locks (4 × 7).
//!
//! Floor of `page.map_touch_unmap`, 4,568: the same (184), for each of sixteen pages: into the exception and out of it (16 × 80), its region
//! found (16 × 30), a frame taken and given back (32 × 10), cleared by lines of 64 bytes (16 × 128), the table's entry written, and cleared
//! with its translation forgotten (32 × 8).
#![allow(unsafe_code, reason = "touches what was mapped")]

use std::hint::black_box;

use crate::meter::{SOME, row};
use crate::system::{map, unmap};

const BYTES: usize = 64 << 10;
const PAGE: usize = 4096;

/// Prints the rows `page.…`.
pub fn run() {
    row("page.map_unmap", SOME, || unmap(map(black_box(BYTES)), BYTES));
    row("page.map_touch_unmap", SOME, || {
        let pages = map(black_box(BYTES));
        for page in 0..BYTES / PAGE {
            // SAFETY: mapped just now.
            unsafe { pages.add(page * PAGE).write_volatile(1) };
        }
        unmap(pages, BYTES);
    });
}
