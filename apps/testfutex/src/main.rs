//! Every operation of `futex(2)` and every error that it may answer, checked; storms of waits, wakes and requeues; locks that lend
//! priority; waits for several words; the words of a thread's beginning and end. `testfutex [GROUP…]`, groups `arguments`, `operations`,
//! `times`, `storms`, `lives`, `pi`, `lending`, `many`, `scarce`, `interruptions`, `clock`; without one, all.
//!
//! After every check nobody may be left in the table: it says `ok` and how many wait, which is 0.

use std::env;

use skete::futex::waiters;

mod arguments;
mod clock;
mod crowd;
mod interruptions;
mod lending;
mod lives;
mod lock;
mod many;
mod operations;
mod pi;
mod raw;
mod storms;
mod times;

/// A name, and what panics if the name is not true.
type Check = (&'static str, fn());

const GROUPS: [(&str, &[Check]); 11] = [
    ("arguments", arguments::CHECKS),
    ("operations", operations::CHECKS),
    ("times", times::CHECKS),
    ("storms", storms::CHECKS),
    ("lives", lives::CHECKS),
    ("pi", pi::CHECKS),
    ("lending", lending::CHECKS),
    ("many", many::CHECKS),
    ("scarce", many::SCARCE),
    ("interruptions", interruptions::CHECKS),
    ("clock", clock::CHECKS),
];

fn main() {
    let asked: Vec<String> = env::args().skip(1).collect();
    for name in &asked {
        assert!(GROUPS.iter().any(|(group, _)| group == name), "no group is called {name}");
    }
    let groups = GROUPS.iter().filter(|(group, _)| asked.is_empty() || asked.iter().any(|name| name == group));
    let mut count = 0;
    for (name, check) in groups.flat_map(|(_, checks)| checks.iter()) {
        check();
        let left = waiters();
        println!("ok  {name}; {left} wait");
        assert_eq!(left, 0, "somebody is left in the table");
        count += 1;
    }
    println!("testfutex: {count} checks passed, {} threads wait", waiters());
}
