//! The loader's binary: the first code on the machine. It is made for the bare machine only; see the crate's documentation for how.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod machine;

/// On a host there is no machine to boot.
#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("skete-loader runs on the bare machine: build it for aarch64-unknown-none-softfloat");
}
