//! The lock that the checks of lent priority take.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use skete::Errno;
use skete::futex::{Deadline, futex_lock_pi, futex_unlock_pi, futex_wait, futex_wakeup, waiters};
use skete::thread::tid;

use crate::crowd::until_waiting;

/// A lock that lends priority, as a C library would make one of a word.
#[derive(Default)]
pub struct Lock(pub AtomicU32);

impl Lock {
    pub fn take(&self, deadline: Option<Deadline>) -> Result<(), Errno> {
        match self.0.compare_exchange(0, tid(), Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => Ok(()),
            Err(_) => futex_lock_pi(&self.0, deadline),
        }
    }

    pub fn let_go(&self) {
        if self.0.compare_exchange(tid(), 0, Ordering::Release, Ordering::Relaxed).is_err() {
            assert_eq!(futex_unlock_pi(&self.0), Ok(()));
        }
    }

    pub fn word(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }
}

/// Runs `work` while another thread holds `lock`.
pub fn while_held(lock: &Lock, work: impl FnOnce()) {
    let go = AtomicU32::new(0);
    thread::scope(|scope| {
        let count = waiters();
        scope.spawn(|| {
            assert_eq!(lock.take(None), Ok(()));
            assert_eq!(futex_wait(&go, 0, None), Ok(()));
            lock.let_go();
        });
        until_waiting(count + 1);
        work();
        assert_eq!(futex_wakeup(&go, 1), Ok(1));
    });
}
