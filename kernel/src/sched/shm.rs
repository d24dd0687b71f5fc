//! Segments of shared memory: the one table, and the machine as it sees it.
//!
//! What is decided is in [`skete_logic::sysv::shm`]; this file gives it a lock that sleeps, frames, and addresses of the window. Nothing is
//! taken at boot: the limits are read at the first call.

use core::cell::RefCell;
use core::fmt;
use core::ops::Range;
use core::sync::atomic::Ordering;

use arrayvec::ArrayVec;
use lock_api::{MappedMutexGuard, MutexGuard};
use skete_abi::Errno;
use skete_logic::pages::{Access, PAGE};
use skete_logic::sysv::ids::{IPC_PRIVATE, Id};
use skete_logic::sysv::shm::limits::Limits;
use skete_logic::sysv::shm::{self as logic, Caller, Memory, Registry, UNIT};

use super::mutex::{RawSleep, Sleep};
use super::{fault, futex, record, spawn};
use crate::arch::cpu;
use crate::board::options;
use crate::memory::shared::{self, Frames};
use crate::memory::{Heap, window};

const _: () = assert!(UNIT == window::UNIT, "addresses come in the same units");

/// A segment's frames. Before they are given back, no wake there reaches who waits for a word in them still.
pub struct Held(Frames);

impl Drop for Held {
    fn drop(&mut self) {
        if futex::may_wait_in_shared() {
            self.0.number();
            futex::bury(|address| self.0.hold(address));
        }
    }
}

/// All segments and attachments, and the addresses at hand.
pub struct Shared {
    registry: Registry<Held, Heap>,
    machine: Machine,
}

/// The machine as shared memory sees it. Addresses that were left last are taken first: their tables are there.
struct Machine {
    spare: RefCell<ArrayVec<Range<u64>, 8>>,
}

static SHARED: Sleep<Option<Shared>> = Sleep::new(None);

impl Memory for Machine {
    type Frames = Held;

    fn window(&self) -> Range<u64> {
        window::whole()
    }

    fn frames(&self, pages: u64) -> Result<Held, Errno> {
        Frames::take(pages).map(Held)
    }

    fn choose(&self, pages: u64) -> Option<u64> {
        let bytes = (pages * PAGE).next_multiple_of(UNIT);
        let mut spare = self.spare.borrow_mut();
        let fitting = spare.iter().rposition(|range| range.end - range.start == bytes);
        match fitting {
            Some(at) => Some(spare.swap_remove(at).start),
            None => window::take(bytes).map(|range| range.start),
        }
    }

    fn claim(&self, range: Range<u64>) -> bool {
        self.spare.borrow_mut().retain(|spare| {
            let is_apart = spare.end <= range.start || range.end <= spare.start;
            if !is_apart {
                window::give(spare.clone());
            }
            is_apart
        });
        window::claim(range)
    }

    fn release(&self, range: Range<u64>, is_named: bool) {
        let mut spare = self.spare.borrow_mut();
        let given = if is_named {
            Some(range)
        } else {
            let oldest = spare.is_full().then(|| spare.remove(0));
            spare.push(range);
            oldest
        };
        given.into_iter().for_each(window::give);
    }

    fn map(&self, start: u64, frames: &Held, is_read_only: bool) -> bool {
        shared::attach(start, &frames.0, if is_read_only { Access::Constant } else { Access::Data })
    }

    fn unmap(&self, range: Range<u64>) {
        shared::detach(range);
    }
}

/// The table, locked; made by the first who asks.
fn lock() -> Result<MappedMutexGuard<'static, RawSleep, Shared>, Errno> {
    let mut guard = SHARED.lock();
    if guard.is_none() {
        let limits = options::value("shm").map_or(Limits::LINUX, |word| Limits::parse(word.bytes().map(char::from)));
        *guard = Some(Shared { registry: Registry::new(limits, Heap), machine: Machine { spare: RefCell::default() } });
        fault::name_lent_by(name);
    }
    MutexGuard::try_map(guard, Option::as_mut).map_err(|_| Errno::ENOMEM)
}

/// The caller, now. The moment is in ticks.
fn caller() -> Caller {
    Caller { pid: record::current().tid.load(Ordering::Relaxed).cast_signed(), now: cpu::ticks_about().cast_signed() }
}

fn id_of(number: i32) -> Result<Id, Errno> {
    Id::from_number(number).ok_or(Errno::EINVAL)
}

/// `shmget`. Errors: see [`Registry::open`].
pub fn open(key: i32, bytes: u64, flags: i32) -> Result<i32, Errno> {
    let Shared { registry, machine } = &mut *lock()?;
    registry.open(machine, caller(), key, bytes, flags).map(Id::number)
}

/// `shmat`; the attachment ends with the calling thread too if `is_mine`. Errors: see [`Registry::attach`].
pub fn attach(id: i32, address: u64, flags: i32, is_mine: bool) -> Result<u64, Errno> {
    let id = id_of(id)?;
    let caller = caller();
    if is_mine {
        spawn::detach_at_end(detach_mine);
    }
    let Shared { registry, machine } = &mut *lock()?;
    registry.attach(machine, caller, id, address, flags, is_mine.then_some(caller.pid))
}

/// `shmdt`.
///
/// # Errors
/// `EINVAL`: no attachment begins at `address`.
pub fn detach(address: u64) -> Result<(), Errno> {
    let Shared { registry, machine } = &mut *lock()?;
    registry.detach(machine, caller(), address)
}

/// Ends the attachment of segment `id` that begins at `address` and belongs to the calling thread, if it is still there.
pub fn detach_own(id: i32, address: u64) {
    let Ok(mut shared) = lock() else { return };
    let Shared { registry, machine } = &mut *shared;
    let caller = caller();
    let is_there = registry
        .attachment_at(address)
        .is_some_and(|(found, _)| found.start == address && found.id.number() == id && found.owner == Some(caller.pid));
    if is_there {
        let _ = registry.detach(machine, caller, address);
    }
}

/// The calling thread ends.
fn detach_mine() {
    if let Ok(mut shared) = lock() {
        let Shared { registry, machine } = &mut *shared;
        registry.detach_owned(machine, caller());
    }
}

/// Asks or changes what no memory is needed for.
///
/// # Errors
/// What `act` answers. `ENOMEM`.
pub fn with<R>(act: impl FnOnce(&mut Registry<Held, Heap>, Caller) -> Result<R, Errno>) -> Result<R, Errno> {
    act(&mut lock()?.registry, caller())
}

/// The bytes of segment `id`.
///
/// # Errors
/// `EINVAL`: no such segment.
pub fn bytes_of(id: i32) -> Result<u64, Errno> {
    let id = id_of(id)?;
    with(|registry, _| registry.bytes(id))
}

/// Names what is attached at `address`, for a report: who changes the table just now is not waited for.
fn name(address: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let guard = SHARED.try_lock();
    let found = guard.as_ref().and_then(|shared| shared.as_ref()?.registry.attachment_at(address));
    let Some((logic::Attachment { start, id, is_read_only, .. }, key)) = found else { return f.write_str("shared memory") };
    write!(f, "shared memory segment {}", id.number())?;
    if key != IPC_PRIVATE {
        write!(f, " (key {key:#x})")?;
    }
    write!(f, ", attached {} at {start:#x}", if is_read_only { "read-only" } else { "for writing" })
}
