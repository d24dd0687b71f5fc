//! SQLite in a Rust program: crate `rusqlite` with feature `bundled`, which compiles the C of it. Four threads of std's write and read one
//! database, each by a connection of its own; then one in memory calls back into Rust. Prints `rusqlite: N checks passed`; what fails
//! panics, and the status is 101.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, Error, ErrorCode, TransactionBehavior, params};
use skete as _;
use skete_libc as _;

const PATH: &str = "/tmp/test.db";
const THREADS: i64 = 4;
const ROUNDS: i64 = 30;
const ROWS: i64 = 8;
const HELD: i64 = 1000;

/// A name, and what panics if the name is not true.
type Check = (&'static str, fn());

const CHECKS: [Check; 4] = [
    ("four threads write and read one database", threads),
    ("it is whole when it is opened anew", is_whole),
    ("a constraint that does not hold is an error with its name", constraint),
    ("a function of ours is called by a question", function),
];

fn main() {
    for (name, check) in CHECKS {
        check();
        println!("ok  {name}");
    }
    println!("rusqlite: {} checks passed, SQLite {}", CHECKS.len(), rusqlite::version());
}

fn open() -> Connection {
    let base = Connection::open(PATH).expect("it can be opened");
    base.busy_timeout(Duration::from_secs(60)).expect("it takes a time");
    base
}

fn number(base: &Connection, question: &str) -> i64 {
    base.query_row(question, [], |row| row.get(0)).expect("it is answered")
}

fn threads() {
    let base = open();
    let mode: String = base.query_row("pragma journal_mode = wal", [], |row| row.get(0)).expect("it is answered");
    assert_eq!(mode, "wal");
    base.execute_batch(
        "create table lines (thread integer, number integer, text text, primary key (thread, number));
         create table accounts (number integer primary key, held integer);",
    )
    .expect("it is new");
    for account in 0..THREADS {
        base.execute("insert into accounts values (?1, ?2)", params![account, HELD]).expect("it is new");
    }
    let reads = AtomicUsize::new(0);
    thread::scope(|scope| {
        for own in 0..THREADS {
            let reads = &reads;
            scope.spawn(move || work(own, reads));
        }
    });
    println!("    {} reads meanwhile", reads.into_inner());
}

/// What each thread does: rows and a payment together, then a look at what must be so at every moment.
fn work(own: i64, reads: &AtomicUsize) {
    let mut base = open();
    for round in 0..ROUNDS {
        let change = base.transaction_with_behavior(TransactionBehavior::Immediate).expect("it begins in time");
        for row in 0..ROWS {
            let text = format!("thread {own}, row {row}");
            change.execute("insert into lines values (?1, ?2, ?3)", params![own, round * ROWS + row, text]).expect("it is new");
        }
        let pay = "update accounts set held = held + ?1 where number = ?2";
        assert_eq!(change.execute(pay, [-round, own]).expect("it is there"), 1);
        assert_eq!(change.execute(pay, [round, (own + 1) % THREADS]).expect("it is there"), 1);
        change.commit().expect("nothing is in its way");
        assert_eq!(number(&base, "select sum(held) from accounts"), THREADS * HELD);
        assert_eq!(number(&base, "select count(*) from lines") % ROWS, 0);
        reads.fetch_add(2, Ordering::Relaxed);
    }
}

fn is_whole() {
    let base = open();
    assert_eq!(number(&base, "select count(*) from lines"), THREADS * ROUNDS * ROWS);
    assert_eq!(number(&base, "select count(*) from lines where text = printf('thread %d, row %d', thread, number % 8)"), 960);
    assert_eq!(number(&base, "select count(*) from accounts where held = 1000"), THREADS);
    let told: String = base.query_row("pragma integrity_check", [], |row| row.get(0)).expect("it is answered");
    assert_eq!(told, "ok");
}

fn constraint() {
    let refused = open().execute("insert into lines values (0, 0, 'again')", []);
    let Err(Error::SqliteFailure(why, Some(text))) = refused else { panic!("{refused:?}") };
    assert_eq!(why.code, ErrorCode::ConstraintViolation);
    assert!(text.contains("lines.thread, lines.number"), "{text}");
}

fn function() {
    let base = Connection::open_in_memory().expect("memory is there");
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let turned = |text: String| text.chars().rev().collect::<String>();
    base.create_scalar_function("turned", 1, flags, move |context| Ok(turned(context.get(0)?))).expect("it is well-formed");
    let text: String = base.query_row("select turned('nomed')", [], |row| row.get(0)).expect("it is answered");
    assert_eq!(text, "demon");
    let sum: f64 = base.query_row("select sum(value) / 4 from json_each('[1, 2.5, 3, 4]')", [], |row| row.get(0)).expect("it is answered");
    assert!((sum - 2.625).abs() < f64::EPSILON);
}
