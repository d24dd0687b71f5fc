//! The functions as C declares them.
#![allow(unsafe_code, reason = "functions as C declares them")]

// SAFETY: so they are in `kernel/src/calls`. Pointers are looked at there.
unsafe extern "C" {
    pub safe fn sys_shmget(key: i32, bytes: usize, flags: i32) -> i32;
    pub safe fn sys_shmat(id: i32, address: usize, flags: i32) -> isize;
    pub safe fn sys_shmdt(address: usize) -> i32;
    pub safe fn sys_shmctl(id: i32, command: i32, argument: usize) -> i32;
    pub safe fn sys_get_errno() -> i32;
    pub safe fn sys_munmap(address: usize, bytes: usize) -> i32;
    pub safe fn sys_mprotect(address: usize, bytes: usize, protection: u32) -> i32;
}
