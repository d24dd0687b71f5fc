//! What the program is told: prints its arguments and environment, one a line, and ends with the status that `status=N` asks for.
//!
//! ```text
//! argument 0: args
//! argument 1: status=7
//! variable: COLOUR=blue
//! ```

use std::env;
use std::process::ExitCode;

use skete as _;

fn main() -> ExitCode {
    for (number, argument) in env::args().enumerate() {
        println!("argument {number}: {argument}");
    }
    let mut variables: Vec<_> = env::vars().collect();
    variables.sort();
    for (name, value) in variables {
        println!("variable: {name}={value}");
    }
    let status = env::args().find_map(|argument| argument.strip_prefix("status=")?.parse().ok());
    ExitCode::from(status.unwrap_or(0))
}
