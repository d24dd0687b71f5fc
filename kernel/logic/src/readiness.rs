//! What can be done with a socket, the network's or one of a pair, without waiting.

/// What can be done with a socket without waiting (`poll(2)`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// Reading or accepting answers at once.
    pub read: bool,
    /// Writing answers at once.
    pub write: bool,
    /// An error waits to be told.
    pub error: bool,
    /// Nothing comes and nothing goes any more.
    pub hangup: bool,
    /// Nothing comes any more.
    pub ended: bool,
}

impl Ready {
    /// Whether anything can be done that could not `before`.
    #[must_use]
    pub const fn has_more_than(self, before: Self) -> bool {
        self.read && !before.read
            || self.write && !before.write
            || self.error && !before.error
            || self.hangup && !before.hangup
            || self.ended && !before.ended
    }
}
