//! One direction of a link: which frames are lost, go twice, or are overtaken by others.
//!
//! What becomes of the n-th frame depends on the seed, the direction and n alone: each takes as many numbers from the dice, whatever
//! becomes of it. A frame that is held back goes on behind the next few, or after a while if no others come.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use serde::Serialize;

/// The most frames that overtake one.
const OVERTAKERS: u64 = 4;
/// How long a frame waits for others that overtake it.
const HELD: Duration = Duration::from_millis(10);
/// Parts of a percentage: hundredths of a percent.
const WHOLE: u32 = 10_000;
/// The highest percentage: beyond it nothing would ever be said.
const MOST: f64 = 90.0;

/// How many of a hundred, to two places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percent(u32);

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number: f64 = text.strip_suffix('%').unwrap_or(text).parse().map_err(|_| format!("`{text}` is no percentage such as 5%"))?;
        if !(0.0..=MOST).contains(&number) {
            return Err(format!("`{text}` is not within 0% and {MOST}%"));
        }
        (0..=WHOLE).find(|parts| f64::from(*parts) / 100.0 >= number).map(Self).ok_or_else(|| format!("`{text}` is no percentage"))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} %", f64::from(self.0) / 100.0)
    }
}

/// How often each thing goes wrong with a frame, in each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// It is lost.
    pub loss: Percent,
    /// Others overtake it.
    pub reorder: Percent,
    /// It comes twice.
    pub duplicate: Percent,
}

impl Faults {
    /// Whether nothing ever goes wrong.
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What became of the frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Done {
    /// Frames that came.
    pub frames: u64,
    /// Those that were lost.
    pub lost: u64,
    /// Those that went twice.
    pub twice: u64,
    /// Those that were held back, for others to overtake.
    pub late: u64,
}

impl fmt::Display for Done {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { frames, lost, twice, late } = self;
        write!(out, "{frames:>9}: {lost} lost, {twice} twice, {late} late")
    }
}

/// What becomes of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fate {
    is_lost: bool,
    is_doubled: bool,
    /// How many others must have come before it goes on.
    overtakers: u64,
}

/// A frame that is held back.
#[derive(Debug)]
struct Held {
    overtakers: u64,
    due: Instant,
    frame: Vec<u8>,
}

/// One direction.
#[derive(Debug)]
pub struct Lane {
    faults: Faults,
    dice: fastrand::Rng,
    held: Vec<Held>,
    done: Done,
}

impl Lane {
    /// The direction `number` of a link with these faults.
    pub const fn new(faults: Faults, seed: u64, number: u64) -> Self {
        let dice = fastrand::Rng::with_seed(seed.wrapping_mul(2).wrapping_add(number));
        Self { faults, dice, held: Vec::new(), done: Done { frames: 0, lost: 0, twice: 0, late: 0 } }
    }

    /// What was done.
    pub const fn done(&self) -> Done {
        self.done
    }

    fn hits(&mut self, often: Percent) -> bool {
        self.dice.u32(..WHOLE) < often.0
    }

    fn fate(&mut self) -> Fate {
        let Faults { loss, reorder, duplicate } = self.faults;
        let (is_lost, is_doubled, is_late) = (self.hits(loss), self.hits(duplicate), self.hits(reorder));
        let overtakers = self.dice.u64(..OVERTAKERS) + 1;
        Fate { is_lost, is_doubled, overtakers: if is_late { overtakers } else { 0 } }
    }

    /// A frame comes: those that go on now, in their order.
    pub fn pass(&mut self, frame: Vec<u8>, now: Instant) -> Vec<Vec<u8>> {
        self.done.frames += 1;
        self.held.iter_mut().for_each(|held| held.overtakers = held.overtakers.saturating_sub(1));
        let Fate { is_lost, is_doubled, overtakers } = self.fate();
        let mut passing = Vec::new();
        if is_lost {
            self.done.lost += 1;
        } else {
            if is_doubled {
                self.done.twice += 1;
                passing.push(frame.clone());
            }
            if overtakers > 0 {
                self.done.late += 1;
                self.held.push(Held { overtakers, due: now + HELD, frame });
            } else {
                passing.push(frame);
            }
        }
        passing.extend(self.release(now));
        passing
    }

    /// Those held back whose turn it is.
    pub fn release(&mut self, now: Instant) -> Vec<Vec<u8>> {
        self.held.extract_if(.., |held| held.overtakers == 0 || held.due <= now).map(|held| held.frame).collect()
    }

    /// When the next that is held back goes on, if no others come.
    pub fn due(&self) -> Option<Instant> {
        self.held.iter().map(|held| held.due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percent(text: &str) -> Percent {
        text.parse().expect("it is one")
    }

    /// What comes out if `count` frames go in at one moment, and then no more.
    fn through(faults: Faults, seed: u64, number: u64, count: u32) -> (Vec<u32>, Done) {
        let (mut lane, now) = (Lane::new(faults, seed, number), Instant::now());
        let mut out: Vec<Vec<u8>> = (0..count).flat_map(|number| lane.pass(number.to_be_bytes().to_vec(), now)).collect();
        out.extend(lane.release(now + HELD));
        assert_eq!(lane.due(), None);
        let number = |frame: Vec<u8>| frame.try_into().map(u32::from_be_bytes).expect("each has four bytes");
        (out.into_iter().map(number).collect(), lane.done())
    }

    #[test]
    fn percentages_are_read_and_nonsense_is_named() {
        for (text, parts) in [("5%", 500), ("5", 500), ("0", 0), ("0.25%", 25), ("90%", 9000)] {
            assert_eq!(percent(text), Percent(parts), "{text}");
        }
        for text in ["", "%", "x", "-1", "5%%", "91%", "100%", "NaN", "inf", "1e9"] {
            assert!(text.parse::<Percent>().is_err_and(|error| error.contains(&format!("`{text}`"))), "{text}");
        }
    }

    #[test]
    fn without_faults_all_go_on_in_their_order() {
        let (out, done) = through(Faults::default(), 3, 0, 1000);
        assert!(out.into_iter().eq(0..1000) && done == Done { frames: 1000, ..Done::default() });
    }

    #[test]
    fn a_seed_makes_the_same_faults_every_time_and_another_others() {
        let faults = Faults { loss: percent("5%"), reorder: percent("10%"), duplicate: percent("3%") };
        let once = through(faults, 9, 0, 5000);
        assert_eq!(once, through(faults, 9, 0, 5000));
        assert_ne!(once, through(faults, 10, 0, 5000));
        assert_ne!(once, through(faults, 9, 1, 5000), "the other direction");
    }

    #[test]
    fn which_frames_are_lost_does_not_depend_on_what_else_goes_wrong() {
        let lost = |faults| {
            let out = through(faults, 4, 0, 5000).0;
            (0..5000).filter(|number| !out.contains(number)).collect::<Vec<u32>>()
        };
        let loss = percent("5%");
        let alone = lost(Faults { loss, ..Faults::default() });
        assert_eq!(alone, lost(Faults { loss, reorder: percent("20%"), duplicate: percent("20%") }));
    }

    #[test]
    fn each_fault_is_as_frequent_as_asked_for_and_counted() {
        let faults = Faults { loss: percent("5%"), reorder: percent("20%"), duplicate: percent("10%") };
        let (out, Done { frames, lost, twice, late }) = through(faults, 1, 0, 100_000);
        assert_eq!((frames, out.len() as u64), (100_000, frames - lost + twice));
        let passing = frames - lost;
        assert!((4_500..5_500).contains(&lost), "{lost}");
        assert!((passing * 9 / 100..passing * 11 / 100).contains(&twice), "{twice}");
        assert!((passing * 18 / 100..passing * 22 / 100).contains(&late), "{late}");
    }

    #[test]
    fn a_late_frame_is_overtaken_by_a_few_and_none_is_lost_by_it() {
        let faults = Faults { reorder: percent("20%"), ..Faults::default() };
        let (out, done) = through(faults, 2, 0, 10_000);
        let mut sorted = out.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..10_000), "each comes once");
        let displaced = |(at, number): (usize, &u32)| at.abs_diff(*number as usize);
        let farthest = out.iter().enumerate().map(displaced).max().unwrap_or(0);
        assert!((1..64).contains(&farthest), "{farthest}");
        let overtaken = (1..out.len()).filter(|at| out[at - 1] > out[*at]).count() as u64;
        assert!(overtaken > done.late / 2, "{overtaken} of {} late", done.late);
    }

    #[test]
    fn a_late_frame_that_nothing_overtakes_goes_on_after_a_while() {
        let (mut lane, now) = (Lane::new(Faults { reorder: percent("90%"), ..Faults::default() }, 1, 0), Instant::now());
        while lane.due().is_none() {
            lane.pass(vec![1], now);
        }
        assert!(lane.release(now).is_empty());
        assert_eq!((lane.release(now + HELD), lane.due()), (vec![vec![1]], None));
    }
}
