//! Waiting for a mutex that does not know its holder.

use skete_abi::Errno;

use super::Mutex;
use crate::atomic::Ordering;
use crate::deadline::{Deadline, moment_of};
use crate::futex::{ANY, Futex};
use crate::mutant::{self, Mutant};

/// Nobody holds it.
pub const FREE: u32 = 0;
/// Somebody holds it, and nobody sleeps.
pub const HELD: u32 = 1;
/// Somebody holds it, and somebody may sleep.
pub const CONTENDED: u32 = 2;

impl Mutex {
    /// Takes it as one who cannot know whether others sleep.
    #[cold]
    pub(super) fn wait_plain(&self, futex: &impl Futex, until: Option<Deadline>) -> Result<(), Errno> {
        loop {
            if mutant::is(Mutant::SleeperForgetsOthers) && self.exchange(FREE, HELD) {
                return Ok(());
            }
            // Acquire: pairs with the Release of whoever let go.
            if self.word.swap(CONTENDED, Ordering::Acquire) == FREE {
                return Ok(());
            }
            match futex.wait(&self.word, CONTENDED, ANY, moment_of(until)?) {
                Ok(()) | Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}
