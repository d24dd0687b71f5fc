//! A transfer: one order to a channel, or several, until all has gone, the device has no more, or it cannot be done. It decides; a channel
//! carries out.
//!
//! An endpoint of high speed gets one order for everything. What leaves for one of full speed goes packet by packet, and what comes is asked
//! for in one order of more than 1,536 bytes where its buffer allows: so QEMU moves it at once ([`super`]).

use super::channel::{Halt, Order, Pid, Pipe};
use super::registers::Happened;
use crate::usb::UsbError;

/// How often in a row a transaction may go wrong.
const ERRORS: u8 = 8;

/// What follows from a channel's halt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The channel is to do this.
    Order(Order),
    /// It is done: so many bytes.
    Done(u32),
    /// It cannot be done.
    Failed(UsbError),
}

/// A transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    pipe: Pipe,
    address: u32,
    bytes: u32,
    /// A last packet that is full is followed by an empty one, by which the device knows the end.
    ends_short: bool,
    done: u32,
    ordered: Order,
    errors: u8,
}

impl Transfer {
    /// A transfer of `bytes` at `address`, which begins with the packet `pid`; of what comes, as much as whole packets hold.
    #[must_use]
    pub fn new(pipe: Pipe, address: u32, bytes: u32, pid: Pid) -> Self {
        let whole = bytes / u32::from(pipe.packet) * u32::from(pipe.packet);
        let bytes = if pipe.is_in { whole } else { bytes };
        Self { pipe, address, bytes, ends_short: false, done: 0, ordered: Order { bytes: 0, address, pid }, errors: 0 }
    }

    /// The device is to know its end by a packet that is not full.
    #[must_use]
    pub fn ending_short(self) -> Self {
        Self { ends_short: true, ..self }
    }

    /// Whom it is to.
    #[must_use]
    pub fn pipe(&self) -> &Pipe {
        &self.pipe
    }

    /// The packet after the last one.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.ordered.pid
    }

    /// What the channel is to do first, or next.
    pub fn order(&mut self) -> Order {
        let left = self.bytes - self.done;
        let is_single = !self.pipe.is_in && self.pipe.packet < 512;
        let bytes = if is_single { left.min(self.pipe.packet.into()) } else { left };
        self.ordered = Order { bytes, address: self.address + self.done, pid: self.ordered.pid };
        self.ordered
    }

    /// What follows from a halt of its channel.
    pub fn halted(&mut self, halt: &Halt) -> Step {
        let happened = halt.happened;
        if happened.contains(Happened::STALL) {
            return Step::Failed(UsbError::Refused);
        }
        if happened.intersects(Happened::BABBLE | Happened::AHB_ERROR) {
            return Step::Failed(UsbError::Line);
        }
        let moved = self.moved(halt);
        self.done += moved;
        if self.ordered.pid != Pid::SETUP {
            self.ordered.pid = halt.pid;
        }
        if happened.contains(Happened::COMPLETE) {
            self.errors = 0;
            return self.completed(moved);
        }
        // On a board a channel may halt without a reason that counts, and goes on where it was.
        self.errors += 1;
        if self.errors > ERRORS { Step::Failed(UsbError::Line) } else { Step::Order(self.order()) }
    }

    /// Bytes that the last order has moved.
    fn moved(&self, halt: &Halt) -> u32 {
        let ordered = &self.ordered;
        if self.pipe.is_in {
            return ordered.bytes.saturating_sub(halt.left_bytes);
        }
        if halt.happened.contains(Happened::COMPLETE) {
            return ordered.bytes;
        }
        let packets = ordered.packets(&self.pipe).saturating_sub(halt.left_packets);
        (packets * u32::from(self.pipe.packet)).min(ordered.bytes)
    }

    fn completed(&mut self, moved: u32) -> Step {
        // What comes was ordered at once; that less came than was ordered is how a device says that this is all.
        let was_short = moved == 0 || !moved.is_multiple_of(self.pipe.packet.into());
        let is_over = self.pipe.is_in || was_short || !self.ends_short && self.done == self.bytes;
        if is_over { Step::Done(self.done) } else { Step::Order(self.order()) }
    }
}

#[cfg(test)]
mod tests;
