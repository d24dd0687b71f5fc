//! Clients of the program's own: each with keys of its own, and one that all of them add to.

use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{Ipv6Addr, TcpStream};
use std::thread;

/// How often each adds to the common number.
const ROUNDS: u64 = 50;

/// What is asked, and what must be answered.
struct Talk {
    stream: BufReader<TcpStream>,
}

impl Talk {
    fn open(port: u16) -> io::Result<Self> {
        Ok(Self { stream: BufReader::new(TcpStream::connect((Ipv6Addr::LOCALHOST, port))?) })
    }

    /// Says this, and hears exactly that.
    fn ask(&mut self, said: &[u8], wanted: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(said)?;
        let mut heard = vec![0; wanted.len()];
        self.stream.read_exact(&mut heard)?;
        if heard == wanted {
            return Ok(());
        }
        let text = String::from_utf8_lossy;
        Err(io::Error::other(format!("`{}` has the answer `{}`, not `{}`", text(said), text(&heard), text(wanted))))
    }

    /// Hears that there is no more.
    fn ends(&mut self) -> io::Result<()> {
        if self.stream.read(&mut [0])? == 0 { Ok(()) } else { Err(io::Error::other("an answer too many")) }
    }
}

/// How many connections are made apart from those at once, and so the least.
pub const APART: u64 = 3;

/// Connects `count` times, mostly at once, and asks; then what all have done together, and what nobody should.
///
/// # Errors
/// An answer is not what it must be.
pub fn ask(port: u16, count: u64) -> io::Result<()> {
    let others = count.saturating_sub(APART);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..others).map(|number| scope.spawn(move || own_keys(port, number))).collect();
        clients.into_iter().try_for_each(|client| client.join().unwrap_or_else(|_| Err(io::Error::other("a client panicked"))))
    })?;
    let mut last = Talk::open(port)?;
    last.ask(b"ADD all 0\nCOUNT\n", format!("NUMBER {}\nNUMBER 1\n", others * ROUNDS).as_bytes())?;
    last.ask(b"DEL all\nCOUNT\n", b"OK\nNUMBER 0\n")?;
    nonsense(&mut last)?;
    drop(last);
    let mut endless = Talk::open(port)?;
    endless.ask(&[b'x'; 300], b"ERROR a line without an end\n")?;
    endless.ends()?;
    let mut long = Talk::open(port)?;
    long.ask(b"SET key 65537\n", b"ERROR no length up to 65536\n")?;
    long.ends()
}

/// Keys that nobody else has, and the number that all add to.
fn own_keys(port: u16, number: u64) -> io::Result<()> {
    let mut talk = Talk::open(port)?;
    let key = format!("key-{number}");
    for round in 0..ROUNDS {
        let value = vec![u8::try_from(round).unwrap_or(0); 1 + 997 * usize::try_from(round).unwrap_or(0)];
        let length = value.len();
        let set = [format!("SET {key} {length}\n").as_bytes(), &value].concat();
        talk.ask(&set, b"OK\n")?;
        talk.ask(format!("GET {key}\n").as_bytes(), &[format!("VALUE {length}\n").as_bytes(), &value].concat())?;
        talk.ask(format!("DEL {key}\nGET {key}\nDEL {key}\n").as_bytes(), b"OK\nNONE\nNONE\n")?;
        talk.ask(format!("ADD {key} 5\nADD {key} 6\nDEL {key}\n").as_bytes(), b"NUMBER 5\nNUMBER 11\nOK\n")?;
        // What the sum is meanwhile, nobody knows.
        talk.stream.get_mut().write_all(b"ADD all 1\n")?;
        let mut sum = Vec::new();
        io::BufRead::read_until(&mut talk.stream, b'\n', &mut sum)?;
        if !sum.starts_with(b"NUMBER ") {
            return Err(io::Error::other(String::from_utf8_lossy(&sum).into_owned()));
        }
    }
    Ok(())
}

/// What is no request is said so, and does no harm.
fn nonsense(talk: &mut Talk) -> io::Result<()> {
    talk.ask(b"\n", b"ERROR no request\n")?;
    talk.ask(
        b"GET\nGET \nget x\nGET x y\nCOUNT x\n",
        &[b"ERROR no request\n", &b"ERROR no key\n"[..], &b"ERROR no request\n".repeat(3)].concat(),
    )?;
    talk.ask(b"SET a\x01b 3\nxyzGET a\x01b\n", b"ERROR no key\nERROR no key\n")?;
    talk.ask(b"SET text 1\n7ADD text 1\nSET text 1\nxADD text 1\n", b"OK\nNUMBER 8\nOK\nERROR no number\n")?;
    talk.ask(
        b"ADD text -1\nADD text 1x\nSET text 20\n18446744073709551615ADD text 1\n",
        b"ERROR no number\nERROR no number\nOK\nERROR the number is too great\n",
    )?;
    let long = [b"SET ", &[b'k'; 251][..], b" 1\nxSET ", &[b'k'; 250], b" 0\nDEL ", &[b'k'; 250], b"\nDEL text\n"].concat();
    talk.ask(&long, b"ERROR no key\nOK\nOK\nOK\n")
}
