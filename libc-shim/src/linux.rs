//! Linux's system calls by their numbers (`asm/unistd.h`, aarch64): what `syscall()` and an `svc` reach.
//!
//! [`call`] finds the function; one file a subject: [`files`], [`memory`] and [`mapping`], [`process`], [`sched`], [`signal`], [`time`],
//! and System V's and futexes' in the kernel; sockets' are there if the program has any (`sockets/numbers.rs`). Each takes the arguments as
//! they are in registers, and answers as Linux does: an error is its number below zero.

pub mod files;
pub mod mapping;
pub mod memory;
pub mod process;
pub mod sched;
pub mod signal;
pub mod time;

use hermit_sync::InterruptOnceCell;
use skete_abi::Errno;

use crate::signal::Outcome;
use crate::thread::block::Block;

/// The arguments of a call: X0 to X5.
pub type Arguments = [u64; 6];

/// What a call answers.
pub type Answered = Result<i64, Errno>;

/// From now on an `svc` is answered here.
pub fn listen() {
    skete::sched::fault::answer_calls_by(enter);
}

/// The calls of one subject: `None` of a number that is none of them.
type Family = fn(u64, &Arguments) -> Option<Answered>;

/// The calls of a part that not every program carries.
static PART: InterruptOnceCell<Family> = InterruptOnceCell::new();

/// From now on numbers that nobody else knows are `family`'s. Called by boot.
pub fn add(family: Family) {
    let _ = PART.set(family);
}

fn by_part(number: u64, arguments: &Arguments) -> Option<Answered> {
    PART.get().and_then(|family| family(number, arguments))
}

/// Answers call `number`, made at `caller`. One that is not there answers `-ENOSYS`, and the console tells of it once.
pub fn call(number: u64, arguments: &Arguments, caller: u64) -> i64 {
    let families = [files::call, memory::call, process::call, sched::call, signal::call, time::call];
    match families.iter().find_map(|family| family(number, arguments)).or_else(|| by_part(number, arguments)) {
        Some(answered) => answered.unwrap_or_else(|errno| -i64::from(errno.number())),
        None => skete::sched::fault::refuse_call(number, caller),
    }
}

/// [`call`], after which the thread takes its signals; one that interrupts the call ends it or lets it go on.
pub fn enter(number: u64, arguments: &Arguments, caller: u64) -> i64 {
    loop {
        let answer = call(number, arguments, caller);
        if answer != INTERRUPTED {
            crate::signal::point();
            return answer;
        }
        if is_interrupted_for_good(number, arguments) {
            return answer;
        }
    }
}

/// Takes the calling thread's signals after its call was interrupted; whether the call ends with that.
pub fn is_interrupted_for_good(number: u64, arguments: &Arguments) -> bool {
    is_over(number, arguments, crate::signal::deliver(Block::current()))
}

/// What a call answers that was interrupted.
pub const INTERRUPTED: i64 = -(Errno::EINTR.number() as i64);

/// Whether a call that was interrupted ends with that: not if it can be made anew as if nothing had been, and either nothing was or the
/// handlers want it so (`signal(7)`), or it waits for a lock, which no handler ends.
pub fn is_over(number: u64, arguments: &Arguments, outcome: Outcome) -> bool {
    match outcome {
        Outcome::Nothing => !files::waits_anew(number, arguments) && !sched::waits_anew(number, arguments),
        Outcome::Restarts => !files::restarts(number) && !sched::waits_anew(number, arguments),
        Outcome::Ends => !sched::waits_for_lock(number, arguments),
    }
}

/// An argument that is an `int`.
#[allow(clippy::cast_possible_truncation, reason = "an int in a register's low half")]
pub const fn int(argument: u64) -> i32 {
    argument as i32
}

/// An argument that is an `unsigned`.
#[allow(clippy::cast_possible_truncation, reason = "as above")]
pub const fn word(argument: u64) -> u32 {
    argument as u32
}

/// An argument that is a pointer.
pub const fn pointer<T>(argument: u64) -> *mut T {
    argument as *mut T
}

/// What one of the kernel's own faces has answered.
fn told(answer: impl Into<i64>) -> Answered {
    Ok(answer.into())
}
