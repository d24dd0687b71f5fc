//! Which thread is to take a signal that was sent to the program.

use crate::set::{Set, Signal};

/// What a thread says of signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What it keeps away.
    pub mask: Set,
    /// What it waits for by `sigwait`.
    pub waits: Set,
    /// Whether it sleeps in a call that a signal ends.
    pub sleeps: bool,
    /// Whether it is the one who sends.
    pub is_sender: bool,
}

impl Standing {
    /// How well it would take `signal`; `None`: not at all. One who waits for it first; then the sender, whose call is not to return
    /// before; then one that sleeps and is woken; one that computes takes it at its next call.
    #[must_use]
    pub fn rank(self, signal: Signal) -> Option<u8> {
        if self.waits.has(signal) {
            return Some(3);
        }
        (!self.mask.has(signal)).then_some(if self.is_sender { 2 } else { u8::from(self.sleeps) })
    }
}

/// The best of `threads` for `signal`, the first among equals; `None`: every one of them keeps it away.
pub fn choose<T>(signal: Signal, threads: impl Iterator<Item = (T, Standing)>) -> Option<T> {
    let mut best = None;
    for (thread, standing) in threads {
        if let Some(rank) = standing.rank(signal)
            && best.as_ref().is_none_or(|(other, _)| rank > *other)
        {
            best = Some((rank, thread));
        }
    }
    best.map(|(_, thread)| thread)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Standing = Standing { mask: Set::NONE, waits: Set::NONE, sleeps: false, is_sender: false };
    const CLOSED: Standing = Standing { mask: Set::ALL, ..OPEN };

    fn chosen(threads: &[Standing]) -> Option<usize> {
        choose(Signal::ALARM, threads.iter().copied().enumerate())
    }

    #[test]
    fn who_masks_it_does_not_get_it() {
        assert_eq!(chosen(&[CLOSED, CLOSED]), None);
        assert_eq!(chosen(&[CLOSED, OPEN, OPEN]), Some(1));
    }

    #[test]
    fn who_waits_goes_before_the_sender_and_that_before_a_sleeper() {
        let waiter = Standing { waits: Set::of(Signal::ALARM), ..CLOSED };
        let (sender, sleeper) = (Standing { is_sender: true, ..OPEN }, Standing { sleeps: true, ..OPEN });
        assert_eq!(chosen(&[OPEN, sleeper, sender, waiter]), Some(3));
        assert_eq!(chosen(&[OPEN, sleeper, sender]), Some(2));
        assert_eq!(chosen(&[OPEN, sleeper]), Some(1));
    }
}
