//! Models of first moves: the assembly of `libc-shim/src/pthread/fast.rs`, as it stands there, instruction by instruction.
//!
//! An exclusive load and store are a load and a compare-and-swap, which stores wherever the pair would, and besides where the word was
//! changed and changed back.

use super::fake::{Seat, seats};
use super::mutex::Inside;
use super::runner::Model;
use loom::sync::Arc;
use loom::sync::atomic::Ordering;
use loom::thread;
use skete_abi::Errno;
use skete_sync::mutant::{self, Mutant};
use skete_sync::rwlock::MOST_READERS;
use skete_sync::semaphore::MOST;
use skete_sync::{AtomicU32, Kind, Mutex, RwLock, Semaphore};

pub const MODELS: &[Model] = &[
    Model {
        name: "first::a_mutex_lets_one_in_after_another",
        body: mutex,
        mutants: &[Mutant::FirstMoveTakesRelaxed, Mutant::FirstMoveReleasesRelaxed, Mutant::FirstMoveForgetsSleepers],
    },
    Model {
        name: "first::a_reader_sees_what_a_writer_did_and_it_waits_for_it",
        body: rwlock,
        mutants: &[Mutant::FirstMoveTakesRelaxed, Mutant::FirstMoveReleasesRelaxed],
    },
    Model {
        name: "first::who_waits_for_a_semaphore_sees_what_was_before_the_post",
        body: semaphore,
        mutants: &[Mutant::FirstMoveTakesRelaxed, Mutant::FirstMoveReleasesRelaxed, Mutant::FirstMoveForgetsSleepers],
    },
];

const SOURCE: &str = include_str!("../../../src/pthread/fast.rs");

/// Where the file's functions go on, as it says it.
const WAYS_ON: [&str; 6] = [
    "number(mutex.lock_slow(&Kernel, None))",
    "number(mutex.unlock(&Kernel))",
    "mutex.wake_one(&Kernel);",
    "number(lock.read_slow(&Kernel, None))",
    "number(lock.unlock_slow(&Kernel))",
    "semaphore.wake_one(&Kernel);",
];

/// How a function left its assembly.
#[derive(Debug, PartialEq, Eq)]
enum Left {
    /// It returned 0.
    Done,
    /// It goes on in this function.
    To(&'static str),
}

/// A function's instructions, each with its label, and what stands for the names in them.
struct Listing {
    lines: Vec<(Option<&'static str>, &'static str)>,
    operands: Vec<(&'static str, &'static str)>,
}

impl Listing {
    fn of(function: &str) -> Self {
        let (_, rest) = SOURCE.split_once(&format!("fn {function}(")).expect("the file has it");
        let (_, rest) = rest.split_once("naked_asm!(").expect("it is assembly");
        let (body, _) = rest.split_once("\n    )\n").expect("it ends");
        let (mut lines, mut operands) = (Vec::new(), Vec::new());
        for line in body.lines().map(str::trim) {
            if let Some(text) = line.strip_prefix('"') {
                let text = text.trim_end_matches("\",");
                let label = text.split_once(": ").filter(|(label, _)| label.len() == 1);
                lines.push(label.map_or((None, text), |(label, rest)| (Some(label), rest)));
            } else if let Some((name, value)) = line.trim_end_matches(',').split_once(" = ") {
                let value = value.trim_start_matches("const ").trim_start_matches("sym ");
                operands.push((name, value.rsplit("::").next().unwrap_or(value)));
            }
        }
        Self { lines, operands }
    }

    /// What `{name}` stands for.
    fn operand(&self, text: &str) -> Option<&'static str> {
        let name = text.trim_start_matches('#').strip_prefix('{')?.strip_suffix('}')?;
        Some(self.operands.iter().find(|(known, _)| *known == name).expect("the operand is told").1)
    }

    /// The line that `1b` or `2f` leads to.
    fn target(&self, label: &str) -> Option<usize> {
        let name = label.strip_suffix(['b', 'f']).filter(|name| name.len() == 1)?;
        self.lines.iter().position(|(label, _)| *label == Some(name))
    }
}

/// A core that runs a listing on a lock's words, from the first of which x0 counts.
struct Core<'a> {
    listing: Listing,
    words: [&'a AtomicU32; 2],
    registers: [u32; 8],
    /// Where the exclusive load was, what it has seen, and whether it was an Acquire.
    monitor: Option<(usize, u32, bool)>,
    is_zero: bool,
    is_higher_or_same: bool,
}

impl<'a> Core<'a> {
    fn run(function: &str, words: [&'a AtomicU32; 2]) -> Left {
        let listing = Listing::of(function);
        let mut core = Core { listing, words, registers: [0; 8], monitor: None, is_zero: false, is_higher_or_same: false };
        let mut at = 0;
        loop {
            let (_, text) = core.listing.lines[at];
            let (name, operands) = text.split_once(' ').unwrap_or((text, ""));
            let operands: Vec<&'static str> = operands.split(", ").collect();
            at += 1;
            let goes_to = match name {
                "ret" => {
                    assert_eq!(core.registers[0], 0, "{function} answers 0");
                    return Left::Done;
                }
                "b" => operands.first(),
                "b.eq" => core.is_zero.then_some(&operands[0]),
                "b.hs" => core.is_higher_or_same.then_some(&operands[0]),
                "cbnz" => (core.value(operands[0]) != 0).then_some(&operands[1]),
                "tbnz" => {
                    let is_set = core.value(operands[0]) >> core.value(operands[1]) & 1 != 0;
                    (is_set && !mutant::is(Mutant::FirstMoveForgetsSleepers)).then_some(&operands[2])
                }
                _ => {
                    core.step(name, &operands);
                    None
                }
            };
            if let Some(label) = goes_to {
                match core.listing.target(label) {
                    Some(line) => at = line,
                    None => return Left::To(core.listing.operand(label).expect("a label or a function")),
                }
            }
        }
    }

    fn step(&mut self, name: &str, operands: &[&'static str]) {
        let answer = match (name, operands) {
            ("mov", [_, value]) => self.value(value),
            ("add", [_, one, other]) => self.value(one).wrapping_add(self.value(other)),
            ("sub", [_, one, other]) => self.value(one).wrapping_sub(self.value(other)),
            // Nobody was ever to be cancelled.
            ("adrp", _) | ("ldr", [_, _, _]) => 0,
            ("ldr", [_, place]) => self.words[self.place(place)].load(Ordering::Relaxed),
            ("ldxr", [_, place]) => self.load(place, false),
            ("ldaxr", [_, place]) => self.load(place, !mutant::is(Mutant::FirstMoveTakesRelaxed)),
            ("stxr", [_, value, place]) => self.store(place, self.value(value), false),
            ("stlxr", [_, value, place]) => self.store(place, self.value(value), !mutant::is(Mutant::FirstMoveReleasesRelaxed)),
            ("clrex", _) => {
                self.monitor = None;
                return;
            }
            ("cmp", [one, other]) => {
                let (one, other) = (self.value(one), self.value(other));
                (self.is_zero, self.is_higher_or_same) = (one == other, one >= other);
                return;
            }
            ("tst", [one, other]) => {
                self.is_zero = self.value(one) & self.value(other) == 0;
                return;
            }
            _ => panic!("no such instruction is known: {name} {operands:?}"),
        };
        self.registers[index(operands[0])] = answer;
    }

    fn value(&self, text: &str) -> u32 {
        match (self.listing.operand(text), text) {
            (Some("MOST_READERS"), _) => MOST_READERS,
            (Some("MOST"), _) => MOST,
            (Some(other), _) => panic!("no such number is known: {other}"),
            (None, "wzr" | "xzr") => 0,
            (None, _) => text.strip_prefix('#').map_or_else(|| self.registers[index(text)], |number| number.parse().expect("a number")),
        }
    }

    fn place(&self, text: &str) -> usize {
        self.value(text.trim_matches(['[', ']'])) as usize / size_of::<u32>()
    }

    fn load(&mut self, place: &str, acquires: bool) -> u32 {
        let place = self.place(place);
        let seen = self.words[place].load(if acquires { Ordering::Acquire } else { Ordering::Relaxed });
        self.monitor = Some((place, seen, acquires));
        seen
    }

    /// 0: it has stored.
    fn store(&mut self, place: &str, value: u32, releases: bool) -> u32 {
        let place = self.place(place);
        let Some((_, seen, acquires)) = self.monitor.take().filter(|(monitored, ..)| *monitored == place) else { return 1 };
        let order = match (acquires, releases) {
            (false, false) => Ordering::Relaxed,
            (true, false) => Ordering::Acquire,
            (false, true) => Ordering::Release,
            (true, true) => Ordering::AcqRel,
        };
        u32::from(self.words[place].compare_exchange(seen, value, order, Ordering::Relaxed).is_err())
    }
}

fn index(register: &str) -> usize {
    register[1..].parse().expect("a register")
}

fn lock(mutex: &Mutex, seat: &Seat) {
    match Core::run("pthread_mutex_lock", mutex.words()) {
        Left::Done => {}
        Left::To("lock") => assert_eq!(mutex.lock_slow(seat, None), Ok(())),
        left => panic!("{left:?}"),
    }
}

fn unlock(mutex: &Mutex, seat: &Seat) {
    match Core::run("pthread_mutex_unlock", mutex.words()) {
        Left::Done => {}
        Left::To("unlock") => assert_eq!(mutex.unlock(seat), Ok(())),
        Left::To("wake") => mutex.wake_one(seat),
        left => panic!("{left:?}"),
    }
}

fn wait(semaphore: &Semaphore, seat: &Seat) {
    match Core::run("sem_wait", semaphore.words()) {
        Left::Done => {}
        Left::To("sleep") => assert_eq!(semaphore.wait_slow(seat, None), Ok(())),
        left => panic!("{left:?}"),
    }
}

fn post(semaphore: &Semaphore, seat: &Seat) -> Result<(), Errno> {
    match Core::run("sem_post", semaphore.words()) {
        Left::Done => {}
        Left::To("wake_waiter") => semaphore.wake_one(seat),
        Left::To("post") => return semaphore.post_slow(seat),
        left => panic!("{left:?}"),
    }
    Ok(())
}

/// Two threads go through once each.
fn mutex() {
    assert!(WAYS_ON.iter().all(|way| SOURCE.contains(way)), "the file goes on as the models do");
    let (mutex, inside) = (Arc::new(Mutex::new(Kind::PLAIN)), Arc::new(Inside::new()));
    let [first, second] = seats(&[&mutex]);
    let enter = |seat: Seat| {
        let (mutex, inside) = (mutex.clone(), inside.clone());
        move || {
            lock(&mutex, &seat);
            inside.touch();
            unlock(&mutex, &seat);
        }
    };
    let other = thread::spawn(enter(second));
    enter(first.clone())();
    other.join().expect("it ends");
    assert_eq!((mutex.destroy(), first.sleepers()), (Ok(()), 0));
}

/// One reads what another writes.
fn rwlock() {
    let (lock, inside) = (Arc::new(RwLock::new(false)), Arc::new(Inside::new()));
    let [writer, reader] = seats(&[]);
    let reading = {
        let (lock, inside) = (lock.clone(), inside.clone());
        thread::spawn(move || {
            match Core::run("pthread_rwlock_rdlock", lock.words()) {
                Left::Done => {}
                Left::To("read") => assert_eq!(lock.read_slow(&reader, None), Ok(())),
                left => panic!("{left:?}"),
            }
            inside.look();
            match Core::run("pthread_rwlock_unlock", lock.words()) {
                Left::Done => {}
                Left::To("leave") => assert_eq!(lock.unlock_slow(&reader), Ok(())),
                left => panic!("{left:?}"),
            }
        })
    };
    assert_eq!(lock.write(&writer, None), Ok(()));
    inside.touch();
    assert_eq!(lock.unlock(&writer), Ok(()));
    reading.join().expect("it ends");
    assert_eq!(writer.sleepers(), 0);
}

/// One waits twice, another posts twice.
fn semaphore() {
    let (full, semaphore, inside) = (Semaphore::new(MOST), Arc::new(Semaphore::new(0)), Arc::new(Inside::new()));
    let [waiter, poster] = seats(&[]);
    assert_eq!(post(&full, &poster), Err(Errno::EOVERFLOW));
    let waiting = {
        let (semaphore, inside) = (semaphore.clone(), inside.clone());
        thread::spawn(move || {
            wait(&semaphore, &waiter);
            inside.touch();
            wait(&semaphore, &waiter);
        })
    };
    inside.touch();
    assert_eq!([post(&semaphore, &poster), post(&semaphore, &poster)], [Ok(()); 2]);
    waiting.join().expect("it ends");
    assert_eq!((semaphore.count(), poster.sleepers()), (0, 0));
}
