//! Shared memory: segments that come and go, and a futex in one that is attached twice.
#![allow(unsafe_code, reason = "words of attached memory")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use skete::futex::{futex_wait, futex_wakeup, shared};
use skete::sysv::shm::{self, Attachment};
use skete::sysv::{IPC_CREAT, IPC_PRIVATE};

use crate::await_that;

const BYTES: usize = 12 << 12;

/// The first word of what is attached.
fn word(attachment: &Attachment) -> &AtomicU32 {
    // SAFETY: it is attached as long as the word is borrowed, and touched as this word alone.
    unsafe { &*attachment.as_ptr().cast::<AtomicU32>() }
}

/// Makes and removes as many segments as ids are not given out again.
pub fn warm_up() {
    for _ in 0..crate::IDS {
        let id = shm::get(IPC_PRIVATE, BYTES, IPC_CREAT | 0o600).expect("there is memory");
        let attached = Attachment::new(id, 0).expect("there is room");
        word(&attached).store(1, Ordering::Relaxed);
        shm::remove(id).expect("it is there");
    }
}

/// Two threads, each with an attachment of its own, hand a turn back and forth in a segment that is removed while it is attached.
pub fn lives(_salt: u32) {
    for _ in 0..6 {
        let id = shm::get(IPC_PRIVATE, BYTES, IPC_CREAT | 0o600).expect("there is memory");
        let come = AtomicU32::new(0);
        thread::scope(|scope| {
            for mine in 0..2 {
                let come = &come;
                scope.spawn(move || {
                    let attachment = Attachment::new(id, 0).expect("there is room");
                    come.fetch_add(1, Ordering::Relaxed);
                    hand_over(word(&attachment), mine);
                });
            }
            await_that(|| come.load(Ordering::Relaxed) == 2);
            shm::remove(id).expect("it is there");
        });
    }
}

/// Waits for each turn that is `mine`, and hands on.
fn hand_over(word: &AtomicU32, mine: u32) {
    for turn in (mine..20).step_by(2) {
        loop {
            let seen = word.load(Ordering::Acquire);
            if seen == turn {
                break;
            }
            let _ = futex_wait(shared(word), seen, None);
        }
        word.store(turn + 1, Ordering::Release);
        futex_wakeup(shared(word), 1).expect("it is there");
    }
}
