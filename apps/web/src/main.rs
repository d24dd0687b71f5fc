//! Crates that speak over the network, as they are on crates.io, with the kernel's std. `web home` stays on this machine: mio's events, pages
//! of tiny_http asked for by ureq, secrets of rustls with a provider in Rust alone; `web out ADDRESS` asks a server outside.

use std::net::SocketAddr;
use std::process::ExitCode;

use skete as _;

mod events;
mod pages;
mod secrets;

/// One check: what it shows, and how.
type Check = (&'static str, fn());

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("home"), None) => run(&[events::CHECKS, pages::CHECKS, secrets::CHECKS].concat()),
        (Some("out"), Some(address)) => match address.parse::<SocketAddr>() {
            Ok(server) => {
                pages::asks_outside(server);
                println!("web: 1 checks passed");
                ExitCode::SUCCESS
            }
            Err(why) => {
                eprintln!("web: `{address}`: {why}");
                ExitCode::from(2)
            }
        },
        _ => {
            eprintln!("web home | web out ADDRESS:PORT");
            ExitCode::from(2)
        }
    }
}

/// Runs each: one that panics ends the program, and its name is the last line.
fn run(checks: &[Check]) -> ExitCode {
    for (name, check) in checks {
        println!("{name}");
        check();
    }
    println!("web: {} checks passed", checks.len());
    ExitCode::SUCCESS
}
