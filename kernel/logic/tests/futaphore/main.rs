//! Futaphores: histories against a plain reference. Simulated threads are threads of the host, of which one runs at a time.
#![cfg(not(loom))]

mod histories;
mod machine;
mod plain;
