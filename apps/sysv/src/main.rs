//! System V semaphores: every command and error, undo, fairness, a storm, the teaching interface. `sysv semaphores ROUNDS`, the number
//! being how often each philosopher of the storm eats, is what it does if nothing is asked; `sysv limits SEMMSL SEMMNS SEMOPM SEMMNI`
//! checks that these are the limits. Prints `sysv: N checks passed`; a check that fails panics, and the status is 101.

mod calls;
mod commands;
mod fairness;
mod limits;
mod operations;
mod simple;
mod storm;
mod undo;

use skete::sysv::sem;

/// A name, and what panics if the name is not true.
type Check = (&'static str, fn());

fn main() {
    let checks: Vec<Check> = match argument(1).as_str() {
        "limits" => limits::CHECKS.to_vec(),
        "semaphores" => {
            [commands::CHECKS, operations::CHECKS, calls::CHECKS, undo::CHECKS, fairness::CHECKS, storm::CHECKS, simple::CHECKS].concat()
        }
        group => panic!("no group is called {group}"),
    };
    for (name, check) in &checks {
        check();
        let (info, _) = sem::info(true).expect("there is memory");
        assert_eq!((info.semusz, info.semaem), (0, 0), "{name}: a set is left");
        assert_eq!(sem::sleepers(), 0, "{name}: somebody sleeps");
        println!("ok  {name}");
    }
    println!("sysv: {} checks passed", checks.len());
}

/// The program's argument number `at`; without any, `semaphores 2000`.
fn argument(at: usize) -> String {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let given = if given.is_empty() { vec!["semaphores".into(), "2000".into()] } else { given };
    given.into_iter().nth(at - 1).unwrap_or_else(|| panic!("argument {at} is missing"))
}

/// Waits until `count` threads wait for semaphore `number` of `id` to rise.
fn await_sleepers(id: i32, number: usize, count: usize) {
    await_that(|| sem::waiting_for_more(id, number) == Ok(count));
}

/// Looks again and again, and leaves the core between: where instructions are counted, one who spins has the machine for itself.
fn await_that(is_so: impl Fn() -> bool) {
    while !is_so() {
        std::thread::park_timeout(std::time::Duration::from_micros(20));
    }
}
