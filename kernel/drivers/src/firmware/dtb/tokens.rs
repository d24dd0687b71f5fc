//! The blob's three blocks, and the tokens of its structure block.

const MAGIC: u32 = 0xD00D_FEED;
/// The version of the format, and the oldest one compatible with it.
const VERSION: u32 = 17;
const COMPATIBLE_VERSION: u32 = 16;

const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROPERTY: u32 = 3;
const NOP: u32 = 4;
const END: u32 = 9;

/// What is wrong with a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The header is not one, or not of a version that is known.
    Header,
    /// A block lies outside the blob.
    Bounds,
    /// The structure block breaks its own rules.
    Structure,
}

/// How many bytes long the tree is whose first 8 bytes these are; `None` if they do not begin a tree.
#[must_use]
pub fn total_bytes(head: &[u8]) -> Option<usize> {
    if word(head, 0)? != MAGIC {
        return None;
    }
    usize::try_from(word(head, 4)?).ok()
}

/// The blob's blocks.
#[derive(Clone, Copy, Debug)]
pub struct Tree<'a> {
    structure: &'a [u8],
    strings: &'a [u8],
    reservations: &'a [u8],
}

/// A step through the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// A node begins; its name, with the address.
    Begin(&'a [u8]),
    /// A property of the node that began last: name and value.
    Property(&'a [u8], &'a [u8]),
    /// The node that began last ends.
    End,
}

impl<'a> Tree<'a> {
    /// Finds the blocks.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Damage> {
        let field = |at: usize| word(bytes, at).ok_or(Damage::Header);
        let total = total_bytes(bytes).ok_or(Damage::Header)?;
        if field(20)? < VERSION || field(24)? > COMPATIBLE_VERSION.max(VERSION) {
            return Err(Damage::Header);
        }
        let bytes = bytes.get(..total).ok_or(Damage::Bounds)?;
        let block = |start: u32, length: Option<u32>| {
            let rest = bytes.get(usize::try_from(start).ok()?..)?;
            length.map_or(Some(rest), |length| rest.get(..usize::try_from(length).ok()?))
        };
        Ok(Self {
            structure: block(field(8)?, Some(field(36)?)).ok_or(Damage::Bounds)?,
            strings: block(field(12)?, Some(field(32)?)).ok_or(Damage::Bounds)?,
            reservations: block(field(16)?, None).ok_or(Damage::Bounds)?,
        })
    }

    /// Memory that is reserved: start and length, up to the pair of zeroes or the blob's end.
    pub fn reservations(&self) -> impl Iterator<Item = (u64, u64)> + use<'a> {
        let pairs = self.reservations.chunks_exact(16).map_while(|pair| {
            let (start, length) = pair.split_first_chunk()?;
            Some((u64::from_be_bytes(*start), u64::from_be_bytes(*length.first_chunk()?)))
        });
        pairs.take_while(|pair| *pair != (0, 0))
    }

    /// The structure block's tokens. Ends at its end token, or behind the first error.
    pub const fn tokens(&self) -> Tokens<'a> {
        Tokens { rest: self.structure, strings: self.strings }
    }
}

/// See [`Tree::tokens`].
#[derive(Clone, Debug)]
pub struct Tokens<'a> {
    rest: &'a [u8],
    strings: &'a [u8],
}

impl<'a> Tokens<'a> {
    fn word(&mut self) -> Option<u32> {
        let (word, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u32::from_be_bytes(*word))
    }

    /// Takes `length` bytes and what fills their last word.
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.rest.get(..length)?;
        self.rest = self.rest.get(length.next_multiple_of(4)..)?;
        Some(taken)
    }

    fn begin(&mut self) -> Option<Token<'a>> {
        let name = until_nul(self.rest)?;
        self.take(name.len() + 1)?;
        Some(Token::Begin(name))
    }

    fn property(&mut self) -> Option<Token<'a>> {
        let length = usize::try_from(self.word()?).ok()?;
        let name = usize::try_from(self.word()?).ok()?;
        let name = until_nul(self.strings.get(name..)?)?;
        Some(Token::Property(name, self.take(length)?))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Result<Token<'a>, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let token = match self.word() {
                Some(BEGIN_NODE) => self.begin(),
                Some(PROPERTY) => self.property(),
                Some(END_NODE) => Some(Token::End),
                Some(NOP) => continue,
                Some(END) => {
                    self.rest = &[];
                    return None;
                }
                _ => None,
            };
            if token.is_none() {
                self.rest = &[];
            }
            return Some(token.ok_or(Damage::Structure));
        }
    }
}

fn until_nul(bytes: &[u8]) -> Option<&[u8]> {
    bytes.get(..bytes.iter().position(|&byte| byte == 0)?)
}

#[inline(never)]
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}
