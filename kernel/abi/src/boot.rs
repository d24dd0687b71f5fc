//! What the loader hands to the kernel: one block, its address in x1 at `_start`.
//!
//! x0 at `_start` is what the firmware gave the loader in x0. The loader writes the block into the page behind the program's
//! last one, inside [`Handover::program`]; all addresses are physical.

/// First word of a [`Handover`]: "SKETE" and a version in the lowest byte.
pub const MAGIC: u64 = 0x0045_5445_4b53_0002;

/// A range of physical memory, `start..end`, in bytes. Empty when both are equal.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

impl Range {
    /// Length in bytes.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.end - self.start
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.start >= self.end
    }
}

/// What the loader knows and the kernel needs.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handover {
    /// [`MAGIC`].
    pub magic: u64,
    /// The devicetree or ATAG list that the firmware gave in x0; 0 if it gave neither.
    pub firmware: u64,
    /// The program in memory: its segments, .bss included, and this block behind them. Page-aligned.
    pub program: Range,
    /// The loader itself and what was appended to it. Free memory, but for the three ranges below.
    pub loader: Range,
    /// The initial ramdisk's memory, if the firmware loaded one, or that of the payload that came over the serial line. Free memory,
    /// but for the three ranges below.
    pub initrd: Range,
    /// A cpio archive (newc) that fills the file tree; may be empty.
    pub root: Range,
    /// Boot options: text, `key=value` words, then `-- ARGS…`; may be empty. The firmware's command line comes after it.
    pub options: Range,
    /// Function names for backtraces (see [`crate::names`]), in memory by themselves if they came packed; may be empty.
    pub names: Range,
    /// The loader itself, aligned to 8 bytes: the first part of `loader`. Free memory.
    pub code: Range,
}
