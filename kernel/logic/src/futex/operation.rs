//! The little program inside `FUTEX_WAKE_OP`: how to change a word, and what to ask of its old value.
//!
//! `futex(2)`: bit 31 means that the operand is a shift, bits 28–30 the change, 24–27 the question, 12–23 the operand, 0–11 what the old
//! value is compared with; both numbers are signed.

use skete_abi::Errno;

/// A decoded `val3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    change: Change,
    operand: u32,
    question: Question,
    comparand: i32,
}

/// How the word is changed by the operand (`futex(2)`, `FUTEX_OP_…`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// `FUTEX_OP_SET`, 0: it becomes the operand.
    Set,
    /// `FUTEX_OP_ADD`, 1: the operand is added.
    Add,
    /// `FUTEX_OP_OR`, 2: the operand's bits are set.
    Or,
    /// `FUTEX_OP_ANDN`, 3: the operand's bits are cleared.
    AndNot,
    /// `FUTEX_OP_XOR`, 4: the operand's bits are turned over.
    Xor,
}

/// How the word's old value, as a signed number, must stand to the comparand (`futex(2)`, `FUTEX_OP_CMP_…`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// `FUTEX_OP_CMP_EQ`, 0.
    Equal,
    /// `FUTEX_OP_CMP_NE`, 1.
    NotEqual,
    /// `FUTEX_OP_CMP_LT`, 2.
    Less,
    /// `FUTEX_OP_CMP_LE`, 3.
    LessOrEqual,
    /// `FUTEX_OP_CMP_GT`, 4.
    Greater,
    /// `FUTEX_OP_CMP_GE`, 5.
    GreaterOrEqual,
}

impl Operation {
    /// Changes the word by `change` and `operand`; asks whether its old value was as `question` says to `comparand`.
    #[must_use]
    pub const fn new(change: Change, operand: u32, question: Question, comparand: i32) -> Self {
        Self { change, operand, question, comparand }
    }

    /// Decodes `val3`.
    ///
    /// # Errors
    /// `ENOSYS` an unknown change or question, as on Linux.
    pub const fn parse(val3: u32) -> Result<Self, Errno> {
        let change = match val3 >> 28 & 7 {
            0 => Change::Set,
            1 => Change::Add,
            2 => Change::Or,
            3 => Change::AndNot,
            4 => Change::Xor,
            _ => return Err(Errno::ENOSYS),
        };
        let question = match val3 >> 24 & 15 {
            0 => Question::Equal,
            1 => Question::NotEqual,
            2 => Question::Less,
            3 => Question::LessOrEqual,
            4 => Question::Greater,
            5 => Question::GreaterOrEqual,
            _ => return Err(Errno::ENOSYS),
        };
        let operand = signed12(val3 >> 12);
        // A shift by more than 31 counts modulo 32, as on Linux.
        let operand = if val3 >> 31 == 1 { 1u32.wrapping_shl(operand.cast_unsigned()) } else { operand.cast_unsigned() };
        Ok(Self { change, operand, question, comparand: signed12(val3) })
    }

    /// The word's new value.
    #[must_use]
    pub const fn apply(self, old: u32) -> u32 {
        match self.change {
            Change::Set => self.operand,
            Change::Add => old.wrapping_add(self.operand),
            Change::Or => old | self.operand,
            Change::AndNot => old & !self.operand,
            Change::Xor => old ^ self.operand,
        }
    }

    /// Whether the second word's waiters are woken too.
    #[must_use]
    pub const fn is_satisfied_by(self, old: u32) -> bool {
        let old = old.cast_signed();
        match self.question {
            Question::Equal => old == self.comparand,
            Question::NotEqual => old != self.comparand,
            Question::Less => old < self.comparand,
            Question::LessOrEqual => old <= self.comparand,
            Question::Greater => old > self.comparand,
            Question::GreaterOrEqual => old >= self.comparand,
        }
    }
}

/// The low 12 bits, with their sign.
const fn signed12(bits: u32) -> i32 {
    (bits << 20).cast_signed() >> 20
}
