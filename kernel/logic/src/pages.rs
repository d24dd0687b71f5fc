//! Page-table entries: VMSAv8-64, 4 KiB granule, 39-bit addresses, three levels (Arm ARM D8.3).
//!
//! An entry with bit 0 clear means nothing to the hardware: the rest of its bits say what the kernel promised about that page. So the
//! tables themselves are the book of reserved memory, and the fault handler asks nobody else.
//!
//! - [`touch`]: how an entry changes while other cores change it too
//! - [`units`]: the addresses of the window, and who gives them back

pub mod touch;
pub mod units;

use bitflags::bitflags;

/// Bytes of a page.
pub const PAGE: u64 = 4096;
/// Bytes that a level-2 entry spans.
pub const BLOCK: u64 = 2 << 20;
/// Bytes that a level-1 entry spans.
pub const GIB: u64 = 1 << 30;

bitflags! {
    /// Bits of an entry.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Bits: u64 {
        /// The hardware may use it.
        const VALID = 1;
        /// A table at levels 1 and 2, a page at level 3; clear: a block.
        const TABLE = 1 << 1;
        /// Device-nGnRE memory (attribute 1 of MAIR_EL1); clear: Normal write-back.
        const DEVICE = 1 << 2;
        /// Normal non-cacheable memory (attribute 2 of MAIR_EL1).
        const UNCACHED = 1 << 3;
        /// Writes fault.
        const READ_ONLY = 1 << 7;
        /// Inner shareable: all cores see one memory, exclusives work.
        const SHARED = 3 << 8;
        /// Accessed: without it the first access faults.
        const ACCESSED = 1 << 10;
        /// EL1 may not execute.
        const NO_EXECUTE = 1 << 53;
        /// EL0 may not execute; always set, there is no EL0.
        const NO_USER_EXECUTE = 1 << 54;
        /// The frame is a shared segment's, not this page's own (a bit that the hardware leaves to software).
        const LENT = 1 << 55;

        // With VALID clear, the kernel's own:
        /// Gets a frame at its first touch.
        const LAZY = 1 << 1;
        /// A guard page: whoever touches it has overflowed its stack.
        const GUARD = 1 << 2;
        /// Reserved, and no access is allowed (PROT_NONE).
        const NO_ACCESS = 1 << 3;
        /// The frame must read as zero.
        const ZEROED = 1 << 4;
        /// The frame in the address bits is kept while access is denied.
        const KEPT = 1 << 5;
    }
}

/// Where an entry points: bits 12–47.
pub const ADDRESS: u64 = 0x0000_ffff_ffff_f000;

/// How memory may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read and execute.
    Code,
    /// Read.
    Constant,
    /// Read and write.
    Data,
    /// Read and write, uncached and in order: a device.
    Device,
}

/// One entry of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry(pub u64);

impl Entry {
    /// Nothing there, nothing promised.
    pub const NONE: Self = Self(0);
    /// A guard page.
    pub const GUARD: Self = Self(Bits::GUARD.bits());

    /// A page (level 3) at `physical`.
    #[must_use]
    pub const fn page(physical: u64, access: Access) -> Self {
        Self(physical & ADDRESS | attributes(access) | Bits::TABLE.bits())
    }

    /// A block (level 1 or 2) at `physical`.
    #[must_use]
    pub const fn block(physical: u64, access: Access) -> Self {
        Self(physical & ADDRESS | attributes(access))
    }

    /// The next level's table at `physical`.
    #[must_use]
    pub const fn table(physical: u64) -> Self {
        Self(physical & ADDRESS | Bits::VALID.bits() | Bits::TABLE.bits())
    }

    /// A page that gets its frame at the first touch, then to be used as `access` says.
    #[must_use]
    pub const fn lazy(access: Access, zeroed: bool) -> Self {
        let zeroed = if zeroed { Bits::ZEROED.bits() } else { 0 };
        Self(attributes(access) & !Bits::VALID.bits() & KEPT_PROTECTION | Bits::LAZY.bits() | zeroed)
    }

    /// The same page, whose frame is lent to it.
    #[must_use]
    pub const fn lent(self) -> Self {
        Self(self.0 | Bits::LENT.bits())
    }

    /// Whether its frame is a shared segment's: it goes back to nobody with the page.
    #[must_use]
    pub const fn is_lent(self) -> bool {
        self.0 & Bits::LENT.bits() != 0
    }

    /// Whether the hardware uses it.
    #[must_use]
    pub const fn is_valid(self) -> bool {
        self.0 & Bits::VALID.bits() != 0
    }

    /// Whether it points to the next level's table (levels 1 and 2).
    #[must_use]
    pub const fn is_table(self) -> bool {
        self.0 & 3 == 3
    }

    /// Whether a first touch is to be answered with a frame.
    #[must_use]
    pub const fn is_lazy(self) -> bool {
        !self.is_valid() && self.0 & Bits::LAZY.bits() != 0
    }

    /// Whether it is a guard page.
    #[must_use]
    pub const fn is_guard(self) -> bool {
        !self.is_valid() && self.0 & Bits::GUARD.bits() != 0
    }

    /// Whether the frame of a lazy page must be zeroed.
    #[must_use]
    pub const fn is_zeroed(self) -> bool {
        self.0 & Bits::ZEROED.bits() != 0
    }

    /// The physical address it points to.
    #[must_use]
    pub const fn address(self) -> u64 {
        self.0 & ADDRESS
    }

    /// A lazy entry with its frame.
    #[must_use]
    pub const fn filled(self, physical: u64) -> Self {
        let common = Bits::VALID.bits() | Bits::TABLE.bits() | Bits::SHARED.bits() | Bits::ACCESSED.bits();
        Self(self.0 & KEPT_PROTECTION | physical & ADDRESS | common)
    }

    /// The same page for another use: valid stays valid, lazy stays lazy.
    #[must_use]
    pub const fn with_access(self, access: Access) -> Self {
        Self(self.0 & !KEPT_PROTECTION | attributes(access) & KEPT_PROTECTION)
    }

    /// The same page with every access denied, its frame kept.
    #[must_use]
    pub const fn denied(self) -> Self {
        let kept = if self.is_valid() { Bits::KEPT.bits() | self.0 & ADDRESS } else { self.0 & (Bits::KEPT.bits() | ADDRESS) };
        Self(Bits::NO_ACCESS.bits() | kept)
    }

    /// Whether every access is denied but the page is reserved.
    #[must_use]
    pub const fn is_denied(self) -> bool {
        !self.is_valid() && self.0 & Bits::NO_ACCESS.bits() != 0
    }

    /// Undoes [`Entry::denied`].
    #[must_use]
    pub const fn allowed(self, access: Access) -> Self {
        if self.0 & Bits::KEPT.bits() != 0 { Self::page(self.address(), access) } else { Self::lazy(access, true) }
    }
}

/// The bits that say how a page may be used, in the same place whether the entry is valid or lazy.
const KEPT_PROTECTION: u64 = Bits::READ_ONLY.bits() | Bits::NO_EXECUTE.bits() | Bits::NO_USER_EXECUTE.bits();

const fn attributes(access: Access) -> u64 {
    let common = Bits::VALID.bits() | Bits::ACCESSED.bits() | Bits::NO_USER_EXECUTE.bits();
    let normal = common | Bits::SHARED.bits();
    match access {
        Access::Code => normal | Bits::READ_ONLY.bits(),
        Access::Constant => normal | Bits::READ_ONLY.bits() | Bits::NO_EXECUTE.bits(),
        Access::Data => normal | Bits::NO_EXECUTE.bits(),
        Access::Device => common | Bits::DEVICE.bits() | Bits::NO_EXECUTE.bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, Entry};

    #[test]
    fn a_lazy_page_keeps_its_use_when_filled() {
        for access in [Access::Code, Access::Constant, Access::Data] {
            assert!(!Entry::lazy(access, true).is_valid());
            assert_eq!(Entry::lazy(access, true).filled(0x1234_5000), Entry::page(0x1234_5000, access));
        }
    }

    #[test]
    fn a_page_denied_and_allowed_again_has_the_same_frame() {
        let page = Entry::page(0x8000, Access::Data);
        assert!(page.denied().is_denied() && !page.denied().is_lazy() && !page.denied().is_guard());
        assert_eq!(page.denied().allowed(Access::Data), page);
        assert_eq!(page.denied().denied(), page.denied());
        assert!(Entry::lazy(Access::Data, true).denied().allowed(Access::Data).is_lazy());
    }

    #[test]
    fn a_lent_page_is_mapped_as_any_other() {
        let page = Entry::page(0x8000, Access::Constant);
        assert!(page.lent().is_lent() && !page.is_lent() && !Entry::NONE.is_lent());
        assert!(page.lent().is_valid() && page.lent().address() == 0x8000 && !page.lent().is_lazy() && !page.lent().is_guard());
    }

    #[test]
    fn normal_memory_is_what_exclusives_need() {
        assert_eq!(Entry::block(0, Access::Data).0 & 0xfff, 0x701);
        assert_eq!(Entry::block(0x3f00_0000, Access::Device).0, 0x0060_0000_3f00_0405);
    }
}
