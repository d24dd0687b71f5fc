//! What is to be done about a signal (POSIX sigaction).

use crate::set::{Set, Signal};

/// `SIG_DFL`: the default.
pub const DEFAULT: usize = 0;
/// `SIG_IGN`: nothing.
pub const IGNORE: usize = 1;
/// SA_NOCLDSTOP and SA_NOCLDWAIT mean nothing here; these do.
pub mod flag {
    /// SA_SIGINFO: the handler takes three arguments.
    pub const INFO: u64 = 4;
    /// SA_ONSTACK.
    pub const ON_STACK: u64 = 0x0800_0000;
    /// SA_RESTART: a call that it interrupts goes on, where that can be.
    pub const RESTART: u64 = 0x1000_0000;
    /// SA_NODEFER: it may come again while its handler runs.
    pub const NO_DEFER: u64 = 0x4000_0000;
    /// SA_RESETHAND: the default next time.
    pub const RESET: u64 = 0x8000_0000;
}

/// As the kernel's `struct sigaction` of Linux has it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// [`DEFAULT`], [`IGNORE`], or a function's address.
    pub handler: usize,
    /// See [`flag`].
    pub flags: u64,
    /// Linux would return through it; here nobody does.
    pub restorer: usize,
    /// What is masked too while the handler runs.
    pub mask: Set,
}

/// What becomes of a signal that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its handler runs.
    Handled,
    /// Nothing.
    Ignored,
    /// The program ends.
    Ends,
}

impl Action {
    /// The default.
    pub const NONE: Self = Self { handler: DEFAULT, flags: 0, restorer: 0, mask: Set::NONE };

    /// What becomes of `signal`. Nobody could let a stopped program go on: by default the signals that would stop it do nothing.
    #[must_use]
    pub fn fate(&self, signal: Signal) -> Fate {
        let [child, go_on, urgent, window] = [Signal::CHILD, Signal::CONTINUE, Signal::URGENT, Signal::WINDOW].map(Set::of);
        let harmless = Set::STOPS.and(child).and(go_on).and(urgent).and(window);
        match self.handler {
            IGNORE => Fate::Ignored,
            DEFAULT if harmless.has(signal) => Fate::Ignored,
            DEFAULT => Fate::Ends,
            _ => Fate::Handled,
        }
    }

    /// The mask while its handler runs, of a thread whose mask is `mask`.
    #[must_use]
    pub fn mask_during(&self, signal: Signal, mask: Set) -> Set {
        let own = if self.flags & flag::NO_DEFER != 0 { Set::NONE } else { Set::of(signal) };
        mask.and(self.mask).and(own).as_mask()
    }

    /// What it is when its handler has begun.
    #[must_use]
    pub fn afterwards(self) -> Self {
        if self.flags & flag::RESET != 0 { Self { handler: DEFAULT, ..self } } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_of_most_is_the_end() {
        let ended = Set::ALL.each().filter(|signal| Action::NONE.fate(*signal) == Fate::Ends).count();
        assert_eq!(ended, 64 - 8);
        assert_eq!(Action { handler: IGNORE, ..Action::NONE }.fate(Signal::ALARM), Fate::Ignored);
        assert_eq!(Action { handler: 4096, ..Action::NONE }.fate(Signal::CHILD), Fate::Handled);
    }

    #[test]
    fn a_handler_is_not_interrupted_by_its_own_signal_unless_it_says_so() {
        let with = |flags| Action { handler: 4096, flags, mask: Set::of(Signal::CHILD), ..Action::NONE };
        let both = Set::of(Signal::CHILD).and(Set::of(Signal::ALARM));
        assert_eq!(with(0).mask_during(Signal::ALARM, Set::NONE), both);
        assert_eq!(with(flag::NO_DEFER).mask_during(Signal::ALARM, Set::NONE), Set::of(Signal::CHILD));
        assert_eq!((with(flag::RESET).afterwards().handler, with(0).afterwards().handler), (DEFAULT, 4096));
    }
}
