//! The bitmap against a plain model: an ordered set.
#![cfg(not(loom))]

use std::collections::BTreeSet;
use std::ops::Range;

use proptest::prelude::*;
use skete_logic::bitmap::Bitmap;

/// Two words of summary, so that whole words of it are empty too.
type Small = Bitmap<128, 2>;

#[derive(Clone, Debug)]
enum Step {
    Insert(Range<usize>),
    Take,
    TakeRow(usize),
    TakeRange(Range<usize>),
    Give(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let range = (0..Small::LENGTH, prop_oneof![0usize..70, 0usize..5000]).prop_map(|(start, length)| start..start + length);
    prop_oneof![
        1 => range.clone().prop_map(Step::Insert),
        1 => range.prop_map(Step::TakeRange),
        4 => Just(Step::Take),
        2 => prop_oneof![1usize..70, 1usize..3000].prop_map(Step::TakeRow),
        3 => (0..Small::LENGTH + 100).prop_map(Step::Give),
    ]
}

/// The first of `count` neighbours in the set.
fn row(free: &BTreeSet<usize>, count: usize) -> Option<usize> {
    free.iter().copied().find(|first| free.range(*first..first + count).count() == count)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn the_lowest_free_numbers_are_given_out(steps in prop::collection::vec(step(), 1..60)) {
        let mut bitmap = Small::new();
        let mut free = BTreeSet::new();
        for step in steps {
            match step {
                Step::Insert(range) => {
                    free.extend(range.clone().filter(|number| *number < Small::LENGTH));
                    bitmap.insert(range);
                }
                Step::Take => prop_assert_eq!(bitmap.take(), free.pop_first()),
                Step::TakeRow(count) => {
                    let first = row(&free, count);
                    prop_assert_eq!(bitmap.take_row(count), first);
                    free.retain(|number| first.is_none_or(|first| !(first..first + count).contains(number)));
                }
                Step::TakeRange(range) => {
                    let are_free = range.clone().all(|number| free.contains(&number));
                    prop_assert_eq!(bitmap.take_range(range.clone()), are_free);
                    free.retain(|number| !are_free || !range.contains(number));
                }
                Step::Give(number) => {
                    let was_taken = number < Small::LENGTH && free.insert(number);
                    prop_assert_eq!(bitmap.give(number), was_taken);
                }
            }
        }
        let rest: Vec<usize> = std::iter::from_fn(|| bitmap.take()).collect();
        prop_assert_eq!(rest, free.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn a_row_may_take_all_there_is_and_no_more() {
    let mut bitmap = Small::new();
    bitmap.insert(0..usize::MAX);
    assert_eq!(bitmap.take_row(Small::LENGTH + 1), None);
    assert_eq!(bitmap.take_row(usize::MAX), None);
    assert_eq!(bitmap.take_row(Small::LENGTH), Some(0));
    assert_eq!((bitmap.take(), bitmap.take_row(1)), (None, None));
}
