//! A property message: a buffer of words that carries requests to the VideoCore and replies back. Layout (the firmware's wiki, "Mailbox
//! property interface"): size in bytes, code, then tags, then a zero word. A tag: number, bytes of room for its value, code
//! (request: 0; reply: bit 31 and the value's length in bytes), the value, padded to whole words.

use super::property::{self, Reply, Request};

/// Words of a [`Buffer`]: enough for eight properties in one message.
pub const BUFFER_WORDS: usize = 64;

const REQUEST: u32 = 0;
const SUCCESS: u32 = 0x8000_0000;
const IS_REPLY: u32 = 1 << 31;
/// The message's size and code.
const HEADER_WORDS: usize = 2;
/// A tag's number, room and code.
const TAG_WORDS: usize = 3;

/// Memory for one message. It fills whole cache lines, so that cleaning and invalidating it touches nothing else.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug)]
pub struct Buffer(pub [u32; BUFFER_WORDS]);

impl Buffer {
    /// A buffer of zeroes.
    #[must_use]
    pub const fn new() -> Self {
        Self([0; BUFFER_WORDS])
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Self::new()
    }
}

/// The buffer has no room for one more request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageFull;

/// A message under construction.
#[must_use = "a message is complete only when it is finished"]
#[derive(Debug)]
pub struct Message<'a> {
    words: &'a mut [u32],
    used: usize,
}

impl<'a> Message<'a> {
    /// An empty message in `words`, which are zeroed first: the firmware leaves values that it does not know untouched. Less than three
    /// words hold no message: every request is then refused, and so is the finished message by [`Answer::check`].
    pub fn new(words: &'a mut [u32]) -> Self {
        words.fill(0);
        Self { words, used: HEADER_WORDS }
    }

    /// Adds a request.
    ///
    /// # Errors
    /// [`MessageFull`].
    pub fn ask(&mut self, request: Request) -> Result<(), MessageFull> {
        let value = request.emit();
        let room = value.used.max(request.reply_words());
        let end = self.used + TAG_WORDS + room;
        // One more word stays free for the end mark.
        let is_room = end < self.words.len();
        let tag = self.words.get_mut(self.used..end).filter(|_| is_room);
        let tag = tag.ok_or(MessageFull)?;
        tag[0] = value.tag;
        tag[1] = bytes(room);
        tag[2] = REQUEST;
        tag[TAG_WORDS..TAG_WORDS + value.used].copy_from_slice(&value.words[..value.used]);
        self.used = end;
        Ok(())
    }

    /// Completes the message: it may be sent.
    pub fn finish(self) {
        let total = self.used + 1;
        if let Some([size, code, ..]) = self.words.get_mut(..total) {
            *size = bytes(total);
            *code = REQUEST;
        }
    }
}

/// Why an answer says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerError {
    /// The firmware could not parse the message, or never saw it.
    Refused(u32),
    /// The message's size does not fit into its buffer.
    Malformed,
}

/// An answered message, checked once: its header is good, and its tags lie inside it.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    tags: &'a [u32],
}

impl<'a> Answer<'a> {
    /// Checks the answer in `words`.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn check(words: &'a [u32]) -> Result<Self, AnswerError> {
        let &[size, code, ..] = words else {
            return Err(AnswerError::Malformed);
        };
        if code != SUCCESS {
            return Err(AnswerError::Refused(code));
        }
        let end = usize::try_from(size / 4).map_err(|_| AnswerError::Malformed)?;
        let tags = words.get(HEADER_WORDS..end);
        Ok(Self { tags: tags.ok_or(AnswerError::Malformed)? })
    }

    /// The replies that the firmware gave, in the order of the requests. A tag that it does not know has none, though the message as a
    /// whole counts as answered.
    #[must_use]
    pub const fn replies(&self) -> Replies<'a> {
        Replies { rest: self.tags }
    }

    /// How fast a clock runs, if that is what was asked for or set first; `None` also if there is no such clock. For who asks nothing else:
    /// reading every kind of reply is a kilobyte of program.
    #[must_use]
    pub fn clock_hz(&self) -> Option<u32> {
        match self.replies().next_value()? {
            (property::CLOCK_RATE | property::SET_CLOCK_RATE, &[_, hz, ..]) if hz > 0 => Some(hz),
            _ => None,
        }
    }
}

/// The replies of an [`Answer`].
#[derive(Clone, Debug)]
pub struct Replies<'a> {
    rest: &'a [u32],
}

impl<'a> Replies<'a> {
    /// The next tag that was answered, and its words.
    fn next_value(&mut self) -> Option<(u32, &'a [u32])> {
        loop {
            let (&[tag, room, code], rest) = self.rest.split_first_chunk()?;
            if tag == 0 {
                return None;
            }
            let value = rest.get(..words(room))?;
            self.rest = &rest[value.len()..];
            if code & IS_REPLY != 0 {
                let length = words(code & !IS_REPLY).min(value.len());
                return Some((tag, &value[..length]));
            }
        }
    }
}

impl Iterator for Replies<'_> {
    type Item = Reply;

    fn next(&mut self) -> Option<Reply> {
        loop {
            let (tag, value) = self.next_value()?;
            if let Some(reply) = Reply::parse(tag, value) {
                return Some(reply);
            }
        }
    }
}

/// How many bytes `words` words are; a message has less than 2^30.
#[expect(clippy::cast_possible_truncation, reason = "a message is far shorter")]
const fn bytes(words: usize) -> u32 {
    (words * 4) as u32
}

/// How many whole words hold `bytes` bytes.
const fn words(bytes: u32) -> usize {
    bytes.div_ceil(4) as usize
}

#[cfg(test)]
mod tests;
