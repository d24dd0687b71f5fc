//! When a core looks again for a thread that is wanted and could not be had: soon at first, then ever more rarely.

/// The moment of the next look, in the counter's ticks: as long after `now` as it has been since `asked`, when somebody was last wanted;
/// not less than `least`, nor more than `most`.
#[must_use]
pub const fn next_look(asked: u64, now: u64, least: u64, most: u64) -> u64 {
    let passed = now.saturating_sub(asked);
    now.saturating_add(if passed < least {
        least
    } else if passed > most {
        most
    } else {
        passed
    })
}

#[cfg(test)]
mod tests {
    use super::next_look;

    #[test]
    fn looks_double_their_distance_up_to_the_most() {
        let mut looks = [0; 6];
        let mut now = 100;
        for look in &mut looks {
            now = next_look(100, now, 5, 50);
            *look = now - 100;
        }
        assert_eq!(looks, [5, 10, 20, 40, 80, 130]);
    }

    #[test]
    fn one_asked_on_another_core_a_moment_later_is_looked_for_soon() {
        assert_eq!(next_look(107, 100, 5, 50), 105);
        assert_eq!(next_look(0, u64::MAX, 5, 50), u64::MAX);
    }
}
