//! A thread's faults: what an exception means, and whose it is.
//!
//! A first touch of reserved memory is answered and forgotten; every other fault is told and ends the machine with status 139. [`abort`] is
//! the program's own end: 101 after a Rust panic, else 134.
#![allow(unsafe_code, reason = "called by the vectors with the record that was interrupted")]

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

use aarch64_cpu::registers::{ESR_EL1, FAR_EL1, Readable};
use hermit_sync::InterruptOnceCell;
use skete_abi::Errno;

use super::detour::{self, Cause};
use super::record::{self, Record};
use crate::arch::context::Context;
use crate::arch::{cpu, probe, supervisor};
use crate::board::power;
use crate::memory::map;
use crate::panic::{ABORTED, FAULTED, PANICKED, backtrace, tell};
use crate::trace;

/// ESR_EL1.EC, exception classes (Arm ARM D17.2.37).
pub mod class {
    /// A system call.
    pub const SVC: u64 = 0x15;
    /// An instruction cannot be read.
    pub const INSTRUCTION_ABORT: u64 = 0x21;
    /// The program counter is no multiple of 4.
    pub const PC_ALIGNMENT: u64 = 0x22;
    /// An access that cannot be.
    pub const DATA_ABORT: u64 = 0x25;
    /// The stack pointer is no multiple of 16.
    pub const SP_ALIGNMENT: u64 = 0x26;
    /// `brk`.
    pub const BREAKPOINT: u64 = 0x3c;
    /// No instruction, or one that is not allowed.
    pub const UNDEFINED: u64 = 0x00;

    /// The class of a syndrome.
    #[must_use]
    pub const fn of(syndrome: u64) -> u64 {
        syndrome >> 26 & 0x3f
    }
}

/// Bytes on the stack that keep a calling thread's place.
const PLACE: u64 = 16;

/// A synchronous exception of the running thread.
#[unsafe(no_mangle)]
unsafe extern "C" fn skete_synchronous_fault(record: &'static Record) -> *const Record {
    let syndrome = ESR_EL1.get();
    let address = FAR_EL1.get();
    // SAFETY: the vectors have just saved it, and it does not run.
    let registers = unsafe { record.registers() };
    let class = class::of(syndrome);
    if class == class::DATA_ABORT || class == class::INSTRUCTION_ABORT {
        if is_translation_fault(syndrome) && map::touch(address) {
            return record;
        }
        if let Some(go_on) = probe::fix_up(registers.pc) {
            registers.pc = go_on;
            return record;
        }
    }
    if class == class::SVC && take_call(registers) {
        return record;
    }
    if detour::takes_fault(registers, Cause { syndrome, address }) {
        return record;
    }
    fault(record, registers, class, syndrome, address)
}

/// Answers a call of Linux's by number and arguments, made at `caller`.
pub type Answer = fn(number: u64, arguments: &[u64; 6], caller: u64) -> i64;

static ANSWER: InterruptOnceCell<Answer> = InterruptOnceCell::new();

/// From now on `answer` answers what threads call by `svc`.
pub fn answer_calls_by(answer: Answer) {
    let _ = ANSWER.set(answer);
}

/// Sends a thread that made a system call to where it is answered, and back. False: its stack has no room for that.
fn take_call(registers: &mut Context) -> bool {
    let place = if supervisor::is_end(registers.pc) { registers.sp } else { registers.sp.wrapping_sub(PLACE) };
    if !probe::is_mapped(place) && !map::touch(place) {
        return false;
    }
    if place == registers.sp {
        // SAFETY: mapped, and written below.
        registers.pc = unsafe { (place as *const u64).read() };
        registers.sp += PLACE;
    } else {
        // SAFETY: mapped, and below what the thread uses of its stack.
        unsafe { (place as *mut u64).write(registers.pc) };
        registers.sp = place;
        registers.pc = supervisor::begin as *const () as u64;
    }
    true
}

/// A thread's system call, on its own stack again.
#[unsafe(no_mangle)]
unsafe extern "C" fn skete_answer_call(arguments: &[u64; 6], number: u64, caller: u64) -> i64 {
    match ANSWER.get() {
        Some(answer) => answer(number, arguments, caller),
        None => refuse_call(number, caller),
    }
}

/// What a system call gets that has no answer here: `-ENOSYS`, and a line on the console the first time that its number comes.
pub fn refuse_call(number: u64, caller: u64) -> i64 {
    /// Linux has fewer numbers; those beyond share the last.
    const NUMBERS: usize = 512;
    static TOLD: [AtomicU64; NUMBERS / 64] = [const { AtomicU64::new(0) }; NUMBERS / 64];
    let place = usize::try_from(number).map_or(NUMBERS - 1, |number| number.min(NUMBERS - 1));
    let bit = 1 << (place % 64);
    if TOLD[place / 64].fetch_or(bit, Ordering::Relaxed) & bit == 0 {
        let caller = backtrace::in_image(caller.wrapping_sub(4));
        trace::say(format_args!("system call {number} from {} has no answer here: ENOSYS", backtrace::Place(caller)));
    }
    -i64::from(Errno::ENOSYS.number())
}

/// A system error: a device or bus answered an access with an error, later than it was made.
#[unsafe(no_mangle)]
unsafe extern "C" fn skete_system_error_fault(record: &'static Record) -> *const Record {
    let syndrome = ESR_EL1.get();
    // SAFETY: as above: saved just now.
    let registers = unsafe { record.registers() };
    tell(Who(record), registers, format_args!("system error (SError), ESR {syndrome:#x}"));
    power::off(FAULTED)
}

/// ESR_EL1.ISS of an abort: the low six bits tell why; 4–7 are translation faults at levels 0–3.
fn is_translation_fault(syndrome: u64) -> bool {
    (4..8).contains(&(syndrome & 0x3f))
}

fn fault(record: &'static Record, registers: &Context, class: u64, syndrome: u64, address: u64) -> ! {
    let found = map::find(address);
    let access = if syndrome & 1 << 6 != 0 { "write to" } else { "read of" };
    let what = match class {
        class::DATA_ABORT | class::INSTRUCTION_ABORT if found.is_guard() && record.stack.get().contains(address) => "stack overflow",
        class::DATA_ABORT | class::INSTRUCTION_ABORT if found.is_guard() => "stack overflow into the guard page of another thread",
        class::DATA_ABORT if found.is_lazy() => "out of memory at the first touch of a page",
        class::DATA_ABORT if syndrome & 0x3f == 0x21 => "unaligned access",
        class::DATA_ABORT if address < 4096 => "null pointer",
        class::DATA_ABORT if found.is_valid() => "forbidden access",
        class::DATA_ABORT => "access to nothing",
        class::INSTRUCTION_ABORT => "jump to what is no code",
        class::PC_ALIGNMENT => "jump to an odd address",
        class::SP_ALIGNMENT => "stack pointer not aligned to 16",
        class::BREAKPOINT => "breakpoint instruction",
        class::UNDEFINED => "undefined instruction",
        _ => "exception",
    };
    match class {
        class::DATA_ABORT if found.is_lent() => {
            tell(Who(record), registers, format_args!("{what}: {access} {address:#x}, in {}", Lent(address)));
        }
        class::DATA_ABORT => tell(Who(record), registers, format_args!("{what}: {access} {address:#x}")),
        class::INSTRUCTION_ABORT | class::PC_ALIGNMENT => tell(Who(record), registers, format_args!("{what}: {address:#x}")),
        _ => tell(Who(record), registers, format_args!("{what}, ESR {syndrome:#x}")),
    }
    power::off(FAULTED)
}

/// Says what is attached at an address.
pub type Namer = fn(u64, &mut fmt::Formatter<'_>) -> fmt::Result;

static NAMER: InterruptOnceCell<Namer> = InterruptOnceCell::new();

/// From now on reports name shared memory by `namer`, which must not wait for anything.
pub fn name_lent_by(namer: Namer) {
    let _ = NAMER.set(namer);
}

/// Shared memory as reports name it.
struct Lent(u64);

impl fmt::Display for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        NAMER.get().map_or(Ok(()), |namer| namer(self.0, f))
    }
}

/// A thread as reports name it.
pub struct Who(pub &'static Record);

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let core = self.0.core.load(Ordering::Relaxed);
        if self.0.is_idle() {
            return write!(f, "the kernel on core {core}");
        }
        let name = self.0.name();
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        let name = core::str::from_utf8(&name[..end]).unwrap_or("?");
        let number = self.0.thread().index();
        if name.is_empty() { write!(f, "thread {number} on core {core}") } else { write!(f, "thread {number} \"{name}\" on core {core}") }
    }
}

/// Ends the machine as `abort(3)` does; after a Rust panic with Rust's status.
pub fn abort() -> ! {
    let (pc, frame) = backtrace::here();
    let is_panic = backtrace::is_inside_panic(frame);
    cpu::mask();
    trace::silence_others();
    let what = if is_panic { "panicked" } else { "aborted" };
    trace::say(format_args!("{what}, in {}", Who(record::current())));
    backtrace::print(pc, frame);
    power::off(if is_panic { PANICKED } else { ABORTED })
}
