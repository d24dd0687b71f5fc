//! Who may go on: what a socket is ready for, and whom to wake when that changes.
//!
//! Of those who read or accept one is woken for each thing that came, and whoever leaves something behind wakes the next; so a wake goes to
//! exactly one who can go on, and none is lost when the one that was woken does not take everything. What concerns all (an end, an error)
//! wakes all.

use core::sync::atomic::{AtomicU32, Ordering};

use allocator_api2::alloc::Allocator;
use smoltcp::socket::tcp::State;

use super::Stack;
use crate::ends::SEND_BYTES;
use crate::socket::{Kind, Ready, Socket, Stream};

/// Everyone who waits.
const ALL: u32 = u32::MAX;

impl<A: Allocator + Clone + 'static> Stack<A> {
    /// What the socket at `place` is ready for, and whether that is for all who wait.
    pub(super) fn readiness(&self, socket: &Socket<A>) -> (Ready, bool) {
        let mut all = false;
        let mut ready = match &socket.kind {
            Kind::Stream(Stream::Idle) => Ready { write: true, hangup: true, ended: socket.error.is_some(), ..Ready::default() },
            Kind::Stream(Stream::Awaiting { .. } | Stream::Connecting { .. }) => Ready::default(),
            Kind::Stream(Stream::Connected { end, is_deaf, is_mute, .. }) => {
                let (ready, for_all) = self.readiness_of_end(*end, *is_deaf, *is_mute);
                all = for_all;
                ready
            }
            Kind::Listener(listener) => Ready { read: listener.has_complete(), ..Ready::default() },
            Kind::Datagrams(datagrams) => {
                let mailbox = self.mailboxes.peek(datagrams.mailbox);
                all = datagrams.is_deaf;
                Ready {
                    read: datagrams.is_deaf || mailbox.is_some_and(|mailbox| mailbox.udp_ref().can_recv()),
                    write: datagrams.is_mute || mailbox.is_some_and(|mailbox| mailbox.udp_ref().can_send()),
                    hangup: datagrams.is_deaf && datagrams.is_mute,
                    ended: datagrams.is_deaf,
                    ..Ready::default()
                }
            }
        };
        if socket.error.is_some() {
            (ready.read, ready.write, ready.error, all) = (true, true, true, true);
        }
        (ready, all)
    }

    fn readiness_of_end(&self, end: u32, is_deaf: bool, is_mute: bool) -> (Ready, bool) {
        let Some(tcp) = self.ends.peek(end).map(crate::ends::End::tcp_ref) else {
            return (Ready { read: true, write: true, error: false, hangup: true, ended: true }, true);
        };
        let is_over = !matches!(tcp.state(), State::Established | State::FinWait1 | State::FinWait2);
        let has_all_come = is_deaf || is_over && !tcp.can_recv();
        let can_never_send = is_mute || !tcp.may_send();
        // Half of the room is free: a waiter is not woken for every segment that was acknowledged.
        let has_room = tcp.send_capacity() - tcp.send_queue() >= SEND_BYTES / 2;
        let ready = Ready {
            read: has_all_come || tcp.can_recv(),
            write: can_never_send || has_room,
            error: false,
            hangup: (is_deaf || is_over) && can_never_send,
            ended: is_deaf || is_over,
        };
        (ready, has_all_come || can_never_send)
    }

    /// Something happened to the socket at `place`: wakes those who may go on. `came`: something came that one more can take.
    pub(super) fn signal(&mut self, place: u32, came: bool) {
        let Some(socket) = self.sockets.peek(place) else { return };
        let (ready, all) = self.readiness(socket);
        let (before, signals, is_watched) = (socket.ready, socket.signals, socket.is_watched);
        let count = if all { ALL } else { 1 };
        if ready.read && (came || !before.read || all) {
            self.wake(&signals.read, count);
        }
        if ready.write && (!before.write || all) {
            self.wake(&signals.write, count);
        }
        // That less can be done than before is nothing to be told of.
        let is_more = came || ready.has_more_than(before);
        self.announces |= is_watched && is_more;
        if let Ok(socket) = self.sockets.at(place) {
            socket.ready = ready;
            socket.changes = socket.changes.wrapping_add(u32::from(is_more));
        }
    }

    /// Notes what the socket at `place` is ready for, and tells it: whoever asked in vain is woken by a change from here on.
    pub(super) fn note_readiness(&mut self, place: u32) -> Ready {
        let Some(socket) = self.sockets.peek(place) else { return Ready::default() };
        let (ready, _) = self.readiness(socket);
        if let Ok(socket) = self.sockets.at(place) {
            // What nobody was told of yet has happened all the same.
            if ready.has_more_than(socket.ready) {
                socket.changes = socket.changes.wrapping_add(1);
            }
            socket.ready = ready;
        }
        ready
    }

    /// Somebody read or accepted: if something is left, the next of those who wait for it may go on.
    pub(super) fn pass_on_reading(&mut self, place: u32) {
        self.signal(place, false);
        if let Some(socket) = self.sockets.peek(place).filter(|socket| socket.ready.read) {
            let signals = socket.signals;
            self.wake(&signals.read, 1);
        }
    }

    /// Somebody wrote: if there is room left, the next of those who wait for it may go on.
    pub(super) fn pass_on_writing(&mut self, place: u32) {
        let Some(socket) = self.sockets.peek(place) else { return };
        let (signals, (ready, _)) = (socket.signals, self.readiness(socket));
        if ready.write {
            self.wake(&signals.write, 1);
        }
    }

    /// Whoever waits for `word` looks again: `count` of them.
    pub(super) fn wake(&mut self, word: &'static AtomicU32, count: u32) {
        word.fetch_add(1, Ordering::Relaxed);
        let gathered = &mut self.wakes[..self.wake_count];
        if let Some(wake) = gathered.iter_mut().find(|(other, _)| core::ptr::eq(*other, word)) {
            wake.1 = wake.1.saturating_add(count);
        } else if let Some(free) = self.wakes.get_mut(self.wake_count) {
            *free = (word, count);
            self.wake_count += 1;
        } else {
            // More than can be gathered: at once.
            self.waker.wake(word, count);
        }
    }

    /// Takes one of the wakes that were gathered, to be done once the lock is let go.
    pub fn take_wake(&mut self) -> Option<(&'static AtomicU32, u32)> {
        self.wake_count = self.wake_count.checked_sub(1)?;
        Some(self.wakes[self.wake_count])
    }

    /// Whether pollers are to be told of a change; from now on they are not.
    pub fn take_announcement(&mut self) -> bool {
        core::mem::take(&mut self.announces)
    }
}
