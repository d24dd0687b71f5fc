//! The smallest programs that the loader takes, and many that it does not: for tests and fuzz seeds.
//!
//! [`Sample::talking`] runs on the machine: it checks its handover, its relocation and its .bss, says at which exception level it
//! stands, and ends QEMU with status 42 by semihosting.

use alloc::vec;
use alloc::vec::Vec;

use crate::elf;

/// One program header and its bytes.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Its `p_type`.
    pub kind: u32,
    /// Its `p_flags`.
    pub flags: u32,
    /// Its `p_vaddr`.
    pub start: u64,
    /// What the file holds of it.
    pub bytes: Vec<u8>,
    /// Its `p_memsz`.
    pub memory_bytes: u64,
}

/// An ELF file in the making.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its `e_machine`.
    pub machine: u16,
    /// Its `EI_OSABI`.
    pub system: u8,
    /// Its `e_type`.
    pub kind: u16,
    /// Its `e_entry`.
    pub entry: u64,
    /// Its program headers.
    pub segments: Vec<Segment>,
}

/// Where the data of [`Sample::talking`] is.
const DATA: u64 = 0x1000;
/// Where in it the relocation table is.
const TABLE: u64 = 0x40;

/// Assembled from the text beside it. x0 = the firmware's x0, x1 = the handover.
const CODE: [u32; 42] = [
    0x1000_0009, // adr x9, .             the program's start
    0xd282_0006, // mov x6, #0x1000       x6 = the UART: the Pi's below 1 GiB, virt's above
    0xf2a7_e406, // movk x6, #0x3f20, lsl #16
    0xd2a1_2007, // mov x7, #0x9000000
    0xd35e_fd28, // lsr x8, x9, #30
    0xf100_011f, // cmp x8, #0
    0x9a87_00c6, // csel x6, x6, x7, eq
    0xf940_0022, // ldr x2, [x1]          status 2: no handover
    0xd280_0043, // mov x3, #0x2
    0xf2a9_6a63, // movk x3, #0x4b53, lsl #16
    0xf2ca_88a3, // movk x3, #0x5445, lsl #32
    0xf2e0_08a3, // movk x3, #0x45, lsl #48
    0xd280_004a, // mov x10, #2
    0xeb03_005f, // cmp x2, x3
    0x5400_0221, // b.ne 3f
    0x9140_0524, // add x4, x9, #0x1000
    0xf940_0085, // ldr x5, [x4]          the relocated word
    0xd280_006a, // mov x10, #3           status 3: .bss is not zero
    0xf940_8082, // ldr x2, [x4, #0x100]
    0xb500_0182, // cbnz x2, 3f
    0x3840_14a2, // 1: ldrb w2, [x5], #1
    0x3400_0062, // cbz w2, 2f
    0xb900_00c2, // str w2, [x6]
    0x17ff_fffd, // b 1b
    0xd538_4242, // 2: mrs x2, currentel
    0xd342_fc42, // lsr x2, x2, #2
    0x9100_c042, // add x2, x2, #'0'
    0xb900_00c2, // str w2, [x6]
    0x5280_0142, // mov w2, #'\n'
    0xb900_00c2, // str w2, [x6]
    0xd280_054a, // mov x10, #42
    0xd100_013f, // 3: mov sp, x9
    0xd280_04c2, // mov x2, #0x26
    0xf2a0_0042, // movk x2, #0x2, lsl #16
    0x9140_0521, // add x1, x9, #0x1000
    0x9108_0021, // add x1, x1, #0x200
    0xf900_0022, // str x2, [x1]
    0xf900_042a, // str x10, [x1, #8]
    0x5280_0400, // mov w0, #0x20
    0xd45e_0000, // hlt #0xf000
    0xd503_207f, // 4: wfi
    0x17ff_ffff, // b 4b
];

impl Sample {
    /// A program that says "relocated, at EL" and the level's digit.
    #[must_use]
    pub fn talking() -> Self {
        let code = CODE.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut data = vec![0; 16];
        data.extend(b"relocated, at EL\0");
        data.resize(usize::try_from(TABLE).unwrap_or_default(), 0);
        data.extend(relocation(DATA, elf::R_AARCH64_RELATIVE, DATA + 16));
        let data = Segment { bytes: data, memory_bytes: 0x300, ..Segment::load(DATA, elf::PF_R | elf::PF_W) };
        Self {
            machine: elf::EM_AARCH64,
            system: 255,
            kind: elf::ET_DYN,
            entry: 0,
            segments: vec![
                Segment::load(0, elf::PF_R | elf::PF_X).with(code),
                data,
                Segment::dynamic(&[(elf::DT_RELA, DATA + TABLE), (elf::DT_RELASZ, 24), (elf::DT_RELAENT, 24)]),
            ],
        }
    }

    /// The same with this relocation in place of its own.
    #[must_use]
    pub fn with_relocation(mut self, place: u64, kind: u32, addend: u64) -> Self {
        for segment in self.segments.iter_mut().filter(|segment| segment.start == DATA) {
            segment.bytes.truncate(usize::try_from(TABLE).unwrap_or_default());
            segment.bytes.extend(relocation(place, kind, addend));
        }
        self
    }

    /// The same with this dynamic table.
    #[must_use]
    pub fn with_dynamic(mut self, table: &[(u64, u64)]) -> Self {
        self.segments.retain(|segment| segment.kind != elf::PT_DYNAMIC);
        self.segments.push(Segment::dynamic(table));
        self
    }

    /// The file.
    #[must_use]
    pub fn emit(&self) -> Vec<u8> {
        let headers_end = 64 + 56 * self.segments.len();
        let mut headers = Vec::new();
        let mut bodies = Vec::new();
        for segment in &self.segments {
            let offset = (headers_end + bodies.len()).next_multiple_of(16);
            bodies.resize(offset - headers_end, 0);
            bodies.extend(&segment.bytes);
            headers.extend(segment.kind.to_le_bytes());
            headers.extend(segment.flags.to_le_bytes());
            let (bytes, start) = (segment.bytes.len() as u64, segment.start);
            for field in [offset as u64, start, start, bytes, segment.memory_bytes, 4096] {
                headers.extend(field.to_le_bytes());
            }
        }
        let mut file = Vec::from(elf::BEGINNING);
        file.push(self.system);
        file.extend([0; 8]);
        file.extend(self.kind.to_le_bytes());
        file.extend(self.machine.to_le_bytes());
        file.extend(1u32.to_le_bytes());
        for field in [self.entry, 64, 0] {
            file.extend(field.to_le_bytes());
        }
        file.extend(0u32.to_le_bytes());
        let count = u16::try_from(self.segments.len()).unwrap_or(u16::MAX);
        for field in [64, 56, count, 64, 0, 0] {
            file.extend(u16::to_le_bytes(field));
        }
        file.extend(headers);
        file.extend(bodies);
        file
    }
}

impl Segment {
    /// An empty page to load.
    #[must_use]
    pub const fn load(start: u64, flags: u32) -> Self {
        Self { kind: elf::PT_LOAD, flags, start, bytes: Vec::new(), memory_bytes: 4096 }
    }

    /// The same with these bytes in the file and in memory.
    #[must_use]
    pub fn with(self, bytes: Vec<u8>) -> Self {
        Self { memory_bytes: bytes.len() as u64, bytes, ..self }
    }

    /// A dynamic table; its end is added.
    #[must_use]
    pub fn dynamic(table: &[(u64, u64)]) -> Self {
        let mut bytes = Vec::new();
        for (tag, value) in table.iter().chain([&(elf::DT_NULL, 0)]) {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(value.to_le_bytes());
        }
        Self { kind: elf::PT_DYNAMIC, ..Self::load(DATA, elf::PF_R) }.with(bytes)
    }
}

fn relocation(place: u64, kind: u32, addend: u64) -> Vec<u8> {
    [place, kind.into(), addend].iter().flat_map(|word| word.to_le_bytes()).collect()
}
