//! Carries a program to the kernel. This half parses and decides, on any host.
#![no_std]
