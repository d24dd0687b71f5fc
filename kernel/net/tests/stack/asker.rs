//! A machine that asks for its address and for names, of servers that lie; and those servers.
//!
//! It begins anew every few thousand turns, for a lie about addresses lasts as long as a lease, and a router's for ever.

use std::collections::VecDeque;

use fastrand::Rng;
use skete_abi::Errno;
use skete_net::setup::{self, QUERIES};
use skete_net::socket::Family;
use skete_net::stack::Limits;
use skete_net::{Duration, Instant, IpAddress};

use crate::forge::Forge;
use crate::names::{Query, SPOILS, Spoil, answer, is_right, neighbour, text, void};
use crate::setup::lie;
use crate::world::{Machine, hits};

/// Turns until it begins anew, and until it does if no server told it who knows names.
const LIFETIME: u32 = 2500;
const PATIENCE: u32 = 200;
/// Turns in which an answer that has come is heard, whatever came before it.
const SOON: u32 = 8;
/// How long a question is asked at least before nobody is taken to answer, and at most: by three servers, if a lie names so many.
const UNANSWERED: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(34);
/// Questions that are over and may still be answered.
const PAST: usize = 32;
/// No socket is open here.
const FEW: Limits = Limits { connections: 8, mailboxes: 1 };

/// A question that is not over.
struct Question {
    handle: setup::Question,
    number: u32,
    family: Family,
    began: Instant,
    /// The addresses of the machine had changed so often.
    changes: u32,
    /// It was sent.
    query: Option<Query>,
    /// The right answer was sent at this turn.
    answered: Option<u32>,
    /// An answer without an address was sent.
    is_void: bool,
    /// An answer that was spoilt was sent.
    is_spoilt: bool,
}

impl Question {
    const fn new(handle: setup::Question, number: u32, family: Family, began: Instant, changes: u32) -> Self {
        Self { handle, number, family, began, changes, query: None, answered: None, is_void: false, is_spoilt: false }
    }
}

/// What became of questions.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Turns with an address.
    pub leases: u64,
    /// Questions that brought addresses, all of them right.
    pub right: u64,
    /// Such as were answered by something else before.
    pub right_behind_wrong: u64,
    /// Questions that an answer without an address ended.
    pub void: u64,
    /// Questions that nobody answered.
    pub unanswered: u64,
    /// Questions whose machine lost or changed its address meanwhile.
    pub moved: u64,
    /// Questions that were given up.
    pub forgotten: u64,
    /// Times that as many were asked as there may be.
    pub full: u64,
    /// Answers to questions that were over.
    pub late: u64,
    /// Answers that were spoilt, each in its way.
    pub spoilt: [u64; SPOILS.len()],
}

/// The machine, and what it waits for.
pub struct Asker {
    pub machine: Machine,
    dice: Rng,
    /// Turns since it began.
    turns: u32,
    /// The number of the next name.
    next: u32,
    open: Vec<Question>,
    past: VecDeque<Query>,
    pub outcome: Outcome,
}

/// A machine that nobody has told anything.
fn fresh(dice: &mut Rng) -> Machine {
    Machine::seeded(3, None, FEW, dice.u64(..))
}

impl Asker {
    pub fn new(seed: u64) -> Self {
        let mut dice = Rng::with_seed(seed);
        let machine = fresh(&mut dice);
        Self { machine, dice, turns: 0, next: 0, open: Vec::new(), past: VecDeque::new(), outcome: Outcome::default() }
    }

    /// It has its turn, and the servers answer, falsely mostly; `forge` remembers that.
    pub fn go_on(&mut self, now: Instant, forge: &mut Forge) {
        self.turns += 1;
        self.machine.net.turn(now);
        let sent: Vec<Vec<u8>> = self.machine.card.cable().sent.drain(..).collect();
        for frame in sent {
            if let Some(query) = Query::parse(&frame) {
                self.serve(&query, forge);
            } else if let Some(reply) = neighbour(&frame) {
                self.arrive(reply);
            } else if let Some(lie) = lie(&frame, &mut self.dice) {
                forge.remember(&lie);
                self.arrive(lie);
            }
        }
        self.machine.net.turn(now);
        self.hear(now);
        self.ask(now);
        self.outcome.leases += u64::from(self.address());
        assert_eq!((self.machine.net.count(), self.machine.net.connections()), (0, 0), "nobody opened a socket");
        let knows_nobody = self.machine.net.wired().unwrap().servers()[0].is_none();
        if self.turns > LIFETIME || knows_nobody && self.turns > PATIENCE {
            self.machine = fresh(&mut self.dice);
            (self.turns, self.open, self.past) = (0, Vec::new(), VecDeque::new());
        }
    }

    fn arrive(&self, frame: Vec<u8>) {
        self.machine.card.cable().arriving.push_back(frame);
    }

    fn address(&mut self) -> bool {
        self.machine.net.wired().unwrap().address().is_some()
    }

    /// The server of names answers: with what no server says, and then rightly, or in vain, or not at all.
    fn serve(&mut self, query: &Query, forge: &mut Forge) {
        let dice = &mut self.dice;
        // It may have been given up while it was on its way.
        let Some(question) = self.open.iter_mut().find(|question| question.number == query.number) else { return };
        question.query = Some(query.clone());
        let mut replies = Vec::new();
        for _ in 0..dice.usize(..4) {
            let at = dice.usize(..SPOILS.len());
            self.outcome.spoilt[at] += 1;
            question.is_spoilt = true;
            replies.push(SPOILS[at].reply(query, dice));
        }
        if dice.bool()
            && let Some(past) = self.past.get(dice.usize(..self.past.len().max(1)))
        {
            self.outcome.late += 1;
            let late = Spoil::late(past, dice);
            // What answers a question that is not over may not be spoilt: nobody could tell a lie from the truth.
            forge.remember(&late);
            replies.push(late);
        }
        match dice.u64(..10) {
            0..6 => {
                question.answered.get_or_insert(self.turns);
                replies.push(answer(query, dice).frame());
            }
            6 => {
                question.is_void = true;
                replies.push(void(query, dice).frame());
            }
            _ => {}
        }
        self.machine.card.cable().arriving.extend(replies);
    }

    /// Looks what has become of each question; some are given up.
    fn hear(&mut self, now: Instant) {
        let changes = self.machine.net.wired().unwrap().changes;
        let has_address = self.address();
        let Self { machine, dice, turns, open, past, outcome, .. } = self;
        open.retain_mut(|question| {
            let mut found = [IpAddress::v4(0, 0, 0, 0); 16];
            let has_moved = changes != question.changes || !has_address;
            match machine.net.answer(question.handle, &mut found) {
                Err(Errno::EAGAIN) if dice.u64(..1500) == 0 => {
                    machine.net.forget(question.handle);
                    outcome.forgotten += 1;
                }
                Err(Errno::EAGAIN) => {
                    let is_heard_by_now = question.answered.is_some_and(|at| *turns > at + SOON);
                    assert!(!is_heard_by_now || has_moved, "the right answer to {:?} is not heard", question.query);
                    assert!(now < question.began + LONGEST, "{:?} is asked for ever", question.query);
                    return true;
                }
                Ok(count) => {
                    let is_right = found[..count].iter().all(|address| is_right(question.number, question.family, *address));
                    assert!(count > 0 && is_right, "{:?} for {:?}", &found[..count], question.query);
                    assert!(question.answered.is_some(), "nobody has said so");
                    outcome.right += 1;
                    outcome.right_behind_wrong += u64::from(question.is_spoilt);
                }
                Err(Errno::ENOENT) if question.is_void => outcome.void += 1,
                Err(Errno::ENOENT) if now >= question.began + UNANSWERED => outcome.unanswered += 1,
                Err(Errno::ENOENT) if has_moved => outcome.moved += 1,
                Err(error) => panic!("{error:?} of {:?}, to which nobody has answered", question.query),
            }
            past.extend(question.query.take());
            false
        });
        while past.len() > PAST {
            past.pop_front();
        }
    }

    /// Asks for another name, and sometimes for as many as one can.
    fn ask(&mut self, now: Instant) {
        let count = if self.dice.u64(..500) == 0 { 2 * QUERIES } else { usize::from(hits(&mut self.dice, 20)) };
        for _ in 0..count {
            let family = if self.dice.bool() { Family::V4 } else { Family::V6 };
            self.machine.net.set_now(now);
            let asked = self.machine.net.ask(&text(self.next), family);
            assert_eq!(asked.as_ref().err() == Some(&Errno::EAGAIN), self.open.len() == QUERIES, "{:?}", asked.err());
            let Ok(handle) = asked else {
                self.outcome.full += u64::from(self.open.len() == QUERIES);
                return;
            };
            let changes = self.machine.net.wired().unwrap().changes;
            self.open.push(Question::new(handle, self.next, family, now, changes));
            self.next += 1;
        }
    }
}
