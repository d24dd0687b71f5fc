//! Shared memory: what its calls answer, that aliases are one memory, that nothing is left behind. `testshm` prints `testshm: N checks
//! passed`; a check that fails panics, and the status is 101. `testshm limits` looks for the limits `shm=65536,40,3` of a boot option;
//! `testshm write` and `testshm gone` end in a fault: a write through a read-only attachment, a read of one that is detached.

use std::env;

mod addresses;
mod aliases;
mod answers;
mod c;
mod faults;
mod lives;
mod memory;

/// A name, and what panics if the name is not true.
type Check = (&'static str, fn());

fn main() {
    let checks = match env::args().nth(1).as_deref() {
        None => [answers::CHECKS, aliases::CHECKS, addresses::CHECKS, lives::CHECKS].concat(),
        Some("limits") => answers::LIMITED.to_vec(),
        Some("write") => return faults::write_read_only(),
        Some("gone") => return faults::read_detached(),
        Some(other) => panic!("what is {other}?"),
    };
    for (name, check) in &checks {
        check();
        memory::assert_nothing_left(name);
        println!("ok  {name}");
    }
    println!("testshm: {} checks passed", checks.len());
}
