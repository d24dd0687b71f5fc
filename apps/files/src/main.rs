//! Files: what std::fs can do on the tree in memory, and what std has no word for: duplicates, eventfd, poll. Prints
//! `files: N checks passed`; a check that fails panics, and the status is 101.
//!
//! With the argument `root` it looks for the files that `--root apps/files/root` brings; with `stdin` it copies its input, in capitals.

use std::env;
use std::io::{self, BufRead, Write};

use skete as _;

mod raw;
mod raw_checks;
mod std_checks;

/// A name, and what panics if the name is not true.
type Check = (&'static str, fn());

fn main() -> io::Result<()> {
    if env::args().any(|argument| argument == "stdin") {
        return shout();
    }
    let wants_root = env::args().any(|argument| argument == "root");
    let root = if wants_root { std_checks::ROOT } else { &[] };
    let checks = [raw_checks::FIRST].iter().chain(std_checks::CHECKS).chain(raw_checks::CHECKS).chain(root);
    let count = checks.clone().count();
    for (name, check) in checks {
        check();
        println!("ok  {name}");
    }
    println!("files: {count} checks passed");
    Ok(())
}

/// Copies standard input to standard output, line by line, in capitals.
fn shout() -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        println!("{}", line?.to_uppercase());
    }
    io::stdout().flush()
}
