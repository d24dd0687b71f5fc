//! `cargo xtask`: build, boot, test and measure.
fn main() {}
