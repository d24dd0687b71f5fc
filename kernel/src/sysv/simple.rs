//! One semaphore, three functions, numbers only: for teaching.
//!
//! ```no_run
//! use skete::sysv::simple::{SETVAL, semctl, semget, semop};
//!
//! let id = semget(42); // finds the semaphore of key 42, or makes it: its value is 0
//! semctl(id, SETVAL, 1);
//! semop(id, -1); // one down: sleeps while the value is 0
//! semop(id, 1); // one up: wakes one that sleeps
//! ```
//! Everything that goes wrong is −1. These are sets of one semaphore, in the same table as [`super::sem`]'s.

use skete_abi::Errno;
use skete_abi::ipc::IPC_CREAT;
use skete_abi::sem::SemBuf;

use crate::sched::futex::Machine;
use crate::sched::{record, sysv};

/// Command: the value.
pub const GETVAL: i32 = 0;
/// Command: sets the value, 0 to 32,767.
pub const SETVAL: i32 = 1;
/// Command: removes the semaphore; who sleeps goes on with −1, and the key is free again.
pub const IPC_RMID: i32 = 3;

/// The semaphore of `key`, made if there is none: its id. Key 0 is nobody's: always a new one.
pub fn semget(key: i32) -> i32 {
    record::count_entry();
    sysv::open(key, 1, IPC_CREAT | 0o600).unwrap_or(-1)
}

/// GETVAL: the value. SETVAL, IPC_RMID: 0.
pub fn semctl(id: i32, command: i32, value: i32) -> i32 {
    record::count_entry();
    let act = || match command {
        GETVAL => sysv::find(id).and_then(|(set, id)| set.value(id, 0)).map(i32::from),
        SETVAL => sysv::find(id).and_then(|(set, id)| set.set_value(&Machine, id, 0, value)).map(|()| 0),
        IPC_RMID => sysv::remove(id).map(|()| 0),
        _ => Err(Errno::EINVAL),
    };
    act().unwrap_or(-1)
}

/// Any `operation` above 0 is one up, any below 0 one down: 0. 0 is none: −1.
#[inline]
pub fn semop(id: i32, operation: i32) -> i32 {
    record::count_entry();
    let change = match operation.signum() {
        0 => return -1,
        1 => 1,
        _ => -1,
    };
    let operation = SemBuf { sem_num: 0, sem_op: change, sem_flg: 0 };
    if sysv::operate_one(id, &operation).is_ok() { 0 } else { -1 }
}
