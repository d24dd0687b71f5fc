//! How long segments and attachments live.

use std::mem;
use std::sync::atomic::Ordering;
use std::thread;

use skete::Errno;
use skete::sysv::shm::{self, Attachment, SHM_REMAP};
use skete::thread::{affinity, core, set_affinity};

use super::Check;
use super::memory::{PAGE, free_frames, segment, word, word_at};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("a removed segment goes with its last attachment", removed),
    ("a scoped attachment ends with its scope", scoped),
    ("a scoped attachment ends with its thread", ended),
    ("a thousand lives cost no memory", constant),
];

fn attached(id: i32) -> Result<u64, Errno> {
    shm::status(id).map(|status| status.shm_nattch)
}

fn removed() {
    let before = free_frames();
    let id = segment(64 * PAGE);
    let one = shm::attach(id, 0, 0).expect("there is room").as_ptr() as usize;
    let other = Attachment::new(id, 0).expect("there is room");
    shm::remove(id).expect("it is there");
    assert_eq!(attached(id), Ok(2));
    word_at(one).store(3, Ordering::Relaxed);
    assert_eq!((shm::detach(one), word(&other, 0).load(Ordering::Relaxed)), (Ok(()), 3));
    assert!(free_frames() + 64 <= before);
    drop(other);
    assert_eq!((attached(id), shm::remove(id)), (Err(Errno::EINVAL), Err(Errno::EINVAL)));
    assert!(free_frames() + 8 >= before);
}

fn scoped() {
    let id = segment(PAGE);
    {
        let _one = Attachment::new(id, 0).expect("there is room");
        let other = Attachment::new(id, 0).expect("there is room");
        assert_eq!(attached(id), Ok(2));
        // One that was replaced leaves the one that replaced it alone.
        let start = other.as_ptr() as usize;
        assert_eq!(shm::attach(id, start, SHM_REMAP).map(|start| start.as_ptr() as usize), Ok(start));
        drop(other);
        assert_eq!((attached(id), shm::detach(start)), (Ok(2), Ok(())));
    }
    assert_eq!(attached(id), Ok(0));
    shm::remove(id).expect("it is there");
}

fn ended() {
    let id = segment(PAGE);
    let kept = thread::spawn(move || {
        mem::forget(Attachment::new(id, 0).expect("there is room"));
        mem::forget(Attachment::new(id, 0).expect("there is room"));
        let kept = shm::attach(id, 0, 0).expect("there is room").as_ptr() as usize;
        assert_eq!(attached(id), Ok(3));
        kept
    });
    let kept = kept.join().expect("it does not panic");
    assert_eq!((attached(id), shm::detach(kept), attached(id)), (Ok(1), Ok(()), Ok(0)));
    shm::remove(id).expect("it is there");
}

fn constant() {
    let life = || {
        let id = segment(20 * PAGE);
        let attached = [(); 3].map(|()| Attachment::new(id, 0).expect("there is room"));
        attached.iter().for_each(|attachment| word(attachment, 0).store(1, Ordering::Relaxed));
        shm::remove(id).expect("it is there");
    };
    // On one core: each keeps some small blocks of the heap to itself, for which the heap may grow once.
    let all = affinity();
    set_affinity(1 << core()).expect("the core is there");
    life();
    let before = free_frames();
    (0..1000).for_each(|_| life());
    assert_eq!(free_frames(), before);
    set_affinity(all).expect("they were allowed before");
}
