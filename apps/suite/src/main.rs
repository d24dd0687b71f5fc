//! What the kernel promises about threads, time, memory and randomness, checked. `suite GROUP…`, groups `sharing`, `waking`,
//! `spawning`, `priorities`, `semaphores`, `queues`, `locals`, `heap`, `copies`, `time`, `random`, `console`; without one, all. Prints what it
//! measures, and `suite: N checks passed`; a check that fails panics, and the status is 101.
//!
//! The argument `exact` says that the machine's time is that of its instructions (`--icount`): then shares and delays are held to their
//! bounds. Without it another program may have had the host's processors, and they are held to what no other program can excuse.

use std::env;

use skete as _;

mod console;
mod copies;
mod heap;
mod hermit;
mod locals;
mod pause;
mod priorities;
mod queues;
mod random;
mod semaphores;
mod sharing;
mod spawning;
mod time;
mod waking;

/// A name, and what panics if the name is not true.
type Check = (&'static str, fn());

const GROUPS: [(&str, &[Check]); 12] = [
    ("sharing", sharing::CHECKS),
    ("waking", waking::CHECKS),
    ("spawning", spawning::CHECKS),
    ("priorities", priorities::CHECKS),
    ("semaphores", semaphores::CHECKS),
    ("queues", queues::CHECKS),
    ("locals", locals::CHECKS),
    ("heap", heap::CHECKS),
    ("copies", copies::CHECKS),
    ("time", time::CHECKS),
    ("random", random::CHECKS),
    ("console", console::CHECKS),
];

fn main() {
    let asked: Vec<String> = env::args().skip(1).filter(|name| name != EXACT).collect();
    for name in &asked {
        assert!(GROUPS.iter().any(|(group, _)| group == name), "no group is called {name}");
    }
    let groups = GROUPS.iter().filter(|(group, _)| asked.is_empty() || asked.iter().any(|name| name == group));
    let mut count = 0;
    for (name, check) in groups.flat_map(|(_, checks)| checks.iter()) {
        check();
        println!("ok  {name}");
        count += 1;
    }
    println!("suite: {count} checks passed");
}

const EXACT: &str = "exact";

/// Whether shares and delays are held to their bounds.
fn is_exact() -> bool {
    env::args().any(|argument| argument == EXACT)
}

/// How many cores run threads.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
