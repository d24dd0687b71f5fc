//! Who called whom: the chain of frame records that X29 begins (AAPCS64 6.4.6), and the functions' names.
#![allow(unsafe_code, reason = "reads frame records where X29 points, after asking whether memory is mapped there")]

use core::arch::asm;
use core::fmt;

use hermit_sync::OnceCell;
use skete_abi::names::Names;

use crate::arch::probe;
use crate::board::image;
use crate::trace;

/// How many callers are told.
const DEPTH: usize = 48;

static NAMES: OnceCell<&'static [u8]> = OnceCell::new();

/// Makes function names known.
pub fn set_names(names: &'static [u8]) {
    let _ = NAMES.set(names);
}

/// The address in the program's ELF file of `address` in memory.
pub fn in_image(address: u64) -> u64 {
    address.wrapping_sub(image::base())
}

/// The caller's program counter and frame record.
#[inline(always)]
pub fn here() -> (u64, u64) {
    let (pc, frame): (u64, u64);
    // SAFETY: reads registers.
    unsafe { asm!("adr {}, .", "mov {}, x29", out(reg) pc, out(reg) frame, options(nomem, nostack)) };
    (pc, frame)
}

/// A frame record: the caller's, and where it goes on.
fn read(frame: u64) -> Option<(u64, u64)> {
    let is_there = frame != 0 && frame.is_multiple_of(16) && probe::is_mapped(frame);
    // SAFETY: mapped; a frame record is 16 bytes, and does not cross a page.
    is_there.then(|| unsafe { (frame as *const (u64, u64)).read() })
}

/// The functions on the way to `pc`, whose frame record is `frame`.
fn frames(pc: u64, frame: u64) -> impl Iterator<Item = u64> {
    let callers = core::iter::successors(read(frame), |(next, _)| read(*next)).map(|(_, link)| link.wrapping_sub(4));
    core::iter::once(pc).chain(callers.take_while(|caller| *caller > 4)).take(DEPTH)
}

/// Prints the chain, one line a caller: `#n address name+offset`, as `cargo xtask run` resolves further.
pub fn print(pc: u64, frame: u64) {
    for (number, address) in frames(pc, frame).enumerate() {
        trace::say(format_args!("  #{number} {}", Place(in_image(address))));
    }
}

/// An address in the program's ELF file, as it is told.
pub struct Place(pub u64);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match name_of(self.0) {
            Some((name, offset)) => write!(f, "{:#x} {name}+{offset:#x}", self.0),
            None => write!(f, "{:#x}", self.0),
        }
    }
}

fn name_of(address: u64) -> Option<(&'static str, u32)> {
    Names::parse(NAMES.get()?).lookup(u32::try_from(address).ok()?)
}

/// What the names of Rust's panic machinery hold.
const PANIC: &[u8] = b"rust_panic";

/// Whether Rust's panic machinery is among the callers.
pub fn is_inside_panic(frame: u64) -> bool {
    frames(0, frame).skip(1).any(|address| {
        // By windows: `str`'s own search is two kilobytes of program.
        let is_panic = |name: &str| name.as_bytes().windows(PANIC.len()).any(|part| part == PANIC);
        name_of(in_image(address)).is_some_and(|(name, _)| is_panic(name))
    })
}
