//! What a kind of file can do. Each class says what differs; what it leaves out, no file of it can.

use core::mem::MaybeUninit;

use bitflags::bitflags;
use skete_abi::{Errno, files};
use skete_logic::tree::{Kind, NodeId, Status, Times};

use super::Open;
use super::socket::Socket;

/// A file of a class: the class knows it by its number.
#[derive(Clone, Copy)]
pub struct Handle {
    /// Its class.
    pub class: &'static dyn Class,
    /// Which one of the class.
    pub item: u32,
}

impl Ready {
    /// Reading and writing.
    pub const BOTH: Self = Self::READ.union(Self::WRITE);
    /// What is reported whether or not it was asked for.
    pub const UNASKED: Self = Self::ERROR.union(Self::HANGUP);
}

bitflags! {
    /// What can be done without waiting; the bits are those of `poll(2)`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Ready: i16 {
        /// Reading.
        const READ = files::POLLIN | files::POLLRDNORM;
        /// Writing.
        const WRITE = files::POLLOUT | files::POLLWRNORM;
        /// An error waits to be told; reported whether or not it was asked for.
        const ERROR = files::POLLERR;
        /// Nothing comes and nothing goes any more; reported whether or not it was asked for.
        const HANGUP = files::POLLHUP;
        /// Nothing comes any more.
        const ENDED = files::POLLRDHUP;
    }
}

impl From<skete_logic::readiness::Ready> for Ready {
    fn from(known: skete_logic::readiness::Ready) -> Self {
        let mut ready = Self::empty();
        ready.set(Self::READ, known.read);
        ready.set(Self::WRITE, known.write);
        ready.set(Self::ERROR, known.error);
        ready.set(Self::HANGUP, known.hangup);
        ready.set(Self::ENDED, known.ended);
        ready
    }
}

/// A kind of file. No method waits: what cannot be done now is `EAGAIN`, and [`super::changes::announce`] tells when it may be. Only a
/// class that [waits itself](Class::waits_itself) does, where its opening is not non-blocking.
pub trait Class: Sync {
    /// Whether reading and writing wait by themselves: they are given a copy of the opening, and no table is locked meanwhile.
    fn waits_itself(&self) -> bool {
        false
    }

    /// Whether a call's buffers are as one: each of its reads is one, and a write that may wait goes on until all is written.
    fn is_whole(&self) -> bool {
        self.waits_itself()
    }

    /// What it can do as a socket, if it is one.
    fn socket(&self) -> Option<&dyn Socket> {
        None
    }

    /// Reads at the opening's position, and moves it.
    fn read(&self, _open: &mut Open, _into: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
        Err(Errno::EINVAL)
    }

    /// Writes at the opening's position, or at the end if it appends, and moves it.
    fn write(&self, _open: &mut Open, _from: &[u8]) -> Result<usize, Errno> {
        Err(Errno::EINVAL)
    }

    /// Where the end is, if there are positions.
    fn length(&self, _item: u32) -> Result<u64, Errno> {
        Err(Errno::ESPIPE)
    }

    /// Makes it so many bytes long.
    fn set_length(&self, _item: u32, _length: u64) -> Result<(), Errno> {
        Err(Errno::EINVAL)
    }

    /// What there is to say of it.
    fn status(&self, item: u32) -> Result<Status, Errno> {
        Ok(Status { node: NodeId(item), kind: Kind::Device(0), permissions: 0o600, links: 1, bytes: 0, times: Times::default() })
    }

    /// Lays out all entries from the opening's position on, and moves it.
    fn entries(&self, _open: &mut Open, _into: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
        Err(Errno::ENOTDIR)
    }

    /// What can be done now.
    fn ready(&self, _item: u32) -> Ready {
        Ready::BOTH
    }

    /// Another number after whatever has happened to it; for a class that does not count that, to any file.
    fn changes(&self, _item: u32) -> u32 {
        super::changes::count()
    }

    /// The last opening is gone.
    fn close(&self, _item: u32) {}
}
