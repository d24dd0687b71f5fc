//! What ends in a fault.

use std::sync::atomic::Ordering;

use skete::sysv::IPC_CREAT;
use skete::sysv::shm::{self, SHM_RDONLY};

use super::memory::{PAGE, word_at};

/// A write through a read-only attachment.
#[inline(never)]
pub fn write_read_only() {
    let id = shm::get(0xbeef, PAGE, IPC_CREAT | 0o600).expect("there is memory");
    let start = shm::attach(id, 0, SHM_RDONLY).expect("there is room").as_ptr() as usize;
    println!("segment {id} at {start:#x} holds {}", word_at(start).load(Ordering::Relaxed));
    word_at(start + 16).store(1, Ordering::Relaxed);
    println!("still alive");
}

/// A read of what is not attached any more.
#[inline(never)]
pub fn read_detached() {
    let id = shm::get(0xbeef, PAGE, IPC_CREAT | 0o600).expect("there is memory");
    let start = shm::attach(id, 0, 0).expect("there is room").as_ptr() as usize;
    word_at(start).store(1, Ordering::Relaxed);
    shm::detach(start).expect("it is attached");
    println!("{}", word_at(start).load(Ordering::Relaxed));
    println!("still alive");
}
