//! What std has no word for.

use std::thread;
use std::time::{Duration, Instant};

use hermit_abi::errno::{EAGAIN, EBADF, EFAULT, EINVAL, EMFILE, ENOTTY, ESPIPE};
use hermit_abi::{
    EFD_NONBLOCK, EFD_SEMAPHORE, F_DUPFD, F_GETFD, F_GETFL, F_SETFD, F_SETFL, FD_CLOEXEC, O_APPEND, O_CREAT, O_NONBLOCK, O_RDWR, POLLIN,
    POLLNVAL, POLLOUT,
};

use super::{Check, raw};

/// The check that comes before anything was opened.
pub const FIRST: Check = ("before anything is open, only the console can be written to", unopened);

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("a duplicate shares its position, and lives on alone", duplicate),
    ("flags are kept, those of the opening and those of the number", flags),
    ("the lowest number is given, and the 1,025th is refused", numbers),
    ("wrong numbers and pointers are errors", wrong),
    ("an eventfd counts", count),
    ("an eventfd that is a semaphore gives one at a time", semaphore),
    ("a reader of an eventfd sleeps until a thread writes", event_wakes),
    ("a poll tells what is ready, and waits for it no longer than told", poll),
    ("a poll of two wakes for either", poll_wakes),
    ("closing a file under a reader lets it finish", close_under_reader),
];

const ONE: [u8; 8] = 1_u64.to_ne_bytes();

fn unopened() {
    assert_eq!([3, 999, usize::MAX].map(|fd| raw::write(fd, b"x")), [Err(EBADF); 3]);
    assert_eq!(raw::write(2, b""), Ok(0));
}

fn duplicate() {
    let fd = raw::open(c"/tmp/duplicate", O_CREAT | O_RDWR).expect("it can be made");
    let copy = raw::duplicate(fd).expect("there are numbers");
    assert_eq!((raw::write(fd, b"ab"), raw::write(copy, b"cd")), (Ok(2), Ok(2)));
    assert_eq!(raw::close(fd), Ok(0));
    assert_eq!(raw::write(fd, b"x"), Err(EBADF));
    assert_eq!(raw::write(copy, b"ef"), Ok(2));
    assert_eq!(raw::close(copy), Ok(0));
    assert!(std::fs::read("/tmp/duplicate").is_ok_and(|bytes| bytes == b"abcdef"));
}

fn flags() {
    let fd = raw::open(c"/tmp/flags", O_CREAT | O_RDWR).expect("it can be made");
    let bits = |flags: i32| usize::try_from(flags);
    assert_eq!(raw::control(fd, F_GETFL, 0).ok(), bits(O_RDWR).ok());
    assert_eq!(raw::control(fd, F_SETFL, O_APPEND | O_NONBLOCK), Ok(0));
    assert_eq!(raw::control(fd, F_GETFL, 0).ok(), bits(O_RDWR | O_APPEND | O_NONBLOCK).ok());
    assert_eq!(raw::set_nonblocking(fd, 0), Ok(0));
    assert_eq!(raw::control(fd, F_GETFL, 0).ok(), bits(O_RDWR | O_APPEND).ok());
    assert_eq!((raw::control(fd, F_SETFD, FD_CLOEXEC), raw::control(fd, F_GETFD, 0)), (Ok(0), Ok(1)));
    let copy = raw::control(fd, F_DUPFD, 100).expect("there are numbers");
    assert_eq!((copy, raw::control(copy, F_GETFD, 0)), (100, Ok(0)));
    assert_eq!(raw::control(fd, 99, 0), Err(EINVAL));
    assert_eq!((raw::close(fd), raw::close(copy)), (Ok(0), Ok(0)));
}

fn numbers() {
    let mut open = Vec::new();
    let refused = loop {
        match raw::open(c"/dev/null", O_RDWR) {
            Ok(fd) => open.push(fd),
            Err(error) => break error,
        }
    };
    assert_eq!((refused, open.len()), (EMFILE, 1024 - 3));
    assert!(open.iter().copied().eq(3..1024));
    raw::close(500).expect("it is open");
    assert_eq!(raw::duplicate(0), Ok(500));
    for fd in open {
        raw::close(fd).expect("it is open");
    }
}

fn wrong() {
    assert_eq!(raw::open_null(), Err(EFAULT));
    assert_eq!(raw::close(999), Err(EBADF));
    assert_eq!(raw::read(usize::MAX, &mut []), Err(EBADF));
    let event = raw::event(0, 0).expect("there is memory");
    assert_eq!(raw::read(event, &mut [0; 7]), Err(EINVAL));
    assert_eq!(raw::event(0, 0x40), Err(EINVAL));
    assert_eq!(raw::seek(event, 0), Err(ESPIPE));
    assert_eq!(raw::control_device(event, 1), Err(ENOTTY));
    raw::close(event).expect("it is open");
}

fn count() {
    let event = raw::event(5, EFD_NONBLOCK).expect("there is memory");
    let mut bytes = [0; 8];
    assert_eq!((raw::read(event, &mut bytes), u64::from_ne_bytes(bytes)), (Ok(8), 5));
    assert_eq!(raw::read(event, &mut bytes), Err(EAGAIN));
    assert_eq!((raw::write(event, &ONE), raw::write(event, &ONE)), (Ok(8), Ok(8)));
    assert_eq!((raw::read(event, &mut bytes), u64::from_ne_bytes(bytes)), (Ok(8), 2));
    assert_eq!(raw::write(event, &(u64::MAX - 1).to_ne_bytes()), Ok(8));
    assert_eq!(raw::write(event, &ONE), Err(EAGAIN));
    assert_eq!(raw::write(event, &u64::MAX.to_ne_bytes()), Err(EINVAL));
    raw::close(event).expect("it is open");
}

fn semaphore() {
    let event = raw::event(2, EFD_NONBLOCK | EFD_SEMAPHORE).expect("there is memory");
    let mut bytes = [0; 8];
    for _ in 0..2 {
        assert_eq!((raw::read(event, &mut bytes), bytes), (Ok(8), ONE));
    }
    assert_eq!(raw::read(event, &mut bytes), Err(EAGAIN));
    raw::close(event).expect("it is open");
}

fn event_wakes() {
    let event = raw::event(0, 0).expect("there is memory");
    thread::scope(|scope| {
        let reader = scope.spawn(|| raw::read(event, &mut [0; 8]));
        thread::sleep(Duration::from_millis(5));
        assert!(!reader.is_finished());
        assert_eq!(raw::write(event, &ONE), Ok(8));
        assert_eq!(reader.join().ok(), Some(Ok(8)));
    });
    raw::close(event).expect("it is open");
}

fn poll() {
    let event = raw::event(0, 0).expect("there is memory");
    let mut fds = [(event, POLLIN | POLLOUT), (999, POLLIN), (1, POLLOUT)];
    assert_eq!(raw::poll(&mut fds, 0), Ok(3));
    assert_eq!(fds.map(|(_, ready)| ready), [POLLOUT, POLLNVAL, POLLOUT]);
    let start = Instant::now();
    assert_eq!(raw::poll(&mut [(event, POLLIN)], 20), Ok(0));
    assert!(start.elapsed() >= Duration::from_millis(20), "ended after {:?}", start.elapsed());
    raw::close(event).expect("it is open");
}

fn poll_wakes() {
    let events = [raw::event(0, 0), raw::event(0, 0)].map(|event| event.expect("there is memory"));
    for turn in [0, 1] {
        thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                let mut fds = events.map(|event| (event, POLLIN));
                (raw::poll(&mut fds, -1), fds[turn].1)
            });
            thread::sleep(Duration::from_millis(2));
            assert_eq!(raw::write(events[turn], &ONE), Ok(8));
            assert_eq!(waiter.join().ok(), Some((Ok(1), POLLIN)));
        });
        assert_eq!(raw::read(events[turn], &mut [0; 8]), Ok(8));
    }
    for event in events {
        raw::close(event).expect("it is open");
    }
}

fn close_under_reader() {
    let event = raw::event(0, 0).expect("there is memory");
    let copy = raw::duplicate(event).expect("there are numbers");
    thread::scope(|scope| {
        let reader = scope.spawn(|| raw::read(event, &mut [0; 8]));
        thread::sleep(Duration::from_millis(5));
        assert_eq!(raw::close(event), Ok(0));
        assert_eq!(raw::write(copy, &ONE), Ok(8));
        assert_eq!(reader.join().ok(), Some(Ok(8)));
    });
    raw::close(copy).expect("it is open");
}
