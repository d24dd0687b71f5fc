//! The ARMv8-A processor: everything here is an instruction or a register that Rust has no word for.
//!
//! The assembly calls upward by symbol, `skete_…`, as the processor calls the vectors: nothing here names a floor above.
//!
//! - [`entry`]: first instructions of every core, down to EL1 with MMU and caches on
//! - [`vectors`]: exception entry, saves a whole thread into its record
//! - [`switch`]: leaves one thread and resumes another; the only place that changes SP and TPIDR_EL0
//! - [`context`]: the registers of a thread at rest, as the assembly lays them out
//! - [`cpu`]: masking, waiting, barriers, the core's number, the system counter
//! - [`exclusive`]: the moves of a futaphore's word
//! - [`gate`]: the moves of the lock of a set of semaphores
//! - [`mmu`]: switches translation tables, forgets old translations
//! - [`stacks`]: the stacks that are no thread's
//! - `copy`: `memcpy` and its kin, where musl's are not
//! - [`probe`], [`transfer`]: single accesses to memory that may not be there, and copies
//! - [`supervisor`]: a thread's `svc`, answered on its own stack
//! - [`firmware`]: HVC and SMC, semihosting

pub mod context;
#[cfg(not(feature = "musl"))]
mod copy;
pub mod cpu;
pub mod entry;
pub mod exclusive;
pub mod firmware;
pub mod gate;
pub mod mmu;
pub mod probe;
pub mod stacks;
pub mod supervisor;
pub mod switch;
pub mod transfer;
pub mod vectors;
