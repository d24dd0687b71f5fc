//! What the kernel decides, without hardware.
#![no_std]
#![forbid(unsafe_code)]

pub mod pages;
