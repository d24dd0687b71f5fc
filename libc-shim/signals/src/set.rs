//! Signals by their numbers, which are Linux's, and sets of them, one bit each: signal n is bit n − 1, as the kernel's `sigset_t` has it.

use skete_abi::Errno;

/// A signal: 1 to 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal(u8);

/// How many there are.
pub const SIGNALS: usize = 64;

impl Signal {
    /// None: what an empty place holds.
    pub(crate) const NOBODYS: Self = Self(0);
    /// SIGILL.
    pub const ILLEGAL: Self = Self(4);
    /// SIGTRAP.
    pub const TRAP: Self = Self(5);
    /// SIGBUS.
    pub const BUS: Self = Self(7);
    /// SIGSEGV.
    pub const FAULT: Self = Self(11);
    /// SIGABRT.
    pub const ABORT: Self = Self(6);
    /// SIGKILL.
    pub const KILL: Self = Self(9);
    /// SIGPIPE.
    pub const PIPE: Self = Self(13);
    /// SIGALRM.
    pub const ALARM: Self = Self(14);
    /// SIGCHLD.
    pub const CHILD: Self = Self(17);
    /// SIGCONT.
    pub const CONTINUE: Self = Self(18);
    /// SIGSTOP.
    pub const STOP: Self = Self(19);
    /// SIGURG.
    pub const URGENT: Self = Self(23);
    /// SIGWINCH.
    pub const WINDOW: Self = Self(28);
    /// The first that queues: real-time signals go from here to 64.
    pub const FIRST_QUEUED: Self = Self(32);

    /// The signal of this number.
    ///
    /// # Errors
    /// `EINVAL`: there is none.
    pub fn new(number: i32) -> Result<Self, Errno> {
        match u8::try_from(number) {
            Ok(number) if (1..=64).contains(&number) => Ok(Self(number)),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its place in a table of [`SIGNALS`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize - 1
    }

    /// Whether each one sent is kept, with its value, in order.
    #[must_use]
    pub const fn is_queued(self) -> bool {
        self.0 >= Self::FIRST_QUEUED.0
    }

    /// Its name without `SIG`; real-time signals have none of their own.
    #[must_use]
    pub fn name(self) -> &'static str {
        const NAMES: [&str; 31] = [
            "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT",
            "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
        ];
        NAMES.get(self.index()).copied().unwrap_or("RT")
    }
}

/// A set of signals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Set(pub u64);

impl Set {
    /// No signal.
    pub const NONE: Self = Self(0);
    /// Every signal.
    pub const ALL: Self = Self(u64::MAX);
    /// SIGTSTP, SIGTTIN, SIGTTOU and SIGSTOP.
    pub const STOPS: Self = Self(0xf << 18);
    /// SIGILL, SIGTRAP, SIGBUS and SIGSEGV.
    pub const FAULTS: Self = Self(0b0100_0101_1000);
    /// What no mask keeps away and no action changes: SIGKILL and SIGSTOP.
    pub const SURE: Self = Self(1 << 8 | 1 << 18);

    /// The set of one.
    #[must_use]
    pub const fn of(signal: Signal) -> Self {
        Self(1 << signal.index())
    }

    /// Whether it is in.
    #[must_use]
    pub const fn has(self, signal: Signal) -> bool {
        self.0 & Self::of(signal).0 != 0
    }

    /// Whether nothing is in.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This one without the other.
    #[must_use]
    pub const fn but(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// What a thread's mask may be.
    #[must_use]
    pub const fn as_mask(self) -> Self {
        self.but(Self::SURE)
    }

    /// A mask changed as `pthread_sigmask` asks: `SIG_BLOCK` 0, `SIG_UNBLOCK` 1, `SIG_SETMASK` 2.
    ///
    /// # Errors
    /// `EINVAL`: none of them.
    pub fn changed(self, how: i32, by: Self) -> Result<Self, Errno> {
        match how {
            0 => Ok(self.and(by)),
            1 => Ok(self.but(by)),
            2 => Ok(by),
            _ => Err(Errno::EINVAL),
        }
        .map(Self::as_mask)
    }

    /// Each signal that is in, the lowest first.
    pub fn each(self) -> impl Iterator<Item = Signal> {
        (1..=64).map(Signal).filter(move |signal| self.has(*signal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mask_holds_what_is_sure() {
        assert_eq!(Set::NONE.changed(2, Set::ALL), Ok(Set::ALL.but(Set::SURE)));
        assert!(!Set::ALL.as_mask().has(Signal::KILL) && !Set::ALL.as_mask().has(Signal::STOP));
        assert_eq!(Set::NONE.changed(3, Set::ALL), Err(Errno::EINVAL));
    }

    #[test]
    fn a_mask_grows_shrinks_and_is_set() {
        let [alarm, child] = [Signal::ALARM, Signal::CHILD].map(Set::of);
        assert_eq!(alarm.changed(0, child), Ok(alarm.and(child)));
        assert_eq!(alarm.and(child).changed(1, child), Ok(alarm));
        assert_eq!(alarm.changed(2, child), Ok(child));
    }

    #[test]
    fn signals_are_1_to_64_and_named() {
        assert_eq!([Signal::new(0), Signal::new(65), Signal::new(-1)], [Err(Errno::EINVAL); 3]);
        assert_eq!((Signal::new(64).map(Signal::name), Signal::ALARM.name(), Signal::STOP.name()), (Ok("RT"), "ALRM", "STOP"));
        assert!(Set(1 << 8 | 1 << 63).each().map(Signal::number).eq([9, 64]));
    }
}
