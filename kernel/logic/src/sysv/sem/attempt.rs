//! An array of operations against the values of a set.

use super::Semaphore;
use skete_abi::Errno;
use skete_abi::ipc::IPC_NOWAIT;
use skete_abi::sem::{SEM_UNDO, SEMVMX, SemBuf};

/// What became of an array of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All are done.
    Done,
    /// Nothing was done: this one of them must wait.
    Blocked(usize),
    /// Nothing was done, and waiting will not help.
    Failed(Errno),
}

/// What one operation makes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    To(u16),
    Blocked,
    OutOfRange,
}

/// What an operation that adds `change` makes of `value`.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to SEMVMX, as just seen")]
pub(super) fn step(value: u16, change: i16) -> Step {
    let new = i32::from(value) + i32::from(change);
    if new < 0 || change == 0 && new != 0 {
        Step::Blocked
    } else if new > i32::from(SEMVMX) {
        Step::OutOfRange
    } else {
        Step::To(new as u16)
    }
}

/// Does all of `operations`, in order, or none. `adjustments` are those of the caller's undo list, one a semaphore, which must be there
/// if an operation is to be undone. Every number is one of a semaphore.
pub(super) fn attempt(semaphores: &mut [Semaphore], adjustments: &mut [i16], operations: &[SemBuf]) -> Verdict {
    for (at, operation) in operations.iter().enumerate() {
        let number = usize::from(operation.sem_num);
        let verdict = match step(semaphores[number].value, operation.sem_op) {
            Step::Blocked if operation.sem_flg & IPC_NOWAIT != 0 => Verdict::Failed(Errno::EAGAIN),
            Step::Blocked => Verdict::Blocked(at),
            Step::OutOfRange => Verdict::Failed(Errno::ERANGE),
            Step::To(value) if adjust(adjustments, operation) => {
                semaphores[number].value = value;
                continue;
            }
            Step::To(_) => Verdict::Failed(Errno::ERANGE),
        };
        take_back(semaphores, adjustments, &operations[..at]);
        return verdict;
    }
    Verdict::Done
}

/// Enters an operation that is to be undone; false if an undo cannot reach so far.
fn adjust(adjustments: &mut [i16], operation: &SemBuf) -> bool {
    if operation.sem_flg & SEM_UNDO == 0 {
        return true;
    }
    let Some(adjustment) = adjustments.get_mut(usize::from(operation.sem_num)) else { return false };
    let changed = adjustment.checked_sub(operation.sem_op);
    *adjustment = changed.unwrap_or(*adjustment);
    changed.is_some()
}

/// Takes back `operations`, which were done, the last first.
#[allow(clippy::cast_sign_loss, reason = "a value that it had before")]
pub(super) fn take_back(semaphores: &mut [Semaphore], adjustments: &mut [i16], operations: &[SemBuf]) {
    for operation in operations.iter().rev() {
        let number = usize::from(operation.sem_num);
        let value = &mut semaphores[number].value;
        *value = value.wrapping_sub(operation.sem_op as u16);
        if operation.sem_flg & SEM_UNDO != 0 {
            adjustments[number] += operation.sem_op;
        }
    }
}
