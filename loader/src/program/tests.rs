//! What is loaded, and what is refused with which reason.

use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::{PAGE_BYTES, Plan};
use crate::elf;
use crate::refusal::Refusal;
use crate::sample::{Sample, Segment};

const BASE: u64 = 0x4000_0000;

fn refusal(sample: &Sample) -> Option<Refusal> {
    Plan::new(&sample.emit()).err()
}

/// Loads a program into memory full of junk.
fn load(file: &[u8]) -> Result<Vec<u64>, Refusal> {
    let plan = Plan::new(file)?;
    let mut bytes = vec![0xA5; plan.bytes];
    plan.fill(&mut bytes);
    let words = bytes.chunks_exact(8).filter_map(|word| word.first_chunk());
    let mut words: Vec<u64> = words.map(|word| u64::from_le_bytes(*word)).collect();
    plan.relocate(&mut words, BASE)?;
    Ok(words)
}

#[test]
fn a_program_is_put_in_place_relocated_and_zeroed_behind_its_bytes() {
    let file = Sample::talking().emit();
    let plan = Plan::new(&file).expect("the sample is good");
    assert_eq!((plan.bytes, plan.entry), (2 * PAGE_BYTES, 0));
    assert_eq!(plan.segments().len(), 2);
    let words = load(&file).expect("the sample is good");
    assert_eq!(words[0] & 0xFFFF_FFFF, 0x1000_0009);
    assert_eq!(words[0x1000 / 8], BASE + 0x1010);
    // Between the code's end and its page's, and behind the data.
    assert!(words[0xA8 / 8..0x1000 / 8].iter().all(|word| *word == 0));
    assert!(words[0x1058 / 8..].iter().all(|word| *word == 0));
}

#[test]
fn a_file_that_is_no_elf_is_refused() {
    assert_eq!(Plan::new(&[]).err(), Some(Refusal::NotElf));
    assert_eq!(Plan::new(&[0xA5; 4096]).err(), Some(Refusal::NotElf));
    // 32 bits; big-endian.
    for field in [4, 5] {
        let mut file = Sample::talking().emit();
        file[field] ^= 3;
        assert_eq!(Plan::new(&file).err(), Some(Refusal::NotElf));
    }
}

#[test]
fn a_truncated_file_is_refused_wherever_it_ends() {
    let file = Sample::talking().emit();
    for length in elf::BEGINNING.len()..file.len() {
        assert_eq!(Plan::new(&file[..length]).err(), Some(Refusal::TruncatedElf));
    }
}

#[test]
fn a_program_for_another_machine_or_system_is_refused_by_its_number() {
    let sample = Sample::talking();
    assert_eq!(refusal(&Sample { machine: 62, ..sample.clone() }), Some(Refusal::Machine(62)));
    assert_eq!(refusal(&Sample { system: 9, ..sample.clone() }), Some(Refusal::System(9)));
    assert_eq!(refusal(&Sample { system: 0, ..sample.clone() }), None);
    assert_eq!(refusal(&Sample { kind: 2, ..sample }), Some(Refusal::NotPie(2)));
}

#[test]
fn segments_that_overlap_or_run_backwards_are_refused() {
    let mut sample = Sample::talking();
    sample.segments[1].start = 0x80;
    assert_eq!(refusal(&sample), Some(Refusal::SegmentsOverlap));
    let mut sample = Sample::talking();
    sample.segments.swap(0, 1);
    assert_eq!(refusal(&sample), Some(Refusal::SegmentsOverlap));
}

#[test]
fn a_segment_of_impossible_size_is_refused() {
    let mut sample = Sample::talking();
    sample.segments[1].memory_bytes = 8;
    assert_eq!(refusal(&sample), Some(Refusal::SegmentSize));
    sample.segments[1].memory_bytes = u64::MAX;
    assert_eq!(refusal(&sample), Some(Refusal::SegmentSize));
    sample.segments[1].memory_bytes = 1 << 40;
    assert!(matches!(refusal(&sample), Some(Refusal::TooBig(_))));
}

#[test]
fn a_program_without_segments_or_with_too_many_is_refused() {
    let mut sample = Sample::talking();
    sample.segments.clear();
    assert_eq!(refusal(&sample), Some(Refusal::SegmentCount));
    sample.segments = (0..9).map(|page| Segment::load(page * 4096, elf::PF_X)).collect();
    assert_eq!(refusal(&sample), Some(Refusal::SegmentCount));
}

#[test]
fn an_entry_outside_the_code_is_refused() {
    for entry in [0x1000, 0xA8, 2, u64::MAX] {
        assert_eq!(refusal(&Sample { entry, ..Sample::talking() }), Some(Refusal::Entry));
    }
}

#[test]
fn a_dynamic_program_is_refused() {
    assert_eq!(refusal(&Sample::talking().with_dynamic(&[(elf::DT_NEEDED, 1)])), Some(Refusal::Dynamic));
    let mut sample = Sample::talking();
    sample.segments.push(Segment { kind: elf::PT_INTERP, ..Segment::load(0, 0) });
    assert_eq!(refusal(&sample), Some(Refusal::Dynamic));
}

#[test]
fn a_relocation_table_of_another_form_is_refused_by_its_tag() {
    for tag in [elf::DT_REL, elf::DT_JMPREL, elf::DT_RELR] {
        assert_eq!(refusal(&Sample::talking().with_dynamic(&[(tag, 0x1040)])), Some(Refusal::RelocationTable(tag)));
    }
    let odd = [(elf::DT_RELA, 0x1041), (elf::DT_RELASZ, 24)];
    assert_eq!(refusal(&Sample::talking().with_dynamic(&odd)), Some(Refusal::RelocationTable(elf::DT_RELA)));
    let outside = [(elf::DT_RELA, 0x2000), (elf::DT_RELASZ, 24)];
    assert_eq!(refusal(&Sample::talking().with_dynamic(&outside)), Some(Refusal::RelocationTarget));
}

#[test]
fn a_relocation_of_another_kind_is_refused_by_its_number() {
    for kind in [0, 257, 1025, 1026, 1032] {
        let file = Sample::talking().with_relocation(0x1000, kind, 0).emit();
        assert_eq!(load(&file).err(), Some(Refusal::Relocation(kind)));
    }
}

#[test]
fn a_relocation_outside_the_program_or_at_an_odd_address_is_refused() {
    for place in [0x2000, 0x1004, u64::MAX - 7] {
        let file = Sample::talking().with_relocation(place, elf::R_AARCH64_RELATIVE, 0).emit();
        assert_eq!(load(&file).err(), Some(Refusal::RelocationTarget));
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut file = Vec::from(elf::BEGINNING);
        file.extend(bytes);
        let _ = Plan::new(&file);
    }

    #[test]
    fn a_changed_program_is_loaded_or_refused(changes in prop::collection::vec((0usize..600, any::<u8>()), 1..6)) {
        let mut file = Sample::talking().emit();
        for (at, byte) in changes {
            let at = at % file.len();
            file[at] = byte;
        }
        // A change may ask for up to 1 GiB: enough is seen of those that ask for less.
        if Plan::new(&file).is_ok_and(|plan| plan.bytes < 1 << 20) {
            let _ = load(&file);
        }
    }
}
