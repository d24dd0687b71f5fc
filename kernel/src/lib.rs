//! The kernel: a dependency of the application that turns it into a bootable image.
//!
//! ```text
//! start            from the loader's jump to main, and the way out
//! calls            the faces: what std and C call; thread · futex: what a program calls
//! files            descriptors, the file tree, the console
//! net              the network: sockets' stack, its thread, its card
//! sched            threads on four cores, the futex table
//! memory · time · interrupt · panic · trace · entropy
//! board · lock     which board, its devices; the spin lock
//! arch             instructions and registers
//! ```
//! Imports run downward only. What can be decided without hardware is in `skete-logic`, how devices are spoken to in `skete-drivers`.
//!
//! A program needs one line, `use skete as _;`, and gets std whole. What std has no word for is in [`thread`], every operation of
//! `futex(2)` in [`futex`], semaphores that mostly need no kernel in [`futaphore`], System V's in [`sysv`].
#![allow(unsafe_code, reason = "the link arguments need a block to stand on")]
#![no_std]
#![cfg(target_os = "hermit")]
#![feature(asm_goto_with_outputs)]
#![feature(link_arg_attribute)]
#![feature(linkage)]
#![feature(rust_cold_cc)]

pub mod arch;
pub mod board;
pub mod calls;
pub mod entropy;
pub mod files;
pub mod futaphore;
pub mod futex;
pub mod interrupt;
pub mod lock;
pub mod memory;
pub mod net;
pub mod panic;
pub mod sched;
pub mod start;
pub mod sysv;
pub mod thread;
pub mod time;
pub mod trace;

pub use skete_abi::Errno;

#[link(kind = "link-arg", modifiers = "+verbatim", name = "--no-dynamic-linker")]
#[link(kind = "link-arg", modifiers = "+verbatim", name = "-zseparate-loadable-segments")]
#[link(kind = "link-arg", modifiers = "+verbatim", name = "-zmax-page-size=4096")]
#[link(kind = "link-arg", modifiers = "+verbatim", name = "--fix-cortex-a53-843419")]
unsafe extern "C" {}
