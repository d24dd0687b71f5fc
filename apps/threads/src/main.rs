//! Every synchronization primitive of std, each under enough threads to make it wait. Prints `threads: N checks passed`; a check that
//! fails panics, and the status is 101.

use skete as _;

mod channels;
mod check;
mod lives;
mod locks;
mod once;

fn main() {
    let checks = locks::CHECKS
        .iter()
        .chain(once::CHECKS)
        .chain(channels::CHECKS)
        .chain(lives::CHECKS);
    let count = checks.clone().count();
    for (name, check) in checks {
        check();
        println!("ok  {name}");
    }
    println!("threads: {count} checks passed");
}
