//! Futaphores: what they answer, how often they enter the kernel, and that they lose nothing. `futaphore [PAIRS]`, the argument being how
//! many pairs of P and V each thread of the stress makes. Prints `futaphore: N checks passed`; a check that fails panics, and the status
//! is 101.

mod answers;
mod entries;
mod face;
mod sleepers;
mod stress;

/// A name, and what panics if the name is not true.
type Check = (&'static str, fn());

fn main() {
    let checks = [entries::CHECKS, answers::CHECKS, face::CHECKS, sleepers::CHECKS, stress::CHECKS].concat();
    for (name, check) in &checks {
        check();
        assert_eq!(skete::futaphore::Page::get().count(), 0, "{name}: a futaphore is left");
        assert_eq!(skete::sched::futex::waiters(), 0, "{name}: somebody waits");
        println!("ok  {name}");
    }
    println!("futaphore: {} checks passed", checks.len());
}
