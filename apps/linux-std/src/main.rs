//! std as it is on Linux: panics unwind, and crates of everybody's run unmodified. Prints `linux-std: N checks passed`; a check that fails
//! panics, and the status is 101.
//!
//! - [`unwinding`]: panics that are caught, in threads and out of them, and what they leave behind
//! - [`waiting`]: threads that wait for one another; time
//! - [`system`]: files, environment, and what `libc` asks for
//! - [`border`]: C's threads in Rust, std's threads in C
//! - [`watching`]: epoll
//! - [`network`]: sockets
//! - [`crates`]: parking_lot, tokio · [`tasks`]: tokio over sockets
//!
//! One word of an argument ends the program otherwise: `panic` in the main thread, `abort`, or `border`, a panic that would leave Rust.

mod border;
mod crates;
mod network;
mod system;
mod tasks;
mod unwinding;
mod waiting;
mod watching;

/// A name, and what panics if the name is not true.
type Check = (&'static str, fn());

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("panic") => panic!("of the main thread"),
        Some("abort") => std::process::abort(),
        Some("border") => border::panic_in_c(),
        Some(word) => panic!("no such way to end: {word}"),
        None => {}
    }
    let files = [unwinding::CHECKS, waiting::CHECKS, system::CHECKS, border::CHECKS, watching::CHECKS];
    let checks = [&files[..], &[crates::CHECKS, network::CHECKS, tasks::CHECKS]].concat().concat();
    for (name, check) in &checks {
        check();
        println!("ok  {name}");
    }
    println!("linux-std: {} checks passed", checks.len());
}
