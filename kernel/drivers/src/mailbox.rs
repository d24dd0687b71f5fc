//! The mailbox between the ARM and the VideoCore of a Raspberry Pi, and its property channel: how the firmware is asked for memory sizes,
//! clocks, power, temperature. Source: the firmware's own wiki, "Mailboxes" and "Mailbox property interface"; Circle's
//! `bcmmailbox.cpp`.
//!
//! A question is asked in three steps, each with its part here:
//! 1. [`Message`] lays [`Request`]s into a [`Buffer`];
//! 2. [`Mailbox::call`] hands the buffer's bus address over and waits;
//! 3. [`Answer`] checks what came back and yields [`Reply`]s.
//!
//! [`fastest`] asks several in a row.
//!
//! One caller at a time. Between 1 and 2 the caller cleans and invalidates the buffer's cache lines, between 2 and 3 it invalidates
//! them, with `dsb sy` around 2; a buffer in non-cacheable memory needs the barriers only.

mod fastest;
mod message;
mod property;

pub use fastest::fastest;
pub use message::{Answer, AnswerError, BUFFER_WORDS, Buffer, Message, MessageFull, Replies};
pub use property::{Clock, Power, PowerDevice, Reply, Request, Throttled};

use crate::poll;
use crate::window::Registers;

/// Where the mailbox stands, as the ARM sees it.
pub const BASE: usize = 0x3F00_B880;
/// Bytes of its window.
pub const WINDOW_BYTES: usize = 0x40;

/// From the VideoCore: one word, taken out by reading it.
const MAIL0_READ: usize = 0x00;
const MAIL0_STATUS: usize = 0x18;
/// To the VideoCore.
const MAIL1_WRITE: usize = 0x20;
const MAIL1_STATUS: usize = 0x38;
const FULL: u32 = 1 << 31;
const EMPTY: u32 = 1 << 30;

/// The channel of properties that the ARM asks for; it stands in the lowest four bits of each word.
const CHANNEL: u32 = 8;
const CHANNEL_MASK: u32 = 0xF;

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailboxError {
    /// The buffer's address is not a multiple of 16.
    Misaligned,
    /// The VideoCore did not take or did not answer the question within the given number of polls.
    TimedOut,
}

/// The address of physical memory below 1 GiB as the VideoCore of a BCM2836 or BCM2837 is to see it: past its caches.
#[must_use]
pub const fn bus_address(physical: u32) -> u32 {
    physical | 0xC000_0000
}

/// The mailbox.
#[derive(Clone, Copy, Debug)]
pub struct Mailbox<R> {
    registers: R,
}

impl<R: Registers> Mailbox<R> {
    /// The mailbox behind this window.
    pub const fn new(registers: R) -> Self {
        Self { registers }
    }

    /// Has the VideoCore answer the message at bus address `buffer`, in place; waits at most `polls` reads per step. On the board most
    /// answers come within a millisecond, those to power and clock requests within some ten.
    ///
    /// After [`MailboxError::TimedOut`] the VideoCore may still write into the buffer: do not use it for anything else.
    ///
    /// # Errors
    /// [`MailboxError`].
    pub fn call(&self, buffer: u32, polls: u32) -> Result<(), MailboxError> {
        if buffer & CHANNEL_MASK != 0 {
            return Err(MailboxError::Misaligned);
        }
        self.drain(polls)?;
        self.wait(MAIL1_STATUS, FULL, polls)?;
        let word = buffer | CHANNEL;
        self.registers.write(MAIL1_WRITE, word);
        for _ in 0..polls {
            self.wait(MAIL0_STATUS, EMPTY, polls)?;
            // Anything else is a late answer to a question that was given up.
            if self.registers.read(MAIL0_READ) == word {
                return Ok(());
            }
        }
        Err(MailboxError::TimedOut)
    }

    /// Throws away what earlier callers (the firmware's boot among them) left unread.
    fn drain(&self, polls: u32) -> Result<(), MailboxError> {
        for _ in 0..polls {
            if self.registers.read(MAIL0_STATUS) & EMPTY != 0 {
                return Ok(());
            }
            self.registers.read(MAIL0_READ);
        }
        Err(MailboxError::TimedOut)
    }

    fn wait(&self, status: usize, busy: u32, polls: u32) -> Result<(), MailboxError> {
        match poll::until(&self.registers, status, polls, |word| word & busy == 0) {
            Some(_) => Ok(()),
            None => Err(MailboxError::TimedOut),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::fake::{Access, Access::Read, Access::Write, Script};

    const BUFFER: u32 = 0xC008_0040;

    fn play(accesses: &[Access], test: impl FnOnce(Mailbox<&Script<'_>>)) {
        let script = Script::new(accesses);
        test(Mailbox::new(&script));
        script.assert_done();
    }

    #[test]
    fn a_question_waits_for_room_and_then_for_its_own_answer() {
        play(
            &[
                Read(0x18, 0),
                Read(0x00, 0x1234_5678),
                Read(0x18, EMPTY),
                Read(0x38, FULL),
                Read(0x38, 0),
                Write(0x20, BUFFER | 8),
                Read(0x18, EMPTY),
                Read(0x18, 0),
                Read(0x00, 0xC000_0008),
                Read(0x18, 0),
                Read(0x00, BUFFER | 8),
            ],
            |mailbox| assert_eq!(mailbox.call(BUFFER, 3), Ok(())),
        );
    }

    #[test]
    fn a_silent_videocore_is_given_up() {
        play(&[Read(0x18, EMPTY), Read(0x38, 0), Write(0x20, BUFFER | 8), Read(0x18, EMPTY), Read(0x18, EMPTY)], |mailbox| {
            assert_eq!(mailbox.call(BUFFER, 2), Err(MailboxError::TimedOut))
        });
    }

    #[test]
    fn a_mailbox_that_is_full_for_ever_is_given_up_before_anything_is_sent() {
        play(&[Read(0x18, EMPTY), Read(0x38, FULL), Read(0x38, FULL)], |mailbox| {
            assert_eq!(mailbox.call(BUFFER, 2), Err(MailboxError::TimedOut))
        });
    }

    #[test]
    fn a_flood_of_foreign_answers_ends() {
        let foreign = [Read(0x18, 0), Read(0x00, 0x18), Read(0x18, 0), Read(0x00, 0x28)];
        let mut accesses = std::vec![Read(0x18, EMPTY), Read(0x38, 0), Write(0x20, BUFFER | 8)];
        accesses.extend(foreign);
        play(&accesses, |mailbox| {
            assert_eq!(mailbox.call(BUFFER, 2), Err(MailboxError::TimedOut));
        });
        play(&foreign, |mailbox| {
            assert_eq!(mailbox.call(BUFFER, 2), Err(MailboxError::TimedOut));
        });
    }

    #[test]
    fn an_address_whose_low_bits_would_name_a_channel_is_refused() {
        play(&[], |mailbox| {
            assert_eq!(mailbox.call(BUFFER + 4, 2), Err(MailboxError::Misaligned));
        });
        assert_eq!(bus_address(0x0008_0040), BUFFER);
    }
}
