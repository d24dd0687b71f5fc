//! Robust mutexes whose holders die: the kernel's part is done by hand.

use super::desk::{Desk, soon};
use core::sync::atomic::Ordering;
use skete_abi::Errno;
use skete_sync::futex::{OWNER_DIED, WAITERS};
use skete_sync::mutex::kind::{ERRORCHECK, INHERIT, RECURSIVE};
use skete_sync::{Kind, Mutex};

fn robust() -> Kind {
    Kind::PLAIN.with_robustness(1).expect("it is a bit")
}

/// A mutex of this kind whose holder, thread 9, has died.
fn left(kind: Kind, desk: &Desk) -> Mutex {
    let mutex = Mutex::new(kind);
    assert_eq!(desk.with(9, || mutex.lock(desk)), Ok(()));
    mutex.word().store(OWNER_DIED | WAITERS, Ordering::Relaxed);
    desk.listed.set(0);
    mutex
}

#[test]
fn who_takes_it_is_told_and_makes_it_consistent() {
    let desk = Desk::new([]);
    let mutex = left(robust(), &desk);
    assert_eq!((mutex.destroy(), mutex.lock(&desk)), (Ok(()), Err(Errno::EOWNERDEAD)));
    assert_eq!((mutex.destroy(), desk.listed.get()), (Err(Errno::EBUSY), 1));
    assert_eq!(desk.with(8, || (mutex.try_lock(&desk), mutex.consistent(&desk))), (Err(Errno::EBUSY), Err(Errno::EPERM)));
    assert_eq!((mutex.consistent(&desk), mutex.consistent(&desk)), (Ok(()), Err(Errno::EINVAL)));
    assert_eq!((mutex.unlock(&desk), desk.wakes.get(), desk.listed.get()), (Ok(()), 1, 0));
    assert_eq!(desk.with(8, || (mutex.try_lock(&desk), mutex.unlock(&desk))), (Ok(()), Ok(())));
}

#[test]
fn what_nobody_makes_consistent_is_lost() {
    for kind in [robust(), robust().with_type(ERRORCHECK).expect("there is"), robust().with_protocol(INHERIT).expect("there is")] {
        let desk = Desk::new([Ok(()), Ok(())]);
        let mutex = left(kind, &desk);
        if kind.protocol() == INHERIT {
            // What the kernel writes when it gives it to this thread.
            mutex.word().store(7 | OWNER_DIED, Ordering::Relaxed);
            desk.waits.borrow_mut().pop_front();
            assert_eq!(mutex.unlock(&desk), Ok(()));
        } else {
            assert_eq!((mutex.try_lock(&desk), mutex.unlock(&desk)), (Err(Errno::EOWNERDEAD), Ok(())));
        }
        let lost = [mutex.lock(&desk), mutex.try_lock(&desk), mutex.lock_until(&desk, soon())];
        assert_eq!((lost, mutex.destroy()), ([Err(Errno::ENOTRECOVERABLE); 3], Ok(())), "{kind:?}");
        assert_eq!((mutex.unlock(&desk), mutex.consistent(&desk)), (Err(Errno::EPERM), Err(Errno::EINVAL)));
    }
}

#[test]
fn what_the_dead_one_counted_is_void() {
    let (desk, kind) = (Desk::new([]), robust().with_type(RECURSIVE).expect("there is"));
    let mutex = Mutex::new(kind);
    assert_eq!(desk.with(9, || [mutex.lock(&desk), mutex.lock(&desk)]), [Ok(()); 2]);
    mutex.word().store(OWNER_DIED, Ordering::Relaxed);
    assert_eq!((mutex.lock(&desk), mutex.consistent(&desk), mutex.unlock(&desk)), (Err(Errno::EOWNERDEAD), Ok(()), Ok(())));
    assert_eq!(desk.with(8, || mutex.try_lock(&desk)), Ok(()));
}

#[test]
fn only_robust_ones_are_made_consistent() {
    let (desk, mutex) = (Desk::new([]), Mutex::new(Kind::PLAIN));
    assert_eq!((mutex.lock(&desk), mutex.consistent(&desk)), (Ok(()), Err(Errno::EINVAL)));
}
