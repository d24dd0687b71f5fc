//! Out to the machine that runs the test, which says back what it hears.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

/// The checks, with the address of whoever answers.
pub fn checks(peer: SocketAddr) -> Vec<(&'static str, Box<dyn Fn()>)> {
    vec![
        ("a stream to the host and back", Box::new(move || stream(peer))),
        ("the card's own address is home", Box::new(move || own_address(peer))),
        ("eight streams at a time", Box::new(move || streams(peer))),
        ("a hundred thousand bytes, both ways at once", Box::new(move || bulk(peer))),
        ("datagrams to the host and back", Box::new(move || datagrams(peer))),
        ("segments of every length about those that fill packets of USB", Box::new(move || segments(peer))),
        ("datagrams of such lengths", Box::new(move || lengths(peer))),
        ("a port of the host's where nobody listens", Box::new(move || refused(peer))),
        ("a name that nobody has", Box::new(no_such_name)),
        ("names that need no server", Box::new(known_names)),
    ]
}

/// Those of them that a network passes which loses what is sent over it.
pub fn streams_alone(peer: SocketAddr) -> Vec<(&'static str, Box<dyn Fn()>)> {
    let names = ["a stream to the host and back", "eight streams at a time", "a hundred thousand bytes, both ways at once"];
    let about = "segments of every length about those that fill packets of USB";
    checks(peer).into_iter().filter(|(name, _)| names.contains(name) || *name == about).collect()
}

fn stream(peer: SocketAddr) {
    let mut stream = TcpStream::connect(peer).expect("the host answers");
    stream.set_nodelay(true).expect("it is a stream");
    for round in 0..200_u32 {
        stream.write_all(&round.to_le_bytes()).expect("it is heard");
        let mut heard = [0; 4];
        stream.read_exact(&mut heard).expect("it is answered");
        assert_eq!(u32::from_le_bytes(heard), round);
    }
}

fn own_address(peer: SocketAddr) {
    let own = TcpStream::connect(peer).expect("the host answers").local_addr().expect("it has one").ip();
    let listener = std::net::TcpListener::bind((own, 0)).expect("it is this machine's");
    let mut near = TcpStream::connect(listener.local_addr().expect("it has one")).expect("it listens");
    let (mut far, from) = listener.accept().expect("one has come");
    assert_eq!(from.ip(), own);
    near.write_all(b"x").expect("it is heard");
    far.read_exact(&mut [0]).expect("it arrives");
}

fn streams(peer: SocketAddr) {
    // One by one: QEMU's network refuses those that come at the same time.
    let streams: Vec<TcpStream> = (0..8).map(|_| TcpStream::connect(peer).expect("the host answers")).collect();
    thread::scope(|scope| {
        for (number, mut stream) in streams.into_iter().enumerate() {
            scope.spawn(move || {
                for round in 0..50 {
                    let said = [(number * 50 + round).to_le_bytes()[0]; 700];
                    stream.write_all(&said).expect("it is heard");
                    let mut heard = [0; 700];
                    stream.read_exact(&mut heard).expect("it is answered");
                    assert_eq!(said, heard);
                }
            });
        }
    });
}

fn bulk(peer: SocketAddr) {
    const BYTES: usize = 100_000;
    let mut stream = TcpStream::connect(peer).expect("the host answers");
    let byte = |at: usize| (at * 13 + at / 255).to_le_bytes()[0];
    let mut writer = stream.try_clone().expect("there are numbers");
    let sender = thread::spawn(move || {
        let all: Vec<u8> = (0..BYTES).map(byte).collect();
        writer.write_all(&all).expect("it is heard");
        writer.shutdown(std::net::Shutdown::Write).expect("it is connected");
    });
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("it comes back");
    sender.join().expect("it was sent");
    assert_eq!(all.len(), BYTES);
    assert!(all.iter().enumerate().all(|(at, &found)| found == byte(at)));
}

fn datagrams(peer: SocketAddr) {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a port is free");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a time");
    let mut buffer = [0; 2048];
    for length in [1, 64, 1472] {
        assert_eq!(socket.send_to(&vec![9; length], peer).ok(), Some(length));
        let (count, from) = socket.recv_from(&mut buffer).expect("it is answered");
        assert_eq!((count, from), (length, peer));
    }
    assert!(socket.send_to(&[0; 1473], peer).is_err(), "no fragments");
}

/// Lengths with which some card's transfer is one, two or three packets of 512 bytes, or as many of 64, and those about them.
fn about_packets() -> impl Iterator<Item = usize> {
    [450, 962, 1450].into_iter().flat_map(|length| length - 24..length + 24).filter(|length| *length <= 1460)
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 + length * 7 + at / 251).to_le_bytes()[0]).collect()
}

fn segments(peer: SocketAddr) {
    let mut stream = TcpStream::connect(peer).expect("the host answers");
    stream.set_nodelay(true).expect("it is a stream");
    for said in about_packets().map(bytes) {
        stream.write_all(&said).expect("it is heard");
        let mut heard = vec![0; said.len()];
        stream.read_exact(&mut heard).expect("it is answered");
        assert!(said == heard, "{} bytes", said.len());
    }
}

fn lengths(peer: SocketAddr) {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a port is free");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a time");
    let mut buffer = [0; 2048];
    for said in about_packets().map(bytes) {
        socket.send_to(&said, peer).expect("it is no longer than may be");
        let (count, _) = socket.recv_from(&mut buffer).expect("it is answered");
        assert!(said == buffer[..count], "{} bytes", said.len());
    }
}

fn refused(peer: SocketAddr) {
    // Port 1 of the host: nobody listens there.
    let nobody = SocketAddr::new(peer.ip(), 1);
    assert_eq!(TcpStream::connect(nobody).map_err(|error| error.kind()).err(), Some(ErrorKind::ConnectionRefused));
}

fn no_such_name() {
    let began = Instant::now();
    assert!(("no-such-name.invalid", 80).to_socket_addrs().is_err());
    assert!(("..", 80).to_socket_addrs().is_err());
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
}

fn known_names() {
    let home: Vec<SocketAddr> = ("localhost", 80).to_socket_addrs().expect("it is known").collect();
    assert_eq!(home, ["127.0.0.1:80".parse().expect("an address"), "[::1]:80".parse().expect("an address")]);
    assert_eq!(("192.0.2.7", 1).to_socket_addrs().expect("it is written out").count(), 1);
}
