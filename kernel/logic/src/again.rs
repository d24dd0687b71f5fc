//! When a core looks again for a thread that is wanted and could not be had: soon at first, then ever more rarely.

/// The moment of the next look, in the counter's ticks: about as long after `now` as it has been since `asked`, when somebody was last wanted;
/// not less than `least`, nor more than `most`.
///
/// Up to a quarter less than that, by the digits of `now`: a program whose rounds take as long as the distance of the looks would be found at
/// the same place for ever, where it cannot be had.
#[must_use]
pub const fn next_look(asked: u64, now: u64, least: u64, most: u64) -> u64 {
    let passed = now.saturating_sub(asked);
    let distance = if passed < least {
        return now.saturating_add(least);
    } else if passed > most {
        most
    } else {
        passed
    };
    // Knuth's multiplicative hashing (The Art of Computer Programming 6.4): 16 bits.
    let digits = now.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48;
    let less = (distance / 4 * digits) >> 16;
    let varied = if distance - less < least { least } else { distance - less };
    now.saturating_add(varied)
}

#[cfg(test)]
mod tests {
    use super::next_look;

    #[test]
    fn looks_are_ever_further_apart_up_to_the_most() {
        let (asked, least, most) = (1_000, 5, 500);
        let mut now = asked;
        for number in 0..100 {
            let look = next_look(asked, now, least, most);
            let (distance, whole) = (look - now, (now - asked).clamp(least, most));
            assert!(distance >= least && distance <= whole && distance >= whole - whole / 4, "look {number}: {distance} of {whole}");
            now = look;
        }
        assert!(now - asked > 80 * most / 2);
    }

    #[test]
    fn looks_meet_no_loop_at_the_same_place_for_ever() {
        let (round, most) = (10_000, 10_000);
        let mut last = 1_000_000;
        let looks = [(); 100].map(|()| {
            last = next_look(0, last, 50, most);
            last
        });
        for quarter in 0..4 {
            let count = looks.iter().filter(|look| *look % round / (round / 4) == quarter).count();
            assert!(count > 5, "quarter {quarter} is met {count} times of 100");
        }
    }

    #[test]
    fn one_asked_on_another_core_a_moment_later_is_looked_for_soon() {
        assert_eq!(next_look(107, 100, 5, 50), 105);
        assert_eq!(next_look(0, u64::MAX, 5, 50), u64::MAX);
    }
}
