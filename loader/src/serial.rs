//! How a payload comes over the serial line, where neither image nor ramdisk holds one: the loader says that it waits, and
//! `cargo xtask push` sends.
//!
//! 115200 baud, 8 data bits, no parity, no flow control. The host sends one frame and waits for the reply; without one for a second
//! it sends the frame again. The loader never speaks first, but for its line of text.
//! ```text
//! frame   16 bytes  0x01, kind u8, bytes u16, offset u32, CRC-32 of the body u32, CRC-32 of these 12 bytes u32
//!         body      at most 1024 bytes
//! kind    'H'       hello: the body is the payload's length u32 and its CRC-32 u32; offset 0
//!         'B'       a block of the payload, from this offset
//!         'E'       the end: no body; offset = the payload's length
//! reply   6 bytes   answer u8, offset that is wanted next u32, lowest byte of the CRC-32 of these 5 bytes u8
//! answer  0x06      the frame is good
//!         0x15      send from that offset (again)
//!         0x18      the payload is longer than the offset, which is all the room there is
//! ```
//! Little-endian. A frame that is not good is forgotten once the line is silent for [`SILENCE_MS`]; then the answer is 0x15. A hello
//! that names the payload already under way is answered with how far it came, so a push that was cut off goes on from there. After
//! a good end the loader starts the program, whose console this line is from then on: if the reply to an end is lost, the next thing to
//! be heard is the program, and it runs all the same.

use crate::payload::Checksum;

/// The longest body of a frame, in bytes.
pub const MOST_BODY_BYTES: usize = 1024;
/// How long the line is silent in the middle of a frame before the frame is given up, in milliseconds.
pub const SILENCE_MS: u64 = 100;

const START: u8 = 0x01;
const HEADER_BYTES: usize = 16;
const HELLO_BYTES: usize = 8;
/// How many bytes a reply has.
pub const REPLY_BYTES: usize = 6;

const GOOD: u8 = 0x06;
const AGAIN: u8 = 0x15;
const NO_ROOM: u8 = 0x18;

/// What a reply says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The frame is good; this offset comes next.
    Good(u32),
    /// Send from this offset.
    Again(u32),
    /// There is room for this many bytes only.
    NoRoom(u32),
}

impl Reply {
    /// The reply as bytes.
    #[must_use]
    pub fn emit(self, checksum: Checksum) -> [u8; REPLY_BYTES] {
        let (answer, offset) = match self {
            Self::Good(offset) => (GOOD, offset),
            Self::Again(offset) => (AGAIN, offset),
            Self::NoRoom(room) => (NO_ROOM, room),
        };
        let [a, b, c, d] = offset.to_le_bytes();
        let [check, ..] = checksum(&[answer, a, b, c, d]).to_le_bytes();
        [answer, a, b, c, d, check]
    }

    /// The reply that these bytes are, if they are one.
    #[must_use]
    pub fn parse(bytes: &[u8; REPLY_BYTES], checksum: Checksum) -> Option<Self> {
        let [answer, a, b, c, d, _] = *bytes;
        let offset = u32::from_le_bytes([a, b, c, d]);
        let reply = match answer {
            GOOD => Self::Good(offset),
            AGAIN => Self::Again(offset),
            NO_ROOM => Self::NoRoom(offset),
            _ => return None,
        };
        if reply.emit(checksum) == *bytes {
            Some(reply)
        } else {
            None
        }
    }
}

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Hello,
    Block,
    End,
}

/// A frame's header, but for its own checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    kind: Kind,
    body_bytes: usize,
    offset: u32,
    body_crc: u32,
}

impl Header {
    fn parse(bytes: &[u8; HEADER_BYTES], checksum: Checksum) -> Option<Self> {
        let (fields, own_crc) = bytes.split_last_chunk()?;
        let &[START, kind, low, high, ref rest @ ..] = fields else {
            return None;
        };
        let (offset, body_crc) = rest.split_first_chunk()?;
        let body_bytes = usize::from(u16::from_le_bytes([low, high]));
        let kind = match kind {
            b'H' if body_bytes == HELLO_BYTES => Kind::Hello,
            b'B' if body_bytes <= MOST_BODY_BYTES => Kind::Block,
            b'E' if body_bytes == 0 => Kind::End,
            _ => return None,
        };
        if checksum(fields) != u32::from_le_bytes(*own_crc) {
            return None;
        }
        let (offset, body_crc) = (
            u32::from_le_bytes(*offset),
            u32::from_le_bytes(*body_crc.first_chunk()?),
        );
        Some(Self {
            kind,
            body_bytes,
            offset,
            body_crc,
        })
    }
}

/// Where in a frame the line is.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// So many bytes of a header came.
    Header(usize),
    /// So many bytes of the body came.
    Body(Header, usize),
    /// The frame is bad: nothing is heard until the line is silent.
    Lost,
}

/// The loader's side: takes bytes, gives replies, and has the payload in the end.
#[derive(Debug)]
pub struct Receiver<'m> {
    memory: &'m mut [u8],
    checksum: Checksum,
    place: Place,
    header: [u8; HEADER_BYTES],
    hello: [u8; HELLO_BYTES],
    /// Length and checksum of the payload under way; length 0 before the first hello.
    total: u32,
    crc: u32,
    /// How much of it came.
    next: u32,
    is_complete: bool,
}

impl<'m> Receiver<'m> {
    /// A receiver that puts the payload at the beginning of `memory`.
    #[must_use]
    pub const fn new(memory: &'m mut [u8], checksum: Checksum) -> Self {
        Self {
            memory,
            checksum,
            place: Place::Header(0),
            header: [0; HEADER_BYTES],
            hello: [0; HELLO_BYTES],
            total: 0,
            crc: 0,
            next: 0,
            is_complete: false,
        }
    }

    /// Takes a byte from the line; the reply to send, if it ends a good frame.
    #[must_use]
    pub fn take(&mut self, byte: u8) -> Option<Reply> {
        match self.place {
            Place::Header(0) if byte != START => None,
            Place::Header(count) => {
                self.header[count] = byte;
                self.place = Place::Header(count + 1);
                if count + 1 < HEADER_BYTES {
                    return None;
                }
                match Header::parse(&self.header, self.checksum) {
                    Some(header) if header.body_bytes == 0 => self.end_frame(header),
                    Some(header) => {
                        self.place = Place::Body(header, 0);
                        None
                    }
                    None => {
                        self.place = Place::Lost;
                        None
                    }
                }
            }
            Place::Body(header, count) => {
                if let Some(slot) = self.slot(header, count) {
                    *slot = byte;
                }
                self.place = Place::Body(header, count + 1);
                if count + 1 < header.body_bytes {
                    None
                } else {
                    self.end_frame(header)
                }
            }
            Place::Lost => None,
        }
    }

    /// Says that the line was silent for [`SILENCE_MS`]; the reply to send, if that cut a frame off.
    #[must_use]
    pub fn silence(&mut self) -> Option<Reply> {
        let is_between = matches!(self.place, Place::Header(0));
        self.place = Place::Header(0);
        if is_between {
            None
        } else {
            Some(Reply::Again(self.next))
        }
    }

    /// Whether the payload is there, whole and checked.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// What came of the payload; all of it once it [is complete](Self::is_complete).
    #[must_use]
    pub fn into_payload(self) -> &'m [u8] {
        self.memory.get(..index(self.next)).unwrap_or_default()
    }

    /// Where a body's byte goes. A block that is not the next one goes nowhere.
    fn slot(&mut self, header: Header, count: usize) -> Option<&mut u8> {
        match header.kind {
            Kind::Hello => self.hello.get_mut(count),
            Kind::Block if header.offset == self.next => {
                let room = self.memory.get_mut(..index(self.total))?;
                room.get_mut(index(header.offset) + count)
            }
            _ => None,
        }
    }

    fn end_frame(&mut self, header: Header) -> Option<Reply> {
        self.place = Place::Header(0);
        let reply = match header.kind {
            Kind::Hello if (self.checksum)(&self.hello) == header.body_crc => self.begin(),
            Kind::Block => self.end_block(header),
            Kind::End if self.total > 0 && self.next == self.total => self.end(),
            _ => Reply::Again(self.next),
        };
        Some(reply)
    }

    fn begin(&mut self) -> Reply {
        let [a, b, c, d, rest @ ..] = self.hello;
        let (total, crc) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes(rest));
        if index(total) > self.memory.len() {
            return Reply::NoRoom(u32::try_from(self.memory.len()).unwrap_or(u32::MAX));
        }
        if (total, crc) != (self.total, self.crc) {
            (self.total, self.crc, self.next) = (total, crc, 0);
        }
        Reply::Good(self.next)
    }

    fn end_block(&mut self, header: Header) -> Reply {
        let start = index(self.next);
        let end = start + header.body_bytes;
        let body = self
            .memory
            .get(start..end)
            .filter(|_| end <= index(self.total));
        let is_next = header.offset == self.next;
        match body {
            Some(body) if is_next && (self.checksum)(body) == header.body_crc => {
                self.next = u32::try_from(end).unwrap_or(self.next);
                Reply::Good(self.next)
            }
            _ => Reply::Again(self.next),
        }
    }

    fn end(&mut self) -> Reply {
        let payload = self.memory.get(..index(self.total));
        self.is_complete = payload.is_some_and(|payload| (self.checksum)(payload) == self.crc);
        if !self.is_complete {
            self.next = 0;
        }
        Reply::Good(self.next)
    }
}

fn index(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

#[cfg(any(feature = "emit", test))]
mod send;

#[cfg(any(feature = "emit", test))]
pub use send::{SendError, Sender};

#[cfg(test)]
mod tests;
