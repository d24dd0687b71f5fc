//! The lines that a reader of the serial line's log finds again: each ends with a star and two digits, all bytes before ` *` XORed, so that
//! what was cut or garbled on the way is known.

use std::fmt::Arguments;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::system::condition;

/// Whether this is a Pi, or QEMU's model of one: there cycles are counted, and the firmware tells how the board is doing.
pub static IS_PI: LazyLock<bool> = LazyLock::new(|| condition().is_some());
/// Rows since the group began.
static ROWS: AtomicU32 = AtomicU32::new(0);

/// Prints a line with its check.
pub fn line(words: Arguments<'_>) {
    let text = words.to_string();
    let check = text.bytes().fold(0, |check, byte| check ^ byte);
    println!("{text} *{check:02x}");
}

/// Prints a row; `words` begin with its name.
pub fn row(words: Arguments<'_>) {
    ROWS.fetch_add(1, Ordering::Relaxed);
    line(format_args!("row {words}"));
}

/// Says that everything follows.
pub fn begin_suite() {
    line(format_args!("suite bench begins on {}", if *IS_PI { "raspi3b" } else { "virt" }));
}

/// Says that everything is there.
pub fn end_suite(groups: usize) {
    line(format_args!("suite bench ends, {groups} groups"));
}

/// Says that a group's rows follow, and how the board is doing.
pub fn begin_group(name: &str) {
    ROWS.store(0, Ordering::Relaxed);
    line(format_args!("group {name} begins"));
    tell_board();
}

/// Says how the board is doing, and how many rows the group had.
pub fn end_group(name: &str) {
    tell_board();
    line(format_args!("group {name} ends, {} rows", ROWS.load(Ordering::Relaxed)));
}

/// The cores' rate in Hz, the temperature in thousandths of a degree, what holds the clocks down; `-` where the firmware does not tell.
fn tell_board() {
    let Some(condition) = condition() else { return };
    let told = |value: Option<u32>| value.map_or_else(|| "-".into(), |value| value.to_string());
    let throttled = condition.throttled.map_or_else(|| "-".into(), |bits| format!("{bits:#x}"));
    line(format_args!("board clock {} temperature {} throttled {throttled}", told(condition.arm_hz), told(condition.millidegrees)));
}
