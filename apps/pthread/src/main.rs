//! C's threads in a Rust program: what C inside of it would call, beside std's threads. Prints `pthread: N checks passed`; a check that
//! fails panics, and the status is 101.

mod c;

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use skete_libc as _;

/// A name, and what panics if the name is not true.
type Check = (&'static str, fn());

const CHECKS: [Check; 5] = [
    ("a thread of C's runs Rust, with thread-locals of its own", rust_in_a_thread_of_cs),
    ("a thread of std's is a pthread too", std_is_a_pthread),
    ("values of keys are a thread's own, whoever began it", keys_beside_std),
    ("errno is a thread's own", errno),
    ("blocks of C's are aligned and can be given back", heap),
];

fn main() {
    for (name, check) in CHECKS {
        check();
        println!("ok  {name}");
    }
    println!("pthread: {} checks passed", CHECKS.len());
}

thread_local! {
    static LOCAL: Cell<usize> = const { Cell::new(5) };
}

fn rust_in_a_thread_of_cs() {
    let (sender, receiver) = channel();
    let threads: Vec<c::Thread> = (0..8)
        .map(|number| {
            let sender = sender.clone();
            c::Thread::begin(move || {
                LOCAL.set(LOCAL.get() + number);
                sender.send(LOCAL.get()).expect("somebody listens");
                println!("    thread {number} of C's says hello");
                number * 3
            })
        })
        .collect();
    let results: Vec<usize> = threads.into_iter().map(c::Thread::join).collect();
    assert_eq!(results, [0, 3, 6, 9, 12, 15, 18, 21]);
    let mut sums: Vec<usize> = receiver.try_iter().collect();
    sums.sort_unstable();
    assert_eq!(sums, [5, 6, 7, 8, 9, 10, 11, 12]);
    assert_eq!(LOCAL.get(), 5);
}

fn std_is_a_pthread() {
    let own = c::own_name();
    assert_eq!(own, c::own_name());
    let others: Vec<usize> = (0..4).map(|_| thread::spawn(c::own_name).join().expect("it does not panic")).collect();
    let main = own;
    let refused = thread::spawn(move || c::join_of_another(main)).join().expect("it does not panic");
    assert_eq!(refused, skete::Errno::EINVAL.number(), "std alone joins its threads");
    assert!(others.iter().all(|other| *other != own && *other != 0));
}

static DESTROYED: AtomicUsize = AtomicUsize::new(0);

fn keys_beside_std() {
    let key = c::Key::new(|value| {
        DESTROYED.fetch_add(value, Ordering::Relaxed);
    });
    key.set(1000);
    let held = move |value: usize| {
        let before = key.get();
        key.set(value);
        (before, key.get())
    };
    assert_eq!(c::Thread::begin(move || held(7).1).join(), 7);
    assert_eq!(thread::spawn(move || held(9)).join().expect("it does not panic"), (0, 9));
    // std tells of a thread's end before the thread has ended.
    while DESTROYED.load(Ordering::Relaxed) != 16 {
        thread::yield_now();
    }
    assert_eq!(key.get(), 1000);
}

fn errno() {
    c::set_errno(1);
    let other = thread::spawn(|| {
        c::set_errno(2);
        c::errno()
    });
    assert_eq!(other.join().expect("it does not panic"), 2);
    assert_eq!(c::errno(), 1);
}

fn heap() {
    let threads = [(); 4].map(|()| thread::spawn(|| (0..1000).all(|round| c::takes_and_gives(round * 3 % 257, 16 << (round % 6)))));
    for thread in threads {
        assert!(thread.join().expect("it does not panic"));
    }
}
