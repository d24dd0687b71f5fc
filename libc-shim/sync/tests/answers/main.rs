//! What every lock answers, error by error, with a kernel that plays by a script.
#![cfg(not(loom))]

mod conditions;
mod desk;
mod locks;
mod mutexes;
mod robust;
