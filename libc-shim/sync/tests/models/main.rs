#![cfg_attr(not(loom), allow(unused_crate_dependencies, reason = "nothing runs without loom"))]
fn main() {}
