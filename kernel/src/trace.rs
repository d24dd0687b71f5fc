//! What the kernel says: whole lines, from any core, even while everything else is broken.
//!
//! A line is put together on the stack and written under the console's spin lock. Once the machine is stopping, one core has the
//! console for itself and the others fall silent.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU32, Ordering};

use crate::arch::cpu;
use crate::board::console;
use crate::lock::Spin;

/// The core that stops the machine, plus one; 0: none.
static LAST_SPEAKER: AtomicU32 = AtomicU32::new(0);
static CONSOLE: Spin<()> = Spin::new(());

/// Bytes of a line; what is longer goes out in pieces.
const LINE: usize = 200;

struct Line {
    bytes: [u8; LINE],
    length: usize,
}

impl Line {
    fn send(&mut self) {
        console::write(&self.bytes[..self.length]);
        self.length = 0;
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if self.length == LINE {
                self.send();
            }
            self.bytes[self.length] = byte;
            self.length += 1;
        }
        Ok(())
    }
}

/// Says one line: `skete: ` and `text`.
pub fn say(text: fmt::Arguments<'_>) {
    whole(|| {
        let mut line = Line { bytes: [0; LINE], length: 0 };
        let _ = writeln!(line, "skete: {text}");
        line.send();
    });
}

/// Writes `bytes` as they are, not torn apart by another core's.
pub fn write(bytes: &[u8]) {
    whole(|| console::write(bytes));
}

fn whole(speak: impl FnOnce()) {
    match LAST_SPEAKER.load(Ordering::Relaxed) {
        0 => {
            let _console = CONSOLE.lock();
            speak();
        }
        // The one that stops the machine may have been interrupted while it held the lock.
        speaker if speaker as usize == cpu::number() + 1 => speak(),
        _ => cpu::halt(),
    }
}

/// Makes this core the only one that speaks, for good. The others halt when they next have something to say.
pub fn silence_others() {
    let me = u32::try_from(cpu::number() + 1).unwrap_or(1);
    if let Err(other) = LAST_SPEAKER.compare_exchange(0, me, Ordering::AcqRel, Ordering::Relaxed)
        && other != me
    {
        cpu::halt();
    }
}

/// Whether this core already stops the machine.
pub fn is_last_speaker() -> bool {
    LAST_SPEAKER.load(Ordering::Relaxed) as usize == cpu::number() + 1
}
