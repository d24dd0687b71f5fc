//! What a frame carries and where, and the sums over it made right.

pub const ETHERNET: usize = 14;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMP_V6: u8 = 58;

/// What an IP packet carries behind its headers, those of extension among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    pub protocol: u8,
    pub is_v4: bool,
    /// Where it begins and ends in the frame.
    pub at: usize,
    pub end: usize,
}

pub fn get32(frame: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]])
}

pub fn put32(frame: &mut [u8], at: usize, number: u32) {
    frame[at..at + 4].copy_from_slice(&number.to_be_bytes());
}

pub fn put16(frame: &mut [u8], at: usize, number: u16) {
    frame[at..at + 2].copy_from_slice(&number.to_be_bytes());
}

pub fn is_v6(frame: &[u8]) -> bool {
    frame.len() >= ETHERNET + 40 && frame[12..14] == [0x86, 0xdd]
}

/// Makes the length that the header of IP tells that of the frame.
pub fn tell_length(frame: &mut [u8]) {
    let length = frame.len() - ETHERNET;
    if is_v6(frame) {
        put16(frame, ETHERNET + 4, (length - 40) as u16);
    } else {
        put16(frame, ETHERNET + 2, length as u16);
    }
}

/// Where a segment of TCP begins and ends, if the frame holds a whole one.
pub fn segment(frame: &[u8]) -> Option<Carried> {
    carried(frame).filter(|carried| carried.protocol == TCP && carried.at + 20 <= carried.end)
}

/// What an IP packet carries, and where that begins and ends.
pub fn carried(frame: &[u8]) -> Option<Carried> {
    let ip = frame.get(ETHERNET..).filter(|ip| ip.len() >= 20)?;
    let length = |at: usize| usize::from(u16::from_be_bytes([ip[at], ip[at + 1]]));
    let (protocol, header, total, is_v4) = match frame[12..14] {
        [8, 0] => (ip[9], usize::from(ip[0] & 0xf) * 4, length(2), true),
        [0x86, 0xdd] if ip.len() >= 40 => {
            let total = 40 + length(4);
            let (protocol, header) = behind_extensions(&ip[..total.min(ip.len())])?;
            (protocol, header, total, false)
        }
        _ => return None,
    };
    let end = total.min(ip.len());
    (header >= 20 && header <= end).then_some(Carried { protocol, is_v4, at: ETHERNET + header, end: ETHERNET + end })
}

/// What comes behind a packet's headers of extension, and where (RFC 8200 4).
fn behind_extensions(ip: &[u8]) -> Option<(u8, usize)> {
    let (mut next, mut at) = (ip[6], 40);
    while let 0 | 43 | 44 | 60 = next {
        let &[kind, units] = ip.get(at..)?.first_chunk()?;
        // A fragment's header has eight bytes, whatever its second says.
        at += if next == 44 { 8 } else { 8 + usize::from(units) * 8 };
        next = kind;
    }
    Some((next, at))
}

/// The sum of bytes (RFC 1071), before its ends are folded together.
fn sum(bytes: &[u8]) -> u32 {
    bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum()
}

fn folded(mut sum: u32) -> [u8; 2] {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

/// Where the sum of what is carried stands in it.
fn place(protocol: u8) -> Option<usize> {
    match protocol {
        TCP => Some(16),
        UDP => Some(6),
        ICMP | ICMP_V6 => Some(2),
        _ => None,
    }
}

/// Makes the sums right, so that what is behind them is looked at: of the header of IPv4, of TCP, UDP and both kinds of ICMP.
pub fn mend(frame: &mut [u8]) {
    let Some(Carried { protocol, is_v4, at, end }) = carried(frame) else { return };
    if is_v4 {
        frame[24..26].fill(0);
        let sum = folded(sum(&frame[ETHERNET..at]));
        frame[24..26].copy_from_slice(&sum);
    }
    let Some(place) = place(protocol).map(|place| at + place).filter(|place| place + 2 <= end) else { return };
    frame[place..place + 2].fill(0);
    let addresses = if is_v4 { 26..34 } else { 22..54 };
    let front = if protocol == ICMP { 0 } else { sum(&frame[addresses]) + u32::from(protocol) + (end - at) as u32 };
    let mut sum = folded(front + sum(&frame[at..end]));
    // RFC 768, RFC 8200 8.1: a sum of zero would say that there is none.
    if protocol == UDP && sum == [0, 0] {
        sum = [0xff, 0xff];
    }
    frame[place..place + 2].copy_from_slice(&sum);
}

#[test]
fn sums_are_mended_as_an_honest_machine_has_them() {
    let honest = crate::honest::honest();
    let of = |protocol, is_v4| {
        honest.iter().filter(move |frame| carried(frame).is_some_and(|it| it.protocol == protocol && it.is_v4 == is_v4)).count()
    };
    for (protocol, is_v4) in [(TCP, true), (TCP, false), (UDP, true), (UDP, false), (ICMP, true), (ICMP_V6, false)] {
        assert!(of(protocol, is_v4) > 0, "there are some of protocol {protocol}, over IPv4: {is_v4}");
    }
    for frame in &honest {
        let mut mended = frame.clone();
        if let Some(Carried { protocol, at, end, .. }) = carried(frame)
            && let Some(place) = place(protocol).map(|place| at + place)
            && place + 2 <= end
        {
            mended[place] ^= 0x55;
        }
        mend(&mut mended);
        assert_eq!(mended, *frame);
    }
}
