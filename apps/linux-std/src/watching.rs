//! `epoll(7)` over counters of `eventfd(2)`.
#![allow(unsafe_code, reason = "C's functions")]

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::unix::AsyncFd;

use crate::Check;

pub const CHECKS: &[Check] = &[
    ("epoll: by level a counter is told as long as it is above zero", level),
    ("epoll: by edges it is told once for each change", edges),
    ("epoll: once is once", once),
    ("epoll: a wait ends by a change, by another's wish, or by its time", waits),
    ("epoll: what is closed is forgotten, and what cannot be is told", refused),
];

/// A counter as a file.
pub fn counter(flags: i32) -> std::fs::File {
    // SAFETY: a number comes back, or −1.
    let fd = unsafe { libc::eventfd(0, flags) };
    assert!(fd >= 0, "{}", io::Error::last_os_error());
    // SAFETY: nobody else's.
    unsafe { OwnedFd::from_raw_fd(fd) }.into()
}

/// A counter that tasks wait for.
pub fn watched_counter() -> AsyncFd<std::fs::File> {
    // SAFETY: a file keeps its number until it is dropped.
    unsafe { AsyncFd::register(counter(libc::EFD_NONBLOCK | libc::EFD_CLOEXEC)) }.expect("it can be watched")
}

/// Adds one to a counter.
pub fn add(mut counter: &std::fs::File) {
    counter.write_all(&1_u64.to_ne_bytes()).expect("it is far from full");
}

/// Takes all of a counter.
pub fn take(mut counter: &std::fs::File) -> io::Result<u64> {
    let mut bytes = [0; 8];
    counter.read_exact(&mut bytes).map(|()| u64::from_ne_bytes(bytes))
}

struct Epoll(OwnedFd);

const READ: u32 = libc::EPOLLIN as u32;
const EDGES: u32 = libc::EPOLLET as u32;
const ONCE: u32 = libc::EPOLLONESHOT as u32;

impl Epoll {
    fn new() -> Self {
        // SAFETY: a number comes back, or −1.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        assert!(fd >= 0, "{}", io::Error::last_os_error());
        // SAFETY: nobody else's.
        Self(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    fn control(&self, operation: i32, fd: RawFd, events: u32, word: u64) -> Result<(), i32> {
        let mut event = libc::epoll_event { events, u64: word };
        // SAFETY: an event is there.
        match unsafe { libc::epoll_ctl(self.0.as_raw_fd(), operation, fd, &raw mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error().raw_os_error().expect("it has a number")),
        }
    }

    fn watch(&self, file: &std::fs::File, events: u32, word: u64) {
        self.control(libc::EPOLL_CTL_ADD, file.as_raw_fd(), events, word).expect("it is new");
    }

    fn wait(&self, timeout_ms: i32) -> Vec<(u64, u32)> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 4];
        // SAFETY: there is room for four.
        let count = unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), 4, timeout_ms) };
        let count = usize::try_from(count).expect("nothing is wrong with it");
        events[..count].iter().map(|event| (event.u64, event.events)).collect()
    }
}

fn level() {
    let (epoll, counter) = (Epoll::new(), counter(0));
    epoll.watch(&counter, READ, 5);
    assert_eq!(epoll.wait(0), []);
    add(&counter);
    assert_eq!((epoll.wait(-1), epoll.wait(0)), (vec![(5, READ)], vec![(5, READ)]));
    assert_eq!(take(&counter).expect("it is above zero"), 1);
    assert_eq!(epoll.wait(0), []);
}

fn edges() {
    let (epoll, counter) = (Epoll::new(), counter(libc::EFD_NONBLOCK));
    epoll.watch(&counter, READ | EDGES, 6);
    add(&counter);
    assert_eq!((epoll.wait(-1), epoll.wait(0)), (vec![(6, READ)], vec![]));
    add(&counter);
    assert_eq!((epoll.wait(-1), epoll.wait(0)), (vec![(6, READ)], vec![]));
    assert_eq!(take(&counter).expect("it is above zero"), 2);
    add(&counter);
    assert_eq!(epoll.wait(-1), [(6, READ)]);
}

fn once() {
    let (epoll, counter) = (Epoll::new(), counter(0));
    epoll.watch(&counter, READ | ONCE, 7);
    add(&counter);
    assert_eq!((epoll.wait(-1), epoll.wait(0)), (vec![(7, READ)], vec![]));
    epoll.control(libc::EPOLL_CTL_MOD, counter.as_raw_fd(), READ, 8).expect("it is watched");
    assert_eq!(epoll.wait(-1), [(8, READ)]);
    epoll.control(libc::EPOLL_CTL_DEL, counter.as_raw_fd(), 0, 0).expect("it is watched");
    assert_eq!(epoll.wait(0), []);
}

fn waits() {
    let (epoll, one, other) = (Epoll::new(), counter(0), counter(0));
    epoll.watch(&one, READ, 1);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| epoll.wait(-1));
        add(&one);
        assert_eq!(waiter.join().expect("it does not panic"), [(1, READ)]);
        take(&one).expect("it is above zero");
        // A file that is ready, and watched only while somebody waits.
        add(&other);
        let waiter = scope.spawn(|| epoll.wait(-1));
        epoll.watch(&other, READ, 2);
        assert_eq!(waiter.join().expect("it does not panic"), [(2, READ)]);
        take(&other).expect("it is above zero");
    });
    let started = Instant::now();
    assert_eq!(epoll.wait(20), []);
    assert!(started.elapsed() >= Duration::from_millis(20));
}

fn refused() {
    let (epoll, counter) = (Epoll::new(), counter(0));
    add(&counter);
    let fd = counter.as_raw_fd();
    epoll.watch(&counter, READ, 1);
    assert_eq!(epoll.control(libc::EPOLL_CTL_ADD, fd, READ, 1), Err(libc::EEXIST));
    drop(counter);
    assert_eq!(epoll.wait(0), []);
    let again = self::counter(0);
    assert_eq!(again.as_raw_fd(), fd, "the lowest number is free");
    epoll.watch(&again, READ, 2);
    let file = std::fs::File::create("/watched").expect("it can be made");
    assert_eq!(epoll.control(libc::EPOLL_CTL_ADD, file.as_raw_fd(), READ, 0), Err(libc::EPERM));
    assert_eq!(epoll.control(libc::EPOLL_CTL_MOD, file.as_raw_fd(), READ, 0), Err(libc::EPERM));
    assert_eq!(epoll.control(libc::EPOLL_CTL_ADD, epoll.0.as_raw_fd(), READ, 0), Err(libc::EINVAL));
    assert_eq!(epoll.control(libc::EPOLL_CTL_ADD, 999, READ, 0), Err(libc::EBADF));
    std::fs::remove_file("/watched").expect("it is there");
}
