//! Answers of name servers, looked at before smoltcp has them.
//!
//! smoltcp knows which question an answer is for, by port, number, name and kind. But it also hears everybody who answers from the port of
//! multicast DNS; believes that there is no such name, whatever name the answer is about; takes addresses of the kind that nobody asked
//! for, and those in an answer that says it failed; and keeps the other name that an answer tells, though what comes behind it is broken,
//! so that the question is never answered. None of that comes so far.

use smoltcp::wire::{
    DnsPacket, DnsQueryType, DnsQuestion, DnsRecord, DnsRecordData, EthernetFrame, IpAddress, IpEndpoint, Ipv4Packet, UdpPacket,
};

use crate::setup::SERVERS;

/// Where name servers answer (RFC 1035 4.2.1).
const SERVER: u16 = 53;
/// Where machines answer for names of their own (RFC 6762 11), which nobody here asks for.
const MULTICAST: u16 = 5353;
/// Bytes of the longest name, its lengths among them (RFC 1035 2.3.4).
const LONGEST_NAME: usize = 255;
/// Bytes before the payload of a frame, and of a datagram.
const ETHERNET: usize = 14;
const UDP: usize = 8;

/// Whether smoltcp may see the datagram in `frame`, which came from `source` and is for nobody's socket. One that says that it failed brings
/// no addresses then.
pub fn admit(source: IpEndpoint, servers: [Option<IpAddress>; SERVERS], frame: &mut [u8]) -> bool {
    if source.port != SERVER || !servers.contains(&Some(source.addr)) {
        return source.port != MULTICAST;
    }
    let Some(message) = message(frame).filter(|message| is_whole(message).is_some()) else { return false };
    withdraw(message);
    true
}

/// The payload of a datagram of IPv4.
fn message(frame: &mut [u8]) -> Option<&mut [u8]> {
    let ethernet = EthernetFrame::new_checked(&*frame).ok()?;
    let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
    let datagram = UdpPacket::new_checked(ip.payload()).ok()?;
    let at = ETHERNET + usize::from(ip.header_len()) + UDP;
    let length = datagram.payload().len();
    frame.get_mut(at..at + length)
}

/// Whether all that smoltcp will look at can be read, and every address is of the kind that was asked for.
fn is_whole(message: &[u8]) -> Option<()> {
    let packet = DnsPacket::new_checked(message).ok()?;
    let is_name = |name| {
        let mut bytes = 1;
        for label in packet.parse_name(name) {
            bytes += 1 + label.ok()?.len();
        }
        (bytes <= LONGEST_NAME).then_some(())
    };
    let (mut rest, question) = DnsQuestion::parse(packet.payload()).ok()?;
    is_name(question.name)?;
    for _ in 0..packet.answer_record_count() {
        let (after, record) = DnsRecord::parse(rest).ok()?;
        is_name(record.name)?;
        match record.data {
            DnsRecordData::A(_) if question.type_ != DnsQueryType::A => return None,
            DnsRecordData::Aaaa(_) if question.type_ != DnsQueryType::Aaaa => return None,
            DnsRecordData::Cname(name) => is_name(name)?,
            _ => {}
        }
        rest = after;
    }
    Some(())
}

/// Makes a message that says it failed, or that there is no such name, one without answers: what it is about is compared then, and it brings
/// nothing. The count that nobody reads, that of authorities, takes up what the others lose, and the datagram's sum stays as right as it was.
fn withdraw(message: &mut [u8]) {
    let number = |at: usize| u32::from(u16::from_be_bytes([message[at], message[at + 1]]));
    let code = message[3] & 0x0f;
    if code == 0 {
        return;
    }
    let mut rest = u32::from(code) + number(6) + number(8);
    while rest > 0xffff {
        rest = (rest & 0xffff) + (rest >> 16);
    }
    message[3] &= 0xf0;
    message[6..8].fill(0);
    message[8..10].copy_from_slice(&u16::try_from(rest).unwrap_or(u16::MAX).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_brings_nothing_and_its_sum_stays() {
        let sum = |message: &[u8]| {
            let sum: u32 = message.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
            sum % 0xffff
        };
        for counts in [[0, 0, 0, 0], [0, 9, 0, 9], [0xff, 0xff, 0, 0], [0xff, 0xff, 0xff, 0xf9], [0xff, 0xff, 0xff, 0xff]] {
            for code in 0..16 {
                let mut message = [7, 7, 0x81, 0x80 | code, 0, 1, counts[0], counts[1], counts[2], counts[3], 0, 0];
                let before = message;
                withdraw(&mut message);
                assert_eq!(sum(&message), sum(&before), "{before:?}");
                assert_eq!((message[3], &message[..3]), (0x80, &before[..3]));
                assert_eq!(message[6..8], if code == 0 { [counts[0], counts[1]] } else { [0, 0] });
            }
        }
    }
}
