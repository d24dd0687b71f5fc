//! What boot says of the network: one line, which names the card, its address, and how that came, or why there is no network; and later,
//! that the card has failed, or that its link is up or down, if it tells.
//!
//! A DHCP server mostly answers at once: `main` waits for half a second at most, so that the line is whole. Where it takes longer, the
//! program begins, and a second line tells of the address when it comes; whoever connects meanwhile waits for it
//! ([`skete_net::setup::PATIENCE`]).

use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use skete_drivers::card::{Mac, Pace};
use skete_net::Stack;
use skete_net::setup::Origin;

use super::card::Found;
use crate::memory::Heap;
use crate::sched::futex;
use crate::{time, trace};

/// How long `main` waits for an address, in nanoseconds.
const PATIENCE_NS: u64 = 500_000_000;

/// Whether the card has an address; later, that it was told of.
static STATE: AtomicU32 = AtomicU32::new(NOTHING);
const NOTHING: u32 = 0;
/// It has one.
const KNOWN: u32 = 1;
/// The line was said without one.
const LATE: u32 = 2;
/// All was said.
const SAID: u32 = 3;

/// What was said of the link.
static LINK: AtomicU32 = AtomicU32::new(UNSAID);
const UNSAID: u32 = 0;
/// There is none, or it was not heard of.
const DOWN: u32 = 1;
/// There is one.
const UP: u32 = 2;

const fn state_of(link: bool) -> u32 {
    if link { UP } else { DOWN }
}

/// An address of hardware, as people write it.
struct Spelt(Mac);

impl fmt::Display for Spelt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

const fn said(origin: Origin) -> &'static str {
    match origin {
        Origin::Dhcp => "by DHCP",
        Origin::Fixed => "fixed",
    }
}

/// Says what was found.
pub fn make(found: Found) {
    let Found::Card { name, mac } = found else {
        STATE.store(SAID, Ordering::Relaxed);
        return match found {
            Found::Refused(reason) => trace::announce(format_args!("network: {reason}; loopback only")),
            _ => trace::announce(format_args!("network: no card; loopback only")),
        };
    };
    let deadline = time::now().saturating_add_ns(PATIENCE_NS);
    // Whatever ends the wait, the state tells.
    while STATE.load(Ordering::Relaxed) == NOTHING && time::now() < deadline {
        let _ = futex::wait(&STATE, NOTHING, Some(deadline));
    }
    // Said under the lock: nothing is told of the link before.
    let _ = super::with(|stack| {
        let Some(wired) = stack.wired() else { return Ok(()) };
        let (address, link) = (wired.address(), wired.link());
        STATE.store(if address.is_some() { SAID } else { LATE }, Ordering::Relaxed);
        LINK.store(link.map_or(UNSAID, state_of), Ordering::Relaxed);
        let (mac, no_link) = (Spelt(mac), if link == Some(false) { ", no link yet" } else { "" });
        match address {
            Some((address, origin)) => trace::announce(format_args!("network: {name} {mac}, {address} {}{no_link}", said(origin))),
            None if link == Some(false) => trace::announce(format_args!("network: {name} {mac}{no_link}")),
            None => trace::announce(format_args!("network: {name} {mac}, no address yet: nobody answers DHCP")),
        }
        Ok(())
    });
}

/// Whether it was said that the card has failed.
static HAS_FAILED: AtomicBool = AtomicBool::new(false);

/// Says that the link is up or down, if that is new.
fn notice_link(stack: &mut Stack<Heap>) {
    let before = LINK.load(Ordering::Relaxed);
    let Some(wired) = stack.wired() else { return };
    let Some(link) = wired.link().map(state_of).filter(|link| before != UNSAID && *link != before) else { return };
    LINK.store(link, Ordering::Relaxed);
    match (wired.way.card.pace().filter(|_| link == UP), wired.way.card.dropped()) {
        (Some(Pace { mbit, is_full }), _) => {
            trace::announce(format_args!("network: link up, {mbit} Mbit/s, {} duplex", if is_full { "full" } else { "half" }));
        }
        (None, 0) => trace::announce(format_args!("network: link down")),
        (None, dropped) => trace::announce(format_args!("network: link down; {dropped} damaged frames were dropped so far")),
    }
}

/// Called by the turning thread: an address may have come, the link be another, or the card have failed.
pub fn notice(stack: &mut Stack<Heap>) {
    if let Some(wired) = stack.wired()
        && wired.way.card.is_broken()
        && !HAS_FAILED.swap(true, Ordering::Relaxed)
    {
        trace::say(format_args!("network: {} has failed; loopback only from now on", wired.way.card.name()));
    } else {
        notice_link(stack);
    }
    let state = STATE.load(Ordering::Relaxed);
    if state == KNOWN || state == SAID {
        return;
    }
    let Some((address, origin)) = stack.wired().and_then(|wired| wired.address()) else { return };
    if state == LATE {
        STATE.store(SAID, Ordering::Relaxed);
        trace::announce(format_args!("network: {address} {}", said(origin)));
    } else if STATE.compare_exchange(NOTHING, KNOWN, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        futex::wake(&STATE, u32::MAX);
    }
}
