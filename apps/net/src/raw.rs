//! What std has no word for: polling, wrong arguments, a socket that is closed while somebody waits for it.
#![allow(unsafe_code, reason = "calls of the Hermit ABI, each with arguments of this file's own")]

use std::io::Write as _;
use std::net::TcpStream;
use std::os::hermit::io::AsRawFd as _;
use std::ptr::{null, null_mut};
use std::thread;
use std::time::{Duration, Instant};

use hermit_abi::{
    AF_INET, POLLHUP, POLLIN, POLLNVAL, POLLOUT, SO_REUSEADDR, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET, in_addr, pollfd, sockaddr, sockaddr_in,
};

use super::Check;
use super::streams::{listener, pair};

pub const CHECKS: &[Check] = &[
    ("sockets, events and the console in one poll", polls),
    ("a poll is told of every kind of end", ends),
    ("who waits for a socket that is closed is told so", closed_under_a_waiter),
    ("a connection that begins in the background", begins),
    ("wrong arguments are answered as POSIX says", wrong),
    ("every number is given back", numbers),
];

fn poll(fds: &mut [pollfd], timeout_ms: i32) -> i32 {
    // SAFETY: a slice of this length.
    unsafe { hermit_abi::poll(fds.as_mut_ptr(), fds.len(), timeout_ms) }
}

fn close(fd: i32) -> i32 {
    // SAFETY: a number, which is nobody else's.
    unsafe { hermit_abi::close(fd) }
}

fn socket(kind: i32) -> i32 {
    // SAFETY: three numbers.
    unsafe { hermit_abi::socket(AF_INET, kind, 0) }
}

fn name(port: u16) -> sockaddr_in {
    let address = in_addr { s_addr: u32::from_ne_bytes([127, 0, 0, 1]) };
    sockaddr_in { sin_family: AF_INET.to_le_bytes()[0], sin_port: port.to_be(), sin_addr: address, ..sockaddr_in::default() }
}

/// Calls `act` with a pointer to `name` and its length.
fn with_name(name: &sockaddr_in, act: unsafe extern "C" fn(i32, *const sockaddr, u32) -> i32, fd: i32) -> i32 {
    let length = u32::try_from(size_of::<sockaddr_in>()).expect("it is small");
    // SAFETY: a struct of this length.
    unsafe { act(fd, (&raw const *name).cast(), length) }
}

const fn wish(fd: i32, events: i16) -> pollfd {
    pollfd { fd, events, revents: 0 }
}

fn polls() {
    let (near, far) = pair();
    // SAFETY: two numbers.
    let event = unsafe { hermit_abi::eventfd(0, 0) };
    // Of a console whose input has ended, its end can always be read: then nobody asks.
    let console = if poll(&mut [wish(0, POLLIN)], 0) == 0 { 0 } else { -1 };
    let mut fds = [wish(far.as_raw_fd(), POLLIN), wish(event, POLLIN), wish(console, POLLIN)];
    assert_eq!(poll(&mut fds, 0), 0, "nothing has happened");
    let began = Instant::now();
    assert_eq!(poll(&mut fds, 20), 0);
    assert!(began.elapsed() >= Duration::from_millis(20));
    let writer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(10));
        (&near).write_all(b"x").expect("it is heard");
        near
    });
    assert_eq!((poll(&mut fds, 5000), fds[0].revents, fds[1].revents), (1, POLLIN, 0));
    let near = writer.join().expect("it wrote");
    let ringer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(10));
        let one = 1_u64.to_ne_bytes();
        // SAFETY: eight bytes.
        unsafe { hermit_abi::write(event, one.as_ptr(), one.len()) }
    });
    let mut fds = [wish(near.as_raw_fd(), POLLIN), wish(event, POLLIN)];
    assert_eq!((poll(&mut fds, 5000), fds[0].revents, fds[1].revents), (1, 0, POLLIN));
    assert_eq!(ringer.join().ok(), Some(8));
    close(event);
}

fn ends() {
    let (near, far) = pair();
    let mut fds = [wish(far.as_raw_fd(), POLLIN | POLLOUT)];
    assert_eq!((poll(&mut fds, 0), fds[0].revents), (1, POLLOUT));
    drop(near);
    let mut fds = [wish(far.as_raw_fd(), POLLIN)];
    assert_eq!((poll(&mut fds, 5000), fds[0].revents), (1, POLLIN), "the end can be read");
    let (listener, address) = listener();
    let mut fds = [wish(listener.as_raw_fd(), POLLIN), wish(9999, POLLIN)];
    assert_eq!((poll(&mut fds, 0), fds[1].revents), (1, POLLNVAL));
    let near = TcpStream::connect(address).expect("it listens");
    assert_eq!((poll(&mut fds[..1], 5000), fds[0].revents), (1, POLLIN), "one waits to be accepted");
    drop(listener);
    let mut fds = [wish(near.as_raw_fd(), 0)];
    assert_eq!(poll(&mut fds, 5000), 1);
    assert!(fds[0].revents & POLLHUP != 0, "what nobody asked for is told all the same");
}

fn closed_under_a_waiter() {
    let fd = socket(SOCK_DGRAM);
    assert_eq!(with_name(&name(0), hermit_abi::bind, fd), 0);
    let waiter = thread::spawn(move || {
        let mut byte = 0;
        // SAFETY: one byte.
        unsafe { hermit_abi::recv(fd, &raw mut byte, 1, 0) }
    });
    thread::sleep(Duration::from_millis(20));
    assert_eq!(close(fd), 0);
    assert_eq!(waiter.join().ok(), Some(-(hermit_abi::errno::EBADF as isize)));
}

fn begins() {
    let (_listener, address) = listener();
    let fd = socket(SOCK_STREAM | hermit_abi::SOCK_NONBLOCK);
    let begun = with_name(&name(address.port()), hermit_abi::connect, fd);
    assert!(begun == 0 || begun == -hermit_abi::errno::EINPROGRESS);
    let mut fds = [wish(fd, POLLOUT)];
    assert_eq!((poll(&mut fds, 5000), fds[0].revents), (1, POLLOUT));
    assert_eq!(with_name(&name(address.port()), hermit_abi::connect, fd), -hermit_abi::errno::EISCONN);
    close(fd);
}

fn wrong() {
    use hermit_abi::errno::{
        EAFNOSUPPORT, EBADF, EDESTADDRREQ, EFAULT, EINVAL, ENOPROTOOPT, ENOTCONN, ENOTSOCK, EOPNOTSUPP, EPROTONOSUPPORT,
    };

    let (stream, datagrams) = (socket(SOCK_STREAM), socket(SOCK_DGRAM));
    assert_eq!(
        [open(77, SOCK_STREAM, 0), open(AF_INET, 77, 0), open(AF_INET, SOCK_STREAM, 17)],
        [-EAFNOSUPPORT, -EINVAL, -EPROTONOSUPPORT]
    );
    assert_eq!([9999, 1, datagrams].map(listen), [-EBADF, -ENOTSOCK, -EOPNOTSUPP]);
    assert_eq!(with_name(&sockaddr_in { sin_family: 77, ..name(1) }, hermit_abi::bind, stream), -EAFNOSUPPORT);
    assert_eq!([receive(stream, 0, 0), receive(stream, 8, 0), receive(stream, 8, 1 << 30)], [-EFAULT, -ENOTCONN, -EOPNOTSUPP]);
    assert_eq!([shut_down(stream, 0), shut_down(stream, 9)], [-ENOTCONN, -EINVAL]);
    assert_eq!([(SO_REUSEADDR, 3), (0x7777, 4)].map(|(option, length)| set(stream, option, length)), [-EINVAL, -ENOPROTOOPT]);
    // SAFETY: a byte.
    assert_eq!(unsafe { hermit_abi::send(datagrams, b"x".as_ptr().cast(), 1, 0) }, -(EDESTADDRREQ as isize));
    // SAFETY: nothing is there, and that is said.
    assert_eq!(unsafe { hermit_abi::bind(stream, null(), 16) }, -EFAULT);
    // SAFETY: as above.
    assert_eq!(unsafe { hermit_abi::accept(stream, null_mut(), null_mut()) }, -EINVAL);
    // SAFETY: as above.
    assert_eq!(unsafe { hermit_abi::getsockname(stream, null_mut(), null_mut()) }, -EFAULT);
    // SAFETY: as above.
    assert_eq!(unsafe { hermit_abi::getpeername(stream, null_mut(), null_mut()) }, -ENOTCONN);
    close(stream);
    close(datagrams);
}

fn open(family: i32, kind: i32, protocol: i32) -> i32 {
    // SAFETY: three numbers.
    unsafe { hermit_abi::socket(family, kind, protocol) }
}

fn listen(fd: i32) -> i32 {
    // SAFETY: two numbers.
    unsafe { hermit_abi::listen(fd, 1) }
}

fn shut_down(fd: i32, how: i32) -> i32 {
    // SAFETY: two numbers.
    unsafe { hermit_abi::shutdown(fd, how) }
}

/// Receives into `room` bytes; with none, eight bytes into nowhere.
fn receive(fd: i32, room: usize, flags: i32) -> i32 {
    let mut buffer = [0_u8; 8];
    let start = if room == 0 { null_mut() } else { buffer.as_mut_ptr() };
    // SAFETY: eight bytes, or nowhere.
    let received = unsafe { hermit_abi::recv(fd, start, 8, flags) };
    i32::try_from(received).expect("it is small")
}

/// Sets an option to 1, of which so many bytes are given.
fn set(fd: i32, option: i32, length: u32) -> i32 {
    let one = 1_i32;
    // SAFETY: no more bytes than there are.
    unsafe { hermit_abi::setsockopt(fd, SOL_SOCKET, option, (&raw const one).cast(), length) }
}

fn numbers() {
    let first = socket(SOCK_STREAM);
    close(first);
    for _ in 0..3000 {
        let fd = socket(SOCK_DGRAM);
        assert_eq!(fd, first, "the same number every time");
        assert_eq!(with_name(&name(0), hermit_abi::bind, fd), 0);
        assert_eq!(close(fd), 0);
    }
    let mut all: Vec<i32> = std::iter::from_fn(|| Some(socket(SOCK_STREAM)).filter(|fd| *fd > 0)).collect();
    assert_eq!(socket(SOCK_STREAM), -hermit_abi::errno::EMFILE);
    assert!(all.len() > 1000, "{}", all.len());
    all.drain(..).for_each(|fd| _ = close(fd));
    assert_eq!(socket(SOCK_STREAM), first);
    close(first);
}
