//! How a device is spoken to: registers in, bytes out. Knows no thread, no lock, no clock.
#![no_std]
