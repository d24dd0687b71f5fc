//! The host's side.

use alloc::vec::Vec;

use super::{HEADER_BYTES, Kind, MOST_BODY_BYTES, REPLY_BYTES, Reply, START};

/// What is wrong with the line, or with the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The payload is longer than this, which is all the room the loader has.
    NoRoom(u32),
    /// The payload is longer than 4 GiB.
    TooLong,
}

/// Sends a payload: [`Sender::frame`] is what to send; replies go into [`Sender::take`]; the frame is sent again when no reply
/// came for a second.
#[derive(Debug)]
pub struct Sender<'a> {
    payload: &'a [u8],
    total: u32,
    next: Option<u32>,
    is_done: bool,
    reply: Vec<u8>,
}

impl<'a> Sender<'a> {
    /// A sender at the beginning of its payload.
    ///
    /// # Errors
    /// [`SendError::TooLong`].
    pub fn new(payload: &'a [u8]) -> Result<Self, SendError> {
        let total = u32::try_from(payload.len()).map_err(|_| SendError::TooLong)?;
        Ok(Self { payload, total, next: None, is_done: false, reply: Vec::new() })
    }

    /// The frame to send now.
    #[must_use]
    pub fn frame(&self) -> Vec<u8> {
        let Some(next) = self.next else {
            let mut hello = Vec::from(self.total.to_le_bytes());
            hello.extend(crc32fast::hash(self.payload).to_le_bytes());
            return emit(Kind::Hello, 0, &hello);
        };
        let rest = &self.payload[next as usize..];
        if rest.is_empty() {
            return emit(Kind::End, next, &[]);
        }
        emit(Kind::Block, next, &rest[..rest.len().min(MOST_BODY_BYTES)])
    }

    /// Takes a byte from the line. Once a reply is whole: whether the next frame is to be sent, or all is done. What is no reply is
    /// text of the loader's, and is passed over.
    ///
    /// # Errors
    /// [`SendError::NoRoom`].
    pub fn take(&mut self, byte: u8) -> Result<bool, SendError> {
        self.reply.push(byte);
        if self.reply.len() > REPLY_BYTES {
            self.reply.remove(0);
        }
        let reply = self.reply.first_chunk().and_then(|bytes| Reply::parse(bytes, crc32fast::hash));
        let Some(reply) = reply else { return Ok(false) };
        self.reply.clear();
        match reply {
            Reply::Good(next) | Reply::Again(next) if next > self.total => self.next = None,
            Reply::NoRoom(room) => return Err(SendError::NoRoom(room)),
            // The answer to a frame that was sent twice because its first answer was late: another frame for it would be answered twice
            // too.
            Reply::Good(next) if self.next.is_some_and(|known| next < known || next == known && next < self.total) => return Ok(false),
            Reply::Good(next) => {
                self.is_done = self.next == Some(self.total) && next == self.total;
                self.next = Some(next);
            }
            // Before a hello was answered, the offset is another payload's.
            Reply::Again(next) => self.next = self.next.map(|_| next),
        }
        Ok(true)
    }

    /// Whether the loader has the payload and starts it.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.is_done
    }

    /// How many bytes the loader has, of how many.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        (self.next.unwrap_or(0) as usize, self.payload.len())
    }
}

fn emit(kind: Kind, offset: u32, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEADER_BYTES + body.len());
    let letter = match kind {
        Kind::Hello => b'H',
        Kind::Block => b'B',
        Kind::End => b'E',
    };
    frame.extend([START, letter]);
    frame.extend(u16::try_from(body.len()).unwrap_or(u16::MAX).to_le_bytes());
    frame.extend(offset.to_le_bytes());
    frame.extend(crc32fast::hash(body).to_le_bytes());
    frame.extend(crc32fast::hash(&frame).to_le_bytes());
    frame.extend(body);
    frame
}
