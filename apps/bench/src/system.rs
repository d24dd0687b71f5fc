//! What rows ask of the system that they run on: ours, or Linux, on which the same source is measured to compare with.

#[cfg_attr(target_os = "hermit", path = "system/skete.rs")]
#[cfg_attr(not(target_os = "hermit"), path = "system/linux.rs")]
mod here;

pub use here::{condition, count_cycles, counts, cycles, map, set_affinity, unmap};
#[cfg(target_os = "hermit")]
pub use here::{run_scale, run_sync};

/// How a board is doing, each as far as its firmware tells.
#[derive(Clone, Copy, Debug)]
pub struct Condition {
    /// The cores' rate, in Hz.
    pub arm_hz: Option<u32>,
    /// The chip's temperature, in thousandths of a degree Celsius.
    pub millidegrees: Option<u32>,
    /// Why the firmware holds the clocks down, or has.
    pub throttled: Option<u32>,
}

/// What is counted beside the time: switches of threads on all cores, and the calling thread's entries into the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    /// Switches.
    pub switches: u64,
    /// Entries.
    pub entries: u64,
}
