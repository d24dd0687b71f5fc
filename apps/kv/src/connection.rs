//! One connection: its requests, one after the other, and their answers, sent once no more requests are at hand.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::net::TcpStream;

use crate::store::Store;

/// Bytes of a key, at most.
const KEY: usize = 250;
/// Bytes of a value, at most: each connection may be about to set one.
pub const VALUE: usize = 64 << 10;
/// Bytes of a line, at most: a key, two words and their spaces.
const LINE: u64 = 300;

/// Answers until the other side has no more to ask; how many requests that was.
///
/// # Errors
/// The connection breaks off.
pub fn serve(stream: &TcpStream, store: &Store) -> io::Result<u64> {
    stream.set_nodelay(true)?;
    let (mut from, mut to) = (BufReader::new(stream), BufWriter::new(stream));
    let (mut line, mut requests) = (Vec::new(), 0);
    loop {
        if from.buffer().is_empty() {
            to.flush()?;
        }
        line.clear();
        if from.by_ref().take(LINE).read_until(b'\n', &mut line)? == 0 {
            to.flush()?;
            return Ok(requests);
        }
        requests += 1;
        if !answer(&line, &mut from, &mut to, store)? {
            to.flush()?;
            return Ok(requests);
        }
    }
}

fn is_key(word: &[u8]) -> bool {
    (1..=KEY).contains(&word.len()) && word.iter().all(|byte| *byte > b' ' && *byte != 0x7F)
}

fn number(word: &[u8]) -> Option<u64> {
    let is_decimal = !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(word).ok().filter(|_| is_decimal)?.parse().ok()
}

/// Answers one request; whether it is clear where the next begins.
fn answer(line: &[u8], from: &mut impl Read, to: &mut impl Write, store: &Store) -> io::Result<bool> {
    let Some(line) = line.strip_suffix(b"\n") else {
        to.write_all(b"ERROR a line without an end\n")?;
        return Ok(false);
    };
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    match words[..] {
        [b"SET", key, length] => return set(key, length, from, to, store),
        [_, key, ..] if !is_key(key) => to.write_all(b"ERROR no key\n")?,
        [b"GET", key] => match store.get(key) {
            Some(value) => {
                writeln!(to, "VALUE {}", value.len())?;
                to.write_all(&value)?;
            }
            None => to.write_all(b"NONE\n")?,
        },
        [b"ADD", key, by] => match number(by).map(|by| store.add(key, by)) {
            Some(Ok(sum)) => writeln!(to, "NUMBER {sum}")?,
            Some(Err(refusal)) => writeln!(to, "ERROR {}", refusal.words())?,
            None => to.write_all(b"ERROR no number\n")?,
        },
        [b"DEL", key] => to.write_all(if store.remove(key) { b"OK\n" } else { b"NONE\n" })?,
        [b"COUNT"] => writeln!(to, "NUMBER {}", store.count())?,
        _ => to.write_all(b"ERROR no request\n")?,
    }
    Ok(true)
}

/// Reads the value and sets it; whether its length was one.
fn set(key: &[u8], length: &[u8], from: &mut impl Read, to: &mut impl Write, store: &Store) -> io::Result<bool> {
    let Some(length) = number(length).and_then(|length| usize::try_from(length).ok()).filter(|length| *length <= VALUE) else {
        writeln!(to, "ERROR no length up to {VALUE}")?;
        return Ok(false);
    };
    // The room for it comes with its bytes: who announces much and sends little takes little.
    let mut value = Vec::new();
    if from.take(length as u64).read_to_end(&mut value)? < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    match is_key(key).then(|| store.set(key, value)) {
        Some(Ok(())) => to.write_all(b"OK\n")?,
        Some(Err(refusal)) => writeln!(to, "ERROR {}", refusal.words())?,
        None => to.write_all(b"ERROR no key\n")?,
    }
    Ok(true)
}
