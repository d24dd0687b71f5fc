//! Semaphore sets: where they stand, and the machine as they see it.
//!
//! The algorithm is [`skete_logic::sysv::sem`], proved there; this file gives it locks, records, memory and sleep. Nothing is taken at
//! boot: the limits are read at the first call, and a page of 64 places is taken when a set comes that has no place yet, and kept for ever,
//! so a stale id always finds a lock. Their semaphores are on the heap.
#![allow(unsafe_code, reason = "places are pages that live for ever; a sleeper's operations are on its stack")]

use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use hermit_sync::InterruptOnceCell;
use lock_api::{MappedMutexGuard, MutexGuard};
use skete_abi::Errno;
use skete_abi::sem::{SemBuf, SemInfo};
use skete_logic::pages::PAGE;
use skete_logic::sysv::ids::{Id, PLACES};
use skete_logic::sysv::limits::Limits;
use skete_logic::sysv::sem::{self, Gate, Lent, Places, Registry, Sleeper, Sleepers, undo};
use skete_logic::thread::Thread;
use skete_logic::time::Instant;

use super::futex::Machine;
use super::mutex::{RawSleep, Sleep};
use super::record::{self, Records};
use super::spawn;
use crate::arch::{cpu, gate};
use crate::board::options;
use crate::memory::{Heap, frames};

/// A set's lock: IRQs masked, then the gate.
#[derive(Debug)]
pub struct SetLock(AtomicU32);

impl Gate for SetLock {
    #[inline(always)]
    fn locked_at<R>(&self, number: u32, section: impl FnOnce() -> R) -> Option<R> {
        let before = cpu::mask();
        let result = gate::take_at(&self.0, number).then(|| {
            let result = section();
            // Release pairs with the Acquire in whoever takes the gate next.
            self.0.store(number, Ordering::Release);
            result
        });
        cpu::unmask(before);
        result
    }

    #[inline(always)]
    fn locked<R>(&self, section: impl FnOnce() -> (R, u32)) -> R {
        let before = cpu::mask();
        let result = self.locked_uninterrupted(section);
        cpu::unmask(before);
        result
    }

    #[inline(always)]
    fn locked_uninterrupted<R>(&self, section: impl FnOnce() -> (R, u32)) -> R {
        gate::take(&self.0);
        let (result, number) = section();
        // Release pairs with the Acquire in whoever takes the gate next.
        self.0.store(number, Ordering::Release);
        result
    }
}

/// A set of semaphores.
pub type Set = sem::Set<SetLock, Heap>;

/// How many places a page holds.
const PIECE: usize = PAGE as usize / size_of::<Set>();

const _: () = assert!(size_of::<Set>() == 64 && align_of::<Set>() == 64, "a set is one cache line");

/// Pages of places; null where none was wanted yet. Written under the registry's lock, read without one.
static PIECES: [AtomicPtr<Set>; PLACES / PIECE] = [const { AtomicPtr::new(core::ptr::null_mut()) }; PLACES / PIECE];

/// Which sets there are: for `semget` and IPC_RMID, and for reports.
static REGISTRY: Sleep<Option<Registry<Heap>>> = Sleep::new(None);

/// Masks interrupts while it is read: whoever is first may be any thread, and another that waits for it may be more urgent.
static LIMITS: InterruptOnceCell<Limits> = InterruptOnceCell::new();

/// All places.
#[derive(Clone, Copy, Debug)]
pub struct Table;

impl Places for Table {
    type Lock = SetLock;
    type Space = Heap;

    #[inline(always)]
    fn at(&self, index: usize) -> Option<&Set> {
        // Acquire pairs with the Release in `provide`.
        let piece = PIECES[index / PIECE % PIECES.len()].load(Ordering::Acquire);
        // SAFETY: a piece holds `PIECE` sets, and stays for ever.
        (!piece.is_null()).then(|| unsafe { &*piece.add(index % PIECE) })
    }

    fn provide(&self, index: usize) -> Option<&Set> {
        let slot = &PIECES[index / PIECE];
        if slot.load(Ordering::Relaxed).is_null() {
            let piece = frames::take()? as *mut Set;
            for number in 0..PIECE {
                #[allow(clippy::cast_possible_truncation, reason = "places are fewer than 2^16")]
                let place = (index / PIECE * PIECE + number) as u16;
                let lock = SetLock(AtomicU32::new(Set::first_number(place)));
                // SAFETY: the page is ours, and nobody else knows it yet.
                unsafe { piece.add(number).write(Set::new(place, lock, Heap)) };
            }
            slot.store(piece, Ordering::Release);
        }
        self.at(index)
    }
}

impl Sleepers for Machine {
    #[inline(always)]
    fn sleeper(&self, thread: Thread) -> &Sleeper {
        Records::sleeper(thread)
    }

    #[inline(always)]
    fn own_sleeper(&self) -> &Sleeper {
        record::current().sleeper()
    }

    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "the limit of operations is 16 bits")]
    fn lend(&self, operations: &[SemBuf]) -> Lent {
        Lent { start: operations.as_ptr() as usize, count: operations.len() as u16 }
    }

    #[inline(always)]
    fn borrow(&self, lent: Lent) -> &[SemBuf] {
        // SAFETY: a thread lent them from its stack or heap, and does not return before it is in no queue, which takes the lock that
        // the caller holds.
        unsafe { core::slice::from_raw_parts(lent.start as *const SemBuf, lent.count.into()) }
    }

    #[inline(always)]
    fn pid(&self) -> u32 {
        record::current().tid.load(Ordering::Relaxed)
    }

    #[inline]
    fn undo_list(&self, thread: Thread) -> u16 {
        record::of(thread).sharing.list()
    }

    fn expect_undo(&self) {
        spawn::undo_at_end(undo_left);
    }

    #[inline(always)]
    fn stamp(&self) -> u64 {
        cpu::ticks_about()
    }
}

/// Linux's limits, or those of boot option `sem=SEMMSL,SEMMNS,SEMOPM,SEMMNI`.
pub fn limits() -> &'static Limits {
    LIMITS.get_or_init(|| options::value("sem").map_or(Limits::LINUX, |word| Limits::parse(word.bytes().map(char::from))))
}

fn registry() -> Result<MappedMutexGuard<'static, RawSleep, Registry<Heap>>, Errno> {
    let mut guard = REGISTRY.lock();
    if guard.is_none() {
        *guard = Some(Registry::new(*limits(), Heap));
    }
    MutexGuard::try_map(guard, Option::as_mut).map_err(|_| Errno::ENOMEM)
}

/// The set that may have this id, and the id.
///
/// # Errors
/// `EINVAL`: no set has it.
#[inline(always)]
pub fn find(id: i32) -> Result<(&'static Set, Id), Errno> {
    let id = Id::from_number(id).ok_or(Errno::EINVAL)?;
    let set = Table.at(id.index()).ok_or(Errno::EINVAL)?;
    Ok((set, id))
}

/// `semget`. Errors: see [`Registry::open`].
pub fn open(key: i32, count: i32, flags: i32) -> Result<i32, Errno> {
    registry()?.open(&Machine, &Table, key, count, flags).map(Id::number)
}

/// IPC_RMID.
///
/// # Errors
/// `EINVAL`: no such set.
pub fn remove(id: i32) -> Result<(), Errno> {
    let id = Id::from_number(id).ok_or(Errno::EINVAL)?;
    let removed = registry()?.remove(&Machine, &Table, id)?;
    // Without the registry's lock.
    drop(removed);
    Ok(())
}

/// IPC_INFO and, if `is_use`, SEM_INFO; and the highest place where a set stands.
///
/// # Errors
/// `ENOMEM`.
pub fn info(is_use: bool) -> Result<(SemInfo, usize), Errno> {
    Ok(registry()?.info(is_use))
}

/// `semop` of one operation that is not the program's to change. Errors: see [`sem::Set::operate`].
#[inline(always)]
pub fn operate_one(id: i32, operation: &SemBuf) -> Result<(), Errno> {
    let set = Table.at(Id::place_of(id)).ok_or(Errno::EINVAL)?;
    if set.change(&Machine, id, operation) { Ok(()) } else { set.operate_one(&Machine, id, operation, None) }
}

/// `semtimedop` on operations that are not the program's to change. Errors: see [`sem::Set::operate`]; the count is looked at by the
/// caller.
#[inline(never)]
pub fn operate(id: i32, operations: &[SemBuf], deadline: Option<Instant>) -> Result<(), Errno> {
    Table.at(Id::place_of(id)).ok_or(Errno::EINVAL)?.operate(&Machine, id, operations, deadline)
}

/// Gives the calling thread an undo list of its own; what the old one says is done if nobody shares it any more.
pub fn unshare() {
    let me = record::current();
    spawn::leave_undo(me);
    me.sharing.begin(spawn::Sharing);
}

/// Nobody shares `list` any more: takes back what it says.
fn undo_left(list: u16) {
    undo::apply(&Machine, &Table, list);
}

/// How many threads wait for a semaphore now.
pub fn sleepers() -> usize {
    (0..PLACES).map_while(|index| Table.at(index)).map(|set| set.sleepers(&Machine)).sum()
}
