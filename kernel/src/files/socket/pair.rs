//! Pairs of sockets that are connected with each other: `socketpair(2)`.
//!
//! An item names a pair, one of its sides, and which of all pairs it was: who waits for one that is closed meanwhile finds it gone, though
//! another may have its place.

use core::mem::MaybeUninit;

use skete_abi::Errno;
use skete_logic::pair::{Pair, Side};
use skete_logic::slab::Slab;
use skete_logic::tree::{OpenFlags, Status};
use skete_net::IpEndpoint;
use skete_net::socket::{Options, Received};
use skete_net::stack::Half;

use super::{Domain, Manner, Nature, Socket, Wait, read, status, until, write};
use crate::files::class::{Class, Handle, Ready};
use crate::files::{self, Open, changes};
use crate::memory::Heap;
use crate::sched::mutex::Sleep;

pub(super) struct Pairs;

pub(super) static CLASS: Pairs = Pairs;

struct Ends {
    pair: Pair<Heap>,
    options: [Options; 2],
    /// Which of all pairs it is.
    count: u16,
}

struct All {
    pairs: Slab<Ends, Heap>,
    /// How many there ever were.
    count: u16,
}

static ALL: Sleep<All> = Sleep::new(All { pairs: Slab::new(Heap), count: 0 });

/// How an item is put together: the side, the place, the count.
const PLACE_SHIFT: u32 = 1;
const COUNT_SHIFT: u32 = 16;

const fn side_of(item: u32) -> Side {
    if item & 1 == 0 { Side::One } else { Side::Other }
}

const fn place_of(item: u32) -> u32 {
    (item & ((1 << COUNT_SHIFT) - 1)) >> PLACE_SHIFT
}

/// Makes a pair; its sides have no numbers.
///
/// # Errors
/// `ENOMEM`.
pub(super) fn make(manner: Manner) -> Result<[u32; 2], Errno> {
    let pair = Pair::new(&Heap, manner)?;
    let mut all = ALL.lock();
    let count = all.count.wrapping_add(1);
    all.count = count;
    let place = all.pairs.insert(Ends { pair, options: [Options::NEW; 2], count }).map_err(|_| Errno::ENOMEM)?;
    let one = u32::from(count) << COUNT_SHIFT | place << PLACE_SHIFT;
    Ok([one, one | 1])
}

/// Makes a pair and gives numbers to its sides.
///
/// # Errors
/// `EMFILE`, `ENOMEM`.
pub fn open(manner: Manner, is_nonblocking: bool) -> Result<[i32; 2], Errno> {
    let [one, _] = make(manner)?;
    let flags = OpenFlags::BOTH | OpenFlags::waiting(is_nonblocking);
    // A side that gets no number is closed.
    let first = files::install(Handle { class: &CLASS, item: one }, flags).inspect_err(|_| CLASS.close(one | 1))?;
    let second = files::install(Handle { class: &CLASS, item: one | 1 }, flags).inspect_err(|_| _ = files::close(first))?;
    Ok([first, second])
}

fn with<R>(item: u32, act: impl FnOnce(&mut Ends, Side) -> Result<R, Errno>) -> Result<R, Errno> {
    let mut all = ALL.lock();
    let ends = all.pairs.get_mut(place_of(item)).filter(|ends| u32::from(ends.count) == item >> COUNT_SHIFT).ok_or(Errno::EBADF)?;
    act(ends, side_of(item))
}

impl Class for Pairs {
    fn waits_itself(&self) -> bool {
        true
    }

    fn socket(&self) -> Option<&dyn Socket> {
        Some(&CLASS)
    }

    fn read(&self, open: &mut Open, into: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
        read(self, open, into)
    }

    fn write(&self, open: &mut Open, from: &[u8]) -> Result<usize, Errno> {
        write(self, open, from)
    }

    fn status(&self, item: u32) -> Result<Status, Errno> {
        let bytes = with(item, |ends, side| Ok(ends.pair.unread(side)))? as u64;
        Ok(status(item, bytes))
    }

    fn ready(&self, item: u32) -> Ready {
        with(item, |ends, side| Ok(ends.pair.ready(side))).map_or(Ready::empty(), Ready::from)
    }

    fn changes(&self, item: u32) -> u32 {
        with(item, |ends, side| Ok(ends.pair.changes(side))).unwrap_or(0)
    }

    fn close(&self, item: u32) {
        let is_last = with(item, |ends, side| Ok(ends.pair.close(side)));
        if is_last == Ok(true) {
            ALL.lock().pairs.remove(place_of(item));
        }
        changes::announce();
    }
}

impl Socket for Pairs {
    fn nature(&self, item: u32) -> Result<Nature, Errno> {
        let manner = with(item, |ends, _| Ok(ends.pair.manner()))?;
        Ok(Nature { domain: Domain::Pair, manner, listens: false })
    }

    fn connect(&self, _item: u32, _peer: IpEndpoint) -> Result<(), Errno> {
        Err(Errno::EISCONN)
    }

    fn send(&self, item: u32, bytes: &[u8], to: Option<IpEndpoint>, wait: Wait) -> Result<usize, Errno> {
        if to.is_some() {
            return Err(Errno::EISCONN);
        }
        let mut sent = 0;
        loop {
            let once = until(wait, || with(item, |ends, side| ends.pair.send(side, &bytes[sent..])));
            match once {
                Ok(more) => sent += more,
                Err(_) if sent > 0 => return Ok(sent),
                Err(error) => return Err(error),
            }
            changes::announce();
            if sent == bytes.len() || wait == Wait::No {
                return Ok(sent);
            }
        }
    }

    fn receive(&self, item: u32, into: &mut [MaybeUninit<u8>], peeks: bool, wait: Wait) -> Result<Received, Errno> {
        let (count, whole) = until(wait, || with(item, |ends, side| ends.pair.receive(side, into, peeks)))?;
        if !peeks {
            changes::announce();
        }
        Ok(Received { count, whole, from: None })
    }

    fn shut_down(&self, item: u32, half: Half) -> Result<(), Errno> {
        with(item, |ends, side| {
            ends.pair.shut_down(side, half != Half::Write, half != Half::Read);
            Ok(())
        })?;
        changes::announce();
        Ok(())
    }

    fn options(&self, item: u32) -> Result<Options, Errno> {
        with(item, |ends, side| Ok(ends.options[side as usize]))
    }

    fn set_options(&self, item: u32, change: &mut dyn FnMut(&mut Options)) -> Result<(), Errno> {
        with(item, |ends, side| {
            change(&mut ends.options[side as usize]);
            Ok(())
        })
    }

    fn take_error(&self, item: u32) -> Result<Option<Errno>, Errno> {
        with(item, |ends, side| Ok(ends.pair.take_error(side)))
    }
}
