//! What a terminal's bytes mean to a program that reads them.
//!
//! Enter sends CR or CR LF over a serial line and LF through a pipe: a program sees one LF. Ctrl-D ends the input: the read that meets
//! it returns nothing, and the next one goes on behind it. Echo and line editing are the terminal's own.

use core::mem::MaybeUninit;

/// Ctrl-D.
pub const END: u8 = 0x04;

/// Bytes that have arrived and nobody has read: at most `ROOM`.
#[derive(Debug)]
pub struct Input<const ROOM: usize> {
    bytes: [u8; ROOM],
    first: usize,
    count: usize,
    after_cr: bool,
}

impl<const ROOM: usize> Default for Input<ROOM> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const ROOM: usize> Input<ROOM> {
    /// Nothing has arrived.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; ROOM], first: 0, count: 0, after_cr: false }
    }

    /// How many bytes can still arrive.
    #[must_use]
    pub const fn room(&self) -> usize {
        ROOM - self.count
    }

    /// Whether a read would find something, be it the end.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.count > 0
    }

    /// A byte arrives. Says whether there was room for it.
    pub fn push(&mut self, byte: u8) -> bool {
        let is_second_half = byte == b'\n' && self.after_cr;
        self.after_cr = byte == b'\r';
        if is_second_half {
            return true;
        }
        if self.count == ROOM {
            return false;
        }
        self.bytes[(self.first + self.count) % ROOM] = if byte == b'\r' { b'\n' } else { byte };
        self.count += 1;
        true
    }

    /// Takes what has arrived, up to the end mark; `Some(0)` at the end mark, `None` if nothing has arrived.
    pub fn read(&mut self, into: &mut [MaybeUninit<u8>]) -> Option<usize> {
        if self.count == 0 {
            return None;
        }
        for (index, slot) in into.iter_mut().enumerate() {
            if self.count == 0 {
                return Some(index);
            }
            if self.bytes[self.first] == END {
                if index == 0 {
                    self.drop_first();
                }
                return Some(index);
            }
            slot.write(self.bytes[self.first]);
            self.drop_first();
        }
        Some(into.len())
    }

    const fn drop_first(&mut self) {
        self.first = (self.first + 1) % ROOM;
        self.count -= 1;
    }
}
