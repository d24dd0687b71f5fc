//! Where segments are attached.

use std::sync::atomic::Ordering;
use std::thread;

use skete::Errno;
use skete::sysv::shm::{self, Attachment, SHM_RDONLY, SHM_REMAP, SHM_RND};

use super::Check;
use super::c::{sys_mprotect, sys_munmap};
use super::memory::{PAGE, segment, word, word_at};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("an address is the caller's choice if it is aligned and free", chosen),
    ("what is not in the window, or another's, is EINVAL", foreign),
    ("a remap replaces what was attached", replaced),
    ("mmap, munmap and mprotect pass attachments by", beside_mmap),
];

/// An address that was free a moment ago, with free ones around it.
fn free_address(id: i32) -> usize {
    let start = shm::attach(id, 0, 0).expect("there is room").as_ptr() as usize;
    shm::detach(start).expect("it is attached");
    start
}

fn chosen() {
    let (id, pages) = (segment(2 * PAGE), segment(PAGE));
    let start = free_address(id);
    let at = |id, address, flags| shm::attach(id, address, flags).map(|start| start.as_ptr() as usize);
    assert_eq!(at(id, start + 1, 0), Err(Errno::EINVAL));
    assert_eq!(at(id, start + 2 * PAGE + 1, SHM_RND), Ok(start + 2 * PAGE));
    assert_eq!([1, 2, 3].map(|page| at(id, start + page * PAGE, 0)), [Err(Errno::EINVAL); 3]);
    assert_eq!((at(id, start, SHM_RDONLY), at(pages, start + 4 * PAGE, 0)), (Ok(start), Ok(start + 4 * PAGE)));
    word_at(start + 2 * PAGE + 8).store(6, Ordering::Relaxed);
    assert_eq!((word_at(start + 8).load(Ordering::Relaxed), word_at(start + 4 * PAGE + 8).load(Ordering::Relaxed)), (6, 0));
    // Far up, and across the end of a table.
    let far = (start & !0x1f_ffff) + (1 << 30) - PAGE;
    assert_eq!((at(id, far, 0), word_at(far + PAGE + 4).swap(9, Ordering::Relaxed)), (Ok(far), 0));
    assert_eq!(word_at(start + PAGE + 4).load(Ordering::Relaxed), 9);
    for address in [start, start + 2 * PAGE, start + 4 * PAGE, far] {
        assert_eq!((shm::detach(address), shm::detach(address)), (Ok(()), Err(Errno::EINVAL)));
    }
    // It may be named again: it is not given to others next.
    let named = (start & !0x1f_ffff) + (2 << 30);
    assert_eq!((at(id, named, 0), shm::detach(named)), (Ok(named), Ok(())));
    assert_ne!(free_address(id), named);
    for id in [id, pages] {
        shm::remove(id).expect("it is there");
    }
}

fn foreign() {
    let id = segment(PAGE);
    let local = thread::spawn(|| (&raw const *Box::new(0_u8)).addr() / PAGE * PAGE).join().expect("it does not panic");
    thread::scope(|scope| {
        scope.spawn(|| {
            let variable = 0_u8;
            let stack = (&raw const variable).addr() / PAGE * PAGE;
            for address in [PAGE, 0x8_0000, local, stack, stack - PAGE, 0x3f_ffff_f000, 1 << 39, usize::MAX - PAGE + 1] {
                for flags in [0, SHM_REMAP] {
                    assert_eq!(shm::attach(id, address, flags), Err(Errno::EINVAL), "{address:#x}");
                }
            }
        });
    });
    assert_eq!([shm::attach(id, 0, SHM_REMAP), shm::attach(id, 5, SHM_RND)], [Err(Errno::EINVAL); 2]);
    shm::remove(id).expect("it is there");
}

fn replaced() {
    let (small, big) = (segment(PAGE), segment(3 * PAGE));
    let start = free_address(big);
    let at = |id, address, flags| shm::attach(id, address, flags).map(|start| start.as_ptr() as usize);
    assert_eq!(at(small, start + PAGE, 0), Ok(start + PAGE));
    word_at(start + PAGE).store(1, Ordering::Relaxed);
    assert_eq!(at(big, start, 0), Err(Errno::EINVAL));
    assert_eq!((at(big, start, SHM_REMAP), word_at(start + PAGE).load(Ordering::Relaxed)), (Ok(start), 0));
    assert_eq!(shm::status(small).map(|status| status.shm_nattch), Ok(0));
    // Its own last attachment, of a segment that is removed.
    shm::remove(big).expect("it is there");
    word_at(start).store(8, Ordering::Relaxed);
    assert_eq!((at(big, start, SHM_REMAP), word_at(start).load(Ordering::Relaxed)), (Ok(start), 8));
    assert_eq!((at(small, start, SHM_REMAP), shm::detach(start)), (Err(Errno::EINVAL), Ok(())));
    shm::remove(small).expect("it is there");
}

fn beside_mmap() {
    let id = segment(16 * PAGE);
    let mine = Attachment::new(id, 0).expect("there is room");
    let start = mine.as_ptr() as usize;
    word(&mine, 2).store(4, Ordering::Relaxed);
    assert_eq!(sys_munmap(start, 16 * PAGE), -Errno::EINVAL.number());
    assert_eq!([0, 1, 3].map(|protection| sys_mprotect(start, PAGE, protection)), [-Errno::ENOMEM.number(); 3]);
    // Stacks come and go in the same window.
    for _ in 0..4 {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    assert_eq!(std::hint::black_box([1_u8; 40_000]).iter().map(|byte| usize::from(*byte)).sum::<usize>(), 40_000)
                });
            }
        });
    }
    assert_eq!(word(&mine, 2).load(Ordering::Relaxed), 4);
    shm::remove(id).expect("it is there");
}
