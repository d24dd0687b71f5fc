//! Four threads, each says its core.
use skete as _;

fn main() {
    println!("hello from core 0");
}
