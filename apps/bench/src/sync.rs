//! What threads wait and wake by: futexes, futaphores, semaphores, shared memory. The cases are those of the field's tables: same names,
//! same meanings.

mod futaphore;
mod futex;
mod shm;
mod sysv;

/// Prints the rows of every subject.
pub fn run() {
    futex::run();
    futaphore::run();
    sysv::run();
    shm::run();
}
