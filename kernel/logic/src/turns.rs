//! Whose bytes go out on the console next: writes take turns, and whoever waits for its own turn carries on another's.
//!
//! The caller holds the console's lock, for a few bytes at a time. So a write is whole although its thread may be interrupted, lose its
//! core or stand still between any two of its bytes, and nobody ever waits for it: an interrupt handler too ends the write that it found.

/// Writes in turn; one of them has begun, or none.
#[derive(Debug)]
pub struct Turns<'a> {
    /// How many have begun.
    begun: u64,
    /// What is left of the one that began last.
    rest: &'a [u8],
    /// Whether some of it has gone out.
    is_under_way: bool,
}

/// Names a write that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn(u64);

impl Default for Turns<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Turns<'a> {
    /// None has begun.
    #[must_use]
    pub const fn new() -> Self {
        Self { begun: 0, rest: &[], is_under_way: false }
    }

    /// Begins the write of `bytes`; `None`: another has begun, and is not over.
    pub fn begin(&mut self, bytes: &'a [u8]) -> Option<Turn> {
        if !self.rest.is_empty() {
            return None;
        }
        self.begun += 1;
        self.rest = bytes;
        self.is_under_way = false;
        Some(Turn(self.begun))
    }

    /// Sends on what has begun: `most` bytes at most, as long as `send` takes them.
    pub fn advance(&mut self, most: usize, mut send: impl FnMut(u8) -> bool) {
        let sent = self.rest.iter().take(most).take_while(|byte| send(**byte)).count();
        self.rest = self.rest.get(sent..).unwrap_or_default();
        self.is_under_way |= sent > 0;
    }

    /// Whether all bytes of `turn` have gone out, by whomever.
    #[must_use]
    pub const fn is_over(&self, turn: Turn) -> bool {
        self.begun != turn.0 || self.rest.is_empty()
    }

    /// Whether a write stands between two of its bytes.
    #[must_use]
    pub const fn is_torn(&self) -> bool {
        self.is_under_way && !self.rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::Turns;
    use std::vec::Vec;

    #[test]
    fn who_waits_ends_the_write_that_it_found() {
        let (mut turns, mut out) = (Turns::new(), Vec::new());
        let mut send = |byte| {
            out.push(byte);
            true
        };
        let first = turns.begin(b"first\n").expect("none has begun");
        turns.advance(3, &mut send);
        assert!(turns.is_torn() && !turns.is_over(first));
        assert_eq!(turns.begin(b"second\n"), None);
        turns.advance(2, &mut send);
        assert_eq!(turns.begin(b"second\n"), None);
        turns.advance(2, &mut send);
        assert!(turns.is_over(first) && !turns.is_torn());
        let second = turns.begin(b"second\n").expect("the first is over");
        assert!(turns.is_over(first) && !turns.is_over(second) && !turns.is_torn());
        turns.advance(usize::MAX, &mut send);
        assert!(turns.is_over(second));
        assert_eq!(out, b"first\nsecond\n");
    }

    #[test]
    fn a_full_device_gets_each_byte_once() {
        let (mut turns, mut out, mut room) = (Turns::new(), Vec::new(), 0);
        let turn = turns.begin(b"abcdefg").expect("none has begun");
        while !turns.is_over(turn) {
            turns.advance(16, |byte| {
                room = if room == 0 { 2 } else { room - 1 };
                if room > 0 {
                    out.push(byte);
                }
                room > 0
            });
        }
        assert_eq!(out, b"abcdefg");
    }

    #[test]
    fn an_empty_write_is_over_at_once() {
        let mut turns = Turns::new();
        let turn = turns.begin(b"").expect("none has begun");
        assert!(turns.is_over(turn) && !turns.is_torn());
    }
}
