//! What the processor refuses to do.
#![allow(unsafe_code, reason = "each function does one thing that must not be done")]

use std::arch::asm;
use std::hint::black_box;
use std::ptr;

/// Calls itself until the stack is used up.
#[allow(unconditional_recursion, reason = "that is the fault")]
pub fn deepen(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    deepen(depth + 1) + frame[31]
}

/// Reads through null.
#[inline(never)]
pub fn read_null() {
    // SAFETY: none; page 0 is unmapped, and the read faults.
    println!("{}", unsafe { black_box(ptr::null::<u32>()).read_volatile() });
}

/// Writes to an address where nothing is.
pub fn write_wild() {
    let nowhere = black_box(ptr::without_provenance_mut::<u32>(0xdead_beef_0000));
    // SAFETY: none; nothing is mapped there, and the write faults.
    unsafe { nowhere.write_volatile(1) };
}

/// Writes to a constant.
pub fn write_constant() {
    static CONSTANT: [u64; 8] = [7; 8];
    let constant = black_box(CONSTANT.as_ptr().cast_mut());
    // SAFETY: none; constants are mapped read-only, and the write faults.
    unsafe { constant.write_volatile(1) };
}

/// Writes to code.
pub fn write_code() {
    let code = black_box(deepen as *const () as *mut u32);
    // SAFETY: none; code is mapped without write access, and the write faults.
    unsafe { code.write_volatile(0) };
}

/// Jumps into data: a `ret` on the heap.
pub fn jump_into_data() {
    let data = black_box(vec![0xd65f_03c0_u32; 4]);
    // SAFETY: none; data is mapped without execution, and the jump faults.
    let function: extern "C" fn() = unsafe { std::mem::transmute(data.as_ptr()) };
    function();
}

/// Executes an undefined instruction.
pub fn execute_undefined() {
    // SAFETY: none; `udf` is undefined for good.
    unsafe { asm!("udf #0") };
}
