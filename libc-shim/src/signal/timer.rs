//! POSIX timers, and the one of `alarm` and `setitimer`. The table lies under the lock of signals: who takes a timer's signal lets it go
//! on.
#![allow(unsafe_code, reason = "exported names, and structs that the program names by their address")]

use core::ffi::{c_int, c_void};

use skete::time::{self, Deadline, Instant};
use skete_abi::Errno;
use skete_abi::futex::TimeSpec;
use skete_signals::{Info, Signal, Timer};

use super::service::{self, Notice};
use super::{STATE, State, code};
use crate::errno::answer;
use crate::linux::time::{PROCESS_CPU, REALTIME, THREAD_CPU, moment, spec};
use crate::thread::attr::Attr;
use crate::thread::block::Block;

pub use service::look_again;

/// How many there are: the first is `alarm`'s.
const TIMERS: usize = 65;
const ALARM: u8 = 0;
/// `TIMER_ABSTIME`.
const ABSOLUTE: c_int = 1;
const NS_PER_US: u64 = 1000;

/// What a timer is for.
#[derive(Clone, Copy)]
enum Purpose {
    /// Nobody's.
    Free,
    /// Only to be asked (SIGEV_NONE).
    Silent,
    /// A signal for the program, or for a thread (SIGEV_SIGNAL, SIGEV_THREAD_ID).
    Signal(Info, Option<&'static Block>),
    /// A thread for each expiration (SIGEV_THREAD).
    Thread(Notice),
}

/// A timer and its clock: the wall clock if it waits for a moment of that, which may be set; else the one from boot.
#[derive(Clone, Copy)]
struct Slot {
    purpose: Purpose,
    timer: Timer,
    is_wall: bool,
    clock: c_int,
    overrun: u32,
}

const FREE: Slot = Slot { purpose: Purpose::Free, timer: Timer::IDLE, is_wall: false, clock: 0, overrun: 0 };

impl Slot {
    fn now(&self) -> u64 {
        if self.is_wall { time::realtime_ns() } else { time::now().as_ns() }
    }

    fn left(&self) -> (u64, u64) {
        self.timer.left(self.now())
    }

    fn deadline(&self) -> Option<Instant> {
        let at = self.timer.deadline()?;
        if matches!(self.purpose, Purpose::Silent) {
            return None;
        }
        Some(if self.is_wall { time::at_realtime(at) } else { Instant::from_ns(at) })
    }

    fn is_used(&self) -> bool {
        !matches!(self.purpose, Purpose::Free)
    }
}

/// All timers.
pub struct Table([Slot; TIMERS]);

impl Table {
    /// None.
    pub const fn new() -> Self {
        Self([FREE; TIMERS])
    }

    fn of(&mut self, info: &Info) -> Option<&mut Slot> {
        self.0.get_mut(usize::from(info.timer?))
    }

    /// A signal was taken; how often its timer has expired meanwhile, if it is one's.
    pub fn taken(&mut self, info: &Info) -> u32 {
        self.of(info).map_or(0, |slot| {
            slot.overrun = slot.timer.taken(slot.now());
            service::wake();
            slot.overrun
        })
    }

    /// A signal was dropped.
    pub fn went_by(&mut self, info: &Info) {
        if let Some(slot) = self.of(info) {
            slot.timer.went_by(slot.now());
            service::wake();
        }
    }

    fn named(&mut self, name: Name) -> Result<(u8, &mut Slot), Errno> {
        let number = u8::try_from(name.addr()).map_err(|_| Errno::EINVAL)?;
        let slot = self.0.get_mut(usize::from(number)).filter(|slot| number != ALARM && slot.is_used());
        slot.map(|slot| (number, slot)).ok_or(Errno::EINVAL)
    }

    /// When the next expires.
    pub fn earliest(&self) -> Option<Instant> {
        self.0.iter().filter_map(Slot::deadline).min()
    }
}

impl State {
    /// Sends the signals of those that expire now; answers with the first that wants a thread.
    pub(super) fn expire(&mut self) -> Option<Notice> {
        for number in 0..TIMERS {
            let slot = &mut self.timers.0[number];
            let now = slot.now();
            if slot.deadline().is_none() || !slot.timer.expires(now) {
                continue;
            }
            match slot.purpose {
                Purpose::Signal(info, to) => {
                    if self.send(to, info, None).is_err() {
                        self.timers.went_by(&info);
                    }
                }
                Purpose::Thread(notice) => {
                    slot.overrun = slot.timer.taken(now);
                    return Some(notice);
                }
                Purpose::Free | Purpose::Silent => {}
            }
        }
        None
    }
}

/// `timer_t`: a number.
type Name = *const c_void;

/// musl's `struct sigevent`.
#[repr(C)]
pub struct Event {
    value: u64,
    signal: c_int,
    notify: c_int,
    function: usize,
    attributes: *const Attr,
    rest: [u64; 4],
}

/// `SIGEV_SIGNAL`, `SIGEV_NONE`, `SIGEV_THREAD`, `SIGEV_THREAD_ID`.
const SIGNAL: c_int = 0;
const NONE: c_int = 1;
const THREAD: c_int = 2;
const THREAD_ID: c_int = 4;

/// What `event` asks for of timer `number`.
fn purpose(event: Option<&Event>, number: u8) -> Result<Purpose, Errno> {
    let signal = |signal, value| Info { signal, code: code::TIMER, value, timer: Some(number) };
    let Some(event) = event else { return Ok(Purpose::Signal(signal(Signal::ALARM, number.into()), None)) };
    match event.notify {
        SIGNAL => Ok(Purpose::Signal(signal(Signal::new(event.signal)?, event.value), None)),
        NONE => Ok(Purpose::Silent),
        THREAD => {
            // SAFETY: the program's attributes, or null.
            let attributes = unsafe { event.attributes.as_ref() }.copied().unwrap_or(Attr::DEFAULT);
            Ok(Purpose::Thread(Notice { function: event.function, value: event.value, attributes }))
        }
        THREAD_ID => {
            #[allow(clippy::cast_possible_truncation, reason = "an int in the union's first half")]
            let tid = event.function as u32;
            let is_named = |block: &&Block| block.is_alive() && block.tid.load(core::sync::atomic::Ordering::Relaxed) == tid;
            let block = Block::all().find(is_named).ok_or(Errno::EINVAL)?;
            Ok(Purpose::Signal(signal(Signal::new(event.signal)?, event.value), Some(block)))
        }
        _ => Err(Errno::EINVAL),
    }
}

/// POSIX `timer_create`: `EAGAIN` if there are 64 already, `ENOTSUP` for the time that a thread has run.
///
/// # Safety
/// `event` is one or null, and there is room for the name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timer_create(clock: c_int, event: *const Event, place: *mut Name) -> c_int {
    // SAFETY: the caller's promise.
    answer(create(clock, unsafe { event.as_ref() }).map(|number| {
        // SAFETY: as above.
        unsafe { place.write(core::ptr::without_provenance(number.into())) };
        0
    }))
}

fn create(clock: c_int, event: Option<&Event>) -> Result<u8, Errno> {
    moment(clock, 0).or_else(|errno| match clock {
        // A timer of it goes by the time since boot.
        PROCESS_CPU => Ok(Deadline::at(Instant::ZERO)),
        THREAD_CPU => Err(Errno::EOPNOTSUPP),
        _ => Err(errno),
    })?;
    service::begin()?;
    if event.is_some_and(|event| event.notify == THREAD) {
        crate::begin_threads();
    }
    let free = |state: &State| (1..TIMERS).find(|number| !state.timers.0[*number].is_used());
    let mut state = STATE.lock();
    let number = free(&state).ok_or(Errno::EAGAIN)?;
    let name = u8::try_from(number).map_err(|_| Errno::EAGAIN)?;
    state.timers.0[number] = Slot { purpose: purpose(event, name)?, clock, ..FREE };
    Ok(name)
}

/// POSIX `timer_delete`.
#[unsafe(no_mangle)]
pub extern "C" fn timer_delete(name: Name) -> c_int {
    let deleted = {
        let state = &mut *STATE.lock();
        state.timers.named(name).map(|(number, slot)| {
            state.queue.forget_timer(number);
            *slot = FREE;
            0
        })
    };
    answer(deleted)
}

/// `struct itimerspec`.
#[repr(C)]
pub struct Setting {
    interval: TimeSpec,
    value: TimeSpec,
}

impl Setting {
    fn of((left, interval): (u64, u64)) -> Self {
        Self { interval: spec(interval), value: spec(left) }
    }
}

/// POSIX `timer_settime`.
///
/// # Safety
/// `new` is a setting, and there is room for one at `old`, unless that is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timer_settime(name: Name, flags: c_int, new: *const Setting, old: *mut Setting) -> c_int {
    // SAFETY: the caller's promise.
    let set = unsafe { new.as_ref() }.ok_or(Errno::EINVAL).and_then(|new| set(name, flags, new));
    super::point();
    answer(set.map(|before| {
        if !old.is_null() {
            // SAFETY: as above.
            unsafe { old.write(before) };
        }
        0
    }))
}

fn set(name: Name, flags: c_int, new: &Setting) -> Result<Setting, Errno> {
    let (value, interval) = (new.value.as_ns().ok_or(Errno::EINVAL)?, new.interval.as_ns().ok_or(Errno::EINVAL)?);
    let before = {
        let state = &mut *STATE.lock();
        let (number, slot) = state.timers.named(name)?;
        state.queue.forget_timer(number);
        let before = slot.left();
        slot.is_wall = flags & ABSOLUTE != 0 && slot.clock == REALTIME;
        let start = if flags & ABSOLUTE != 0 { 0 } else { slot.now() };
        slot.timer.set((value != 0).then(|| start.saturating_add(value)), interval);
        slot.overrun = 0;
        before
    };
    look_again();
    Ok(Setting::of(before))
}

/// POSIX `timer_gettime`.
///
/// # Safety
/// There is room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timer_gettime(name: Name, place: *mut Setting) -> c_int {
    let left = STATE.lock().timers.named(name).map(|(_, slot)| slot.left());
    answer(left.map(|left| {
        // SAFETY: the caller's promise.
        unsafe { place.write(Setting::of(left)) };
        0
    }))
}

/// POSIX `timer_getoverrun`.
#[unsafe(no_mangle)]
pub extern "C" fn timer_getoverrun(name: Name) -> c_int {
    answer(STATE.lock().timers.named(name).map(|(_, slot)| slot.overrun.cast_signed()))
}

/// `struct itimerval`: seconds and microseconds of the interval, then of what is left.
pub type Interval = [i64; 4];

fn us(seconds: i64, us: i64) -> Result<u64, Errno> {
    TimeSpec { tv_sec: seconds, tv_nsec: us.saturating_mul(NS_PER_US.cast_signed()) }.as_ns().ok_or(Errno::EINVAL)
}

/// `setitimer(2)` of ITIMER_REAL: sets it if `new` is there, and tells what it was.
///
/// # Errors
/// `EINVAL`: another one, whose clock nobody counts; or no time.
#[optimize(size)]
pub fn interval(which: c_int, new: Option<*const Interval>, old: *mut Interval) -> Result<i64, Errno> {
    if which != 0 {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the program says that one is there, or it is null: then the timer is disarmed.
    let new = new.map(|new| unsafe { new.as_ref() }.copied().unwrap_or_default());
    let new =
        new.map(|[seconds, micros, first, rest]| us(seconds, micros).and_then(|interval| Ok((us(first, rest)?, interval)))).transpose()?;
    if new.is_some() {
        service::begin()?;
    }
    let (left, interval) = {
        let mut state = STATE.lock();
        let slot = &mut state.timers.0[usize::from(ALARM)];
        let before = slot.left();
        if let Some((value, interval)) = new {
            let info = Info { signal: Signal::ALARM, code: code::KERNEL, value: 0, timer: Some(ALARM) };
            slot.purpose = Purpose::Signal(info, None);
            let next = slot.now().saturating_add(value);
            slot.timer.set((value != 0).then_some(next), interval);
        }
        before
    };
    if new.is_some() {
        look_again();
    }
    if !old.is_null() {
        let [interval, left] = [interval, left].map(spec);
        let us = NS_PER_US.cast_signed();
        // What is left is told as at least a microsecond: 0 would say that it is disarmed.
        let rest = if left.tv_sec == 0 && left.tv_nsec > 0 { (left.tv_nsec / us).max(1) } else { left.tv_nsec / us };
        // SAFETY: the program says that there is room.
        unsafe { old.write([interval.tv_sec, interval.tv_nsec / us, left.tv_sec, rest]) };
    }
    Ok(0)
}
