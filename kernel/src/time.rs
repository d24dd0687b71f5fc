//! Time: the system counter in nanoseconds, and the wall clock.
//!
//! The counter's rate is read at boot. Nanoseconds are a product with a 64.64-bit factor, seconds one with a factor of 64 bits: one clock,
//! without a division.

use core::sync::atomic::{AtomicU64, Ordering};

use skete_cell::Guarded;
pub use skete_logic::time::{Deadline, Instant, SECOND, When, seconds_of};
use skete_logic::time::{ns_per_tick, seconds_per_tick};
use skete_logic::wall::Wall;

use crate::arch::cpu;

/// Nanoseconds per tick, in units of 2⁻⁶⁴: one value, so that one load brings it.
///
/// Written by [`init`] while nobody else runs, only read from then on: so it needs no lock.
static NS_PER_TICK: Guarded<u128> = Guarded::new(ns_per_tick(seconds_per_tick(62_500_000)));
/// Seconds per tick, in units of 2⁻⁶⁴: as [`NS_PER_TICK`].
static SECONDS_PER_TICK: Guarded<u64> = Guarded::new(seconds_per_tick(62_500_000));
/// Ticks per second.
static RATE: AtomicU64 = AtomicU64::new(62_500_000);
/// Ticks per slice.
static SLICE_TICKS: AtomicU64 = AtomicU64::new(625_000);
/// The wall clock. It is set by [`crate::sched::clock`], which knows who waits for it.
pub static WALL: Wall = Wall::new();

const NS: u64 = 1_000_000_000;

/// A slice among equals: 10 ms.
pub const SLICE_NS: u64 = 10_000_000;

/// Reads the counter's rate. Called once, by core 0.
pub fn init() {
    let rate = cpu::tick_rate().max(2);
    RATE.store(rate, Ordering::Relaxed);
    SLICE_TICKS.store(rate / (NS / SLICE_NS), Ordering::Relaxed);
    SECONDS_PER_TICK.set(seconds_per_tick(rate));
    NS_PER_TICK.set(ns_per_tick(seconds_per_tick(rate)));
}

/// Seconds per tick, in units of 2⁻⁶⁴. It never changes after boot.
#[inline]
pub fn tick() -> u64 {
    SECONDS_PER_TICK.get()
}

/// Nanoseconds that `ticks` last.
#[inline(always)]
pub fn ns_of(ticks: u64) -> u64 {
    skete_logic::time::ns_of(ticks, NS_PER_TICK.get())
}

/// [`now`] in seconds and the nanoseconds beyond them.
#[inline(always)]
pub fn now_split() -> (u64, u32) {
    skete_logic::time::split(cpu::ticks(), tick())
}

/// The moment now.
#[inline(always)]
pub fn now() -> Instant {
    Instant::from_ns(ns_of(cpu::ticks()))
}

/// The counter's value at `at`, rounded up: a timer set for it is not early.
pub fn ticks_of(at: Instant) -> u64 {
    let rate = RATE.load(Ordering::Relaxed);
    let (seconds, ns) = (at.as_ns() / NS, at.as_ns() % NS);
    // One more than the quotient: `ns_of` rounds down.
    seconds.saturating_mul(rate).saturating_add(ns * rate / NS + 1)
}

/// A slice in ticks.
#[inline]
pub fn slice_ticks() -> u64 {
    SLICE_TICKS.load(Ordering::Relaxed)
}

/// Nanoseconds since 1970-01-01 00:00 UTC.
#[inline]
pub fn realtime_ns() -> u64 {
    WALL.epoch() + now().as_ns()
}

/// Nanoseconds since 1970-01-01 00:00 UTC when the counter stood at `ticks`, by the clock as it is set now.
pub fn realtime_of_ticks(ticks: u64) -> u64 {
    WALL.epoch() + ns_of(ticks)
}

/// The moment when the wall clock will show `ns` since 1970, as it is set now; boot, if that was before.
pub fn at_realtime(ns: u64) -> Instant {
    WALL.moment(ns)
}
