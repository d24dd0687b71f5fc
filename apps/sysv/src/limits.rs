//! The limits: told, and kept.

use skete::Errno;
use skete::sysv::sem::{self, Op};

use crate::{Check, argument};

/// This file's checks.
pub const CHECKS: &[Check] = &[("the limits are the arguments', and are kept", limits)];

fn limits() {
    let [per_set, in_all, operations, sets] = [2, 3, 4, 5].map(|at| argument(at).parse::<i32>().expect("it is a number"));
    let (info, _) = sem::info(false).expect("there is memory");
    assert_eq!([info.semmsl, info.semmns, info.semopm, info.semmni], [per_set, in_all, operations, sets]);
    let size = usize::try_from(per_set).expect("it is positive");
    assert_eq!(sem::get(0, size + 1, 0o600), Err(Errno::EINVAL));
    let most = usize::try_from(operations).expect("it is positive");
    let id = sem::get(0, 1, 0o600).expect("there is room");
    assert_eq!((sem::operate(id, &vec![Op::up(0); most]), sem::operate(id, &vec![Op::up(0); most + 1])), (Ok(()), Err(Errno::E2BIG)));
    sem::remove(id).expect("it is there");
    if sets > 100 {
        return;
    }
    // As many sets as there may be, of one semaphore; then as many semaphores.
    let ids: Vec<i32> = (0..sets).map(|_| sem::get(0, 1, 0o600).expect("there is room")).collect();
    assert_eq!(sem::get(0, 1, 0o600), Err(Errno::ENOSPC));
    ids.into_iter().for_each(|id| sem::remove(id).expect("it is there"));
    let full = in_all / per_set;
    let ids: Vec<i32> = (0..full).map(|_| sem::get(0, size, 0o600).expect("there is room")).collect();
    assert_eq!((full * per_set, sem::get(0, 1, 0o600)), (in_all, Err(Errno::ENOSPC)));
    ids.into_iter().for_each(|id| sem::remove(id).expect("it is there"));
}
