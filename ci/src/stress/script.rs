//! What a connection says, and what it must hear: each protocol a script of its own, which knows every byte of the answers.

use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::ops::RangeInclusive;

use clap::ValueEnum;
use fastrand::Rng;
use serde::Serialize;

/// Bytes of a word, a value or a body, at most.
const MOST: u64 = 2000;
/// Bytes of a word of [`Protocol::Short`]'s.
pub const SHORT: usize = 64;
/// Requests that are made at once, at most.
const AT_ONCE: u64 = 8;
/// Keys that a connection has.
const KEYS: u64 = 16;
/// What [`Protocol::Http`] asks of a server that is to end.
pub const END: &str = "POST /end HTTP/1.1\r\nHost: skete\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// What the server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// It says back what it hears (RFC 862), as `echo` and `c/echo`.
    Echo,
    /// The same, of [`SHORT`] bytes each time.
    #[value(skip)]
    Short,
    /// Keys and values, as `kv`.
    Kv,
    /// HTTP, as `http`.
    Http,
}

impl Protocol {
    /// What the connection of this number says and must hear.
    pub fn script(self, number: usize) -> Box<dyn Script> {
        match self {
            Self::Echo => Box::new(Echo { lengths: 1..=MOST, said: Vec::new() }),
            Self::Short => Box::new(Echo { lengths: SHORT as u64..=SHORT as u64, said: Vec::new() }),
            Self::Kv => Box::new(Kv { number, ..Kv::default() }),
            Self::Http => Box::new(Http::default()),
        }
    }
}

/// One connection's part.
pub trait Script: Send {
    /// What is said next, and how many answers that has.
    fn say(&mut self, dice: &mut Rng) -> (Vec<u8>, u64);

    /// Hears all answers to what was said last.
    ///
    /// # Errors
    /// They do not come, or are not what they must be.
    fn hear(&mut self, from: &mut dyn BufRead) -> io::Result<()>;

    /// What is said last of all, so that nothing is left in the server.
    fn clear(&mut self) -> Option<(Vec<u8>, u64)> {
        None
    }
}

fn wrong(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Hears exactly these bytes.
fn hear_exactly(from: &mut dyn BufRead, wanted: &[u8]) -> io::Result<()> {
    let mut heard = vec![0; wanted.len()];
    from.read_exact(&mut heard)?;
    match heard.iter().zip(wanted).position(|(heard, wanted)| heard != wanted) {
        None => Ok(()),
        Some(at) => Err(wrong(format!("byte {at} of {} is another", wanted.len()))),
    }
}

#[derive(Debug)]
struct Echo {
    /// How long a word is.
    lengths: RangeInclusive<u64>,
    said: Vec<u8>,
}

impl Script for Echo {
    fn say(&mut self, dice: &mut Rng) -> (Vec<u8>, u64) {
        let length = dice.u64(self.lengths.clone());
        self.said = bytes(dice, length);
        (self.said.clone(), 1)
    }

    fn hear(&mut self, from: &mut dyn BufRead) -> io::Result<()> {
        hear_exactly(from, &self.said)
    }
}

/// Requests of several kinds at once, and a model of what its own keys have.
#[derive(Debug, Default)]
struct Kv {
    number: usize,
    values: BTreeMap<u64, Vec<u8>>,
    wanted: Vec<u8>,
}

impl Kv {
    fn key(&self, key: u64) -> String {
        format!("{}:{key}", self.number)
    }

    /// Writes one request, and notes its answer.
    fn ask(&mut self, dice: &mut Rng, into: &mut Vec<u8>) {
        let (key, kind) = (dice.u64(..KEYS), dice.u64(..8));
        let name = self.key(key);
        let answer = match kind {
            0..3 => {
                let length = dice.u64(..MOST);
                let value = bytes(dice, length);
                into.extend(format!("SET {name} {length}\n").bytes().chain(value.iter().copied()));
                self.values.insert(key, value);
                b"OK\n".to_vec()
            }
            3..6 => {
                into.extend(format!("GET {name}\n").bytes());
                let found = self.values.get(&key);
                found.map_or_else(|| b"NONE\n".to_vec(), |value| [format!("VALUE {}\n", value.len()).as_bytes(), value].concat())
            }
            6 => {
                // A number is a value too.
                let by = dice.u64(..1000);
                into.extend(format!("ADD {name} {by}\n").bytes());
                let before = match self.values.get(&key) {
                    None => Some(0),
                    Some(value) => std::str::from_utf8(value).ok().and_then(|text| text.parse::<u64>().ok()),
                };
                match before {
                    Some(before) => {
                        self.values.insert(key, (before + by).to_string().into_bytes());
                        format!("NUMBER {}\n", before + by).into_bytes()
                    }
                    None => b"ERROR no number\n".to_vec(),
                }
            }
            _ => self.delete(key, into),
        };
        self.wanted.extend(answer);
    }

    fn delete(&mut self, key: u64, into: &mut Vec<u8>) -> Vec<u8> {
        into.extend(format!("DEL {}\n", self.key(key)).bytes());
        if self.values.remove(&key).is_some() { b"OK\n".to_vec() } else { b"NONE\n".to_vec() }
    }
}

impl Script for Kv {
    fn say(&mut self, dice: &mut Rng) -> (Vec<u8>, u64) {
        self.wanted.clear();
        let (mut said, count) = (Vec::new(), dice.u64(..AT_ONCE) + 1);
        (0..count).for_each(|_| self.ask(dice, &mut said));
        (said, count)
    }

    fn hear(&mut self, from: &mut dyn BufRead) -> io::Result<()> {
        hear_exactly(from, &self.wanted)
    }

    fn clear(&mut self) -> Option<(Vec<u8>, u64)> {
        self.wanted.clear();
        let mut said = Vec::new();
        for key in 0..KEYS {
            let answer = self.delete(key, &mut said);
            self.wanted.extend(answer);
        }
        Some((said, KEYS))
    }
}

/// What the body of an answer must be.
#[derive(Debug)]
enum Body {
    Exactly(String),
    /// These words, and a number greater than the last one.
    Counted(&'static str),
}

#[derive(Debug, Default)]
struct Http {
    wanted: Vec<(&'static str, Body)>,
    counted: u64,
}

impl Http {
    fn hear_one(&mut self, from: &mut dyn BufRead, status: &str, wanted: &Body) -> io::Result<()> {
        let mut length = None;
        let mut line = String::new();
        from.read_line(&mut line)?;
        if !line.starts_with(&format!("HTTP/1.1 {status} ")) {
            return Err(wrong(format!("{status} was expected, not `{}`", line.trim_end())));
        }
        loop {
            line.clear();
            if from.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let field = line.trim_end().to_ascii_lowercase();
            if field.is_empty() {
                break;
            }
            if let Some(text) = field.strip_prefix("content-length:") {
                length = text.trim().parse::<u64>().ok();
            }
        }
        let length = length.filter(|length| *length <= MOST).ok_or_else(|| wrong("a head without a length".into()))?;
        let mut body = vec![0; usize::try_from(length).unwrap_or(0)];
        from.read_exact(&mut body)?;
        let body = String::from_utf8_lossy(&body);
        let is_right = match wanted {
            Body::Exactly(wanted) => body == *wanted,
            Body::Counted(words) => {
                let number = body.strip_prefix(words).and_then(|rest| rest.strip_suffix('\n')?.parse().ok());
                let before = self.counted;
                self.counted = number.unwrap_or(before);
                number.is_some_and(|number: u64| number > before)
            }
        };
        if is_right { Ok(()) } else { Err(wrong(format!("{wanted:?} was expected, not `{body}`"))) }
    }
}

impl Script for Http {
    fn say(&mut self, dice: &mut Rng) -> (Vec<u8>, u64) {
        let (mut said, count) = (String::new(), dice.u64(..AT_ONCE) + 1);
        self.wanted.clear();
        for _ in 0..count {
            let (line, text, wanted) = match dice.u64(..4) {
                0 => ("GET /", String::new(), ("200", Body::Counted("hello from a machine of its own, request "))),
                1 => ("GET /nowhere", String::new(), ("404", Body::Exactly("nothing is here\n".into()))),
                _ => {
                    let words = dice.u64(..MOST / 8);
                    let text: String = (0..words).map(|_| format!("{:x} ", dice.u64(..1 << 24))).collect();
                    let about = format!("{words} words, {} bytes\n", text.len());
                    ("POST /words", text, ("200", Body::Exactly(about)))
                }
            };
            said += &format!("{line} HTTP/1.1\r\nHost: skete\r\nContent-Length: {}\r\n\r\n{text}", text.len());
            self.wanted.push(wanted);
        }
        (said.into_bytes(), count)
    }

    fn hear(&mut self, from: &mut dyn BufRead) -> io::Result<()> {
        std::mem::take(&mut self.wanted).into_iter().try_for_each(|(status, body)| self.hear_one(from, status, &body))
    }
}

/// So many bytes.
fn bytes(dice: &mut Rng, count: u64) -> Vec<u8> {
    (0..count).map(|_| dice.u8(..)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_the_same_for_the_same_seed() {
        for protocol in [Protocol::Echo, Protocol::Kv, Protocol::Http] {
            let said = |seed| {
                let (mut script, mut dice) = (protocol.script(3), Rng::with_seed(seed));
                (0..20).flat_map(|_| script.say(&mut dice).0).collect::<Vec<u8>>()
            };
            assert!(said(1) == said(1) && said(1) != said(2), "{protocol:?}");
        }
    }

    #[test]
    fn short_words_are_all_as_long() {
        let (mut script, mut dice) = (Protocol::Short.script(0), Rng::with_seed(1));
        assert!((0..20).all(|_| script.say(&mut dice).0.len() == SHORT));
    }

    #[test]
    fn a_byte_that_is_another_is_told() {
        let (mut script, mut dice) = (Protocol::Echo.script(0), Rng::with_seed(1));
        let (mut said, _) = script.say(&mut dice);
        assert!(script.hear(&mut &said[..]).is_ok());
        *said.last_mut().expect("something is said") ^= 1;
        let error = script.hear(&mut &said[..]).expect_err("a byte is another");
        assert!(error.to_string().contains(&format!("byte {} of {}", said.len() - 1, said.len())), "{error}");
    }

    #[test]
    fn the_model_knows_its_keys() {
        let mut kv = Kv { number: 7, ..Kv::default() };
        let mut said = Vec::new();
        assert_eq!(kv.delete(3, &mut said), b"NONE\n");
        assert_eq!(said, b"DEL 7:3\n");
        kv.values.insert(3, b"x".to_vec());
        let (said, count) = kv.clear().expect("it clears up");
        assert_eq!((count, said.split(|byte| *byte == b'\n').count()), (KEYS, 17));
        assert_eq!(kv.wanted, [b"NONE\n".repeat(3), b"OK\n".to_vec(), b"NONE\n".repeat(12)].concat());
        assert!(kv.hear(&mut &b"NONE\nNONE\nNONE\nNONE\n".repeat(4)[..]).is_err(), "a key that was set is not there");
    }

    #[test]
    fn answers_of_http_are_read_to_their_last_byte() {
        let mut http = Http::default();
        let answer = |status: &str, body: &str| format!("HTTP/1.1 {status} Word\r\nContent-Length: {}\r\nx: y\r\n\r\n{body}", body.len());
        let mut judge = |text: &str, status, body| http.hear_one(&mut text.as_bytes(), status, &body).is_ok();
        assert!(judge(&answer("200", "1 words, 2 bytes\n"), "200", Body::Exactly("1 words, 2 bytes\n".into())));
        assert!(!judge(&answer("200", "1 words, 3 bytes\n"), "200", Body::Exactly("1 words, 2 bytes\n".into())));
        assert!(!judge(&answer("500", ""), "200", Body::Exactly(String::new())));
        assert!(!judge("HTTP/1.1 200 OK\r\n\r\n", "200", Body::Exactly(String::new())), "no length");
        assert!(!judge("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "200", Body::Exactly("abc".into())), "it is cut short");
        assert!(judge(&answer("200", "request 5\n"), "200", Body::Counted("request ")));
        assert!(!judge(&answer("200", "request 5\n"), "200", Body::Counted("request ")), "the same number again");
    }
}
