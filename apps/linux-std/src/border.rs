//! The border: threads that C has begun run Rust, and std's threads are C's too.
//!
//! - A thread of C's has std whole: thread-locals, whose destructors run at its end, panics that are caught inside it, parking.
//! - A panic that would leave Rust for C ends the program, as on Linux: status 134.
//! - Cancellation does not unwind: what the stack holds is not dropped, what thread-locals and keys hold is. A thread of std's that is
//!   cancelled has left no result, and `join` panics.
//! - A thread of std's is a pthread; keys of C's have their destructors run at its end.
#![allow(unsafe_code, reason = "C's functions")]

use std::cell::RefCell;
use std::ffi::c_void;
use std::os::unix::thread::JoinHandleExt as _;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use crate::Check;
use crate::unwinding::{Counted, quiet};

pub const CHECKS: &[Check] = &[
    ("a thread of C's has std's thread-locals, and drops them", locals_in_c),
    ("a panic is caught in a thread of C's", panic_caught_in_c),
    ("a thread of C's that leaves by pthread_exit drops its thread-locals", exit_in_c),
    ("a thread of C's that is cancelled in Rust drops its thread-locals", cancelled_in_c),
    ("a thread of std's is a pthread, whose keys are destroyed", std_is_a_pthread),
    ("a thread of std's that is cancelled has no result", cancelled_in_std),
    ("a panic goes through C's calling convention, where both sides can unwind", through_c),
];

type Body = extern "C" fn(*mut c_void) -> *mut c_void;

fn begin(body: Body, argument: *mut c_void) -> libc::pthread_t {
    let mut name: libc::pthread_t = null_mut();
    // SAFETY: there is room for the name; the argument is the body's to understand.
    assert_eq!(unsafe { libc::pthread_create(&raw mut name, null(), body, argument) }, 0);
    name
}

fn join(name: libc::pthread_t) -> usize {
    let mut result = null_mut();
    // SAFETY: a thread that nobody else joins.
    assert_eq!(unsafe { libc::pthread_join(name, &raw mut result) }, 0);
    result as usize
}

static DROPPED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static LOCAL: RefCell<Option<Counted>> = const { RefCell::new(None) };
}

/// How many are dropped while `work` is done.
fn dropped_by(work: impl FnOnce()) -> usize {
    let before = DROPPED.load(Ordering::SeqCst);
    work();
    DROPPED.load(Ordering::SeqCst) - before
}

extern "C" fn with_local(number: *mut c_void) -> *mut c_void {
    LOCAL.set(Some(Counted(&DROPPED)));
    assert_eq!(thread::current().name(), None);
    number
}

fn locals_in_c() {
    let dropped = dropped_by(|| {
        let threads: Vec<_> = (1..=8).map(|number| begin(with_local, number as *mut c_void)).collect();
        let sum: usize = threads.into_iter().map(join).sum();
        assert_eq!(sum, 36);
    });
    assert_eq!(dropped, 8);
}

extern "C" fn catches(_: *mut c_void) -> *mut c_void {
    LOCAL.set(Some(Counted(&DROPPED)));
    let caught = panic::catch_unwind(|| {
        let _value = Counted(&DROPPED);
        panic!("in a thread of C's")
    });
    usize::from(caught.is_err()) as *mut c_void
}

fn panic_caught_in_c() {
    assert_eq!(dropped_by(|| assert_eq!(quiet(|| join(begin(catches, null_mut()))), 1)), 2);
}

extern "C" fn leaves(_: *mut c_void) -> *mut c_void {
    LOCAL.set(Some(Counted(&DROPPED)));
    // SAFETY: a thread of C's, and nothing on its stack is to be dropped.
    unsafe { libc::pthread_exit(7 as *mut c_void) }
}

fn exit_in_c() {
    assert_eq!(dropped_by(|| assert_eq!(join(begin(leaves, null_mut())), 7)), 1);
}

extern "C" fn sleeps(sender: *mut c_void) -> *mut c_void {
    LOCAL.set(Some(Counted(&DROPPED)));
    // SAFETY: as `cancelled_in_c` gave it.
    let sender = unsafe { &*sender.cast::<Sender<()>>() };
    sender.send(()).expect("somebody listens");
    thread::sleep(Duration::from_secs(3600));
    null_mut()
}

fn cancelled_in_c() {
    const CANCELLED: usize = usize::MAX;
    let (sender, receiver) = channel::<()>();
    let dropped = dropped_by(|| {
        let name = begin(sleeps, (&raw const sender).cast_mut().cast());
        receiver.recv().expect("it says so");
        // SAFETY: a thread that lives.
        assert_eq!(unsafe { libc::pthread_cancel(name) }, 0);
        assert_eq!(join(name), CANCELLED);
    });
    assert_eq!(dropped, 1);
}

unsafe extern "C" fn destroy(value: *mut c_void) {
    DROPPED.fetch_add(value as usize, Ordering::SeqCst);
}

fn std_is_a_pthread() {
    let mut key = 0;
    // SAFETY: there is room for the key.
    assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, Some(destroy)) }, 0);
    let dropped = dropped_by(|| {
        let body = move || {
            // SAFETY: the key is there.
            assert_eq!(unsafe { libc::pthread_setspecific(key, 5 as *const c_void) }, 0);
            // SAFETY: it only asks.
            unsafe { libc::pthread_self() as usize }
        };
        let name = thread::spawn(body).join().expect("it does not panic");
        // SAFETY: as above.
        assert_ne!(name, unsafe { libc::pthread_self() as usize });
        let panics = move || {
            body();
            panic!("with a key");
        };
        assert!(quiet(|| thread::spawn(panics).join()).is_err());
    });
    assert_eq!(dropped, 10);
}

fn cancelled_in_std() {
    let (sender, receiver) = channel();
    let dropped = dropped_by(|| {
        let thread = thread::spawn(move || {
            LOCAL.set(Some(Counted(&DROPPED)));
            sender.send(()).expect("somebody listens");
            thread::sleep(Duration::from_secs(3600));
        });
        receiver.recv().expect("it says so");
        // SAFETY: a thread that lives.
        assert_eq!(unsafe { libc::pthread_cancel(thread.as_pthread_t() as libc::pthread_t) }, 0);
        assert!(quiet(|| panic::catch_unwind(AssertUnwindSafe(|| thread.join()))).is_err());
    });
    assert_eq!(dropped, 1);
}

/// What is called back: it panics the third time.
unsafe extern "C-unwind" fn compare(_: *const c_void, _: *const c_void) -> i32 {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    assert!(CALLS.fetch_add(1, Ordering::SeqCst) < 2, "the third time");
    0
}

/// As a function of C's that calls back, but compiled by rustc: C's own has no tables to unwind by.
#[inline(never)]
unsafe extern "C-unwind" fn call_back(compare: unsafe extern "C-unwind" fn(*const c_void, *const c_void) -> i32) -> i32 {
    let _value = Counted(&DROPPED);
    // SAFETY: it looks at neither.
    (0..5).map(|_| unsafe { compare(null(), null()) }).sum()
}

fn through_c() {
    // SAFETY: as there.
    let result = dropped_by(|| assert!(quiet(|| panic::catch_unwind(|| unsafe { call_back(compare) })).is_err()));
    assert_eq!(result, 1);
}

extern "C" fn panics(_: *mut c_void) -> *mut c_void {
    panic!("out of Rust")
}

/// A panic would leave Rust: the program ends.
pub fn panic_in_c() {
    join(begin(panics, null_mut()));
}
