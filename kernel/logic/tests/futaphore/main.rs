//! Futaphores: histories against a plain reference. A simulated thread that sleeps is a thread of the host; one runs at a time.
#![cfg(not(loom))]

mod histories;
mod lives;
mod machine;
mod plain;
