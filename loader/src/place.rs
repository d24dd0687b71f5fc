//! Where the program goes: the lowest gap in memory that holds it.

use core::ops::Range;

/// On boards with room, a program stands on a multiple of this: then whole blocks map it.
const WIDE: u64 = 2 << 20;
/// On boards without, on a multiple of this.
const NARROW: u64 = 64 << 10;
/// What counts as room.
const ROOM: u64 = 64 << 20;
/// The program does not straddle a multiple of this: the kernel reaches all of it through one table.
const SPAN: u64 = 1 << 30;
/// The kernel unmaps page 0.
const FIRST: u64 = 4096;

/// The lowest address at which `bytes` lie in `ram`, clear of every range in `taken`. `None` if there is none.
#[must_use]
pub fn place(bytes: u64, ram: &[Range<u64>], taken: &[Range<u64>]) -> Option<u64> {
    let total = ram.iter().map(|range| range.end.saturating_sub(range.start)).fold(0, u64::saturating_add);
    let alignment = if total >= ROOM { WIDE } else { NARROW };
    ram.iter().filter_map(|range| place_in(range, bytes, alignment, taken)).min()
}

/// The longest piece of memory that is clear of every range in `taken`, from a whole page to a whole page.
#[must_use]
pub fn largest_gap(ram: &[Range<u64>], taken: &[Range<u64>]) -> Range<u64> {
    // A gap begins where memory begins, or where something taken ends.
    let starts = ram.iter().map(|range| range.start.max(FIRST)).chain(taken.iter().map(|range| range.end));
    let gaps = starts.filter_map(|start| {
        let start = start.checked_next_multiple_of(FIRST)?;
        let memory = ram.iter().find(|range| range.contains(&start))?;
        if taken.iter().any(|range| range.contains(&start)) {
            return None;
        }
        let ends = taken.iter().map(|range| range.start).filter(|end| *end > start);
        let end = ends.fold(memory.end, u64::min);
        Some(start..end - end % FIRST)
    });
    gaps.max_by_key(|gap| gap.end.saturating_sub(gap.start)).unwrap_or_default()
}

fn place_in(ram: &Range<u64>, bytes: u64, alignment: u64, taken: &[Range<u64>]) -> Option<u64> {
    let mut start = ram.start.max(FIRST).checked_next_multiple_of(alignment)?;
    loop {
        let end = start.checked_add(bytes)?;
        if end > ram.end || bytes > SPAN {
            return None;
        }
        let blocked = taken.iter().find(|range| range.start < end && start < range.end);
        let next = match blocked {
            Some(range) => range.end,
            None if bytes > 0 && start / SPAN != (end - 1) / SPAN => (start / SPAN + 1).checked_mul(SPAN)?,
            None => return Some(start),
        };
        start = next.checked_next_multiple_of(alignment)?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1 << 20;

    /// With one piece of memory.
    fn place_in_one(bytes: u64, ram: Range<u64>, taken: &[Range<u64>]) -> Option<u64> {
        place(bytes, core::slice::from_ref(&ram), taken)
    }

    #[test]
    fn on_the_pi_a_program_comes_behind_the_loader() {
        let taken = [0..0x1000, 0x1F_0000..0x22_0000];
        assert_eq!(place_in_one(MIB, 0..0x3B40_0000, &taken), Some(0x40_0000));
    }

    #[test]
    fn on_virt_a_small_program_comes_below_the_loader() {
        let (ram, taken) = (0x4000_0000..0x4800_0000, [0..0x1000, 0x401F_0000..0x4022_0000]);
        assert_eq!(place_in_one(MIB, ram.clone(), &taken), Some(0x4000_0000));
        assert_eq!(place_in_one(3 * MIB, ram, &taken), Some(0x4040_0000));
    }

    #[test]
    fn eight_mebibytes_are_used_in_small_steps() {
        let ram = 0x4000_0000..0x4080_0000;
        let taken = [0x4000_0000..0x4000_0001, 0x4008_0000..0x407E_0000];
        assert_eq!(place_in_one(0x1_0000, ram.clone(), &taken), Some(0x4001_0000));
        assert_eq!(place_in_one(0x8_0000, ram, &taken), None);
    }

    #[test]
    fn a_program_stays_inside_one_gibibyte() {
        assert_eq!(place_in_one(4 * MIB, 0x3FE0_0000..0x5000_0000, &[]), Some(0x4000_0000));
        assert_eq!(place_in_one(2 << 30, 0..8 << 30, &[]), None);
    }

    #[test]
    fn page_zero_is_never_chosen() {
        assert_eq!(place_in_one(1, 0..16 * MIB, &[]), Some(NARROW));
    }

    #[test]
    fn the_largest_gap_lies_between_what_is_taken() {
        let taken = [0..0x1000, 0x1F_0000..0x20_1234, 0x60_0000..0x61_0000];
        let gap = |ram: Range<u64>| largest_gap(core::slice::from_ref(&ram), &taken);
        assert_eq!(gap(0..0x80_0000), 0x20_2000..0x60_0000);
        assert!(gap(0..0x1000).is_empty());
        assert!(largest_gap(&[], &[]).is_empty());
    }

    proptest! {
        #[test]
        fn a_largest_gap_is_in_memory_and_clear(
            ram in prop::collection::vec((0u64..1 << 30, 0u64..256 * MIB), 0..4),
            taken in prop::collection::vec((0u64..1 << 30, 1u64..64 * MIB), 0..6),
        ) {
            let ram: std::vec::Vec<_> = ram.into_iter().map(|(start, length)| start..start + length).collect();
            let taken: std::vec::Vec<_> = taken.into_iter().map(|(start, length)| start..start + length).collect();
            let gap = largest_gap(&ram, &taken);
            if !gap.is_empty() {
                prop_assert!(ram.iter().any(|range| range.start <= gap.start && gap.end <= range.end));
                prop_assert!(taken.iter().all(|range| range.end <= gap.start || gap.end <= range.start));
            }
        }

        #[test]
        fn a_place_is_in_memory_and_clear_of_all_that_is_taken(
            bytes in 1u64..64 * MIB,
            ram in prop::collection::vec((0u64..4 << 30, 0u64..256 * MIB), 0..4),
            taken in prop::collection::vec((0u64..4 << 30, 0u64..64 * MIB), 0..6),
        ) {
            let ram: std::vec::Vec<_> = ram.into_iter().map(|(start, length)| start..start + length).collect();
            let taken: std::vec::Vec<_> = taken.into_iter().map(|(start, length)| start..start + length).collect();
            if let Some(start) = place(bytes, &ram, &taken) {
                prop_assert!(ram.iter().any(|range| range.start <= start && start + bytes <= range.end));
                prop_assert!(taken.iter().all(|range| range.end <= start || start + bytes <= range.start || range.is_empty()));
                prop_assert_eq!(start % NARROW, 0);
            }
        }
    }
}
