//! What a thread waits for, as the hang report tells it: by the word, and by why it waits there.
//!
//! The record of a thread keeps the [`Cause`]; the report reads the word and asks [`Cause::aim`].

use crate::thread::Tid;

/// Why a thread waits for a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Cause {
    /// The program says so: what the word means is its own affair.
    #[default]
    Word = 0,
    /// The word names who holds a lock: a [`LockWord`] of the kernel's, or one of priority inheritance (`futex(2)`).
    Lock = 1,
    /// The word is a thread's name, 0 once the thread has ended.
    End = 2,
    /// The word counts what a semaphore has left.
    Semaphore = 3,
    /// The word counts the notifications that a queue of Hermit's ABI has left.
    Queue = 4,
    /// The word counts what happened to files, to the console among them.
    Files = 5,
    /// Several words, this one among them: what they mean is the program's own affair.
    Words = 6,
    /// The word counts what happened to a socket.
    Socket = 7,
}

/// Whom or what a waiter waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// Nothing is known but the word.
    Word,
    /// The word, and others beside it.
    Words,
    /// A lock, and who holds it now.
    Lock(Option<Tid>),
    /// That this thread ends; none if it just did.
    End(Option<Tid>),
    /// A semaphore.
    Semaphore,
    /// A queue.
    Queue,
    /// A file that can be read or written, or a byte on the console.
    Files,
    /// Something that comes over a socket, or can leave.
    Socket,
}

impl Cause {
    /// The cause that a record keeps as `number`.
    #[must_use]
    pub const fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Lock,
            2 => Self::End,
            3 => Self::Semaphore,
            4 => Self::Queue,
            5 => Self::Files,
            6 => Self::Words,
            7 => Self::Socket,
            _ => Self::Word,
        }
    }

    /// What one who waits for this cause waits for, while the word holds `value`.
    #[must_use]
    pub const fn aim(self, value: u32) -> Aim {
        match self {
            Self::Word => Aim::Word,
            Self::Words => Aim::Words,
            Self::Lock => Aim::Lock(LockWord(value).holder()),
            Self::End => Aim::End(Tid::from_number(value)),
            Self::Semaphore => Aim::Semaphore,
            Self::Queue => Aim::Queue,
            Self::Files => Aim::Files,
            Self::Socket => Aim::Socket,
        }
    }
}

/// The word of a lock that sleeps. It has the shape of a priority-inheritance word, so that one rule reads the holder of either.
///
/// | bits | meaning |
/// |---|---|
/// | 0–28 | the holder's [`Tid`]; 0 for one that has none: a core's idle thread, at boot |
/// | 29 | held |
/// | 31 | somebody may wait |
///
/// All of it is 0 while the lock is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockWord(pub u32);

impl LockWord {
    /// Nobody holds it.
    pub const FREE: Self = Self(0);
    const HOLDER: u32 = Self::HELD - 1;
    const HELD: u32 = 1 << 29;
    const WAITED_FOR: u32 = 1 << 31;

    /// Held by the thread named `tid`, and nobody waits.
    #[must_use]
    #[inline]
    pub const fn held_by(tid: u32) -> Self {
        Self(tid & Self::HOLDER | Self::HELD)
    }

    /// The same, and somebody may wait.
    #[must_use]
    #[inline]
    pub const fn waited_for(self) -> Self {
        Self(self.0 | Self::WAITED_FOR)
    }

    /// Whether nobody holds it.
    #[must_use]
    #[inline]
    pub const fn is_free(self) -> bool {
        self.0 == Self::FREE.0
    }

    /// Whether the one who lets go must wake somebody.
    #[must_use]
    #[inline]
    pub const fn is_waited_for(self) -> bool {
        self.0 & Self::WAITED_FOR != 0
    }

    /// Who holds it.
    #[must_use]
    pub const fn holder(self) -> Option<Tid> {
        Tid::from_number(self.0 & Self::HOLDER)
    }
}

#[cfg(test)]
mod tests {
    use super::{Aim, Cause, LockWord};
    use crate::thread::{Thread, Tid};

    const TID: Tid = Tid::new(Thread::new(7), 0x1fff);

    #[test]
    fn a_cause_survives_its_number() {
        let all = [Cause::Word, Cause::Lock, Cause::End, Cause::Semaphore, Cause::Queue, Cause::Files, Cause::Words, Cause::Socket];
        assert!(all.iter().all(|&cause| Cause::from_number(cause as u8) == cause));
        assert_eq!(Cause::from_number(200), Cause::Word);
    }

    #[test]
    fn a_locks_waiter_waits_for_its_holder() {
        let held = LockWord::held_by(TID.number());
        assert_eq!(Cause::Lock.aim(held.0), Aim::Lock(Some(TID)));
        assert_eq!(Cause::Lock.aim(held.waited_for().0), Aim::Lock(Some(TID)));
        assert_eq!(Cause::Lock.aim(LockWord::FREE.0), Aim::Lock(None));
        // FUTEX_WAITERS and the owner, as a program of priority inheritance writes them.
        assert_eq!(Cause::Lock.aim(0x8000_0000 | TID.number()), Aim::Lock(Some(TID)));
    }

    #[test]
    fn a_lock_of_one_who_has_no_name_is_held_all_the_same() {
        let held = LockWord::held_by(0);
        assert!(!held.is_free() && !held.is_waited_for() && held.waited_for().is_waited_for());
        assert_eq!(held.holder(), None);
    }

    #[test]
    fn one_who_joins_waits_for_a_thread_by_name() {
        assert_eq!(Cause::End.aim(TID.number()), Aim::End(Some(TID)));
        assert_eq!(Cause::End.aim(0), Aim::End(None));
    }
}
