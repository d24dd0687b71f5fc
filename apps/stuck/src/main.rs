//! Threads that wait for all there is to wait for, so that the hang report has something to tell.
//!
//! | argument | what happens |
//! |---|---|
//! | none | main waits for a line on the console, the others for ever: ask by a break or Ctrl-]; the line ends the program |
//! | `lock` | a thread waits for a lock of the kernel's, held by another that cannot run: the program asks itself |

use std::hint::black_box;
use std::io;
use std::sync::atomic::AtomicU32;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use skete::futex::{futex_waitv, waiters};
use skete::thread::set_name;

mod lock;
mod waits;

/// Longer than any test.
const LONG: Duration = Duration::from_secs(100_000);

/// Begins a thread that tells its name and then does `work`.
fn begin(name: &'static str, work: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        set_name(name);
        work();
    })
}

fn main() -> io::Result<()> {
    if std::env::args().nth(1).is_some_and(|argument| argument == "lock") {
        lock::run();
        return Ok(());
    }
    static HELD: Mutex<()> = Mutex::new(());
    let guard = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    let sleeper = begin("sleeper", || thread::sleep(LONG));
    begin("joiner", move || drop(sleeper.join()));
    begin("locker", || drop(HELD.lock()));
    begin("taker", waits::for_semaphore);
    begin("queuer", waits::in_queue);
    begin("spinner", || while black_box(true) {});
    begin("chooser", || {
        let words = [const { AtomicU32::new(7) }; 2];
        let _ = futex_waitv(&[((&words[0]).into(), 7), ((&words[1]).into(), 7)], None);
    });
    begin("herald", || {
        // Four of them, one that waits for two words, and main.
        while waiters() != 7 {
            thread::yield_now();
        }
        println!("stuck: all wait");
    });
    io::stdin().read_line(&mut String::new())?;
    drop(guard);
    println!("stuck: the end");
    std::process::exit(0)
}
