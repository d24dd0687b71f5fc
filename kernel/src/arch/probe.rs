//! Reads and changes memory that may not be there: single accesses, each with a fix-up that the fault handler knows.
#![allow(unsafe_code, reason = "single accesses to an address that the application chose")]

use core::arch::{asm, naked_asm};

use aarch64_cpu::asm::barrier;

/// A word, or the news that it could not be read.
#[repr(C)]
struct Word {
    value: u64,
    failed: u64,
}

#[unsafe(naked)]
unsafe extern "C" fn load(address: usize) -> Word {
    naked_asm!("ldr w0, [x0]", "mov x1, #0", "ret")
}

#[unsafe(naked)]
unsafe extern "C" fn load_failed() -> Word {
    naked_asm!("mov x1, #1", "ret")
}

/// The 32-bit word at `address`, or `None` if nothing is mapped there. Memory reserved but not touched yet gets mapped.
#[inline]
pub fn read_word(address: usize) -> Option<u32> {
    // SAFETY: the load either succeeds or `fix_up` sends it to `load_failed`.
    let word = unsafe { load(address) };
    #[allow(clippy::cast_possible_truncation, reason = "`ldr w` zero-extends")]
    (word.failed == 0).then_some(word.value as u32)
}

#[unsafe(naked)]
unsafe extern "C" fn load_long(address: usize) -> Word {
    naked_asm!("ldr x0, [x0]", "mov x1, #0", "ret")
}

/// The 64-bit word at `address`, or `None` if nothing is mapped there.
#[inline]
pub fn read_long(address: usize) -> Option<u64> {
    // SAFETY: the load either succeeds or `fix_up` sends it to `load_failed`.
    let word = unsafe { load_long(address) };
    (word.failed == 0).then_some(word.value)
}

#[unsafe(naked)]
unsafe extern "C" fn store_long(address: usize, value: u64) -> Word {
    naked_asm!("str x1, [x0]", "mov x1, #0", "ret")
}

/// Writes the 64-bit word at `address`; false if nothing that can be written is mapped there.
#[inline]
pub fn write_long(address: usize, value: u64) -> bool {
    // SAFETY: the store either succeeds or `fix_up` sends it to `load_failed`.
    unsafe { store_long(address, value) }.failed == 0
}

/// Puts `new` into the word at `address` if it holds `expected`; what it held. Acquires and releases.
#[unsafe(naked)]
unsafe extern "C" fn exchange(address: usize, expected: u32, new: u32) -> Word {
    naked_asm!("2: ldaxr w3, [x0]", "cmp w3, w1", "b.ne 3f", "stlxr w4, w2, [x0]", "cbnz w4, 2b", "3: mov w0, w3", "mov x1, #0", "ret")
}

/// From the beginning of [`exchange`] to its store, in bytes.
const EXCHANGE_STORE: u64 = 12;

/// Puts `new` into the word at `address`, a multiple of four, if it holds `expected`; what it held before, or `None` if nothing that can
/// be written is mapped there. Acquires and releases.
#[inline]
pub fn compare_exchange(address: usize, expected: u32, new: u32) -> Option<u32> {
    // SAFETY: load and store either succeed or `fix_up` sends them to `load_failed`.
    let word = unsafe { exchange(address, expected, new) };
    #[allow(clippy::cast_possible_truncation, reason = "`mov w` zero-extends")]
    (word.failed == 0).then_some(word.value as u32)
}

/// Changes the word at `address`, a multiple of four, to what `change` makes of it; what it held before, or `None` as in
/// [`compare_exchange`].
pub fn update(address: usize, change: impl Fn(u32) -> u32) -> Option<u32> {
    let mut seen = read_word(address)?;
    loop {
        let held = compare_exchange(address, seen, change(seen))?;
        if held == seen {
            return Some(seen);
        }
        seen = held;
    }
}

/// Where `address` lies in memory now; `None` if nothing is mapped there. This core's walker answers (AT S1E1R), once every load before
/// has: it would run ahead of them.
#[inline]
pub fn physical(address: usize) -> Option<u64> {
    const FRAME: u64 = 0x0000_ffff_ffff_f000;
    barrier::dsb(barrier::ISHLD);
    let answer = translate(address as u64);
    (answer & 1 == 0).then_some(answer & FRAME | address as u64 & 0xfff)
}

/// What this core's walker answers about an address, with nothing in between: PAR_EL1.
macro_rules! ask {
    ($operation:literal, $address:expr) => {{
        let before = super::cpu::mask();
        let result: u64;
        // SAFETY: asks the walker and reads its answer.
        unsafe { asm!($operation, "isb", "mrs {}, par_el1", in(reg) $address, out(reg) result, options(nostack, preserves_flags)) };
        super::cpu::unmask(before);
        result
    }};
}

/// PAR_EL1 for a read of `address`: bit 0 set, nothing there; else the frame in bits 12–47.
fn translate(address: u64) -> u64 {
    ask!("at s1e1r, {}", address)
}

/// Whether the translation tables have something writable at `address` now.
pub fn is_writable(address: u64) -> bool {
    ask!("at s1e1w, {}", address) & 1 == 0
}

/// Whether the translation tables have something readable at `address` now.
pub fn is_mapped(address: u64) -> bool {
    translate(address) & 1 == 0
}

/// [`read_word`] for one that may not fault, on a core's own stack: what is not mapped now is not there.
pub fn read_quietly(address: u64) -> Option<u32> {
    // SAFETY: mapped, and a word does not cross a page.
    (address.is_multiple_of(4) && is_mapped(address)).then(|| unsafe { (address as *const u32).read_volatile() })
}

/// Where a fault at `pc` goes on, if that instruction is allowed to fault.
pub fn fix_up(pc: u64) -> Option<u64> {
    let exchange = exchange as *const () as u64;
    let others = [load as *const () as u64, load_long as *const () as u64, store_long as *const () as u64];
    let is_ours = others.contains(&pc) || pc == exchange || pc == exchange + EXCHANGE_STORE;
    if is_ours { Some(load_failed as *const () as u64) } else { super::transfer::fix_up(pc) }
}
