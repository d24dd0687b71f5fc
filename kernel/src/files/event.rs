//! Eventfd: a counter that threads wait for, alone or in a `poll`.

use core::mem::MaybeUninit;

use skete_abi::Errno;
use skete_logic::event::Event;
use skete_logic::slab::Slab;
use skete_logic::tree::OpenFlags;

use super::class::{Class, Handle, Ready};
use super::{Open, changes};
use crate::memory::Heap;
use crate::sched::mutex::Sleep;

struct Events;

static CLASS: Events = Events;
static EVENTS: Sleep<Slab<Event, Heap>> = Sleep::new(Slab::new(Heap));

/// Makes a counter and gives it a number.
///
/// # Errors
/// `EMFILE`, `ENOMEM`.
pub fn open(event: Event, is_nonblocking: bool) -> Result<i32, Errno> {
    let item = EVENTS.lock().insert(event).map_err(|_| Errno::ENOMEM)?;
    let waiting = OpenFlags::waiting(is_nonblocking);
    super::install(Handle { class: &CLASS, item }, OpenFlags::BOTH | waiting)
}

fn with<R>(item: u32, act: impl FnOnce(&mut Event) -> Result<R, Errno>) -> Result<R, Errno> {
    EVENTS.lock().get_mut(item).ok_or(Errno::EBADF).and_then(act)
}

impl Class for Events {
    fn read(&self, open: &mut Open, into: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
        let into = into.first_chunk_mut::<8>().ok_or(Errno::EINVAL)?;
        let taken = with(open.object.item, Event::take)?;
        into.write_copy_of_slice(&taken.to_ne_bytes());
        changes::announce();
        Ok(into.len())
    }

    fn write(&self, open: &mut Open, from: &[u8]) -> Result<usize, Errno> {
        let more = from.first_chunk::<8>().ok_or(Errno::EINVAL)?;
        with(open.object.item, |event| event.add(u64::from_ne_bytes(*more)))?;
        changes::announce();
        Ok(more.len())
    }

    fn ready(&self, item: u32) -> Ready {
        let mut ready = Ready::empty();
        let _ = with(item, |event| {
            ready.set(Ready::READ, event.is_readable());
            ready.set(Ready::WRITE, event.is_writable());
            Ok(())
        });
        ready
    }

    fn changes(&self, item: u32) -> u32 {
        with(item, |event| Ok(event.changes())).unwrap_or(0)
    }

    fn close(&self, item: u32) {
        EVENTS.lock().remove(item);
    }
}
