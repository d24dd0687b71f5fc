//! Condition variables, with every kind of mutex.

use super::desk::{Desk, never, soon};
use skete_abi::Errno;
use skete_sync::mutex::kind::{ERRORCHECK, INHERIT, PROTECT, RECURSIVE};
use skete_sync::{Clock, Condition, Kind, Mutex};

fn kinds() -> Vec<Kind> {
    let plain = Kind::PLAIN;
    let owned = [plain.with_type(RECURSIVE), plain.with_type(ERRORCHECK), plain.with_robustness(1), plain.with_protocol(INHERIT)];
    let more = [plain.with_protocol(PROTECT), plain.with_protocol(INHERIT).and_then(|kind| kind.with_robustness(1))];
    let all = owned.into_iter().chain(more).map(|kind| kind.expect("there is such a kind"));
    std::iter::once(plain).chain(all).collect()
}

#[test]
fn whoever_returns_holds_the_mutex() {
    for kind in kinds() {
        let waits = [Ok(()), Err(Errno::ETIMEDOUT), Err(Errno::EAGAIN), Err(Errno::EINTR)];
        let (desk, condition, mutex) = (Desk::new(waits), Condition::new(Clock::Realtime), Mutex::new(kind));
        assert_eq!(mutex.lock(&desk), Ok(()));
        let outcomes = waits.map(|_| {
            let waited = condition.wait(&desk, &mutex, Some(soon()));
            assert_eq!(desk.with(8, || mutex.try_lock(&desk)), Err(Errno::EBUSY), "{kind:?}");
            waited
        });
        assert_eq!(outcomes, [Ok(()), Err(Errno::ETIMEDOUT), Ok(()), Err(Errno::EINTR)], "{kind:?}");
        assert_eq!((mutex.unlock(&desk), mutex.destroy()), (Ok(()), Ok(())));
    }
}

#[test]
fn what_cannot_be_waited_for_changes_nothing() {
    for kind in kinds() {
        let (desk, condition, mutex) = (Desk::new([]), Condition::new(Clock::Realtime), Mutex::new(kind));
        if kind != Kind::PLAIN {
            assert_eq!(condition.wait(&desk, &mutex, None), Err(Errno::EPERM), "{kind:?}");
        }
        assert_eq!((mutex.lock(&desk), condition.wait(&desk, &mutex, Some(never()))), (Ok(()), Err(Errno::EINVAL)));
        assert_eq!(desk.with(8, || mutex.try_lock(&desk)), Err(Errno::EBUSY));
        condition.destroy(&desk);
    }
}

#[test]
fn a_recursive_mutex_is_let_go_whole_and_taken_whole() {
    let kind = Kind::PLAIN.with_type(RECURSIVE).expect("there is");
    let (desk, condition, mutex) = (Desk::new([Ok(())]), Condition::new(Clock::Realtime), Mutex::new(kind));
    assert_eq!([mutex.lock(&desk), mutex.lock(&desk)], [Ok(()); 2]);
    assert_eq!(condition.wait(&desk, &mutex, None), Ok(()));
    assert_eq!([mutex.unlock(&desk), mutex.unlock(&desk)], [Ok(()); 2]);
    assert_eq!(mutex.unlock(&desk), Err(Errno::EPERM));
}

#[test]
fn a_signal_that_nobody_waits_for_is_no_call() {
    let (desk, condition) = (Desk::new([]), Condition::new(Clock::Monotonic));
    condition.signal(&desk);
    condition.broadcast(&desk);
    assert_eq!((desk.wakes.get(), condition.clock()), (0, Clock::Monotonic));
}
