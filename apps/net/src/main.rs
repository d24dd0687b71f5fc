//! std::net, checked. `net home` stays on this machine; `net out ADDRESS` speaks with whoever says back what it hears there; `net
//! streams ADDRESS` over a network that loses what is sent over it; `net alone` is for a machine without a card.

use std::net::SocketAddr;
use std::process::ExitCode;

use skete as _;

mod alone;
mod crowds;
mod datagrams;
mod out;
mod raw;
mod streams;
mod waits;

/// One check: what it shows, and how.
type Check = (&'static str, fn());

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let checks: Vec<Check> = match arguments.next().as_deref() {
        Some("home") => [streams::CHECKS, waits::CHECKS, datagrams::CHECKS, crowds::CHECKS, raw::CHECKS].concat(),
        Some("out") => {
            let peer: SocketAddr = arguments.next().and_then(|text| text.parse().ok()).expect("`net out` is told an address");
            return run(&out::checks(peer));
        }
        Some("streams") => {
            let peer: SocketAddr = arguments.next().and_then(|text| text.parse().ok()).expect("`net streams` is told an address");
            return run(&out::streams_alone(peer));
        }
        Some("alone") => alone::CHECKS.to_vec(),
        _ => {
            eprintln!("net home | net out ADDRESS:PORT | net streams ADDRESS:PORT | net alone");
            return ExitCode::from(2);
        }
    };
    run(&checks.into_iter().map(|(name, check)| (name, Box::new(check) as Box<dyn Fn()>)).collect::<Vec<_>>())
}

/// Runs each: one that panics ends the program, and its name is the last line.
fn run(checks: &[(&str, Box<dyn Fn() + '_>)]) -> ExitCode {
    for (name, check) in checks {
        println!("{name}");
        check();
    }
    println!("net: {} checks passed", checks.len());
    ExitCode::SUCCESS
}
