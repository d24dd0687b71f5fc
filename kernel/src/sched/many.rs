//! One thread that waits for several words: `futex_waitv(2)`.
//!
//! The algorithm is [`skete_logic::futex::many`], proved there; this file gives it nodes. They are records behind those of threads, in the
//! same table, so that whoever wakes or moves a waiter finds its node in the same way: nobody pays for them who does not use them. Their
//! memory is taken at boot, and written at the first call that wants one.

use core::sync::atomic::{AtomicBool, Ordering};

use arrayvec::ArrayVec;
use skete_abi::Errno;
use skete_abi::futex::WAITV_MAX;
use skete_logic::futex::many::{Awaited, Nodes, owner_of};
use skete_logic::host;
use skete_logic::thread::Thread;
use skete_logic::time::Deadline;
use skete_logic::waiting::Cause;

use super::futex::{Machine, TABLE, Word};
use super::mutex::Sleep;
use super::record::{self, Record};
use crate::arch::cpu::Masking;
use crate::board::options;

/// Up to this many words are kept in a small frame.
const FEW: usize = 8;
/// The most nodes there are at all: 128 words of bits.
const MOST: usize = Free::MOST as usize;
/// Of a machine with little memory: one call for as many words as there may be, or half as many as threads.
const LEAST: usize = WAITV_MAX - 1;
/// A node for so many threads.
const THREADS_PER_NODE: usize = 8;

type Free = Nodes<128>;

static FREE: Free = Nodes::new();
/// Whether the nodes are there. Set after they were given, read before they are taken.
static ARE_READY: AtomicBool = AtomicBool::new(false);
/// Held by whoever makes them ready.
static MAKING: Sleep<()> = Sleep::new(());

/// How many nodes a kernel with room for this many threads has: what boot option `waitv` says, or one for eight threads, and some at least.
pub fn wanted(threads: usize) -> usize {
    let said = options::number("waitv").and_then(|count| usize::try_from(count).ok());
    said.unwrap_or((threads / THREADS_PER_NODE).max(LEAST.min(threads / 2))).min(MOST)
}

/// Begins the nodes' records, once.
fn make_ready() {
    // Acquire: pairs with the Release below; the records are written.
    if ARE_READY.load(Ordering::Acquire) {
        return;
    }
    let _making = MAKING.lock();
    if !ARE_READY.load(Ordering::Relaxed) {
        let nodes = record::length()..record::length_with_nodes();
        nodes.clone().filter_map(|index| u16::try_from(index).ok()).for_each(|number| _ = record::begin(Thread::new(number)));
        FREE.give((0..nodes.len()).filter_map(|node| u32::try_from(node).ok()));
        ARE_READY.store(true, Ordering::Release);
    }
}

/// Nodes that are lent to the calling thread, and come back when this is dropped.
struct Lent<'a>(&'a mut [Awaited], usize);

impl Lent<'_> {
    /// Gives each of `words` but the first, which has the caller's own, a node.
    ///
    /// # Errors
    /// `ENOMEM`: so many are not free.
    fn lend(words: &mut [Awaited]) -> Result<Lent<'_>, Errno> {
        let (me, first) = (record::current(), record::length());
        let wants = words.len() - 1;
        if wants != 0 {
            make_ready();
        }
        let mut places = words.iter_mut().skip(1);
        let count = u32::try_from(wants).map_err(|_| Errno::EINVAL)?;
        let is_lent = FREE.take(count, me.thread().index(), |node| {
            let node = u16::try_from(first + node as usize).map_or(Thread::NONE, Thread::new);
            let record = record::of(node);
            record.owner.set(me.thread());
            record.priority.store(me.priority(), Ordering::Relaxed);
            if let Some(word) = places.next() {
                word.node = node;
            }
        });
        if is_lent { Ok(Lent(words, first)) } else { Err(Errno::ENOMEM) }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        FREE.give(self.0.iter().skip(1).filter_map(|word| u32::try_from(word.node.index() - self.1).ok()));
    }
}

/// Sleeps until a wake for any of `count` words, as long as each holds what is expected of it, both of which `word` tells of the words by
/// their number; which of them was woken.
///
/// # Errors
/// `EINVAL`: no words, or more than 128; a word that is not aligned; or as `word` says. `EFAULT`: no such word. `ENOMEM`: so many nodes are
/// not free. `EAGAIN`: a word differs. `ETIMEDOUT`: the deadline passed.
pub fn wait(count: usize, word: impl Fn(usize) -> Result<(Word, u32), Errno>, deadline: Option<Deadline>) -> Result<usize, Errno> {
    match count {
        1..=FEW => wait_in::<FEW>(count, word, deadline),
        ..=WAITV_MAX if count != 0 => wait_in::<WAITV_MAX>(count, word, deadline),
        _ => Err(Errno::EINVAL),
    }
}

#[inline(never)]
fn wait_in<const N: usize>(
    count: usize,
    word: impl Fn(usize) -> Result<(Word, u32), Errno>,
    deadline: Option<Deadline>,
) -> Result<usize, Errno> {
    let node = record::current().thread();
    let mut words = ArrayVec::<Awaited, N>::new();
    for number in 0..count {
        let (word, expected) = word(number)?;
        words.push(Awaited { key: word.key()?, address: word.address, expected, node });
    }
    sleep_for(&mut words, deadline)
}

/// The part that is the same however many there is room for.
#[inline(never)]
fn sleep_for(words: &mut [Awaited], deadline: Option<Deadline>) -> Result<usize, Errno> {
    let lent = Lent::lend(words)?;
    let read = |awaited: &Awaited| Word { address: awaited.address, is_shared: false, is_sure: false }.read_as(awaited.key);
    record::waiting(Cause::Words, || TABLE.wait_many(&Machine, lent.0, deadline, read))
}

/// Whom a notification of `record` is for that found nobody asleep there: if it is a lent node, its owner, should that sleep.
#[cold]
#[inline(never)]
pub fn sleeping_owner(record: &Record) -> Option<&'static Record> {
    let owner = owner_of(&record.owner);
    let owner = (!owner.is_none()).then(|| record::of(owner))?;
    owner.token.notify().then_some(owner)
}

/// An unpark of `thread` that found nobody asleep there, with IRQs masked: passed on if that is a lent node.
pub extern "rust-cold" fn pass_on(thread: Thread, before: Masking) {
    host::pass_on(&Machine, thread, before);
}

/// How many nodes are free; none before the first wait for several words.
pub fn free() -> u32 {
    FREE.count()
}
