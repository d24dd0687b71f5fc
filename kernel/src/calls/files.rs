//! tmp
#![allow(unsafe_code, reason = "tmp")]
#[unsafe(no_mangle)]
pub extern "C" fn sys_write(_fd: i32, p: *const u8, n: usize) -> isize { crate::trace::write(unsafe { core::slice::from_raw_parts(p, n) }); n as isize }
#[repr(C)] pub struct Iovec { p: *const u8, n: usize }
#[unsafe(no_mangle)]
pub extern "C" fn sys_writev(fd: i32, p: *const Iovec, n: usize) -> isize { let mut t=0; for v in unsafe { core::slice::from_raw_parts(p, n) } { t+=sys_write(fd,v.p,v.n);} t }
