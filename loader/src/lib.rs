//! Carries a program to the kernel. This half parses and decides, on any host; the binary of the same name carries it out.
//!
//! `kernel8.img` is the loader's flat image (an arm64 `Image`, see [`image`]) with a [`payload`] behind it: the program, its file
//! tree, its options, its function names. A payload may also come as initial ramdisk, or over the serial line; so may a bare ELF
//! program as initial ramdisk. The loader unpacks what is [`packed`], plans where the program's segments go ([`program`]), finds memory
//! for it ([`place`]), copies and relocates it, leaves a `Handover` behind it and jumps. Every [`refusal`] is one line on the console.
//!
//! # Building the binary
//! ```text
//! cargo build --profile loader -p skete-loader --bin skete-loader -Zbuild-std=core --target aarch64-unknown-none-softfloat
//! ```
//! with a nightly compiler or `RUSTC_BOOTSTRAP=1`. `build.rs` adds the link arguments and `link.ld`; the memory functions are the
//! loader's own, so no `build-std-features` are needed. No flag is wanted in `RUSTFLAGS`. Then [`image::flatten`] the ELF and
//! [`image::append`] the payload (feature `emit`).
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(feature = "emit", test))]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod elf;
pub mod image;
pub mod options;
pub mod packed;
pub mod payload;
pub mod place;
pub mod program;
pub mod refusal;
#[cfg(any(feature = "emit", test))]
pub mod sample;
pub mod serial;
