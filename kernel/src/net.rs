//! The network on the machine: the stack of [`skete_net`] behind a lock, the thread that turns it, and how callers wait.
//!
//! - [`card`]: which card there is · [`usb`]: one at the Pi's USB · [`announcement`]: what boot says of it
//! - [`names`]: which address a name has
//! - [`transfer`]: what callers do and may have to wait for · [`wait`]: how they wait
//!
//! What the stack decides, and what leaves, happens in the caller's own thread. What comes is the turning thread's: it sleeps until the
//! card's interrupt, the stack's next deadline, or a caller that has set an earlier one, whichever comes first, and is more urgent than
//! programs' threads, so that a busy program does not lose what comes. Those who may go on are woken after the lock was let go.
//!
//! Nothing of this is in a program that opens no socket: [`begin`] is called by way of [`crate::start`], which finds it where a socket call
//! has put it.

pub mod announcement;
pub mod card;
pub mod names;
pub mod transfer;
mod usb;
pub mod wait;

use core::sync::atomic::{AtomicU32, Ordering};

use arrayvec::ArrayVec;
use hermit_sync::OnceCell;
use skete_abi::Errno;
use skete_logic::pages::PAGE;
use skete_logic::time::Instant as Moment;
use skete_net::stack::{Limits, WAKES, Waker};
use skete_net::{Instant, Stack};

use crate::memory::{Heap, frames};
use crate::sched::futex;
use crate::sched::mutex::Sleep;
use crate::sched::spawn::{self, Plan};
use crate::{entropy, time, trace};

/// How urgent the turning thread is: above std's threads, which are at 2.
const PRIORITY: u8 = 20;
/// Bytes of its stack.
const STACK: u64 = 64 << 10;

/// The stack, and when its thread turns it next.
struct Net {
    stack: Stack<Heap>,
    armed: Option<Instant>,
}

static NET: Sleep<Option<Net>> = Sleep::new(None);
/// Counts the card's interrupts and callers' wishes; the turning thread waits for it.
static BELL: AtomicU32 = AtomicU32::new(0);
/// The stack's outlook, as the turning thread saw it last; written under the lock. Who waits for an address or a name waits for it.
static OUTLOOK: AtomicU32 = AtomicU32::new(0);
/// Tells pollers that a file changed: set by the floor above, which has files.
static ANNOUNCE: OnceCell<fn()> = OnceCell::new();

struct Wakes;

impl Waker for Wakes {
    fn wake(&self, word: &'static AtomicU32, count: u32) {
        futex::wake(word, count);
    }

    fn announce(&self) {
        if let Some(announce) = ANNOUNCE.get() {
            announce();
        }
    }
}

/// Pollers are told by `announce` from now on.
pub fn announce_by(announce: fn()) {
    let _ = ANNOUNCE.set(announce);
}

/// Begins the network: called once, before the program.
pub fn begin() {
    let limits = Limits::of(frames::count().0 as u64 * PAGE);
    let seed = random();
    let Some(mut stack) = Stack::new(Heap, &Wakes, limits, seed, now()) else {
        trace::say(format_args!("network: no memory"));
        return;
    };
    let found = card::attach(&mut stack, &BELL);
    *NET.lock() = Some(Net { stack, armed: None });
    let plan = Plan { priority: PRIORITY, stack: STACK, name: "network", is_service: true, ..Plan::new(turn_for_ever, 0) };
    if let Err(errno) = spawn::spawn(&plan) {
        trace::say(format_args!("network: its thread cannot begin: {errno:?}"));
        return;
    }
    announcement::make(found);
}

/// Numbers that others must not guess.
fn random() -> u64 {
    let mut bytes = [0; 8];
    entropy::fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// The moment now, as the stack counts it.
fn now() -> Instant {
    Instant::from_micros(i64::try_from(time::now().as_ns() / 1000).unwrap_or(i64::MAX))
}

/// A moment of the stack's; rounded up, so that nobody comes too early.
fn moment(at: Instant) -> Moment {
    Moment::from_ns(u64::try_from(at.total_micros()).unwrap_or(0).saturating_mul(1000))
}

/// Does `act` with the stack, and what follows from it.
///
/// # Errors
/// `ENETDOWN`: there is no network, for want of memory; else what `act` answers.
pub fn with<R>(act: impl FnOnce(&mut Stack<Heap>) -> Result<R, Errno>) -> Result<R, Errno> {
    let mut guard = NET.lock();
    let net = guard.as_mut().ok_or(Errno::ENETDOWN)?;
    net.stack.set_now(now());
    let result = act(&mut net.stack);
    let next = net.stack.next();
    let is_earlier = next.is_some_and(|next| net.armed.is_none_or(|armed| next < armed));
    if is_earlier {
        net.armed = next;
    }
    let gathered = Gathered::of(&mut net.stack);
    drop(guard);
    gathered.deliver();
    if is_earlier {
        ring();
    }
    result
}

/// What is to be done once the lock is let go.
struct Gathered {
    wakes: ArrayVec<(&'static AtomicU32, u32), WAKES>,
    announces: bool,
}

impl Gathered {
    fn of(stack: &mut Stack<Heap>) -> Self {
        let mut wakes = ArrayVec::new();
        while let Some(wake) = stack.take_wake() {
            wakes.push(wake);
        }
        Self { wakes, announces: stack.take_announcement() }
    }

    fn deliver(self) {
        for (word, count) in self.wakes {
            futex::wake(word, count);
        }
        if self.announces {
            Wakes.announce();
        }
    }
}

/// The turning thread looks again.
fn ring() {
    BELL.fetch_add(1, Ordering::Release);
    futex::wake(&BELL, 1);
}

extern "C" fn turn_for_ever(_: usize) {
    loop {
        // Acquire pairs with the Release of who rings: what it changed is seen.
        let seen = BELL.load(Ordering::Acquire);
        let mut guard = NET.lock();
        let Some(net) = guard.as_mut() else { return };
        let turn = net.stack.turn(now());
        net.armed = turn.next;
        announcement::notice(&mut net.stack);
        let outlook = net.stack.outlook();
        let is_new = OUTLOOK.swap(outlook, Ordering::Relaxed) != outlook;
        let gathered = Gathered::of(&mut net.stack);
        drop(guard);
        gathered.deliver();
        if is_new {
            futex::wake(&OUTLOOK, u32::MAX);
        }
        if !turn.is_unfinished {
            let _ = futex::wait(&BELL, seen, turn.next.map(moment));
        }
    }
}
