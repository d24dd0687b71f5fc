//! One argument per way to die. Each ends with a message, a backtrace where there is a stack to walk, and a status:
//!
//! | argument | what happens | status |
//! |---|---|---|
//! | `panic` | the main thread panics | 101 |
//! | `thread-panic` | a named thread panics | 101 |
//! | `double` | a panic's message panics | 134 |
//! | `local` | a thread-local's destructor panics | 101 |
//! | `all` | four threads panic at once | 101 |
//! | `abort` | `std::process::abort` | 134 |
//! | `oom` | an allocation fails that may not | 134 |
//! | `overflow` | the stack overflows | 139 |
//! | `thread-overflow` | a small thread's stack overflows | 139 |
//! | `null` | a read through null | 139 |
//! | `wild` | a write to an address where nothing is | 139 |
//! | `constant` | a write to a constant | 139 |
//! | `code` | a write to code | 139 |
//! | `data` | a jump into data | 139 |
//! | `undefined` | an undefined instruction | 139 |
//! | `exit` | `std::process::exit(3)` from another thread | 3 |

use std::fmt;
use std::process::ExitCode;
use std::sync::Barrier;
use std::thread;

mod faults;

fn main() -> ExitCode {
    let way = std::env::args().nth(1).unwrap_or_default();
    match way.as_str() {
        "panic" => panic!("this is the end"),
        "thread-panic" => in_thread(|| panic!("this is a thread's end")),
        "double" => panic!("{}", PanicsWhenShown),
        "local" => in_thread(|| LAST.with(|_| ())),
        "all" => all_at_once(),
        "abort" => std::process::abort(),
        "oom" => drop(std::hint::black_box(vec![1_u8; 1 << 46])),
        "overflow" => println!("{}", faults::deepen(0)),
        "thread-overflow" => in_thread(|| println!("{}", faults::deepen(0))),
        "null" => faults::read_null(),
        "wild" => faults::write_wild(),
        "constant" => faults::write_constant(),
        "code" => faults::write_code(),
        "data" => faults::jump_into_data(),
        "undefined" => faults::execute_undefined(),
        "exit" => in_thread(|| std::process::exit(3)),
        other => eprintln!("panic: no way to die is called `{other}`"),
    }
    eprintln!("panic: still alive");
    ExitCode::FAILURE
}

/// Runs `end` in a thread with a name and a small stack, and waits for it. std keeps a thread's name to itself on this target, so the
/// kernel is told too, for its own reports.
fn in_thread(end: fn()) {
    let doomed = move || {
        skete::thread::set_name("doomed");
        end();
    };
    let thread = thread::Builder::new()
        .name("doomed".into())
        .stack_size(64 << 10)
        .spawn(doomed);
    let _ = thread.expect("there is memory").join();
}

fn all_at_once() {
    static START: Barrier = Barrier::new(4);
    let threads: Vec<_> = (0..4)
        .map(|number| {
            thread::spawn(move || {
                START.wait();
                panic!("thread {number} of four ends");
            })
        })
        .collect();
    for thread in threads {
        let _: Result<(), _> = thread.join();
    }
}

struct PanicsWhenShown;

impl fmt::Display for PanicsWhenShown {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("this is the message's panic");
    }
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("this is a destructor's panic");
    }
}

thread_local! {
    static LAST: PanicsWhenDropped = const { PanicsWhenDropped };
}
