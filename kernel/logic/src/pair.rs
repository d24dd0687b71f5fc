//! Two sockets that are connected with each other: `socketpair(2)`, by the rules of `unix(7)`.

use core::mem::MaybeUninit;

use allocator_api2::alloc::Allocator;
use skete_abi::Errno;

use crate::pipe::{End, Pipe, ROOM};
use crate::readiness::Ready;

/// How the two speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Bytes, one after the other.
    Stream,
    /// Datagrams; in a pair they have no end.
    Datagrams,
    /// Messages, one after the other, and an end.
    Messages,
}

/// Which of the two: the one, or the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first.
    One = 0,
    /// The second.
    Other = 1,
}

impl Side {
    /// Who is at the other end.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::One => Self::Other,
            Self::Other => Self::One,
        }
    }
}

/// What one side has.
struct Own<A: Allocator> {
    /// What comes for it: a message has its length before it.
    way: Pipe<A>,
    is_open: bool,
    error: Option<Errno>,
    changes: u32,
}

/// Bytes of a message's length.
const LENGTH: usize = size_of::<u32>();
/// Bytes of the longest message.
pub const LONGEST: usize = ROOM - LENGTH;

/// Both sides.
pub struct Pair<A: Allocator> {
    manner: Manner,
    sides: [Own<A>; 2],
}

impl<A: Allocator + Clone> Pair<A> {
    /// Both open, with nothing on its way; what is on its way will be in `space`.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new(space: &A, manner: Manner) -> Result<Self, Errno> {
        let own = || Ok(Own { way: Pipe::new(space.clone())?, is_open: true, error: None, changes: 0 });
        Ok(Self { manner, sides: [own()?, own()?] })
    }
}

impl<A: Allocator> Pair<A> {
    fn own(&mut self, side: Side) -> &mut Own<A> {
        &mut self.sides[side as usize]
    }

    /// What leads away from `side`.
    const fn out(&self, side: Side) -> &Own<A> {
        &self.sides[side.opposite() as usize]
    }

    fn changed(&mut self, side: Side) {
        let own = self.own(side);
        own.changes = own.changes.wrapping_add(1);
    }

    /// How they speak.
    #[must_use]
    pub const fn manner(&self) -> Manner {
        self.manner
    }

    /// A number that grows with whatever happens to `side`: something came, there is room again, or an end.
    #[must_use]
    pub const fn changes(&self, side: Side) -> u32 {
        self.sides[side as usize].changes
    }

    /// Sends from `side`; how much: a message whole, of a stream as much as there is room for.
    ///
    /// # Errors
    /// `EAGAIN`: there is no room. `EMSGSIZE`: a message that there never is room for. `EPIPE`: this side sends no more, or the other reads
    /// no more. `ECONNREFUSED`: nobody is there any more to hear datagrams.
    pub fn send(&mut self, side: Side, bytes: &[u8]) -> Result<usize, Errno> {
        let manner = self.manner;
        let other = self.own(side.opposite());
        let gone = if manner == Manner::Datagrams { Errno::ECONNREFUSED } else { Errno::EPIPE };
        if !other.way.is_open(End::Write) {
            return Err(Errno::EPIPE);
        }
        if !other.is_open {
            return Err(gone);
        }
        let sent = if manner == Manner::Stream { other.way.write(bytes)? } else { put(&mut other.way, bytes)? };
        if sent > 0 || manner != Manner::Stream {
            self.changed(side.opposite());
        }
        Ok(sent)
    }

    /// Takes what came for `side` first, or looks at it: bytes that are in `into` now, and those of the whole message. 0 of a stream and of
    /// messages: no more will come.
    ///
    /// # Errors
    /// `EAGAIN`: nothing is there. `ECONNRESET`: the other side is gone, and has not read all.
    pub fn receive(&mut self, side: Side, into: &mut [MaybeUninit<u8>], peeks: bool) -> Result<(usize, usize), Errno> {
        let manner = self.manner;
        let is_ended = self.is_ended(side);
        let own = self.own(side);
        if manner == Manner::Stream && into.is_empty() {
            return Ok((0, 0));
        }
        if own.way.count() == 0 {
            return match own.error.take() {
                Some(error) => Err(error),
                None if is_ended => Ok((0, 0)),
                None => Err(Errno::EAGAIN),
            };
        }
        let (before, whole) = match own.way.head().filter(|_| manner != Manner::Stream) {
            Some(length) => (LENGTH, u32::from_le_bytes(length) as usize),
            None => (0, into.len().min(own.way.count())),
        };
        let fitting = whole.min(into.len());
        let count = own.way.look(before, &mut into[..fitting]);
        if !peeks {
            own.way.pass(before + whole);
            self.changed(side.opposite());
        }
        Ok((count, whole))
    }

    /// Bytes that can be received at once: of messages, those of the next.
    #[must_use]
    pub fn unread(&self, side: Side) -> usize {
        let way = &self.sides[side as usize].way;
        match way.head().filter(|_| self.manner != Manner::Stream) {
            Some(length) => u32::from_le_bytes(length) as usize,
            None => way.count(),
        }
    }

    /// Takes the error of `side` that waits to be told.
    pub fn take_error(&mut self, side: Side) -> Option<Errno> {
        self.own(side).error.take()
    }

    /// Whether nothing will come any more.
    const fn is_ended(&self, side: Side) -> bool {
        let way = &self.sides[side as usize].way;
        !way.is_open(End::Read) || !way.is_open(End::Write)
    }

    /// `side` receives or sends no more.
    pub fn shut_down(&mut self, side: Side, receives: bool, sends: bool) {
        if receives {
            self.own(side).way.close(End::Read);
        }
        if sends {
            self.own(side.opposite()).way.close(End::Write);
        }
        self.changed(side);
        self.changed(side.opposite());
    }

    /// `side` is gone; whether both are now.
    pub fn close(&mut self, side: Side) -> bool {
        let has_end = self.manner != Manner::Datagrams;
        let own = self.own(side);
        let unread = own.way.count();
        own.is_open = false;
        own.way.close(End::Read);
        own.way.pass(unread);
        let other = self.own(side.opposite());
        if has_end {
            other.way.close(End::Write);
            if unread > 0 {
                other.error = Some(Errno::ECONNRESET);
            }
        }
        let is_last = !other.is_open;
        self.changed(side.opposite());
        is_last
    }

    /// What `side` is ready for.
    #[must_use]
    pub fn ready(&self, side: Side) -> Ready {
        let own = &self.sides[side as usize];
        let (out, ended, error) = (&self.out(side).way, self.is_ended(side), own.error.is_some());
        let can_never_send = !out.is_open(End::Write) || !out.is_open(End::Read);
        Ready {
            read: own.way.count() > 0 || ended || error,
            write: out.is_writable() || can_never_send,
            error,
            hangup: ended && can_never_send,
            ended,
        }
    }
}

/// Puts a message behind those that are on their way.
fn put<A: Allocator>(way: &mut Pipe<A>, bytes: &[u8]) -> Result<usize, Errno> {
    if bytes.len() > LONGEST {
        return Err(Errno::EMSGSIZE);
    }
    if !way.is_open(End::Read) {
        return Err(Errno::EPIPE);
    }
    if way.room() < LENGTH + bytes.len() {
        return Err(Errno::EAGAIN);
    }
    let length = u32::try_from(bytes.len()).map_err(|_| Errno::EMSGSIZE)?;
    way.write(&length.to_le_bytes())?;
    way.write(bytes)
}
