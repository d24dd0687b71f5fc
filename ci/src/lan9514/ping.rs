//! Whom the guest's answers to pings go to: a machine on the cable that asks them, one after the other, and verifies every byte.
//! Sources: RFC 792 (ICMP), RFC 826 (ARP), RFC 1071 (sums).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

type Mac = [u8; 6];
type Address = [u8; 4];

/// Who asks: an address of QEMU's user network that nobody else has.
const MAC: Mac = [0x02, 0, 0, 0, 0, 77];
const ADDRESS: Address = [10, 0, 2, 77];
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(500);
const IPV4: [u8; 2] = [8, 0];
const ARP: [u8; 2] = [8, 6];
/// Bytes of the three headers.
const HEADERS: usize = 14 + 20 + 8;

/// What became of the questions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Answers, every byte as it must be.
    pub answered: u32,
    /// Questions without an answer.
    pub lost: u32,
    /// Answers that were not as they must be.
    pub wrong: u32,
}

/// Who asks.
#[derive(Debug)]
pub struct Asker {
    guest: Option<(Mac, Address)>,
    /// The guest has said that it is who has its address; so it knows us, too.
    is_met: bool,
    /// Bytes of the questions that are still to be asked.
    lengths: VecDeque<usize>,
    /// The number of the question under way, its bytes, and when it was asked.
    asked: Option<(u16, Vec<u8>, Instant)>,
    number: u16,
    report: Report,
}

impl Asker {
    /// Asks until these lengths of questions, in bytes, are through.
    pub fn new(lengths: impl IntoIterator<Item = usize>) -> Self {
        Self { guest: None, is_met: false, lengths: lengths.into_iter().collect(), asked: None, number: 0, report: Report::default() }
    }

    /// Lengths about those where a frame fills its transfer's packets, there and back.
    pub fn about_packets() -> Self {
        Self::new([0, 1, 56].into_iter().chain(456..468).chain(968..980).chain([1471, 1472]))
    }

    /// What became of them so far.
    pub fn report(&self) -> Report {
        self.report
    }

    /// A frame of the guest's; what is answered.
    pub fn hear(&mut self, frame: &[u8], now: Instant) -> Vec<Vec<u8>> {
        let (Some(kind), Some(from)) = (frame.get(12..14), frame.get(6..12).and_then(|from| from.try_into().ok())) else {
            return Vec::new();
        };
        let mut answers = Vec::new();
        if kind == ARP && frame.get(38..42) == Some(&ADDRESS) {
            if frame.get(20..22) == Some(&[0, 1]) {
                let asker = frame.get(28..32).and_then(|asker| asker.try_into().ok()).unwrap_or_default();
                answers.push(arp(from, 2, from, asker));
            } else {
                self.is_met = true;
            }
        } else if kind == IPV4 {
            let address = frame.get(26..30).and_then(|address| address.try_into().ok()).filter(|address| *address != [0; 4]);
            if self.guest.is_none()
                && let Some(address) = address
            {
                self.guest = Some((from, address));
                answers.push(arp([0xFF; 6], 1, [0; 6], address));
            }
            if frame.get(30..34) == Some(&ADDRESS) {
                self.judge(frame);
            }
        }
        answers.extend(self.go_on(now));
        answers
    }

    /// The next question, if it is time for one.
    pub fn go_on(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.asked.as_ref().is_some_and(|(.., at)| now.duration_since(*at) > PATIENCE) {
            self.asked = None;
            self.report.lost += 1;
        }
        let guest = self.guest.filter(|_| self.is_met)?;
        if self.asked.is_some() {
            return None;
        }
        let length = self.lengths.pop_front()?;
        self.number += 1;
        let bytes: Vec<u8> = (0..length).map(|at| (at * 7 + usize::from(self.number) * 13).to_le_bytes()[0]).collect();
        let question = question(guest, self.number, &bytes);
        self.asked = Some((self.number, bytes, now));
        Some(question)
    }

    /// A packet to us: it answers the question under way, byte by byte, or it is wrong. A late answer is none of either.
    fn judge(&mut self, frame: &[u8]) {
        let Some(number) = frame.get(40..42).and_then(|number| number.try_into().ok()).map(u16::from_be_bytes) else { return };
        let Some((_, bytes, _)) = self.asked.take_if(|(asked, ..)| *asked == number) else { return };
        // Short frames are filled up.
        let packet = 14..HEADERS + bytes.len();
        let is_right = frame.get(packet).is_some_and(|packet| {
            let (header, body) = packet.split_at(20);
            packet[9] == 1 && body[0] == 0 && sum(header) == 0 && sum(body) == 0 && body[8..] == bytes
        });
        if is_right {
            self.report.answered += 1;
        } else {
            self.report.wrong += 1;
        }
    }
}

/// The sum of RFC 1071; of what carries its own sum, 0.
fn sum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)));
    let all: u32 = words.sum();
    let folded = (all & 0xFFFF) + (all >> 16);
    !u16::try_from((folded & 0xFFFF) + (folded >> 16)).unwrap_or(0)
}

/// Says who has our address, or asks who has another: the message, and whom it is about.
fn arp(to: Mac, operation: u8, mac: Mac, address: Address) -> Vec<u8> {
    [&to[..], &MAC, &ARP, &[0, 1, 8, 0, 6, 4, 0, operation], &MAC, &ADDRESS, &mac, &address].concat()
}

/// An echo request.
fn question((mac, address): (Mac, Address), number: u16, bytes: &[u8]) -> Vec<u8> {
    let total = u16::try_from(HEADERS - 14 + bytes.len()).unwrap_or(0).to_be_bytes();
    let mut header = [&[0x45, 0], &total[..], &[0, 0, 0x40, 0, 64, 1, 0, 0], &ADDRESS, &address].concat();
    let header_sum = sum(&header).to_be_bytes();
    header[10..12].copy_from_slice(&header_sum);
    let mut body = [&[8, 0, 0, 0, 0x4B, 0x53], &number.to_be_bytes()[..], bytes].concat();
    let body_sum = sum(&body).to_be_bytes();
    body[2..4].copy_from_slice(&body_sum);
    [&mac[..], &MAC, &IPV4, &header, &body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUEST: (Mac, Address) = ([0x52, 0x54, 0, 0x12, 0x34, 0x56], [10, 0, 2, 15]);

    /// A guest that is known, and what it is asked first.
    fn met(asker: &mut Asker, now: Instant) -> Vec<Vec<u8>> {
        let questions = asker.hear(&packet(), now);
        assert_eq!((questions.len(), &questions[0][12..14], &questions[0][38..42]), (1, &ARP[..], &GUEST.1[..]));
        asker.hear(&arp_of_guest(2), now)
    }

    /// ARP's message of this kind from the guest, about us.
    fn arp_of_guest(operation: u8) -> Vec<u8> {
        let mut message = packet();
        message[12..14].copy_from_slice(&ARP);
        message[20..22].copy_from_slice(&[0, operation]);
        message[28..32].copy_from_slice(&GUEST.1);
        message[38..42].copy_from_slice(&ADDRESS);
        message
    }

    /// Any packet of the guest's, by which it is known.
    fn packet() -> Vec<u8> {
        let mut frame = vec![0; 60];
        frame[6..12].copy_from_slice(&GUEST.0);
        frame[12..14].copy_from_slice(&IPV4);
        frame[26..30].copy_from_slice(&GUEST.1);
        frame
    }

    /// What a good guest answers.
    fn answer(question: &[u8]) -> Vec<u8> {
        let mut frame = question.to_vec();
        let (front, back) = frame.split_at_mut(6);
        front.swap_with_slice(&mut back[..6]);
        let (from, to) = frame[26..34].split_at_mut(4);
        from.swap_with_slice(to);
        (frame[34], frame[36], frame[37]) = (0, 0, 0);
        let sum = sum(&frame[34..]).to_be_bytes();
        frame[36..38].copy_from_slice(&sum);
        frame.resize(frame.len().max(60), 0);
        frame
    }

    #[test]
    fn questions_go_out_one_by_one_and_answers_are_verified() {
        let now = Instant::now();
        let mut asker = Asker::new([0, 1, 461, 1472]);
        assert_eq!(asker.go_on(now), None, "nobody is known yet");
        let mut next = met(&mut asker, now);
        while let Some(question) = next.pop() {
            assert!(question.len() >= HEADERS);
            next = asker.hear(&answer(&question), now);
        }
        assert_eq!(asker.report(), Report { answered: 4, lost: 0, wrong: 0 });
    }

    #[test]
    fn a_byte_that_is_another_is_wrong_and_no_answer_is_a_loss() {
        let now = Instant::now();
        let mut asker = Asker::new([100, 100]);
        let question = met(&mut asker, now).pop().expect("somebody is known");
        let mut bad = answer(&question);
        bad[100] ^= 1;
        assert_eq!(asker.hear(&bad, now).len(), 1);
        assert_eq!(asker.go_on(now + 2 * PATIENCE), None);
        assert_eq!(asker.report(), Report { answered: 0, lost: 1, wrong: 1 });
    }

    #[test]
    fn who_asks_is_found() {
        let (now, request) = (Instant::now(), arp_of_guest(1));
        let reply = Asker::new([]).hear(&request, now).pop().expect("it is us");
        assert_eq!((&reply[..6], &reply[20..22], &reply[22..28], &reply[28..32]), (&GUEST.0[..], &[0, 2][..], &MAC[..], &ADDRESS[..]));
    }
}
