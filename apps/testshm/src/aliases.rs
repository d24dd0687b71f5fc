//! Two addresses, one memory.

use std::sync::atomic::Ordering;
use std::thread;

use skete::sysv::shm::{self, Attachment, SHM_RDONLY};

use super::Check;
use super::memory::{PAGE, free_frames, segment, word};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("a write at one address is read at the other, by every thread", aliases),
    ("a new segment is zeros, whatever its frames held before", zeroed),
    ("four threads count in one word at four addresses", counting),
    ("attached and detached while others do, it stays one memory", storm),
];

fn aliases() {
    let id = segment(5 * PAGE);
    let (one, other, reading) = (Attachment::new(id, 0), Attachment::new(id, 0), Attachment::new(id, SHM_RDONLY));
    let [one, other, reading] = [one, other, reading].map(|attached| attached.expect("there is room"));
    assert!(one.as_ptr() != other.as_ptr() && other.as_ptr() != reading.as_ptr());
    for page in 0..5 {
        let number = page * PAGE / 4 + page;
        word(&one, number).store(77 + u32::try_from(page).expect("few"), Ordering::Relaxed);
    }
    let words: [usize; 3] = [&one, &other, &reading].map(|attached| attached.as_ptr() as usize);
    thread::scope(|scope| {
        for start in words {
            scope.spawn(move || {
                for page in 0..5 {
                    let word = super::memory::word_at(start + page * PAGE + page * 4);
                    assert_eq!(word.load(Ordering::Relaxed) as usize, 77 + page);
                }
            });
        }
    });
    word(&other, 9).store(5, Ordering::Relaxed);
    assert_eq!((word(&one, 9).load(Ordering::Relaxed), word(&reading, 9).load(Ordering::Relaxed)), (5, 5));
    shm::remove(id).expect("it is there");
}

fn zeroed() {
    let before = free_frames();
    for round in 0..50_u32 {
        let id = segment(16 * PAGE);
        let attached = Attachment::new(id, 0).expect("there is room");
        for number in 0..16 * PAGE / 4 {
            assert_eq!(word(&attached, number).swap(round + 1, Ordering::Relaxed), 0);
        }
        shm::remove(id).expect("it is there");
    }
    assert!(free_frames() + 8 >= before, "frames are lost: {before}, now {}", free_frames());
}

fn counting() {
    const ROUNDS: u32 = 20_000;
    let id = segment(PAGE);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                let mine = Attachment::new(id, 0).expect("there is room");
                for _ in 0..ROUNDS {
                    word(&mine, 3).fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let mine = Attachment::new(id, SHM_RDONLY).expect("there is room");
    assert_eq!(word(&mine, 3).load(Ordering::Relaxed), 4 * ROUNDS);
    shm::remove(id).expect("it is there");
}

fn storm() {
    const ROUNDS: u32 = 500;
    let id = segment(4 * PAGE);
    thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let mine = Attachment::new(id, 0).expect("there is room");
                    // A page of its own, and one that is everybody's.
                    let own = word(&mine, thread * PAGE / 4);
                    assert_eq!(own.swap(round + 1, Ordering::Relaxed), round);
                    word(&mine, 1).fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let mine = Attachment::new(id, 0).expect("there is room");
    assert_eq!(word(&mine, 1).load(Ordering::Relaxed), 4 * ROUNDS);
    assert_eq!(shm::status(id).map(|status| status.shm_nattch), Ok(1));
    shm::remove(id).expect("it is there");
}
