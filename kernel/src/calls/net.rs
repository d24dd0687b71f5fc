//! The Hermit ABI's socket calls. There is no network: each refuses with `ENOSYS`, so that every program links and learns it at run time.
#![allow(unsafe_code, reason = "the face towards programs: symbols")]

use core::ffi::{c_char, c_void};

use skete_abi::Errno;

use super::{answer, answer_int};

/// `EAI_FAIL`, as std expects it of `getaddrinfo`: a failure that will not pass.
const EAI_FAIL: i32 = 4;

/// The refusal of calls that return an `int`.
fn refuse() -> i32 {
    answer_int(Err::<i64, _>(Errno::ENOSYS))
}

/// The refusal of calls that return a count of bytes.
fn refuse_transfer() -> isize {
    answer(Err::<i64, _>(Errno::ENOSYS)) as isize
}

/// Begins the network.
#[unsafe(no_mangle)]
pub extern "C" fn sys_network_init() -> i32 {
    refuse()
}

/// Opens a socket.
#[unsafe(no_mangle)]
pub extern "C" fn sys_socket(_domain: i32, _kind: i32, _protocol: i32) -> i32 {
    refuse()
}

/// Gives a socket an address.
#[unsafe(no_mangle)]
pub extern "C" fn sys_bind(_fd: i32, _name: *const c_void, _len: u32) -> i32 {
    refuse()
}

/// Lets connections come.
#[unsafe(no_mangle)]
pub extern "C" fn sys_listen(_fd: i32, _backlog: i32) -> i32 {
    refuse()
}

/// Takes a connection.
#[unsafe(no_mangle)]
pub extern "C" fn sys_accept(_fd: i32, _name: *mut c_void, _len: *mut u32) -> i32 {
    refuse()
}

/// Connects.
#[unsafe(no_mangle)]
pub extern "C" fn sys_connect(_fd: i32, _name: *const c_void, _len: u32) -> i32 {
    refuse()
}

/// Sends.
#[unsafe(no_mangle)]
pub extern "C" fn sys_send(_fd: i32, _start: *const c_void, _len: usize, _flags: i32) -> isize {
    refuse_transfer()
}

/// Sends to an address.
#[unsafe(no_mangle)]
pub extern "C" fn sys_sendto(
    _fd: i32,
    _start: *const c_void,
    _len: usize,
    _flags: i32,
    _to: *const c_void,
    _to_len: u32,
) -> isize {
    refuse_transfer()
}

/// Receives.
#[unsafe(no_mangle)]
pub extern "C" fn sys_recv(_fd: i32, _start: *mut u8, _len: usize, _flags: i32) -> isize {
    refuse_transfer()
}

/// Receives, and tells from where.
#[unsafe(no_mangle)]
pub extern "C" fn sys_recvfrom(
    _fd: i32,
    _start: *mut u8,
    _len: usize,
    _flags: i32,
    _from: *mut c_void,
    _from_len: *mut u32,
) -> isize {
    refuse_transfer()
}

/// Ends one direction.
#[unsafe(no_mangle)]
pub extern "C" fn sys_shutdown(_fd: i32, _how: i32) -> i32 {
    refuse()
}

/// The older name of [`sys_shutdown`].
#[unsafe(no_mangle)]
pub extern "C" fn sys_shutdown_socket(fd: i32, how: i32) -> i32 {
    sys_shutdown(fd, how)
}

/// The other side's address.
#[unsafe(no_mangle)]
pub extern "C" fn sys_getpeername(_fd: i32, _name: *mut c_void, _len: *mut u32) -> i32 {
    refuse()
}

/// This side's address.
#[unsafe(no_mangle)]
pub extern "C" fn sys_getsockname(_fd: i32, _name: *mut c_void, _len: *mut u32) -> i32 {
    refuse()
}

/// Reads an option.
#[unsafe(no_mangle)]
pub extern "C" fn sys_getsockopt(
    _fd: i32,
    _level: i32,
    _option: i32,
    _value: *mut c_void,
    _len: *mut u32,
) -> i32 {
    refuse()
}

/// Sets an option.
#[unsafe(no_mangle)]
pub extern "C" fn sys_setsockopt(
    _fd: i32,
    _level: i32,
    _option: i32,
    _value: *const c_void,
    _len: u32,
) -> i32 {
    refuse()
}

/// Looks a name up: `EAI_FAIL`.
#[unsafe(no_mangle)]
pub extern "C" fn sys_getaddrinfo(
    _node: *const c_char,
    _service: *const c_char,
    _hints: *const c_void,
    _result: *mut *mut c_void,
) -> i32 {
    EAI_FAIL
}

/// Frees what [`sys_getaddrinfo`] gave: nothing.
#[unsafe(no_mangle)]
pub extern "C" fn sys_freeaddrinfo(_list: *mut c_void) {}

/// Looks a name up.
#[unsafe(no_mangle)]
pub extern "C" fn sys_getaddrbyname(_name: *const c_char, _address: *mut u8, _len: usize) -> i32 {
    refuse()
}
