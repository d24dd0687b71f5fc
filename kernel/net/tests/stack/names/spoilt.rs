//! Answers that no server gives: none of them may end the question that they seem to be for.

use fastrand::Rng;

use super::{A, AAAA, ASKED, CNAME, Query, Reply, answer, datagram, record, written, wrong};

/// A way to spoil an answer. Each brings an address that is wrong, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoil {
    /// Its number is another.
    Id,
    /// It is for another port.
    Port,
    /// It comes from somebody who was not asked.
    Stranger,
    /// It comes from another port, that of multicast DNS mostly, of the server's machine or another.
    FromPort,
    /// It is about another name.
    Name,
    /// There is no such name: but the name is another.
    NoSuchOther,
    /// It is about another kind of address.
    Kind,
    /// It is about another class.
    Class,
    /// How many questions it says that there are.
    Questions,
    /// It is no answer, or one to something else than a question.
    Flags,
    /// A name is told by where it stands, and that leads round, or outside.
    Loop,
    /// A name with a length that none has.
    Label,
    /// A name that is too long.
    TooLong,
    /// It promises more records than it has.
    Promises,
    /// It ends too early.
    Cut,
    /// A record's length lies.
    Length,
    /// The addresses are of the kind that nobody asked for.
    OtherKind,
    /// The name has another, and what comes behind that is broken.
    Renamed,
    /// Its sum is wrong.
    Sum,
    /// No message at all.
    Noise,
}

pub const SPOILS: [Spoil; 20] = [
    Spoil::Id,
    Spoil::Port,
    Spoil::Stranger,
    Spoil::FromPort,
    Spoil::Name,
    Spoil::NoSuchOther,
    Spoil::Kind,
    Spoil::Class,
    Spoil::Questions,
    Spoil::Flags,
    Spoil::Loop,
    Spoil::Label,
    Spoil::TooLong,
    Spoil::Promises,
    Spoil::Cut,
    Spoil::Length,
    Spoil::OtherKind,
    Spoil::Renamed,
    Spoil::Sum,
    Spoil::Noise,
];

/// A number that is not 0.
fn some(dice: &mut Rng) -> u16 {
    1 << dice.u16(..16) | dice.u16(..)
}

/// A name that is not the one that was asked for, though a part of it may be.
fn other_name(query: &Query, dice: &mut Rng) -> Vec<u8> {
    match dice.u64(..) % 5 {
        0 => written("n.example.org"),
        1 => [&[1, b'a'][..], &query.name].concat(),
        2 => query.name[1 + usize::from(query.name[0])..].to_vec(),
        3 => vec![0],
        _ => {
            let mut name = query.name.clone();
            name[1] ^= 1;
            name
        }
    }
}

/// A name that leads round or outside: `at` is where it stands in its message.
fn lost_name(dice: &mut Rng, at: u16) -> Vec<u8> {
    let pointer = |to: u16| (0xc000 | to).to_be_bytes();
    match dice.u64(..) % 4 {
        0 => pointer(at).to_vec(),
        1 => [pointer(at + 2), pointer(at)].concat(),
        2 => pointer(0x3fff - dice.u16(..0x1000)).to_vec(),
        // A label, and then the same again.
        _ => [&[1, b'a'][..], &pointer(at)].concat(),
    }
}

impl Spoil {
    /// A frame with an answer that is spoilt so.
    pub fn reply(self, query: &Query, dice: &mut Rng) -> Vec<u8> {
        let lie = record(&ASKED, query.kind, &wrong(dice, query.kind));
        let mut reply = Reply::to(query).with(&lie);
        // Where the first record stands.
        let first = 12 + query.name.len() as u16 + 4;
        match self {
            Self::Id => reply.id ^= some(dice),
            Self::Port => reply.to.1 ^= some(dice),
            Self::Stranger => {
                let [a, b, c, d] = reply.from.0;
                // Too far from the server for a lie about servers to name it.
                reply.from.0 = [a, b, !c, !d];
            }
            Self::FromPort => {
                reply.from.1 = [5353, 5353, 5353, 54, 5352, 0][dice.usize(..6)];
                reply.from.0[3] ^= dice.u8(..2) << 6;
            }
            Self::Name => {
                (reply.name, reply.records) = (other_name(query, dice), record(&query.name, query.kind, &wrong(dice, query.kind)))
            }
            Self::NoSuchOther => {
                reply = Reply::to(query);
                (reply.name, reply.flags) = (other_name(query, dice), 0x8183);
            }
            Self::Kind => reply.kind = [if query.kind == A { AAAA } else { A }, CNAME, 255, 0][dice.usize(..4)],
            Self::Class => reply.class ^= some(dice),
            Self::Questions => reply.counts[0] = [0, 2, 3, 0xff, 0xffff][dice.usize(..5)],
            Self::Flags => reply.flags = [0x0180, 0x0100, 0x8980, 0x9180, 0xf980, 0][dice.usize(..6)],
            Self::Loop => match dice.u64(..) % 3 {
                0 => reply.name = lost_name(dice, 12),
                1 => reply.records = record(&lost_name(dice, first), query.kind, &wrong(dice, query.kind)),
                // Behind the record's own name, kind, class, time and length.
                _ => reply = Reply::to(query).with(&record(&ASKED, CNAME, &lost_name(dice, first + 12))).with(&lie),
            },
            Self::Label => {
                let odd = [&[0x40 << dice.u8(..2) | dice.u8(..0x40)][..], &query.name].concat();
                match dice.u64(..) % 3 {
                    0 => reply.name = odd,
                    1 => reply.records = record(&odd, query.kind, &wrong(dice, query.kind)),
                    _ => reply = Reply::to(query).with(&record(&ASKED, CNAME, &odd)).with(&lie),
                }
            }
            Self::TooLong => {
                let long = [&[63; 64].repeat(4)[..], &ASKED].concat();
                reply = if dice.bool() { reply.with(&record(&long, query.kind, &lie)) } else { reply.with(&record(&ASKED, CNAME, &long)) };
            }
            Self::Promises => reply.counts[1] = [2, 3, 0xff, 0xffff][dice.usize(..4)],
            Self::Cut => {
                let mut message = reply.message();
                message.truncate(dice.usize(..message.len()));
                return datagram(reply.mac, reply.from, reply.to, &message);
            }
            Self::Length => {
                let length = [0, 1, 3, 5, 15, 17, 0x100, 0xffff][dice.usize(..8)];
                reply.records[10..12].copy_from_slice(&u16::to_be_bytes(length));
            }
            Self::OtherKind => {
                let kind = if query.kind == A { AAAA } else { A };
                let other = record(&ASKED, kind, &wrong(dice, kind));
                reply = if dice.bool() { reply.with(&other) } else { Reply::to(query).with(&other) };
            }
            Self::Renamed => {
                let renamed = Reply::to(query).with(&record(&ASKED, CNAME, &written("wrong.example.org")));
                reply = match dice.u64(..) % 3 {
                    0 => renamed.with(&[0xff; 12]),
                    1 => renamed.with(&record(&ASKED, query.kind, &[1, 2, 3])),
                    _ => renamed.with(&record(&ASKED, CNAME, &lost_name(dice, 0x400))),
                };
            }
            Self::Sum => {
                let mut frame = reply.frame();
                let at = frame.len() - 1 - dice.usize(..4);
                frame[at] ^= 1 << dice.u8(..8);
                return frame;
            }
            Self::Noise => {
                let noise: Vec<u8> = (0..dice.usize(..300)).map(|_| dice.u64(..) as u8).collect();
                return datagram(reply.mac, reply.from, reply.to, &noise);
            }
        }
        reply.frame()
    }

    /// The right answer to a question that is over, with addresses that are wrong by now.
    pub fn late(query: &Query, dice: &mut Rng) -> Vec<u8> {
        let reply = answer(query, dice);
        reply.with(&record(&ASKED, query.kind, &wrong(dice, query.kind))).frame()
    }
}
