//! Bytes that are borrowed until the first write: names and contents that came with the boot archive cost no copy.

use core::mem::MaybeUninit;

use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;
use skete_abi::Errno;

/// A string of bytes, in the archive's memory (`'a`) or in its own.
pub(super) enum Bytes<'a, A: Allocator> {
    Borrowed(&'a [u8]),
    Owned(Vec<u8, A>),
}

impl<'a, A: Allocator + Clone> Bytes<'a, A> {
    /// No bytes, no memory.
    pub(super) const fn empty() -> Self {
        Self::Borrowed(&[])
    }

    /// A copy of `bytes` in memory from `space`, or `ENOSPC`.
    pub(super) fn copy_of(bytes: &[u8], space: &A) -> Result<Self, Errno> {
        let mut owned = Vec::new_in(space.clone());
        owned.try_reserve_exact(bytes.len()).map_err(|_| Errno::ENOSPC)?;
        owned.extend_from_slice(bytes);
        Ok(Self::Owned(owned))
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.as_slice().len() as u64
    }

    /// Copies what lies from `at` on; says how much. Nothing lies behind the end.
    pub(super) fn read_at(&self, at: u64, into: &mut [MaybeUninit<u8>]) -> usize {
        let rest = usize::try_from(at).ok().and_then(|at| self.as_slice().get(at..)).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].write_copy_of_slice(&rest[..count]);
        count
    }

    /// Lays `from` over what begins at `at`, growing as needed; a gap behind the old end becomes zeros. `ENOSPC` changes
    /// nothing.
    pub(super) fn write_at(&mut self, at: usize, from: &[u8], space: &A) -> Result<(), Errno> {
        if from.is_empty() {
            return Ok(());
        }
        let end = at.checked_add(from.len()).ok_or(Errno::EFBIG)?;
        let owned = self.own(end, space)?;
        if owned.len() < at {
            owned.resize(at, 0);
        }
        let overlap = from.len().min(owned.len() - at);
        owned[at..at + overlap].copy_from_slice(&from[..overlap]);
        owned.extend_from_slice(&from[overlap..]);
        Ok(())
    }

    /// Cuts what lies behind `length` off, or adds zeros up to it. `ENOSPC` changes nothing.
    pub(super) fn set_length(&mut self, length: usize, space: &A) -> Result<(), Errno> {
        match self {
            Self::Borrowed(bytes) if length <= bytes.len() => *self = Self::Borrowed(&bytes[..length]),
            _ => self.own(length, space)?.resize(length, 0),
        }
        Ok(())
    }

    /// The bytes in their own memory, with room for `room` of them: first doubling, then, when memory is scarce, exactly.
    fn own(&mut self, room: usize, space: &A) -> Result<&mut Vec<u8, A>, Errno> {
        if let Self::Borrowed(bytes) = *self {
            let mut owned = Vec::new_in(space.clone());
            owned.try_reserve_exact(room.max(bytes.len())).map_err(|_| Errno::ENOSPC)?;
            owned.extend_from_slice(bytes);
            *self = Self::Owned(owned);
        }
        match self {
            Self::Owned(owned) => {
                let more = room.saturating_sub(owned.len());
                owned.try_reserve(more).or_else(|_| owned.try_reserve_exact(more)).map_err(|_| Errno::ENOSPC)?;
                Ok(owned)
            }
            Self::Borrowed(_) => unreachable!("made its own above"),
        }
    }
}
