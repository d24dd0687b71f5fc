//! Keys, their hash, and the program inside `FUTEX_WAKE_OP`.

use super::machine::Lock;
use proptest::prelude::*;
use skete_abi::Errno;
use skete_logic::futex::operation::Operation;
use skete_logic::futex::{Bucket, Key, Table};

#[test]
fn a_key_says_which_address_and_which_kind() {
    for shared in [false, true] {
        let key = Key::new(0x1234_5678_9ABC, shared);
        assert_eq!((key.address(), key.is_shared()), (0x1234_5678_9ABC, shared));
    }
}

/// How many of `count` words `stride` bytes apart share the bucket of the fullest of 256.
fn fullest(stride: u64, count: u64) -> usize {
    let keys = (0..count).map(|i| Key::new(0x4000_0000 + i * stride, false)).collect::<Vec<_>>();
    let sharing = |one| keys.iter().filter(|&&other| Table::<Lock, 256>::is_shared_bucket(one, other)).count();
    keys.iter().map(|&key| sharing(key)).max().unwrap_or(0)
}

#[test]
fn words_at_any_usual_distance_spread_over_the_buckets() {
    for stride in [4, 8, 12, 16, 24, 40, 64, 128, 192, 256, 4096, 4160, 0x1_0000, 0x10_0000, 0x10_1000] {
        let (most, count) = (fullest(stride, 256), 256);
        assert!(most <= 4, "{most} of {count} words {stride} bytes apart are in one bucket");
    }
}

#[test]
fn a_bucket_is_one_cache_line() {
    assert_eq!((size_of::<Bucket<u32>>(), align_of::<Bucket<u32>>()), (64, 64));
}

#[test]
fn an_unknown_change_or_question_is_enosys() {
    for change in 5..8u32 {
        assert_eq!(Operation::parse(change << 28), Err(Errno::ENOSYS));
    }
    for question in 6..16u32 {
        assert_eq!(Operation::parse(question << 24), Err(Errno::ENOSYS));
    }
}

#[test]
fn a_shifted_operand_counts_modulo_32() {
    let or_bit = |bit: u32| Operation::parse(1 << 31 | 2 << 28 | bit << 12).map(|operation| operation.apply(0));
    assert_eq!(or_bit(0), Ok(1));
    assert_eq!(or_bit(31), Ok(1 << 31));
    assert_eq!(or_bit(33), Ok(2));
}

proptest! {
    #[test]
    fn a_wake_op_changes_and_asks_as_the_manual_says(
        change in 0..5u32, question in 0..6u32, operand in -2048..2048i32, comparand in -2048..2048i32, old: u32,
        near in any::<bool>(),
    ) {
        // Half of the old values are where the questions have different answers.
        let old = if near { (comparand + (old % 3).cast_signed() - 1).cast_unsigned() } else { old };
        let bits = |number: i32| number.cast_unsigned() & 0xFFF;
        let val3 = change << 28 | question << 24 | bits(operand) << 12 | bits(comparand);
        let operation = Operation::parse(val3).expect("a known change and question");
        let argument = operand.cast_unsigned();
        let expected = [argument, old.wrapping_add(argument), old | argument, old & !argument, old ^ argument];
        prop_assert_eq!(operation.apply(old), expected[change as usize]);
        let signed = old.cast_signed();
        let answers = [signed == comparand, signed != comparand, signed < comparand, signed <= comparand,
            signed > comparand, signed >= comparand];
        prop_assert_eq!(operation.is_satisfied_by(old), answers[question as usize]);
    }
}
