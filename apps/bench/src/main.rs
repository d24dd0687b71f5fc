//! What calls cost. `bench GROUP`, groups `threads`, `std`, `sync`, `memory`, `latency`, `scale`; without one, the whole suite, as a board
//! runs it. Prints one line a row, between lines that say where a group begins and ends:
//!
//! ```text
//! group std begins *5c
//! row std.mutex.uncontended 13.2 ns 0.00 switches 0.00 entries *1f
//! ```
//!
//! Switches of threads and the measuring thread's entries into the kernel stand beside the time, a round each; on a Pi cycles too, and a
//! line of its clock, temperature and throttling before and after each group. Behind `*` stands what tells whether a line came whole
//! ([`lines`]). Under `-icount shift=0` a nanosecond is an instruction. Everything runs on core 0, but for `latency` and `scale`, which take
//! all cores and a clock. A row is the mean of many rounds, less what the same loop costs empty, which stands above the rows. `bench explain
//! ROW` runs one row a few times, with marks round it. On Linux, with which it is compared, `sync` and `scale` are left out: their calls are
//! ours ([`system`]).

use std::env;

use system::set_affinity;

mod latency;
mod lines;
mod memory;
#[cfg_attr(not(target_os = "hermit"), allow(dead_code, reason = "some of it is for groups that are ours alone"))]
mod meter;
#[cfg(target_os = "hermit")]
mod scale;
mod std_calls;
#[cfg(target_os = "hermit")]
mod sync;
mod system;
mod threads;

/// A group's name, whether it is counted and on core 0, and what prints its rows.
type Group = (&'static str, bool, fn());

const GROUPS: &[Group] = &[
    ("threads", true, threads::run),
    ("std", true, std_calls::run),
    #[cfg(target_os = "hermit")]
    ("sync", true, system::run_sync),
    ("memory", true, memory::run),
    ("latency", false, latency::run),
    #[cfg(target_os = "hermit")]
    ("scale", false, system::run_scale),
];

fn main() {
    let asked = env::args().nth(1);
    match asked.as_deref() {
        None => {
            lines::begin_suite();
            GROUPS.iter().for_each(measure);
            lines::end_suite(GROUPS.len());
        }
        Some("explain") => {
            set_affinity(1);
            GROUPS.iter().filter(|(_, is_counted, _)| *is_counted).for_each(|(_, _, rows)| rows());
        }
        Some(asked) => {
            let group = GROUPS.iter().find(|(name, ..)| *name == asked).expect("there is such a group");
            measure(group);
        }
    }
}

fn measure((name, is_counted, rows): &Group) {
    lines::begin_group(name);
    if *is_counted {
        set_affinity(1);
        meter::say_empty();
    } else {
        set_affinity(u8::MAX);
    }
    rows();
    lines::end_group(name);
}
