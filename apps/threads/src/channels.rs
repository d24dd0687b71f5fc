//! Channels of std::sync::mpsc.

use std::sync::mpsc::{self, RecvTimeoutError, TrySendError};
use std::thread;
use std::time::{Duration, Instant};

use crate::check::{CROWD, Check};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    (
        "a channel brings everything, in each sender's order",
        channel,
    ),
    ("a bounded channel holds no more than its bound", bounded),
    (
        "a channel without room hands over from one to the other",
        rendezvous,
    ),
    ("a recv_timeout ends, and not early", timeout),
];

fn channel() {
    const EACH: usize = 500;
    let (sender, receiver) = mpsc::channel();
    for number in 0..CROWD {
        let sender = sender.clone();
        thread::spawn(move || (0..EACH).try_for_each(|round| sender.send((number, round))));
    }
    drop(sender);
    let mut next = [0; CROWD];
    for (number, round) in receiver {
        assert_eq!(next[number], round);
        next[number] += 1;
    }
    assert_eq!(next, [EACH; CROWD]);
}

fn bounded() {
    let (sender, receiver) = mpsc::sync_channel(2);
    assert!(sender.try_send(1).is_ok() && sender.try_send(2).is_ok());
    assert!(matches!(sender.try_send(3), Err(TrySendError::Full(3))));
    let waiting = thread::spawn(move || sender.send(3));
    assert_eq!(receiver.iter().collect::<Vec<_>>(), [1, 2, 3]);
    assert!(waiting.join().is_ok_and(|sent| sent.is_ok()));
}

fn rendezvous() {
    let (sender, receiver) = mpsc::sync_channel(0);
    let sending = thread::spawn(move || (0..100).try_for_each(|number| sender.send(number)));
    assert!(receiver.iter().eq(0..100));
    assert!(sending.join().is_ok_and(|sent| sent.is_ok()));
}

fn timeout() {
    const WAIT: Duration = Duration::from_millis(20);
    let (_sender, receiver) = mpsc::channel::<()>();
    let start = Instant::now();
    assert_eq!(receiver.recv_timeout(WAIT), Err(RecvTimeoutError::Timeout));
    assert!(start.elapsed() >= WAIT, "ended after {:?}", start.elapsed());
}
