//! Thread-local storage: aligned, fresh for each thread, destroyed at its end.

use std::cell::{Cell, RefCell};
use std::sync::Mutex;
use std::thread;

use super::Check;

/// This file's checks.
pub const CHECKS: &[Check] = &[
    (
        "a thread-local asked to lie on a page boundary does",
        aligned,
    ),
    (
        "every thread finds its thread-locals as they were written",
        fresh,
    ),
    (
        "destructors run at the thread's end, and may use other thread-locals",
        destructors,
    ),
];

#[repr(align(4096))]
struct Page([u8; 64]);

thread_local! {
    static PAGE: Cell<Page> = const { Cell::new(Page([0x5a; 64])) };
    static SMALL: Cell<u8> = const { Cell::new(0xa5) };
}

fn aligned() {
    let look = || {
        let address = PAGE.with(|page| page.as_ptr().addr());
        assert!(address.is_multiple_of(4096), "a page at {address:#x}");
    };
    look();
    for _ in 0..8 {
        thread::spawn(look).join().expect("it does not panic");
    }
}

fn fresh() {
    for _ in 0..32 {
        let look = || {
            let page = PAGE.replace(Page([1; 64]));
            assert_eq!((page.0, SMALL.replace(1)), ([0x5a; 64], 0xa5));
        };
        thread::spawn(look).join().expect("it does not panic");
    }
}

fn destructors() {
    static ENDED: Mutex<Vec<(&str, bool)>> = Mutex::new(Vec::new());
    struct Ends(&'static str);
    impl Drop for Ends {
        fn drop(&mut self) {
            // Another thread-local, first used in a destructor: by the second of the two it may be destroyed itself.
            let is_noted = NOTES
                .try_with(|notes| notes.borrow_mut().push(self.0))
                .is_ok();
            ENDED
                .lock()
                .expect("no one panics with it")
                .push((self.0, is_noted));
        }
    }
    thread_local! {
        static NOTES: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
        static FIRST: Ends = const { Ends("first") };
        static SECOND: Ends = const { Ends("second") };
    }
    let thread = thread::spawn(|| {
        FIRST.with(|_| ());
        SECOND.with(|_| ());
        assert!(ENDED.lock().expect("no one panics with it").is_empty());
    });
    thread.join().expect("it does not panic");
    let mut ended = ENDED.lock().expect("no one panics with it").clone();
    assert!(
        ended.iter().any(|(_, is_noted)| *is_noted),
        "no destructor could use a thread-local"
    );
    ended.sort_unstable();
    assert!(ended.iter().map(|(name, _)| *name).eq(["first", "second"]));
}
