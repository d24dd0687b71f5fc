//! System V objects: semaphores, and the ids that shared memory has too (`sysvipc(7)`).
//!
//! - [`ids`]: keys, ids, owners and modes of objects of one kind
//! - [`limits`]: how many semaphores there may be
//! - [`sem`]: semaphore sets: what `semop`, `semtimedop` and `semctl` do
//! - [`shm`]: memory segments: what `shmget`, `shmat`, `shmdt` and `shmctl` do

pub mod ids;
pub mod limits;
pub mod sem;
pub mod shm;
