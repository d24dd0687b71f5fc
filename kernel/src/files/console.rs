//! The terminal: the board's console UART as a file.
//!
//! A write appears whole, whoever else writes. What comes in is taken by the UART's interrupt, which announces it to who waits.

use core::mem::MaybeUninit;

use skete_abi::Errno;
use skete_logic::terminal::Input;
use skete_logic::tree::{Kind, NodeId, Status, Times};

use super::Open;
use super::class::{Class, Ready};
use crate::sched::mutex::Sleep;
use crate::{board, trace};

/// The class of numbers 0, 1 and 2, and of `/dev/console`.
pub struct Console;

/// The one console.
pub static CONSOLE: Console = Console;

/// `makedev(5, 1)`.
pub const DEVICE: u32 = 5 << 8 | 1;

static INPUT: Sleep<Input<256>> = Sleep::new(Input::new());

/// Writes `from` whole.
#[inline]
pub fn write(from: &[u8]) {
    trace::write(from);
}

/// Takes what has come, as far as there is room.
fn take_arrived(input: &mut Input<256>) {
    while input.room() > 0
        && let Some(byte) = board::console::read()
    {
        input.push(byte);
    }
}

impl Class for Console {
    fn read(&self, _open: &mut Open, into: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
        if into.is_empty() {
            return Ok(0);
        }
        let mut input = INPUT.lock();
        take_arrived(&mut input);
        input.read(into).ok_or(Errno::EAGAIN)
    }

    fn write(&self, _open: &mut Open, from: &[u8]) -> Result<usize, Errno> {
        write(from);
        Ok(from.len())
    }

    fn status(&self, item: u32) -> Result<Status, Errno> {
        let kind = Kind::Device(DEVICE);
        Ok(Status { node: NodeId(item), kind, permissions: 0o600, links: 1, bytes: 0, times: Times::default() })
    }

    fn ready(&self, _item: u32) -> Ready {
        let mut input = INPUT.lock();
        take_arrived(&mut input);
        if input.is_ready() { Ready::BOTH } else { Ready::WRITE }
    }
}
