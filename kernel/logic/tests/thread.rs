//! How threads are named.
#![cfg(not(loom))]

use proptest::prelude::*;
use skete_logic::thread::{Thread, Tid};

proptest! {
    #[test]
    fn a_tid_says_which_record_and_which_generation(index in 0u16..u16::MAX, generation in 0u32..1 << 13) {
        let tid = Tid::new(Thread::new(index), generation);
        prop_assert_eq!((tid.thread(), tid.generation()), (Thread::new(index), generation));
        prop_assert_eq!(Tid::from_number(tid.number()), Some(tid));
    }

    #[test]
    fn a_tid_is_never_zero_and_leaves_the_bits_of_a_pi_word_free(index in 0u16..u16::MAX, generation: u32) {
        let number = Tid::new(Thread::new(index), generation).number();
        prop_assert!(number != 0 && number < 1 << 29);
    }

    #[test]
    fn a_number_that_no_thread_can_have_is_refused(number: u32) {
        let possible = number < 1 << 29 && number & 0xFFFF != 0;
        prop_assert_eq!(Tid::from_number(number).is_some(), possible);
    }
}
