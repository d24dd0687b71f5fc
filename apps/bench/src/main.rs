//! What calls cost. `bench GROUP`, groups `threads`, `std`, `sync`, `scale`; without one, all but the last. Prints one line a row:
//!
//! ```text
//! row std.mutex.uncontended 13.2 ns 0.00 switches 0.00 entries
//! ```
//!
//! Switches of threads and the measuring thread's entries into the kernel stand beside the time, a round each. Under `-icount shift=0` a
//! nanosecond is an instruction. Everything runs on core 0. A row is the mean of many rounds, less what the same loop costs empty, which
//! stands above the rows. `bench explain ROW` runs one row a few times, with marks round it. `scale` takes all cores and the host's clock,
//! and is told in times.

use std::env;

use skete::thread::set_affinity;

mod meter;
mod scale;
mod std_calls;
mod sync;
mod threads;

fn main() {
    let group = env::args().nth(1);
    let asked = |name: &str| group.as_deref().is_none_or(|group| group == name || group == "explain");
    if group.as_deref() == Some("scale") {
        return scale::run();
    }
    set_affinity(1).expect("core 0 is there");
    meter::say_empty();
    if asked("threads") {
        threads::run();
    }
    if asked("std") {
        std_calls::run();
    }
    if asked("sync") {
        sync::run();
    }
}
