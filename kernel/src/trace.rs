//! What the kernel says and programs write: whole lines, from any core, even while everything else is broken.
//!
//! A write goes out a few bytes at a time, each lot under the console's spin lock and none of them waited for under it: no write keeps
//! IRQs masked for longer than the UART takes a FIFO's worth of stores. Whoever finds a write under way carries it on
//! ([`skete_logic::turns`]): so one whose thread is interrupted, or made to stand still for a report, keeps nobody from speaking. Once the
//! machine is stopping, one core has the console for itself and the others fall silent.
#![allow(unsafe_code, reason = "who waits sends the bytes of another, who waits too")]

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU32, Ordering};

use lock_api::MutexGuard;
use skete_logic::pages::PAGE;
use skete_logic::turns::Turns;

use crate::arch::cpu;
use crate::board::{console, options};
use crate::lock::{RawSpin, Spin};

/// The core that stops the machine, plus one; 0: none.
static LAST_SPEAKER: AtomicU32 = AtomicU32::new(0);
static CONSOLE: Spin<Turns<'static>> = Spin::new(Turns::new());

/// Bytes of a line; what is longer goes out in pieces, with the console held.
const LINE: usize = 200;
/// Bytes that go out under one lock: what a FIFO holds.
const LOT: usize = 16;

/// The console, whatever else happens.
enum Held {
    /// Its lock, and no write under way.
    Locked(#[expect(dead_code, reason = "held for its drop")] MutexGuard<'static, RawSpin, Turns<'static>>),
    /// The machine stops, and this core speaks alone.
    Alone,
}

impl Held {
    fn take() -> Self {
        match may_speak() {
            Speaker::Any => {
                let mut turns = CONSOLE.lock();
                turns.advance(usize::MAX, send_waiting);
                Self::Locked(turns)
            }
            Speaker::Last => Self::Alone,
        }
    }
}

struct Line {
    bytes: [u8; LINE],
    length: usize,
    /// Held from the first piece of a longer line on.
    held: Option<Held>,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if self.length == LINE {
                self.held.get_or_insert_with(Held::take);
                console::write(&self.bytes);
                self.length = 0;
            }
            self.bytes[self.length] = byte;
            self.length += 1;
        }
        Ok(())
    }
}

/// Says one line: `skete: ` and `text`.
pub fn say(text: fmt::Arguments<'_>) {
    let mut line = Line { bytes: [0; LINE], length: 0, held: None };
    let _ = writeln!(line, "skete: {text}");
    let rest = &line.bytes[..line.length];
    if line.held.is_some() { console::write(rest) } else { write(rest) }
}

/// [`say`], unless boot option `quiet` is on: what boot tells of a machine that is well.
pub fn announce(text: fmt::Arguments<'_>) {
    if !options::is_on("quiet") {
        say(text);
    }
}

/// Writes `bytes` as they are, not torn apart by another's. IRQs come in meanwhile, if they may.
pub fn write(bytes: &[u8]) {
    if may_speak() == Speaker::Last {
        return console::write(bytes);
    }
    map_all(bytes);
    // SAFETY: nobody reads them once their turn is over, and this function stays until then.
    let bytes = unsafe { core::slice::from_raw_parts(bytes.as_ptr(), bytes.len()) };
    let mut turn = None;
    loop {
        let mut turns = CONSOLE.lock();
        turn = turn.or_else(|| turns.begin(bytes));
        turns.advance(LOT, console::try_send);
        if turn.is_some_and(|turn| turns.is_over(turn)) {
            return;
        }
        drop(turns);
        // Nobody's turn ends once another core stops the machine.
        may_speak();
        cpu::pass_turn();
    }
}

/// Ends the write under way, before the machine stops.
pub fn finish() {
    drop(Held::take());
}

/// Touches each page of `bytes`: who carries this write on may be a handler, for whom nothing is mapped at the first touch.
fn map_all(bytes: &[u8]) {
    bytes.iter().step_by(PAGE as usize).chain(bytes.last()).for_each(|byte| {
        core::hint::black_box(*byte);
    });
}

fn send_waiting(byte: u8) -> bool {
    console::write(&[byte]);
    true
}

/// Who may speak.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaker {
    /// Everybody.
    Any,
    /// This core, which stops the machine. It may have been interrupted while it held the lock.
    Last,
}

/// Comes back unless another core stops the machine.
fn may_speak() -> Speaker {
    match LAST_SPEAKER.load(Ordering::Relaxed) {
        0 => Speaker::Any,
        _ if is_last_speaker() => Speaker::Last,
        _ => cpu::halt(),
    }
}

/// Makes this core the only one that speaks, for good. The others halt when they next have something to say, or still have.
pub fn silence_others() {
    let me = u32::try_from(cpu::number() + 1).unwrap_or(1);
    match LAST_SPEAKER.compare_exchange(0, me, Ordering::AcqRel, Ordering::Relaxed) {
        // What was being written stays torn: what is said now begins on a line of its own.
        Ok(_) if CONSOLE.try_lock().is_none_or(|turns| turns.is_torn()) => console::write(b"\n"),
        Err(other) if other != me => cpu::halt(),
        _ => {}
    }
}

/// Whether this core already stops the machine.
pub fn is_last_speaker() -> bool {
    LAST_SPEAKER.load(Ordering::Relaxed) as usize == cpu::number() + 1
}
