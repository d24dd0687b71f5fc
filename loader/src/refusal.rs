//! Why a program is not started: each reason is one line on the console.

use core::fmt::{self, Display, Write};

/// Why a payload or a program in it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Fewer bytes than the header says.
    TruncatedPayload,
    /// A version of the payload format that this loader does not know.
    PayloadVersion(u32),
    /// The payload's directory does not match its checksum.
    DirectoryChecksum,
    /// A part of the payload lies outside it, or is not aligned.
    MisplacedPart(u32),
    /// A part's bytes do not match its checksum.
    PartChecksum(u32),
    /// A packed part does not unpack to as many bytes as it says.
    PackedPart(u32),
    /// No program among the parts.
    NoProgram,
    /// An initial ramdisk that holds neither payload nor program.
    UnknownRamdisk,
    /// The program does not begin as an ELF file of 64 bits, little-endian.
    NotElf,
    /// The ELF file ends before what its headers point at.
    TruncatedElf,
    /// Made for another machine (the ELF number of it).
    Machine(u16),
    /// Made for another system (EI_OSABI).
    System(u8),
    /// Not a position-independent executable (e_type).
    NotPie(u16),
    /// Wants a dynamic linker, or shared libraries.
    Dynamic,
    /// No segment to load, or more than 8.
    SegmentCount,
    /// Two segments overlap, or are out of order.
    SegmentsOverlap,
    /// A segment holds more bytes in the file than in memory, or wraps round the address space.
    SegmentSize,
    /// The entry point is in no executable segment.
    Entry,
    /// A relocation of a kind that a static program does not have (the ELF number of it).
    Relocation(u32),
    /// A relocation table of a form that is not read: its dynamic tag.
    RelocationTable(u64),
    /// A relocation outside the program, or at an odd address.
    RelocationTarget,
    /// The program, or what it is unpacked in, needs this many KiB in one piece, and there is no such piece of memory.
    TooBig(u64),
}

impl Refusal {
    /// Writes the line, without its end.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn describe(self, out: &mut impl Write) -> fmt::Result {
        let (before, number, after) = match self {
            Self::TruncatedPayload => ("the payload is truncated", None, ""),
            Self::PayloadVersion(version) => ("payload format ", Some(version.into()), " is not known to this loader"),
            Self::DirectoryChecksum => ("the payload's directory has a bad checksum", None, ""),
            Self::MisplacedPart(part) => ("part ", Some(part.into()), " of the payload lies outside it"),
            Self::PartChecksum(part) => ("part ", Some(part.into()), " of the payload has a bad checksum"),
            Self::PackedPart(part) => ("part ", Some(part.into()), " of the payload cannot be unpacked"),
            Self::NoProgram => ("the payload holds no program", None, ""),
            Self::UnknownRamdisk => ("the initial ramdisk is neither a payload nor an ELF program", None, ""),
            Self::NotElf => ("the program is not a 64-bit little-endian ELF file", None, ""),
            Self::TruncatedElf => ("the program is truncated", None, ""),
            Self::Machine(machine) => ("the program is for another machine (ELF machine ", Some(machine.into()), ", not 183, AArch64)"),
            Self::System(system) => ("the program is for another system (OS/ABI ", Some(system.into()), ", not 255 or 0)"),
            Self::NotPie(kind) => ("the program is not position-independent (ELF type ", Some(kind.into()), ", not 3)"),
            Self::Dynamic => ("the program wants a dynamic linker", None, ""),
            Self::SegmentCount => ("the program has no segment to load, or more than 8", None, ""),
            Self::SegmentsOverlap => ("segments of the program overlap or are out of order", None, ""),
            Self::SegmentSize => ("a segment of the program has an impossible size", None, ""),
            Self::Entry => ("the program's entry is in no executable segment", None, ""),
            Self::Relocation(kind) => return describe_relocation(kind, out),
            Self::RelocationTable(tag) => ("the program has a relocation table that is not read (dynamic tag ", Some(tag), ")"),
            Self::RelocationTarget => ("a relocation of the program lies outside it", None, ""),
            Self::TooBig(kib) => ("the program is too big: no ", Some(kib), " KiB of memory in one piece"),
        };
        out.write_str(before)?;
        if let Some(number) = number {
            decimal(number, out)?;
        }
        out.write_str(after)
    }
}

impl Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.describe(formatter)
    }
}

fn describe_relocation(kind: u32, out: &mut impl Write) -> fmt::Result {
    out.write_str("the program has a relocation that is not allowed: ")?;
    match relocation_name(kind) {
        Some(name) => out.write_str(name),
        None => {
            out.write_str("type ")?;
            decimal(kind.into(), out)
        }
    }
}

/// The names of what linkers really put into dynamic tables (ELF for the Arm 64-bit Architecture, 5.7).
fn relocation_name(kind: u32) -> Option<&'static str> {
    Some(match kind {
        257 => "R_AARCH64_ABS64",
        1024 => "R_AARCH64_COPY",
        1025 => "R_AARCH64_GLOB_DAT",
        1026 => "R_AARCH64_JUMP_SLOT",
        1028 => "R_AARCH64_TLS_DTPMOD",
        1029 => "R_AARCH64_TLS_DTPREL",
        1030 => "R_AARCH64_TLS_TPREL",
        1031 => "R_AARCH64_TLSDESC",
        1032 => "R_AARCH64_IRELATIVE",
        _ => return None,
    })
}

/// Writes a number without the weight of `core::fmt`.
///
/// # Errors
/// Only those of `out`.
pub fn decimal(number: u64, out: &mut impl Write) -> fmt::Result {
    if number >= 10 {
        decimal(number / 10, out)?;
    }
    let digit = u8::try_from(number % 10).map_or('?', |digit| char::from(b'0' + digit));
    out.write_char(digit)
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn a_refusal_is_one_clear_line() {
        assert_eq!(Refusal::Machine(62).to_string(), "the program is for another machine (ELF machine 62, not 183, AArch64)");
        assert_eq!(Refusal::Relocation(1032).to_string(), "the program has a relocation that is not allowed: R_AARCH64_IRELATIVE");
        assert_eq!(Refusal::Relocation(7).to_string(), "the program has a relocation that is not allowed: type 7");
        assert_eq!(Refusal::TooBig(4096).to_string(), "the program is too big: no 4096 KiB of memory in one piece");
    }
}
