//! How many semaphores there may be: Linux's `kernel.sem`.

use super::ids::PLACES;
use skete_abi::sem::{SEMAEM, SEMUSZ, SEMVMX, SemInfo};

/// The four limits, in the order of Linux's `kernel.sem`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// SEMMSL: the most semaphores in a set.
    pub per_set: u32,
    /// SEMMNS: the most semaphores in all sets.
    pub in_all: u32,
    /// SEMOPM: the most operations of one `semop`.
    pub operations: u32,
    /// SEMMNI: the most sets.
    pub sets: u32,
}

/// An operation has 16 bits for the semaphore's number.
const MOST_PER_SET: u32 = 1 << 16;
/// The length of an array of operations has 16 bits too.
const MOST_OPERATIONS: u32 = u16::MAX as u32;

impl Limits {
    /// Linux's defaults.
    pub const LINUX: Self = Self { per_set: 32000, in_all: 32000 * 32000, operations: 500, sets: 32000 };

    /// Reads up to four numbers, commas or blanks between them, as `sem=` gives them. Who is missing, no number or 0 stays as on Linux;
    /// nothing can be more than a call has room for.
    #[must_use]
    pub fn parse(text: impl Iterator<Item = char>) -> Self {
        let mut numbers = [None; 4];
        let (mut at, mut is_inside) = (0, false);
        for c in text {
            if let Some(digit) = c.to_digit(10)
                && let Some(number) = numbers.get_mut(at)
            {
                *number = Some(number.unwrap_or(0_u32).saturating_mul(10).saturating_add(digit));
                is_inside = true;
            } else if is_inside || c == ',' {
                (at, is_inside) = (at + 1, false);
            }
        }
        let or = |at: usize, default: u32| numbers[at].filter(|&number| number != 0).unwrap_or(default);
        #[allow(clippy::cast_possible_truncation, reason = "2^15")]
        let places = PLACES as u32;
        Self {
            per_set: or(0, Self::LINUX.per_set).min(MOST_PER_SET),
            in_all: or(1, Self::LINUX.in_all).min(i32::MAX.cast_unsigned()),
            operations: or(2, Self::LINUX.operations).min(MOST_OPERATIONS),
            sets: or(3, Self::LINUX.sets).min(places),
        }
    }

    /// What IPC_INFO tells.
    #[must_use]
    pub const fn info(self) -> SemInfo {
        let Self { per_set, in_all, operations, sets } = Self::LINUX;
        // The four that mean nothing are constants on Linux.
        SemInfo {
            semmap: in_all.cast_signed(),
            semmni: self.sets.cast_signed(),
            semmns: self.in_all.cast_signed(),
            semmnu: (sets * per_set).cast_signed(),
            semmsl: self.per_set.cast_signed(),
            semopm: self.operations.cast_signed(),
            semume: operations.cast_signed(),
            semusz: SEMUSZ,
            semvmx: SEMVMX as i32,
            semaem: SEMAEM,
        }
    }
}
