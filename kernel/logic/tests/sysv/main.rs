//! System V objects on one host thread: sentences about each call, and histories against a plain reference.
#![cfg(not(loom))]

mod commands;
mod histories;
mod ids;
mod machine;
mod operations;
mod plain;
mod shm_answers;
mod shm_histories;
mod shm_memory;
mod shm_plain;
mod undo;
