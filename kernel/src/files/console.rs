//! The terminal: the board's console UART as a file.
//!
//! A write appears whole, whoever else writes. What comes in is taken by the UART's interrupt, which announces it to who waits. Boot option
//! `input=TEXT` stands for all that would ever come in, and for its end: what comes over a line comes at a moment of its own, and no run
//! would be like another.

use core::mem::MaybeUninit;

use skete_abi::Errno;
use skete_logic::terminal::{END, Input};
use skete_logic::tree::{Kind, NodeId, Status, Times};

use super::Open;
use super::class::{Class, Ready};
use crate::board::{self, options};
use crate::sched::mutex::Sleep;
use crate::trace;

/// The class of numbers 0, 1 and 2, and of `/dev/console`.
pub struct Console;

/// The one console.
pub static CONSOLE: Console = Console;

/// `makedev(5, 1)`.
pub const DEVICE: u32 = 5 << 8 | 1;

static INPUT: Sleep<Arrived> = Sleep::new(Arrived { input: Input::new(), given: 0 });

/// What came in and was not read.
struct Arrived {
    input: Input<256>,
    /// How many bytes of option `input` went into it.
    given: usize,
}

/// Writes `from` whole.
#[inline]
pub fn write(from: &[u8]) {
    trace::write(from);
}

impl Arrived {
    /// Takes what has come, as far as there is room.
    fn take(&mut self) {
        let input = &mut self.input;
        if let Some(text) = options::value("input") {
            for byte in text.bytes().skip(self.given).take(input.room()) {
                input.push(byte);
                self.given += 1;
            }
            if !input.is_ready() {
                input.push(END);
            }
            return;
        }
        while input.room() > 0
            && let Some(byte) = board::console::read()
        {
            input.push(byte);
        }
    }
}

impl Class for Console {
    fn read(&self, _open: &mut Open, into: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
        if into.is_empty() {
            return Ok(0);
        }
        let mut arrived = INPUT.lock();
        arrived.take();
        arrived.input.read(into).ok_or(Errno::EAGAIN)
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
        let mut arrived = INPUT.lock();
        arrived.take();
        if arrived.input.is_ready() { Ready::BOTH } else { Ready::WRITE }
    }
}
