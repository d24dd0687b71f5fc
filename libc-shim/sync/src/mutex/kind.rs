//! What attributes say of a mutex: `pthread_mutexattr_t`, and the first word of `pthread_mutex_t`.

use skete_abi::Errno;

/// The kind of a mutex.
///
/// | bits | |
/// |---|---|
/// | 0–1 | type: 0 normal, 1 recursive, 2 errorcheck (as musl numbers them), 3 adaptive |
/// | 2 | robust |
/// | 3–4 | protocol: 0 none, 1 inherit, 2 protect |
/// | 7 | shared between processes: there is one |
/// | 8–15 | ceiling |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Kind(u32);

/// A type: who holds it may not take it again, and nobody looks.
pub const NORMAL: u32 = 0;
/// A type: who holds it may take it again.
pub const RECURSIVE: u32 = 1;
/// A type: mistakes are told.
pub const ERRORCHECK: u32 = 2;
/// A type of glibc's: a normal one.
pub const ADAPTIVE: u32 = 3;

/// A protocol: nothing is done about priorities.
pub const NONE: u32 = 0;
/// A protocol: its holder runs at the priority of who waits for it.
pub const INHERIT: u32 = 1;
/// A protocol: its holder runs at its ceiling.
pub const PROTECT: u32 = 2;

const TYPE: u32 = 3;
const ROBUST: u32 = 1 << 2;
const PROTOCOL_SHIFT: u32 = 3;
const PROTOCOL: u32 = 3 << PROTOCOL_SHIFT;
const SHARED: u32 = 1 << 7;
const CEILING_SHIFT: u32 = 8;
const CEILING: u32 = 0xff << CEILING_SHIFT;

/// Ceilings that locks can have: the priorities of SCHED_FIFO.
pub const CEILINGS: core::ops::RangeInclusive<u32> = 1..=32;

impl Kind {
    /// A normal one.
    pub const PLAIN: Self = Self(0);

    /// As attributes hold it.
    #[must_use]
    #[inline(always)]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// As attributes hold it.
    #[must_use]
    #[inline(always)]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// What a mutex need know of it: 0 for one that is only a mutex.
    #[must_use]
    pub const fn of_mutex(self) -> u32 {
        let kind = if self.0 & TYPE == ADAPTIVE { self.0 & !TYPE } else { self.0 };
        kind & (TYPE | ROBUST | PROTOCOL)
    }

    /// The type.
    #[must_use]
    pub const fn type_number(self) -> u32 {
        self.0 & TYPE
    }

    /// With this type.
    ///
    /// # Errors
    /// `EINVAL`: there is no such type.
    pub const fn with_type(self, number: u32) -> Result<Self, Errno> {
        if number > ADAPTIVE { Err(Errno::EINVAL) } else { Ok(Self(self.0 & !TYPE | number)) }
    }

    /// The protocol.
    #[must_use]
    pub const fn protocol(self) -> u32 {
        (self.0 & PROTOCOL) >> PROTOCOL_SHIFT
    }

    /// With this protocol.
    ///
    /// # Errors
    /// `EINVAL`: there is no such protocol.
    pub const fn with_protocol(self, number: u32) -> Result<Self, Errno> {
        if number > PROTECT { Err(Errno::EINVAL) } else { Ok(Self(self.0 & !PROTOCOL | number << PROTOCOL_SHIFT)) }
    }

    /// Robust (1), or stalled for ever by its holder's death (0).
    ///
    /// # Errors
    /// `EINVAL`: neither.
    pub const fn with_robustness(self, number: u32) -> Result<Self, Errno> {
        if number > 1 { Err(Errno::EINVAL) } else { Ok(Self(self.0 & !ROBUST | (number * ROBUST))) }
    }

    /// Shared between processes (1), or not (0).
    ///
    /// # Errors
    /// `EINVAL`: neither.
    pub const fn with_sharing(self, number: u32) -> Result<Self, Errno> {
        if number > 1 { Err(Errno::EINVAL) } else { Ok(Self(self.0 & !SHARED | (number * SHARED))) }
    }

    /// Whether it is shared between processes.
    #[must_use]
    pub const fn is_shared(self) -> bool {
        self.0 & SHARED != 0
    }

    /// The ceiling; the highest there is if none was given: who runs at any priority may take such a mutex.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "eight bits")]
    pub const fn ceiling(self) -> u8 {
        let ceiling = (self.0 & CEILING) >> CEILING_SHIFT;
        if ceiling == 0 { *CEILINGS.end() as u8 } else { ceiling as u8 }
    }

    /// With this ceiling.
    ///
    /// # Errors
    /// `EINVAL`: there is no such one.
    pub fn with_ceiling(self, number: u32) -> Result<Self, Errno> {
        if CEILINGS.contains(&number) { Ok(Self(self.0 & !CEILING | number << CEILING_SHIFT)) } else { Err(Errno::EINVAL) }
    }

    #[inline(always)]
    pub(super) const fn is_plain(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn is_recursive(self) -> bool {
        self.0 & TYPE == RECURSIVE
    }

    pub(super) const fn is_errorcheck(self) -> bool {
        self.0 & TYPE == ERRORCHECK
    }

    /// Whether it is robust.
    #[must_use]
    pub const fn is_robust(self) -> bool {
        self.0 & ROBUST != 0
    }

    /// Whether it lends its holder the priority of who waits for it.
    #[inline(always)]
    pub(super) const fn inherits(self) -> bool {
        self.protocol() == INHERIT
    }

    /// Whether it has a ceiling.
    pub(super) const fn protects(self) -> bool {
        self.protocol() == PROTECT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_can_be_asked() -> Result<(), Errno> {
        let kind = Kind::PLAIN.with_type(RECURSIVE)?.with_robustness(1)?.with_protocol(PROTECT)?.with_sharing(1)?.with_ceiling(32)?;
        assert_eq!((kind.type_number(), kind.is_robust(), kind.protocol(), kind.is_shared(), kind.ceiling()), (1, true, 2, true, 32));
        let back = kind.with_type(NORMAL)?.with_robustness(0)?.with_protocol(NONE)?.with_sharing(0)?;
        assert_eq!((back.of_mutex(), Kind::PLAIN.ceiling()), (0, 32));
        Ok(())
    }

    #[test]
    fn what_there_is_not_is_refused() {
        let kind = Kind::PLAIN;
        let refused = [kind.with_type(4), kind.with_protocol(3), kind.with_robustness(2), kind.with_sharing(2)];
        assert_eq!(refused, [Err(Errno::EINVAL); 4]);
        assert_eq!([kind.with_ceiling(0), kind.with_ceiling(33)], [Err(Errno::EINVAL); 2]);
    }

    #[test]
    fn an_adaptive_or_shared_mutex_is_a_plain_one() {
        let of = |kind: Result<Kind, Errno>| kind.map(Kind::of_mutex);
        assert_eq!([of(Kind::PLAIN.with_type(ADAPTIVE)), of(Kind::PLAIN.with_sharing(1))], [Ok(0); 2]);
    }
}
