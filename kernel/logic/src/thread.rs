//! How a thread is named: by the number of its record inside the kernel, by its [`Tid`] outside.

/// The number of a thread record, from 1. Records are reused: a `Thread` means whoever lives in the record now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Thread(u16);

impl Thread {
    /// No thread: the end of a list. 0, which is told from a number by one instruction, and so that empty queues are all zeros and take no
    /// room in an image.
    pub const NONE: Self = Self(0);
    /// The most thread records a kernel can have.
    pub const LIMIT: usize = u16::MAX as usize;

    /// The record at this place in the table, below [`LIMIT`](Self::LIMIT).
    #[must_use]
    #[inline]
    pub const fn new(index: u16) -> Self {
        Self(index + 1)
    }

    /// The record's place in the table. Not to be asked of [`NONE`](Self::NONE).
    #[must_use]
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize - 1
    }

    /// The number as it is stored in links; 0 for [`NONE`](Self::NONE).
    #[must_use]
    #[inline]
    pub const fn number(self) -> u16 {
        self.0
    }

    /// Whom a number from a link means.
    #[must_use]
    #[inline]
    pub const fn from_number(number: u16) -> Self {
        Self(number)
    }

    /// Whether this is [`NONE`](Self::NONE).
    #[must_use]
    #[inline]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// A thread's name towards programs: its record and the record's generation, so that a stale one is not another thread's: not before every
/// record there can be was lived in 8,192 times.
///
/// | bits | meaning |
/// |---|---|
/// | 0–15 | number of the record: a `Tid` is never 0 |
/// | 16–28 | generation of the record, which grows by one with each thread that lives in it |
///
/// 29 bits: in a priority-inheritance futex word bits 30 and 31 mean something else, and musl's robust mutexes give all of bits
/// 0–29 set a meaning of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Tid(u32);

const RECORD_BITS: u32 = 16;
const RECORD_MASK: u32 = (1 << RECORD_BITS) - 1;
const GENERATION_BITS: u32 = 13;
const GENERATION_MASK: u32 = (1 << GENERATION_BITS) - 1;

impl Tid {
    /// Names the thread that lives in record `thread` in its `generation`, of which the low 13 bits count.
    #[must_use]
    #[inline]
    pub const fn new(thread: Thread, generation: u32) -> Self {
        Self((generation & GENERATION_MASK) << RECORD_BITS | thread.0 as u32)
    }

    /// Reads a number that a program gave; `None` if no thread can have it.
    #[must_use]
    #[inline]
    pub const fn from_number(number: u32) -> Option<Self> {
        if number & RECORD_MASK == 0 || number >> (RECORD_BITS + GENERATION_BITS) != 0 { None } else { Some(Self(number)) }
    }

    /// The number as programs see it: 1 to 2²⁹ − 1.
    #[must_use]
    #[inline]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The record.
    #[must_use]
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "masked to 16 bits, of which 1 to 0xFFFF occur")]
    pub const fn thread(self) -> Thread {
        Thread((self.0 & RECORD_MASK) as u16)
    }

    /// The record's generation, 0 to 2¹³ − 1.
    #[must_use]
    #[inline]
    pub const fn generation(self) -> u32 {
        self.0 >> RECORD_BITS
    }

    /// Whether the next thread of this record has a name that another had there: the first has generation 1.
    #[must_use]
    #[inline]
    pub const fn is_last(self) -> bool {
        self.generation() == 0
    }
}
