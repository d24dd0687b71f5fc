//! rustls over std's streams, with the RustCrypto provider: ciphers, signatures and randomness in Rust alone.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::Check;

pub const CHECKS: &[Check] = &[
    ("rustls: a secret goes there and back", secrets),
    ("rustls: four talk in secret at once", crowds),
    ("rustls: another name is not trusted", another_name),
    ("rustls: a certificate that nobody vouches for is not trusted", nobody_vouches),
    ("rustls: a certificate of the past is not trusted", past),
];

/// Names skete.test, from the end of 2026 for a hundred years. Its key is no secret, and opens nothing but these tests.
const CERTIFICATE: &[u8] = include_bytes!("../trust/certificate.pem");
const KEY: &[u8] = include_bytes!("../trust/key.pem");
const NAME: &str = "skete.test";

/// A clock that stands at so many seconds after 1970: a Pi begins there whenever it is switched on.
#[derive(Debug)]
struct Stands(u64);

const YEAR: u64 = 365 * 24 * 3600;
const NOW: Stands = Stands(60 * YEAR);

impl TimeProvider for Stands {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0)))
    }
}

fn certificate() -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(CERTIFICATE).expect("it is one")
}

/// Says back what `count` clients say, each until it ends.
fn server(count: usize) -> (SocketAddr, JoinHandle<()>) {
    let key = PrivateKeyDer::from_pem_slice(KEY).expect("it is one");
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls_rustcrypto::provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("the provider has ciphers for them");
    let config = Arc::new(builder.with_no_client_auth().with_single_cert(vec![certificate()], key).expect("the key is the certificate's"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let address = listener.local_addr().expect("it has one");
    let serving = thread::spawn(move || {
        let clients: Vec<_> = (0..count)
            .map(|_| {
                let (stream, _) = listener.accept().expect("one has come");
                let connection = ServerConnection::new(Arc::clone(&config)).expect("there is memory");
                thread::spawn(move || say_back(StreamOwned::new(connection, stream)))
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().expect("it ends"));
    });
    (address, serving)
}

fn say_back(mut stream: StreamOwned<ServerConnection, TcpStream>) {
    let mut buffer = [0; 4096];
    // One who does not trust the certificate breaks off.
    while let Ok(count) = stream.read(&mut buffer) {
        if count == 0 || stream.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}

fn client(address: SocketAddr, name: &'static str, roots: RootCertStore, clock: Stands) -> StreamOwned<ClientConnection, TcpStream> {
    let builder = ClientConfig::builder_with_details(Arc::new(rustls_rustcrypto::provider()), Arc::new(clock));
    let builder = builder.with_safe_default_protocol_versions().expect("the provider has ciphers for them");
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(name).expect("it is a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("there is memory");
    StreamOwned::new(connection, TcpStream::connect(address).expect("it listens"))
}

fn trusted() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(certificate()).expect("it is one");
    roots
}

fn converse(address: SocketAddr) {
    let mut stream = client(address, NAME, trusted(), NOW);
    let said: Vec<u8> = (0..50_000_u32).map(|at| (at * at / 11).to_le_bytes()[0]).collect();
    // Less than the buffers on the way hold, each time: who says it reads it only then.
    for piece in said.chunks(10_000) {
        stream.write_all(piece).expect("it is heard");
        let mut heard = vec![0; piece.len()];
        stream.read_exact(&mut heard).expect("it is said back");
        assert!(heard == piece);
    }
    stream.conn.send_close_notify();
    stream.flush().expect("it is heard");
}

fn secrets() {
    let (address, serving) = server(1);
    converse(address);
    serving.join().expect("it ends");
}

fn crowds() {
    let (address, serving) = server(4);
    let clients: Vec<_> = (0..4).map(|_| thread::spawn(move || converse(address))).collect();
    clients.into_iter().for_each(|client| client.join().expect("every byte comes back"));
    serving.join().expect("it ends");
}

/// A client that breaks off before it says anything.
fn assert_broken_off(name: &'static str, roots: RootCertStore, clock: Stands, why: &str) {
    let (address, serving) = server(1);
    let mut stream = client(address, name, roots, clock);
    let error = stream.write_all(b"a secret").and_then(|()| stream.flush()).expect_err("it does not trust");
    assert!(error.to_string().contains(why), "{error}");
    drop(stream);
    serving.join().expect("it ends");
}

fn another_name() {
    assert_broken_off("another.test", trusted(), NOW, "not valid for name");
}

fn nobody_vouches() {
    assert_broken_off(NAME, RootCertStore::empty(), NOW, "UnknownIssuer");
}

fn past() {
    assert_broken_off(NAME, trusted(), Stands(200 * YEAR), "expired");
}
