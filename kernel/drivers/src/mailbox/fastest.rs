//! Letting a clock run as fast as it may: after boot the Pi's cores run at their least, 600 MHz, until somebody asks for more.

use super::{Clock, Reply, Request};

/// Lets `clock` run as fast as the firmware allows; how fast it runs then, in Hz. `ask` puts one request to the firmware; it is not asked
/// to change a clock that runs at its most already. `None`: the firmware does not say.
pub fn fastest(clock: Clock, mut ask: impl FnMut(Request) -> Option<Reply>) -> Option<u32> {
    let Some(Reply::ClockRate(_, now @ 1..)) = ask(Request::ClockRate(clock)) else { return None };
    let Some(Reply::MaxClockRate(_, most)) = ask(Request::MaxClockRate(clock)) else { return Some(now) };
    if most <= now {
        return Some(now);
    }
    // With its voltage: the board may not run this fast on less.
    match ask(Request::SetClockRate { clock, hz: most, skips_turbo: false }) {
        Some(Reply::SetClockRate(_, hz @ 1..)) => Some(hz),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const SLOW: Option<Reply> = Some(Reply::ClockRate(Clock::Arm, 600_000_000));
    const MOST: Option<Reply> = Some(Reply::MaxClockRate(Clock::Arm, 1_200_000_000));
    const RAISE: Request = Request::SetClockRate { clock: Clock::Arm, hz: 1_200_000_000, skips_turbo: false };
    const QUESTIONS: [Request; 3] = [Request::ClockRate(Clock::Arm), Request::MaxClockRate(Clock::Arm), RAISE];

    /// What the clock runs at when the firmware answers so, and how many of [`QUESTIONS`] it was asked.
    fn played(replies: &[Option<Reply>]) -> (Option<u32>, usize) {
        let mut asked = Vec::new();
        let hz = fastest(Clock::Arm, |request| {
            asked.push(request);
            replies[asked.len() - 1]
        });
        assert_eq!(asked, QUESTIONS[..asked.len()]);
        (hz, asked.len())
    }

    #[test]
    fn a_slow_clock_is_raised_to_its_most() {
        let raised = Some(Reply::SetClockRate(Clock::Arm, 1_200_000_000));
        assert_eq!(played(&[SLOW, MOST, raised]), (Some(1_200_000_000), 3));
    }

    #[test]
    fn what_the_firmware_made_of_it_counts() {
        let throttled = Some(Reply::SetClockRate(Clock::Arm, 900_000_000));
        assert_eq!(played(&[SLOW, MOST, throttled]), (Some(900_000_000), 3));
    }

    #[test]
    fn a_clock_at_its_most_is_left_alone() {
        let fast = Some(Reply::ClockRate(Clock::Arm, 1_200_000_000));
        assert_eq!(played(&[fast, MOST]), (Some(1_200_000_000), 2));
        // As QEMU answers.
        let both = [Some(Reply::ClockRate(Clock::Arm, 700_000_000)), Some(Reply::MaxClockRate(Clock::Arm, 700_000_000))];
        assert_eq!(played(&both), (Some(700_000_000), 2));
    }

    #[test]
    fn a_firmware_that_does_not_answer_is_not_pressed() {
        assert_eq!(played(&[None]), (None, 1));
        assert_eq!(played(&[Some(Reply::ClockRate(Clock::Arm, 0))]), (None, 1));
        assert_eq!(played(&[SLOW, None]), (Some(600_000_000), 2));
        assert_eq!(played(&[SLOW, MOST, None]), (None, 3));
    }
}
