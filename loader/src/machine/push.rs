//! Waiting for a payload on the serial line.
#![allow(unsafe_code, reason = "free memory is taken for what is received")]

use core::ops::Range;

use skete_drivers::firmware::Machine;
use skete_loader::place::largest_gap;
use skete_loader::serial::{Receiver, Reply, SILENCE_MS};

use super::console::Console;
use super::{memory, taken};

/// Waits until a payload came; its bytes, in memory that was free.
pub fn receive(console: &Console, machine: &Machine<'_>, image: &Range<u64>) -> &'static [u8] {
    console.say(
        "skete-loader: waiting for a program on this line: cargo xtask push NAME --port PORT\n",
    );
    let gap = largest_gap(&machine.ram, &taken(machine, image));
    // SAFETY: memory that nobody holds; what is received stays taken, as the machine's initial ramdisk.
    let mut receiver = Receiver::new(unsafe { memory::bytes_mut(gap) }, memory::checksum);
    let mut heard_ms = memory::now_ms();
    while !receiver.is_complete() {
        if let Some(byte) = console.receive() {
            heard_ms = memory::now_ms();
            answer(console, receiver.take(byte));
        } else if memory::now_ms().saturating_sub(heard_ms) > SILENCE_MS {
            heard_ms = memory::now_ms();
            answer(console, receiver.silence());
        } else {
            memory::pause(1);
        }
    }
    console.flush();
    receiver.into_payload()
}

fn answer(console: &Console, reply: Option<Reply>) {
    for byte in reply
        .into_iter()
        .flat_map(|reply| reply.emit(memory::checksum))
    {
        console.send(byte);
    }
}
