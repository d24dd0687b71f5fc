//! How much shared memory there may be: Linux's `kernel.shmmax`, `shmall` and `shmmni`.

use crate::sysv::ids::PLACES;
use skete_abi::shm::{SHMMIN, ShmLimits};

/// The limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// SHMMAX: the most bytes of a segment.
    pub bytes: u64,
    /// SHMALL: the most pages of all segments.
    pub pages: u64,
    /// SHMMNI: the most segments.
    pub segments: usize,
}

impl Limits {
    /// Linux's defaults: as much as there is memory, in 4096 segments.
    pub const LINUX: Self = Self { bytes: u64::MAX - (1 << 24), pages: u64::MAX - (1 << 24), segments: 4096 };

    /// Reads up to three numbers, commas between them, as `shm=SHMMAX,SHMALL,SHMMNI` gives them. Who is missing, no number or 0 stays as on
    /// Linux.
    #[must_use]
    pub fn parse(text: impl Iterator<Item = char>) -> Self {
        let mut numbers = [Some(0_u64); 3];
        let mut at = 0;
        for c in text {
            if c == ',' {
                at += 1;
            } else if let Some(number) = numbers.get_mut(at) {
                let digit = |number: u64| Some(number.saturating_mul(10).saturating_add(c.to_digit(10)?.into()));
                *number = number.and_then(digit);
            }
        }
        let or = |at: usize, default: u64| numbers[at].filter(|&number| number != 0).unwrap_or(default);
        Self {
            bytes: or(0, Self::LINUX.bytes),
            pages: or(1, Self::LINUX.pages),
            segments: usize::try_from(or(2, Self::LINUX.segments as u64)).unwrap_or(PLACES).min(PLACES),
        }
    }

    /// What IPC_INFO tells.
    #[must_use]
    pub const fn told(self) -> ShmLimits {
        let segments = self.segments as u64;
        ShmLimits { shmmax: self.bytes, shmmin: SHMMIN, shmmni: segments, shmseg: segments, shmall: self.pages, unused: [0; 4] }
    }
}
