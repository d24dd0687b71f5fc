//! Panics that are caught, in threads and out of them, and what they leave behind.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Once, RwLock};
use std::thread;

use crate::Check;

pub const CHECKS: &[Check] = &[
    ("a panic is caught, with what it says", caught),
    ("what lives is dropped on the way, the last first", dropped),
    ("a panic goes through many frames, and can go on", goes_on),
    ("a thread that panics leaves the others running", others_run),
    ("many threads panic at once", all_at_once),
    ("a lock held by a thread that panics is poisoned, and can be mended", poisoned),
    ("a once and a lazy value remember that their beginning panicked", beginnings),
    ("thread-locals are dropped at a thread's end, after a panic too", locals),
    ("a scope tells of a thread that panicked", scoped),
    ("a hook sees each panic", hooked),
];

/// Runs something that panics, without a word on the console.
pub fn quiet<R>(work: impl FnOnce() -> R) -> R {
    let before = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    panic::set_hook(before);
    result.unwrap_or_else(|payload| panic!("{}", text(&*payload)))
}

fn text(payload: &dyn Any) -> &str {
    payload.downcast_ref::<String>().map_or_else(|| payload.downcast_ref::<&str>().copied().unwrap_or("?"), String::as_str)
}

fn caught() {
    quiet(|| {
        let payload = panic::catch_unwind(|| panic!("number {}", 7)).expect_err("it panics");
        assert_eq!(text(&*payload), "number 7");
        let payload = panic::catch_unwind(|| panic::panic_any(7_u8)).expect_err("it panics");
        assert_eq!(payload.downcast_ref::<u8>(), Some(&7));
        assert!(panic::catch_unwind(|| [1, 2][std::hint::black_box(2)]).is_err());
    });
    assert_eq!(panic::catch_unwind(|| 5).expect("it does not panic"), 5);
}

struct Note<'a>(&'a RefCell<Vec<u32>>, u32);

impl Drop for Note<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().push(self.1);
    }
}

fn dropped() {
    let notes = RefCell::new(Vec::new());
    let result = quiet(|| {
        panic::catch_unwind(AssertUnwindSafe(|| {
            let _first = Note(&notes, 1);
            let _second = Note(&notes, 2);
            std::hint::black_box(inner)(&notes)
        }))
    });
    assert!(result.is_err());
    assert_eq!(*notes.borrow(), [3, 2, 1]);
}

#[inline(never)]
fn inner(notes: &RefCell<Vec<u32>>) {
    let _third = Note(notes, 3);
    if notes.borrow().is_empty() {
        panic!("inside");
    }
}

#[inline(never)]
fn deep(depth: u32, floor: &AtomicUsize) -> u32 {
    struct Count<'a>(&'a AtomicUsize);
    impl Drop for Count<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let _count = Count(floor);
    assert!(std::hint::black_box(depth) > 0, "the floor");
    deep(depth - 1, floor) + 1
}

fn goes_on() {
    let frames = AtomicUsize::new(0);
    quiet(|| {
        let outer = panic::catch_unwind(AssertUnwindSafe(|| {
            let inner = panic::catch_unwind(AssertUnwindSafe(|| deep(1000, &frames))).expect_err("it panics");
            resume_unwind(inner);
        }));
        let payload = outer.expect_err("it goes on");
        assert_eq!(text(&*payload), "the floor");
    });
    assert_eq!(frames.load(Ordering::Relaxed), 1001);
}

fn others_run() {
    let count = Arc::new(AtomicUsize::new(0));
    let results: Vec<bool> = quiet(|| {
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let count = Arc::clone(&count);
                thread::spawn(move || {
                    assert!(number % 2 == 0, "odd");
                    for _ in 0..1000 {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().is_ok()).collect()
    });
    assert_eq!(results, [true, false, true, false, true, false, true, false]);
    assert_eq!(count.load(Ordering::Relaxed), 4000);
}

fn all_at_once() {
    const PANICS: usize = 50;
    let frames = AtomicUsize::new(0);
    quiet(|| {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..PANICS {
                        assert!(panic::catch_unwind(AssertUnwindSafe(|| deep(10, &frames))).is_err());
                    }
                });
            }
        });
    });
    assert_eq!(frames.load(Ordering::Relaxed), 8 * PANICS * 11);
}

fn poisoned() {
    let (mutex, rwlock) = (Mutex::new(1), RwLock::new(1));
    quiet(|| {
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let _guards = (mutex.lock(), rwlock.write());
                panic!("with two locks");
            });
            assert!(thread.join().is_err());
        });
    });
    assert!(mutex.is_poisoned() && rwlock.is_poisoned());
    assert_eq!(*mutex.lock().expect_err("it is poisoned").into_inner(), 1);
    mutex.clear_poison();
    assert_eq!(*mutex.lock().expect("it was mended"), 1);
}

fn beginnings() {
    static ONCE: Once = Once::new();
    static LAZY: LazyLock<u32> = LazyLock::new(|| panic!("no value"));
    quiet(|| {
        assert!(panic::catch_unwind(|| ONCE.call_once(|| panic!("once"))).is_err());
        assert!(panic::catch_unwind(|| ONCE.call_once(|| {})).is_err());
        assert!(panic::catch_unwind(|| *LAZY).is_err());
        assert!(panic::catch_unwind(|| *LAZY).is_err());
    });
    ONCE.call_once_force(|state| assert!(state.is_poisoned()));
    assert!(ONCE.is_completed());
}

/// Counts those of its kind that are dropped.
pub struct Counted(pub &'static AtomicUsize);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn locals() {
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static LOCAL: RefCell<Option<Counted>> = const { RefCell::new(None) };
        static LAZY: Counted = const { Counted(&DROPPED) };
    }
    let use_both = || {
        LOCAL.set(Some(Counted(&DROPPED)));
        LAZY.with(|_| {});
    };
    thread::spawn(use_both).join().expect("it does not panic");
    assert_eq!(DROPPED.load(Ordering::SeqCst), 2);
    let panics = move || {
        use_both();
        panic!("with two locals");
    };
    quiet(|| thread::spawn(panics).join()).expect_err("it panics");
    assert_eq!(DROPPED.load(Ordering::SeqCst), 4);
}

fn scoped() {
    let result = quiet(|| {
        panic::catch_unwind(|| {
            thread::scope(|scope| {
                scope.spawn(|| panic!("in a scope"));
            });
        })
    });
    let payload = result.expect_err("the scope panics too");
    assert_eq!(text(&*payload), "a scoped thread panicked");
}

fn hooked() {
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    let before = panic::take_hook();
    panic::set_hook(Box::new(|info| {
        let line = info.location().map_or(0, panic::Location::line);
        SEEN.store(line as usize, Ordering::SeqCst);
    }));
    let thread = thread::spawn(|| panic!("seen"));
    assert!(thread.join().is_err());
    panic::set_hook(before);
    assert_eq!(SEEN.load(Ordering::SeqCst), line!() as usize - 3);
}
