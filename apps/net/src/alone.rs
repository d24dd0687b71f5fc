//! A machine without a card: loopback works, nothing else is reached, and that is said at once.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use super::Check;
use super::streams::pair;

pub const CHECKS: &[Check] = &[("loopback", loopback), ("the world is unreachable", unreachable)];

fn loopback() {
    let (near, far) = pair();
    assert_eq!(near.local_addr().ok(), far.peer_addr().ok());
}

fn unreachable() {
    let began = Instant::now();
    assert!(TcpStream::connect("192.0.2.1:80").is_err());
    assert!(("example.org", 80).to_socket_addrs().is_err());
    assert!(began.elapsed() < Duration::from_secs(1));
}
