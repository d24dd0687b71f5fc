//! System V objects: semaphores, and the ids that shared memory has too (`sysvipc(7)`).
//!
//! - [`ids`]: keys, ids, owners and modes of objects of one kind

pub mod ids;
