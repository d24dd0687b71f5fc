//! Taking signals: the handler runs, or the program ends.
#![allow(unsafe_code, reason = "calls what the program has given for a handler, on the stack that it has given")]

use core::arch::naked_asm;
use core::ffi::c_int;
use core::sync::atomic::Ordering;

use skete::arch::context::Context as Registers;
use skete::calls::process::{sys_abort, sys_exit};
use skete::sched::fault::Who;
use skete::sched::{park, record};
use skete_signals::action::flag;
use skete_signals::{Action, Fate, Info, Set, Signal};

use super::context::Context;
use super::{STATE, State, number_of};
use crate::errno;
use crate::linux::process::PID;
use crate::thread::block::Block;
use crate::thread::cancel;

/// What signals have made of a call that they interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No handler ran.
    Nothing,
    /// Handlers ran that want it to go on (SA_RESTART).
    Restarts,
    /// A handler ran after which it ends with `EINTR`.
    Ends,
}

/// A signal that was taken, and what is to be done.
pub(super) struct Taken {
    info: Info,
    overrun: u32,
    action: Action,
    fate: Fate,
    /// The mask to go back to.
    before: Set,
    /// Of a fault: where.
    address: Option<u64>,
}

/// How many signals are taken at one point; the rest is at the next. A timer that is faster than its handler would keep the thread for
/// ever.
const MOST: usize = 512;

/// The calling thread, which is `block`'s, takes every signal that it does not keep away.
#[cold]
#[inline(never)]
pub fn deliver(block: &Block) -> Outcome {
    deliver_at(block, None)
}

/// [`deliver`] by a thread that was interrupted with these registers, which handlers may change. Does not come back if it is to be
/// cancelled wherever it is.
#[optimize(size)]
pub fn deliver_at(block: &Block, mut registers: Option<&mut Registers>) -> Outcome {
    let mut outcome = Outcome::Nothing;
    leave_if_cancelled(block);
    // Of whatever was sent until now one hears below.
    park::take_interruption();
    for _ in 0..MOST {
        let taken = STATE.lock().take_due(block);
        let Some(taken) = taken else { break };
        match taken.fate {
            Fate::Ignored => {}
            Fate::Ends => end(taken.info.signal),
            Fate::Handled => {
                run(block, &taken, registers.as_deref_mut());
                if taken.action.flags & flag::RESTART == 0 {
                    outcome = Outcome::Ends;
                } else if outcome == Outcome::Nothing {
                    outcome = Outcome::Restarts;
                }
            }
        }
    }
    leave_if_cancelled(block);
    outcome
}

fn leave_if_cancelled(block: &Block) {
    if block.cancelling.is_cancelled_anywhere() {
        cancel::leave();
    }
}

impl State {
    /// Takes the next; without one the thread looks no more until somebody sends.
    #[optimize(size)]
    fn take_due(&mut self, block: &Block) -> Option<Taken> {
        let before = block.signals.mask();
        let Some((info, overrun)) = self.take(block, Set::ALL.but(before)) else {
            block.cancelling.forget_signal();
            return None;
        };
        let action = self.actions[info.signal.index()];
        let fate = action.fate(info.signal);
        if fate != Fate::Handled {
            return Some(Taken { info, overrun, action, fate, before, address: None });
        }
        let taken = self.begin(block, info, action, before, None);
        if self.queue.pending(number_of(block)).but(block.signals.mask()).is_empty() {
            // Nobody need look for the thread while its handler runs.
            block.cancelling.forget_signal();
        }
        Some(Taken { overrun, ..taken })
    }

    /// The handler of `action` is about to run.
    pub(super) fn begin(&mut self, block: &Block, info: Info, action: Action, before: Set, address: Option<u64>) -> Taken {
        self.actions[info.signal.index()] = action.afterwards();
        self.change_mask(block, action.mask_during(info.signal, before));
        Taken { info, overrun: 0, action, fate: Fate::Handled, before, address }
    }

    /// Takes one of `wanted`, and lets its timer go on: with how often that has expired meanwhile.
    #[optimize(size)]
    pub(super) fn take(&mut self, block: &Block, wanted: Set) -> Option<(Info, u32)> {
        let info = self.queue.take(number_of(block), wanted)?;
        self.tell();
        let overrun = self.timers.taken(&info);
        Some((info, overrun))
    }
}

/// Ends the program by a signal.
fn end(signal: Signal) -> ! {
    const BY_A_SIGNAL: i32 = 128;
    if signal == Signal::ABORT {
        sys_abort();
    }
    let who = Who(record::current());
    skete::trace::say(format_args!("terminated by signal {} (SIG{}), in {who}", signal.number(), signal.name()));
    sys_exit(BY_A_SIGNAL + i32::from(signal.number()))
}

/// Lets the handler of SIGABRT run, if there is one.
pub fn before_abort() {
    let block = Block::current();
    let action = {
        let mut state = STATE.lock();
        let action = state.actions[Signal::ABORT.index()];
        state.actions[Signal::ABORT.index()] = Action::NONE;
        action
    };
    if action.fate(Signal::ABORT) == Fate::Handled {
        let info = Info { signal: Signal::ABORT, code: super::code::THREAD, value: 0, timer: None };
        run(block, &Taken { info, overrun: 0, action, fate: Fate::Handled, before: block.signals.mask(), address: None }, None);
    }
}

/// musl's `siginfo_t`.
#[repr(C)]
pub struct SigInfo {
    signal: c_int,
    errno: c_int,
    code: c_int,
    gap: c_int,
    /// `si_pid` or `si_timerid`.
    first: c_int,
    /// `si_uid` or `si_overrun`.
    second: c_int,
    value: u64,
    rest: [u64; 12],
}

const _: () = assert!(size_of::<SigInfo>() == 128);

impl SigInfo {
    /// What C is told of a signal.
    pub fn new(info: &Info, overrun: u32) -> Self {
        let (first, second) = match info.timer {
            Some(timer) => (c_int::from(timer), overrun.cast_signed()),
            None => (PID, 0),
        };
        let signal = c_int::from(info.signal.number());
        Self { signal, errno: 0, code: info.code, gap: 0, first, second, value: info.value, rest: [0; 12] }
    }

    /// Of a fault: `si_addr`.
    #[allow(clippy::cast_possible_truncation, reason = "a pointer's two halves")]
    fn at(self, address: Option<u64>) -> Self {
        match address {
            Some(address) => Self { first: address as c_int, second: (address >> 32) as c_int, ..self },
            None => self,
        }
    }
}

/// A call of a handler.
struct Call {
    handler: usize,
    signal: c_int,
    wants_info: bool,
    info: SigInfo,
    context: Context,
}

extern "C" fn call(call: &mut Call) {
    if call.wants_info {
        // SAFETY: the program has given it for one, with SA_SIGINFO.
        let handler = unsafe { core::mem::transmute::<usize, extern "C" fn(c_int, *mut SigInfo, *mut Context)>(call.handler) };
        handler(call.signal, &raw mut call.info, &raw mut call.context);
    } else {
        // SAFETY: the program has given it for one.
        let handler = unsafe { core::mem::transmute::<usize, extern "C" fn(c_int)>(call.handler) };
        handler(call.signal);
    }
}

/// Runs the handler. `errno` is afterwards what it was; a handler may leave by `siglongjmp`.
#[optimize(size)]
pub(super) fn run(block: &Block, taken: &Taken, registers: Option<&mut Registers>) {
    let place = errno::__errno_location();
    // SAFETY: the thread's own.
    let errno = unsafe { place.read() };
    let mut frame = Call {
        handler: taken.action.handler,
        signal: c_int::from(taken.info.signal.number()),
        wants_info: taken.action.flags & flag::INFO != 0,
        info: SigInfo::new(&taken.info, taken.overrun).at(taken.address),
        context: Context::new(taken.before, taken.address, registers.as_deref()),
    };
    match other_stack(block).filter(|_| taken.action.flags & flag::ON_STACK != 0) {
        // SAFETY: the program has given this stack for handlers, and none runs there.
        Some(top) => unsafe { call_on(top, call, &mut frame) },
        None => call(&mut frame),
    }
    // SAFETY: as above.
    unsafe { place.write(errno) };
    if let Some(registers) = registers {
        frame.context.put_back(registers);
    }
    STATE.lock().change_mask(block, frame.context.mask());
}

/// Whether the caller runs on the stack for handlers.
pub fn is_on_other_stack(block: &Block) -> bool {
    let here = (&raw const *block as usize, 0);
    let here = core::hint::black_box(&here) as *const _ as usize;
    let stack = block.signals.stack.load(Ordering::Relaxed);
    stack != 0 && (stack..stack + block.signals.stack_bytes.load(Ordering::Relaxed)).contains(&here)
}

/// The end of the stack for handlers, if there is one that is not in use.
fn other_stack(block: &Block) -> Option<usize> {
    let stack = block.signals.stack.load(Ordering::Relaxed);
    let is_free = stack != 0 && !is_on_other_stack(block);
    is_free.then(|| (stack + block.signals.stack_bytes.load(Ordering::Relaxed)) & !15)
}

/// Calls `function` with `call` on the stack that ends at `top`.
#[unsafe(naked)]
unsafe extern "C" fn call_on(top: usize, function: extern "C" fn(&mut Call), call: &mut Call) {
    naked_asm!(
        "stp x29, x30, [sp, #-16]!",
        "mov x29, sp",
        "mov sp, x0",
        "mov x0, x2",
        "blr x1",
        "mov sp, x29",
        "ldp x29, x30, [sp], #16",
        "ret"
    )
}
