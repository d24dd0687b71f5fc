//! Mutexes of every type and protocol.

use super::desk::{Desk, never, soon};
use skete_abi::Errno;
use skete_sync::mutex::kind::{ERRORCHECK, INHERIT, PROTECT, RECURSIVE};
use skete_sync::{Clock, Kind, Moment, Mutex};

const OK: Result<(), Errno> = Ok(());

fn of_type(number: u32) -> Kind {
    Kind::PLAIN.with_type(number).expect("there is such a type")
}

fn of_protocol(number: u32) -> Kind {
    Kind::PLAIN.with_protocol(number).expect("there is such a protocol")
}

#[test]
fn a_normal_mutex_excludes_and_wakes_only_who_may_sleep() {
    let (desk, mutex) = (Desk::new([Ok(()), Err(Errno::ETIMEDOUT)]), Mutex::new(Kind::PLAIN));
    assert_eq!((mutex.lock(&desk), mutex.try_lock(&desk)), (OK, Err(Errno::EBUSY)));
    assert_eq!((mutex.destroy(), mutex.unlock(&desk), desk.wakes.get(), mutex.destroy()), (Err(Errno::EBUSY), OK, 0, OK));
    assert_eq!((mutex.lock(&desk), mutex.lock_until(&desk, soon())), (OK, Err(Errno::ETIMEDOUT)));
    assert_eq!(desk.until.get(), Some(Moment { clock: Clock::Monotonic, ns: 1_000_000_005 }));
    assert_eq!((mutex.unlock(&desk), desk.wakes.get()), (OK, 1));
    assert!(desk.waits.borrow().is_empty());
}

#[test]
fn nobody_looks_at_the_deadline_of_one_who_need_not_wait() {
    for kind in [Kind::PLAIN, of_type(RECURSIVE), of_type(ERRORCHECK), of_protocol(INHERIT)] {
        let (desk, mutex) = (Desk::new([]), Mutex::new(kind));
        assert_eq!(mutex.lock_until(&desk, never()), OK);
        let other = desk.with(8, || mutex.lock_until(&desk, never()));
        assert_eq!((other, mutex.unlock(&desk)), (Err(Errno::EINVAL), OK), "{kind:?}");
    }
}

#[test]
fn a_recursive_mutex_counts() {
    let (desk, mutex) = (Desk::new([]), Mutex::new(of_type(RECURSIVE)));
    assert_eq!([mutex.lock(&desk), mutex.try_lock(&desk), mutex.lock_until(&desk, never())], [OK; 3]);
    assert_eq!(desk.with(8, || (mutex.try_lock(&desk), mutex.unlock(&desk))), (Err(Errno::EBUSY), Err(Errno::EPERM)));
    assert_eq!([mutex.unlock(&desk), mutex.unlock(&desk)], [OK; 2]);
    assert_eq!(desk.with(8, || mutex.try_lock(&desk)), Err(Errno::EBUSY));
    assert_eq!((mutex.unlock(&desk), mutex.unlock(&desk)), (OK, Err(Errno::EPERM)));
    assert_eq!(desk.with(8, || mutex.try_lock(&desk)), OK);
}

#[test]
fn an_errorcheck_mutex_tells_mistakes() {
    let (desk, mutex) = (Desk::new([]), Mutex::new(of_type(ERRORCHECK)));
    assert_eq!((mutex.unlock(&desk), mutex.lock(&desk)), (Err(Errno::EPERM), OK));
    assert_eq!((mutex.lock(&desk), mutex.try_lock(&desk)), (Err(Errno::EDEADLK), Err(Errno::EBUSY)));
    assert_eq!(desk.with(8, || mutex.unlock(&desk)), Err(Errno::EPERM));
    assert_eq!((mutex.unlock(&desk), mutex.unlock(&desk)), (OK, Err(Errno::EPERM)));
}

#[test]
fn one_who_takes_a_lending_mutex_twice_waits_for_its_deadline() {
    let (desk, mutex) = (Desk::new([Ok(()), Err(Errno::ETIMEDOUT)]), Mutex::new(of_protocol(INHERIT)));
    assert_eq!((mutex.lock(&desk), mutex.lock_until(&desk, soon())), (OK, Err(Errno::ETIMEDOUT)));
    assert_eq!((mutex.try_lock(&desk), mutex.unlock(&desk)), (Err(Errno::EBUSY), OK));
    assert_eq!((mutex.unlock(&desk), desk.wakes.get()), (Err(Errno::EPERM), 0));
}

#[test]
fn what_the_kernel_refuses_is_told() {
    let (desk, mutex) = (Desk::new([Err(Errno::EAGAIN), Err(Errno::EDEADLK), Err(Errno::ETIMEDOUT)]), Mutex::new(of_protocol(INHERIT)));
    assert_eq!(desk.with(8, || mutex.lock(&desk)), OK);
    assert_eq!((mutex.lock(&desk), mutex.lock_until(&desk, soon())), (Err(Errno::EDEADLK), Err(Errno::ETIMEDOUT)));
}

#[test]
fn a_ceiling_raises_its_holder_and_refuses_who_is_above() -> Result<(), Errno> {
    let (desk, mutex) = (Desk::new([Err(Errno::ETIMEDOUT)]), Mutex::new(of_protocol(PROTECT).with_ceiling(9)?));
    assert_eq!((mutex.lock(&desk), desk.base.get(), mutex.set_ceiling(&desk, 5)), (OK, 9, Err(Errno::EDEADLK)));
    assert_eq!((mutex.unlock(&desk), desk.base.get()), (OK, 2));
    assert_eq!((mutex.try_lock(&desk), desk.base.get()), (OK, 9));
    let other = desk.with(8, || (mutex.try_lock(&desk), mutex.lock_until(&desk, soon()), desk.base.get()));
    assert_eq!((other, mutex.unlock(&desk), desk.base.get()), ((Err(Errno::EBUSY), Err(Errno::ETIMEDOUT), 9), OK, 2));
    assert_eq!([mutex.set_ceiling(&desk, 0), mutex.set_ceiling(&desk, 33)], [Err(Errno::EINVAL); 2]);
    assert_eq!((mutex.set_ceiling(&desk, 4), mutex.ceiling()), (Ok(9), Ok(4)));
    desk.base.set(5);
    assert_eq!((mutex.lock(&desk), mutex.try_lock(&desk)), (Err(Errno::EINVAL), Err(Errno::EINVAL)));
    let plain = Mutex::new(Kind::PLAIN);
    assert_eq!((plain.ceiling(), plain.set_ceiling(&desk, 4)), (Err(Errno::EINVAL), Err(Errno::EINVAL)));
    Ok(())
}
