//! The futex table on one host thread: sentences about each operation, and histories against a plain reference.
#![cfg(not(loom))]

mod answers;
mod histories;
mod lending;
mod locks;
mod machine;
mod plain;
mod robust;
mod words;
