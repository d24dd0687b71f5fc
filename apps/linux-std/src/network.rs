//! `std::net` and crate `socket2`, over loopback.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::Check;

pub const CHECKS: &[Check] = &[
    ("net: connections of both families carry every byte", streams),
    ("net: one half ends before the other, and what was not read is looked at", halves),
    ("net: who waits waits so long, or not at all", patience),
    ("net: datagrams come whole, from somebody", datagrams),
    ("net: a clone is the same socket", clones),
    ("net: options are told as they were set", options),
    ("net: what cannot be is an error", refused),
    ("net: pairs of sockets", pairs),
    ("net: sockets with names among the files", named),
    ("socket2: what std has no word for", socket2),
];

fn listener(address: impl Into<std::net::IpAddr>) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((address.into(), 0)).expect("a port is free");
    let address = listener.local_addr().expect("it has one");
    (listener, address)
}

fn pair() -> (TcpStream, TcpStream) {
    let (listener, address) = listener(Ipv4Addr::LOCALHOST);
    let near = TcpStream::connect(address).expect("it listens");
    (near, listener.accept().expect("one is there").0)
}

fn streams() {
    for address in [std::net::IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
        let (listener, address) = listener(address);
        thread::scope(|scope| {
            scope.spawn(|| {
                for stream in listener.incoming().take(4) {
                    scope.spawn(move || {
                        let mut stream = stream.expect("it connects");
                        let mut heard = Vec::new();
                        stream.read_to_end(&mut heard).expect("it ends");
                        stream.write_all(&heard).expect("it is heard");
                    });
                }
            });
            for number in 0..4_u8 {
                scope.spawn(move || {
                    let said: Vec<u8> = (0..100_000_u32).map(|at| at.to_le_bytes()[0] ^ number).collect();
                    let mut stream = TcpStream::connect(address).expect("it listens");
                    assert_eq!(stream.peer_addr().expect("it is connected"), address);
                    stream.write_all(&said).expect("it is heard");
                    stream.shutdown(Shutdown::Write).expect("it is connected");
                    let mut heard = Vec::new();
                    stream.read_to_end(&mut heard).expect("it ends");
                    assert!(said == heard);
                });
            }
        });
    }
}

fn halves() {
    let (mut near, mut far) = pair();
    near.write_all(b"last").expect("it is heard");
    near.shutdown(Shutdown::Write).expect("it is connected");
    let mut bytes = [0; 8];
    assert_eq!((far.peek(&mut bytes).expect("it came"), &bytes[..4]), (4, &b"last"[..]));
    assert_eq!(far.read(&mut bytes).expect("it came"), 4);
    assert_eq!(far.read(&mut bytes).expect("it is the end"), 0);
    far.write_all(b"back").expect("it is heard");
    assert_eq!(near.read(&mut bytes).expect("it came"), 4);
    assert_eq!(near.write(b"x").expect_err("it said that it would not").kind(), ErrorKind::BrokenPipe);
}

fn patience() {
    let (mut near, far) = pair();
    near.set_read_timeout(Some(Duration::from_millis(20))).expect("it is a time");
    let began = Instant::now();
    let error = near.read(&mut [0]).expect_err("nothing comes");
    assert!(error.kind() == ErrorKind::WouldBlock && began.elapsed() >= Duration::from_millis(20));
    near.set_read_timeout(None).expect("for ever is a time");
    near.set_nonblocking(true).expect("it is a socket");
    assert_eq!(near.read(&mut [0]).expect_err("nothing came").kind(), ErrorKind::WouldBlock);
    drop(far);
    let (gone, address) = listener(Ipv4Addr::LOCALHOST);
    let long = Duration::from_secs(30);
    assert!(TcpStream::connect_timeout(&address, long).is_ok());
    drop(gone);
    let refused = TcpStream::connect_timeout(&address, long).expect_err("nobody listens any more");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

fn datagrams() {
    for address in [std::net::IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
        let socket = || UdpSocket::bind((address, 0)).expect("a port is free");
        let (one, other) = (socket(), socket());
        let (name, from) = (one.local_addr().expect("it has one"), other.local_addr().expect("it has one"));
        other.send_to(b"hello", name).expect("there is room");
        let mut bytes = [0; 3];
        assert_eq!(one.peek_from(&mut bytes).expect("it came"), (3, from));
        assert_eq!(one.recv_from(&mut bytes).expect("it came"), (3, from));
        one.connect(from).expect("it is an address");
        one.send(b"back").expect("there is room");
        assert_eq!(other.recv(&mut bytes).expect("it came"), 3);
        one.set_read_timeout(Some(Duration::from_millis(5))).expect("it is a time");
        assert_eq!(one.recv(&mut bytes).expect_err("nothing comes").kind(), ErrorKind::WouldBlock);
    }
}

fn clones() {
    let (near, far) = pair();
    let mut clone = near.try_clone().expect("a number is free");
    drop(near);
    clone.write_all(b"x").expect("it is heard");
    let mut twin = far.try_clone().expect("a number is free");
    let reader = thread::spawn(move || {
        let mut byte = [0];
        twin.read_exact(&mut byte).expect("it comes");
        byte
    });
    assert_eq!(reader.join().expect("it does not panic"), *b"x");
}

fn options() {
    let (near, _far) = pair();
    near.set_nodelay(true).expect("it is one of TCP");
    near.set_ttl(9).expect("so far it may go");
    assert_eq!((near.nodelay().expect("it is set"), near.ttl().expect("it is set")), (true, 9));
    assert!(near.take_error().expect("it can be asked").is_none());
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a port is free");
    socket.set_broadcast(true).expect("it is one of UDP");
    socket.set_multicast_loop_v4(false).expect("it is one of UDP");
    socket.set_multicast_ttl_v4(3).expect("so far they may go");
    assert!(socket.broadcast().expect("it is set") && !socket.multicast_loop_v4().expect("it is set"));
    assert_eq!(socket.multicast_ttl_v4().expect("it is set"), 3);
    let group = Ipv4Addr::new(239, 255, 1, 2);
    socket.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED).expect("it is a group");
    socket.leave_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED).expect("it is heard");
}

fn refused() {
    let (_held, address) = listener(Ipv4Addr::LOCALHOST);
    assert_eq!(TcpListener::bind(address).expect_err("it is taken").kind(), ErrorKind::AddrInUse);
    let elsewhere = TcpListener::bind((Ipv4Addr::new(192, 0, 2, 1), 0)).expect_err("it is not this machine's");
    assert_eq!(elsewhere.kind(), ErrorKind::AddrNotAvailable);
    assert!(UnixDatagram::bind("/datagrams").is_err(), "datagrams have no names among the files");
    let mut home = "localhost:80".to_socket_addrs().expect("it is this machine");
    assert_eq!(home.next(), Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 80))));
}

fn named() {
    let listener = UnixListener::bind("/tmp/socket").expect("the name is free");
    assert_eq!(UnixListener::bind("/tmp/socket").expect_err("it is taken").kind(), ErrorKind::AddrInUse);
    let server = thread::spawn(move || {
        for near in listener.incoming().take(2) {
            let mut near = near.expect("somebody connects");
            let mut word = Vec::new();
            near.read_to_end(&mut word).expect("it comes");
            word.reverse();
            near.write_all(&word).expect("it is heard");
        }
    });
    for word in ["first", "second"] {
        let mut far = UnixStream::connect("/tmp/socket").expect("one listens");
        let peer = far.peer_addr().expect("it has one");
        assert_eq!(peer.as_pathname(), Some(std::path::Path::new("/tmp/socket")));
        far.write_all(word.as_bytes()).expect("it is heard");
        far.shutdown(Shutdown::Write).expect("it is connected");
        let mut answer = String::new();
        far.read_to_string(&mut answer).expect("it comes");
        assert_eq!(answer, word.chars().rev().collect::<String>());
    }
    server.join().expect("it does not panic");
    assert_eq!(UnixStream::connect("/tmp/socket").expect_err("nobody listens").kind(), ErrorKind::ConnectionRefused);
    std::fs::remove_file("/tmp/socket").expect("the name is there still");
}

fn pairs() {
    let (mut one, mut other) = UnixStream::pair().expect("numbers are free");
    one.write_all(b"abc").expect("it is heard");
    let mut bytes = [0; 8];
    assert_eq!((other.read(&mut bytes).expect("it came"), &bytes[..3]), (3, &b"abc"[..]));
    other.set_read_timeout(Some(Duration::from_millis(5))).expect("it is a time");
    assert_eq!(other.read(&mut bytes).expect_err("nothing comes").kind(), ErrorKind::WouldBlock);
    drop(one);
    assert_eq!(other.read(&mut bytes).expect("it is the end"), 0);
    let (one, other) = UnixDatagram::pair().expect("numbers are free");
    one.send(b"first").expect("there is room");
    one.send(b"second").expect("there is room");
    assert_eq!((other.recv(&mut bytes).expect("it came"), other.recv(&mut bytes).expect("it came")), (5, 6));
}

fn socket2() {
    let listener = Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP)).expect("a number is free");
    listener.set_only_v6(false).expect("it has no port yet");
    listener.set_reuse_address(true).expect("it is a socket");
    listener.bind(&SockAddr::from(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)))).expect("a port is free");
    listener.listen(-1).expect("it has a port");
    assert!(listener.is_listener().expect("it can be asked"));
    let port = listener.local_addr().expect("it has one").as_socket().expect("it is one of IPv6").port();
    let near = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a number is free");
    near.set_linger(Some(Duration::ZERO)).expect("it is a time");
    near.set_keepalive(true).expect("it is one of TCP");
    near.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()).expect("it listens");
    let (far, peer) = listener.accept().expect("one is there");
    let peer = peer.as_socket_ipv6().expect("it is one of IPv6");
    assert_eq!(peer.ip().to_ipv4_mapped(), Some(Ipv4Addr::LOCALHOST));
    assert_eq!((far.domain().expect("it has one"), far.r#type().expect("it has one")), (Domain::IPV6, Type::STREAM));
    let pieces = [std::io::IoSlice::new(b"one "), std::io::IoSlice::new(b"word")];
    assert_eq!(near.send_vectored(&pieces).expect("it is heard"), 8);
    let mut heard = [0; 8];
    (&far).read_exact(&mut heard).expect("it comes");
    assert_eq!(&heard, b"one word");
    drop(near);
    assert_eq!((&far).read(&mut heard).expect_err("it broke").kind(), ErrorKind::ConnectionReset);
}
