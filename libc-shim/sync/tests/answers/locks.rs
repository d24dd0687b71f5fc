//! Read-write locks, barriers, spin locks, onces, semaphores.

use super::desk::{Desk, never, soon};
use skete_abi::Errno;
use skete_sync::semaphore::MOST;
use skete_sync::{Barrier, Once, RwLock, Semaphore, SpinLock};

const OK: Result<(), Errno> = Ok(());
const BUSY: Result<(), Errno> = Err(Errno::EBUSY);

#[test]
fn many_read_or_one_writes() {
    let (desk, lock) = (Desk::new([]), RwLock::new(false));
    assert_eq!([lock.read(&desk, Some(never())), lock.try_read(), lock.try_write(&desk)], [OK, OK, BUSY]);
    assert_eq!(lock.write(&desk, Some(never())), Err(Errno::EINVAL));
    assert!(!lock.is_free());
    assert_eq!([lock.unlock(&desk), lock.unlock(&desk), lock.unlock(&desk)], [OK, OK, Err(Errno::EPERM)]);
    assert_eq!([lock.write(&desk, Some(never())), lock.try_read(), lock.try_write(&desk)], [OK, BUSY, BUSY]);
    assert_eq!([lock.read(&desk, None), lock.write(&desk, None)], [Err(Errno::EDEADLK); 2]);
    let other = desk.with(8, || [lock.unlock(&desk), lock.read(&desk, Some(never())), lock.write(&desk, Some(never()))]);
    assert_eq!(other, [Err(Errno::EPERM), Err(Errno::EINVAL), Err(Errno::EINVAL)]);
    assert_eq!((lock.unlock(&desk), lock.is_free()), (OK, true));
    assert_eq!(desk.wakes.get(), 0);
}

#[test]
fn one_who_is_late_is_told_and_forgotten() {
    let (desk, lock) = (Desk::new([Err(Errno::ETIMEDOUT); 2]), RwLock::new(true));
    assert_eq!(lock.write(&desk, None), OK);
    let late = desk.with(8, || [lock.read(&desk, Some(soon())), lock.write(&desk, Some(soon()))]);
    assert_eq!((late, lock.unlock(&desk)), ([Err(Errno::ETIMEDOUT); 2], OK));
    assert_eq!([lock.try_read(), lock.unlock(&desk), lock.try_write(&desk)], [OK; 3]);
}

#[test]
fn it_can_be_read_so_often_and_no_more() {
    let (desk, lock) = (Desk::new([]), RwLock::new(false));
    assert!((0..32_766).all(|_| lock.read(&desk, None).is_ok()));
    assert_eq!([lock.read(&desk, None), lock.try_read()], [Err(Errno::EAGAIN); 2]);
    assert!((0..32_766).all(|_| lock.unlock(&desk).is_ok()));
    assert!(lock.is_free());
}

#[test]
fn readers_wait_behind_a_writer_where_writers_are_preferred() {
    for (prefers_writers, reads) in [(false, OK), (true, BUSY)] {
        let (desk, lock) = (Desk::new([]), RwLock::new(prefers_writers));
        assert_eq!(lock.read(&desk, None), OK);
        // A writer that waits: a panic of the script leaves it counted.
        let waits = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lock.write(&desk, None)));
        assert!(waits.is_err());
        assert_eq!(lock.try_read(), reads);
    }
}

#[test]
fn the_last_to_arrive_is_told() -> Result<(), Errno> {
    let desk = Desk::new([]);
    assert_eq!(Barrier::new(0).err(), Some(Errno::EINVAL));
    let alone = Barrier::new(1)?;
    assert!(alone.wait(&desk) && alone.wait(&desk));
    assert_eq!(alone.destroy(&desk), OK);
    let pair = Barrier::new(2)?;
    let waits = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pair.wait(&desk)));
    assert_eq!((waits.is_err(), pair.destroy(&desk)), (true, BUSY));
    Ok(())
}

#[test]
fn a_spin_lock_knows_its_holder() {
    let (desk, lock) = (Desk::new([]), SpinLock::new());
    assert_eq!([lock.lock(&desk), lock.lock(&desk), lock.try_lock(&desk)], [OK, Err(Errno::EDEADLK), BUSY]);
    assert_eq!(lock.destroy(), BUSY);
    lock.unlock();
    assert_eq!([lock.try_lock(&desk), lock.destroy()], [OK, BUSY]);
}

#[test]
fn once_is_once_unless_given_up() {
    let (desk, once) = (Desk::new([]), Once::new());
    assert!(once.begin(&desk));
    once.abandon(&desk);
    assert!(once.begin(&desk));
    once.done(&desk);
    assert!(!once.begin(&desk) && desk.wakes.get() == 0);
}

#[test]
fn a_semaphore_counts_to_its_greatest() {
    let waits = [Err(Errno::ETIMEDOUT), Err(Errno::EINTR), Err(Errno::ETIMEDOUT)];
    let (desk, semaphore) = (Desk::new(waits), Semaphore::new(MOST - 1));
    assert_eq!([semaphore.post(&desk), semaphore.post(&desk)], [OK, Err(Errno::EOVERFLOW)]);
    assert_eq!((semaphore.wait(&desk, Some(never())), semaphore.count()), (OK, MOST - 1));
    let empty = Semaphore::new(0);
    assert_eq!([empty.try_wait(), empty.wait(&desk, Some(never()))], [Err(Errno::EAGAIN), Err(Errno::EINVAL)]);
    assert_eq!([empty.wait(&desk, Some(soon())), empty.wait(&desk, None)], [Err(Errno::ETIMEDOUT), Err(Errno::EINTR)]);
    // Who slept left its mark: one post wakes whoever there is, and the next need not.
    assert_eq!([empty.post(&desk), empty.post(&desk)], [OK; 2]);
    assert_eq!((desk.wakes.get(), empty.count(), empty.try_wait()), (2, 2, OK));
}
