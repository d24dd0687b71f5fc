//! Pipes: what is written at one end is read at the other.

use core::mem::MaybeUninit;

use skete_abi::Errno;
use skete_logic::pipe::{End, Pipe};
use skete_logic::slab::Slab;
use skete_logic::tree::{Kind, NodeId, OpenFlags, Status, Times};

use super::class::{Class, Handle, Ready};
use super::{Open, changes};
use crate::memory::Heap;
use crate::sched::mutex::Sleep;

struct Ends(End);

static READ: Ends = Ends(End::Read);
static WRITE: Ends = Ends(End::Write);
static PIPES: Sleep<Slab<Pipe<Heap>, Heap>> = Sleep::new(Slab::new(Heap));

/// Makes a pipe and gives numbers to its ends: that of reading, that of writing.
///
/// # Errors
/// `EMFILE`, `ENOMEM`.
pub fn open(is_nonblocking: bool) -> Result<[i32; 2], Errno> {
    let pipe = Pipe::new(Heap)?;
    let item = PIPES.lock().insert(pipe).map_err(|_| Errno::ENOMEM)?;
    let waiting = OpenFlags::waiting(is_nonblocking);
    // An end that gets no number is closed.
    let read = super::install(Handle { class: &READ, item }, waiting).inspect_err(|_| WRITE.close(item))?;
    let write = super::install(Handle { class: &WRITE, item }, OpenFlags::WRITE_ONLY | waiting).inspect_err(|_| _ = super::close(read))?;
    Ok([read, write])
}

fn with<R>(item: u32, act: impl FnOnce(&mut Pipe<Heap>) -> Result<R, Errno>) -> Result<R, Errno> {
    PIPES.lock().get_mut(item).ok_or(Errno::EBADF).and_then(act)
}

impl Class for Ends {
    fn is_whole(&self) -> bool {
        true
    }

    fn read(&self, open: &mut Open, into: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
        let taken = with(open.object.item, |pipe| pipe.read(into))?;
        changes::announce();
        Ok(taken)
    }

    fn write(&self, open: &mut Open, from: &[u8]) -> Result<usize, Errno> {
        let put = with(open.object.item, |pipe| pipe.write(from))?;
        changes::announce();
        Ok(put)
    }

    fn status(&self, item: u32) -> Result<Status, Errno> {
        let bytes = with(item, |pipe| Ok(pipe.count()))? as u64;
        Ok(Status { node: NodeId(item), kind: Kind::Pipe, permissions: 0o600, links: 1, bytes, times: Times::default() })
    }

    fn ready(&self, item: u32) -> Ready {
        let mut ready = Ready::empty();
        let _ = with(item, |pipe| {
            match self.0 {
                End::Read => {
                    ready.set(Ready::READ, pipe.is_readable());
                    ready.set(Ready::HANGUP, !pipe.is_open(End::Write));
                }
                End::Write => {
                    ready.set(Ready::WRITE, pipe.is_writable());
                    ready.set(Ready::ERROR, !pipe.is_open(End::Read));
                }
            }
            Ok(())
        });
        ready
    }

    fn close(&self, item: u32) {
        let mut pipes = PIPES.lock();
        if pipes.get_mut(item).is_some_and(|pipe| pipe.close(self.0)) {
            pipes.remove(item);
        }
        drop(pipes);
        changes::announce();
    }
}
