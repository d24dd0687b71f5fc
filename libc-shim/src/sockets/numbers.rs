//! Sockets by the numbers of Linux's calls: for every program that has [`socket`](super::opening::socket), and by that carries the network.
#![allow(unsafe_code, reason = "an entry in the kernel's list of parts; calls with what the program has given")]

use core::arch::asm;
use core::ffi::c_void;

use super::{many, messages, opening, options};
use crate::errno::__errno_location;
use crate::linux::{self, Answered, Arguments, int, pointer, word};

/// Linux's numbers.
mod number {
    pub const SOCKET: u64 = 198;
    pub const SOCKETPAIR: u64 = 199;
    pub const BIND: u64 = 200;
    pub const LISTEN: u64 = 201;
    pub const ACCEPT: u64 = 202;
    pub const CONNECT: u64 = 203;
    pub const GETSOCKNAME: u64 = 204;
    pub const GETPEERNAME: u64 = 205;
    pub const SENDTO: u64 = 206;
    pub const RECVFROM: u64 = 207;
    pub const SETSOCKOPT: u64 = 208;
    pub const GETSOCKOPT: u64 = 209;
    pub const SHUTDOWN: u64 = 210;
    pub const SENDMSG: u64 = 211;
    pub const RECVMSG: u64 = 212;
    pub const ACCEPT4: u64 = 242;
    pub const RECVMMSG: u64 = 243;
    pub const SENDMMSG: u64 = 269;
}

/// Boot calls what stands in this section (`kernel/src/start/program.rs`).
#[unsafe(link_section = "skete_parts")]
static PART: fn() = begin;

fn begin() {
    linux::add(call);
}

/// Links [`PART`] with whoever calls this, and does nothing.
#[inline(always)]
pub fn use_numbers() {
    // SAFETY: a relocation that changes nothing, and no instruction.
    unsafe { asm!(".reloc ., R_AARCH64_NONE, {part}", part = sym PART, options(nomem, nostack, preserves_flags)) };
}

/// Answers the calls of this file: as the functions by their names do, but for `errno`, which stays what it was.
#[optimize(size)]
fn call(number: u64, arguments: &Arguments) -> Option<Answered> {
    // SAFETY: the thread's own, aligned, and there as long as the thread.
    let before = unsafe { __errno_location().read() };
    let answer = by_name(number, arguments)?;
    if answer >= 0 {
        return Some(Ok(answer));
    }
    // SAFETY: as above.
    let told = unsafe { __errno_location().replace(before) };
    Some(Ok(-i64::from(told)))
}

fn by_name(number: u64, arguments: &Arguments) -> Option<i64> {
    let [first, second, third, fourth, fifth, sixth] = *arguments;
    let (fd, length) = (int(first), usize::try_from(third).unwrap_or(usize::MAX));
    let name: *mut c_void = pointer(second);
    // SAFETY: whoever makes the call promises what each asks for.
    let answer = unsafe {
        match number {
            number::SOCKET => opening::socket(fd, int(second), int(third)),
            number::SOCKETPAIR => opening::socketpair(fd, int(second), int(third), pointer(fourth)),
            number::BIND => opening::bind(fd, name, word(third)),
            number::LISTEN => opening::listen(fd, int(second)),
            number::ACCEPT => opening::accept4(fd, name, pointer(third), 0),
            number::ACCEPT4 => opening::accept4(fd, name, pointer(third), int(fourth)),
            number::CONNECT => opening::connect(fd, name, word(third)),
            number::GETSOCKNAME => opening::getsockname(fd, name, pointer(third)),
            number::GETPEERNAME => opening::getpeername(fd, name, pointer(third)),
            number::SETSOCKOPT => options::setsockopt(fd, int(second), int(third), pointer::<c_void>(fourth), word(fifth)),
            number::GETSOCKOPT => options::getsockopt(fd, int(second), int(third), pointer(fourth), pointer(fifth)),
            number::SHUTDOWN => opening::shutdown(fd, int(second)),
            number::RECVMMSG => many::recvmmsg(fd, pointer(second), word(third), word(fourth), pointer(fifth)),
            number::SENDMMSG => many::sendmmsg(fd, pointer(second), word(third), word(fourth)),
            number::SENDTO => {
                return Some(messages::sendto(fd, pointer(second), length, int(fourth), pointer::<c_void>(fifth), word(sixth)) as i64);
            }
            number::RECVFROM => {
                return Some(messages::recvfrom(fd, pointer(second), length, int(fourth), pointer(fifth), pointer(sixth)) as i64);
            }
            number::SENDMSG => return Some(messages::sendmsg(fd, pointer(second), int(third)) as i64),
            number::RECVMSG => return Some(messages::recvmsg(fd, pointer(second), int(third)) as i64),
            _ => return None,
        }
    };
    Some(answer.into())
}
