//! Futaphores.

use std::hint::black_box;
use std::thread;

use skete::futaphore::Page;
use skete::thread::set_affinity;

use crate::meter::{MANY, SOME, row};

/// Prints the rows of this subject.
pub fn run() {
    uncontended();
    pingpong();
}

/// `futaphore.uncontended`: P and V, nobody waits. `futaphore.uncontended.call`: by C's functions, which look at the page and the number
/// first; the row `futaphore.uncontended` in C is what `<futaphore.h>` makes of them.
///
/// Floor of `futaphore.uncontended`, 12: to each, LDAXR, ADD or SUB, TBNZ, STLXR, CBNZ (2 × 5), and its address (2 × 1).
///
/// Floor of `futaphore.uncontended.call`, 22: the same (12), the page compared (2 × 2), the number compared (2 × 2), the return (2 × 1).
fn uncontended() {
    let futaphore = Page::get().make(1).expect("a slot is free");
    row("futaphore.uncontended", MANY, || {
        let taken = black_box(futaphore).p();
        let given = black_box(futaphore).v();
        assert!(taken.is_ok() && given.is_ok());
    });
    let (page, number) = (skete::calls::futaphore::get_fut_page(), futaphore.number() as u64);
    row("futaphore.uncontended.call", MANY, || {
        let taken = skete::calls::futaphore::fut_p(black_box(page), black_box(number));
        let given = skete::calls::futaphore::fut_v(black_box(page), black_box(number));
        assert_eq!(taken | given, 0);
    });
    futaphore.free().expect("it is there");
}

/// `futaphore.pingpong.same`: there and back between two threads of core 0, each asleep in P until the other's V.
///
/// Floor of `futaphore.pingpong.same`, 380: a switch with registers, run queue, tokens and locks (2 × 150), a P that queues in the bucket
/// (2 × 20), a V that finds it there (2 × 20).
fn pingpong() {
    let (there, back) = (Page::get().make(0).expect("a slot is free"), Page::get().make(0).expect("a slot is free"));
    thread::scope(|scope| {
        let other = scope.spawn(move || {
            set_affinity(1).expect("core 0 is there");
            // Until the futaphore is freed.
            while there.p().is_ok() {
                back.v().expect("there is room");
            }
        });
        row("futaphore.pingpong.same", SOME, || {
            there.v().expect("there is room");
            back.p().expect("it comes back");
        });
        there.free().expect("it is there");
        other.join().expect("it does not panic");
    });
    back.free().expect("it is there");
}
