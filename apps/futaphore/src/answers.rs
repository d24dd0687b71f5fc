//! What each operation answers.

use skete::Errno;
use skete::futaphore::{MOST, Page};

use super::Check;

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("sixty-three fit, each with a number of its own", full),
    ("a count goes down to zero and up to the most", counts),
    ("what is freed is nobody's", freed),
    ("a bad number and a bad page are EINVAL", bad_names),
];

fn full() {
    let page = Page::get();
    let made: Vec<_> = (0..63).map(|count| page.make(count).expect("a slot is free")).collect();
    let numbers: Vec<_> = made.iter().map(|futaphore| futaphore.number()).collect();
    assert_eq!(numbers, (1..64).collect::<Vec<_>>());
    assert_eq!(page.make(0).err(), Some(Errno::ENOSPC));
    assert!((0..63).zip(&made).all(|(count, futaphore)| futaphore.value() == Ok(count)));
    made[40].free().expect("it is there");
    assert_eq!(page.make(7).map(|futaphore| futaphore.number()), Ok(41));
    assert_eq!(page.count(), 63);
    for futaphore in made {
        futaphore.free().expect("it is there");
    }
}

fn counts() {
    let page = Page::get();
    // Where bits of the word meet: 2³⁰, and the ends.
    for count in [0, 1, 2, (1 << 30) - 1, 1 << 30, (1 << 30) + 1, MOST - 1] {
        let futaphore = page.make(count).expect("a slot is free");
        assert_eq!((futaphore.v(), futaphore.value()), (Ok(()), Ok(count + 1)));
        assert_eq!((futaphore.p(), futaphore.value()), (Ok(()), Ok(count)));
        assert_eq!(futaphore.try_p(), if count > 0 { Ok(()) } else { Err(Errno::EAGAIN) });
        futaphore.free().expect("it is there");
    }
    let most = page.make(MOST).expect("a slot is free");
    assert_eq!((most.v(), most.value()), (Err(Errno::EOVERFLOW), Ok(MOST)));
    assert_eq!((most.p(), most.v(), most.v()), (Ok(()), Ok(()), Err(Errno::EOVERFLOW)));
    assert_eq!(page.make(MOST + 1).err(), Some(Errno::EOVERFLOW));
    most.free().expect("it is there");
}

fn freed() {
    let futaphore = Page::get().make(3).expect("a slot is free");
    assert_eq!(futaphore.free(), Ok(()));
    assert_eq!([futaphore.free(), futaphore.p(), futaphore.try_p(), futaphore.p_timeout(0), futaphore.v()], [Err(Errno::EINVAL); 5]);
    assert_eq!(futaphore.value(), Err(Errno::EINVAL));
}

fn bad_names() {
    let page = Page::get();
    for number in [0, 64, 65, 4096, (1 << 58) + 1, usize::MAX] {
        assert_eq!(page.futaphore(number).err(), Some(Errno::EINVAL));
    }
    for address in [0, 1, page.address() - 4096, page.address() + 1, page.address() + 64, page.address() + 4096, usize::MAX] {
        assert_eq!(Page::at(address).err(), Some(Errno::EINVAL));
    }
    let never = page.futaphore(17).expect("it is a number");
    assert_eq!([never.p(), never.v(), never.free()], [Err(Errno::EINVAL); 3]);
}
