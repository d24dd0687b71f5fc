//! The stacks that are no thread's: each core's own for exceptions and the switch, its idle thread's, and one for emergencies.
#![allow(unsafe_code, reason = "each is used by one core, through its stack pointer")]

use core::cell::UnsafeCell;
use core::ops::Range;

use super::cpu;

/// A core's stack for exceptions and for the switch, above a guard page.
#[repr(C, align(4096))]
pub struct ExceptionStack {
    guard: [u8; 4096],
    stack: UnsafeCell<[u8; 28672]>,
}

/// An idle thread's stack, above a guard page; core 0's serves boot.
#[repr(C, align(4096))]
pub struct IdleStack {
    guard: [u8; 4096],
    stack: UnsafeCell<[u8; 28672]>,
}

/// Where a fault in the fault handler is told from.
#[repr(C, align(16))]
struct EmergencyStack(UnsafeCell<[u8; 4096]>);

// SAFETY: each is used by one core, through its stack pointer.
unsafe impl Sync for ExceptionStack {}
// SAFETY: as above.
unsafe impl Sync for IdleStack {}
// SAFETY: as above.
unsafe impl Sync for EmergencyStack {}

/// One exception stack a core.
pub static EXCEPTION_STACKS: [ExceptionStack; cpu::CORES] =
    [const { ExceptionStack { guard: [0; 4096], stack: UnsafeCell::new([0; 28672]) } }; cpu::CORES];
/// One idle stack a core.
pub static IDLE_STACKS: [IdleStack; cpu::CORES] =
    [const { IdleStack { guard: [0; 4096], stack: UnsafeCell::new([0; 28672]) } }; cpu::CORES];
static EMERGENCY_STACKS: [EmergencyStack; cpu::CORES] = [const { EmergencyStack(UnsafeCell::new([0; 4096])) }; cpu::CORES];

/// The top of core `number`'s emergency stack.
pub fn emergency(number: usize) -> usize {
    (&raw const EMERGENCY_STACKS[number]).wrapping_add(1) as usize
}

/// The guard pages below the other two, for boot to unmap.
pub fn guards() -> impl Iterator<Item = Range<u64>> {
    let exception = EXCEPTION_STACKS.iter().map(|stack| (&raw const *stack) as u64);
    let idle = IDLE_STACKS.iter().map(|stack| (&raw const *stack) as u64);
    exception.chain(idle).map(|start| start..start + 4096)
}
