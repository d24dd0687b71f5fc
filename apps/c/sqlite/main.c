/* SQLite with four threads that write and read one database: each has a connection of its own, adds rows in transactions, moves what
 * accounts hold from one to another, and reads sums meanwhile, which must be what they were at every moment. The journal is the argument:
 * `delete` (the default of SQLite's own) or `wal`. Prints `c/sqlite: N rows by 4 threads, integrity ok`; the first check that fails says
 * where, and the status is 1. */
#include "../check.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 60, ROWS = 8, ACCOUNTS = 20, HELD = 1000, PATIENCE_MS = 60000 };

static const char *path = "/tmp/test.db";
static atomic_int reads, waits;

static sqlite3 *open_it(void) {
    sqlite3 *base;
    CHECK(sqlite3_open(path, &base) == SQLITE_OK);
    return base;
}

#define DO(base, text) do_it(base, text, __LINE__)

static void do_it(sqlite3 *base, const char *text, int line) {
    char *why = NULL;
    if (sqlite3_exec(base, text, NULL, NULL, &why) != SQLITE_OK) {
        printf("line %d: %s: %s\n", line, text, why);
        fflush(stdout);
        _Exit(1);
    }
}

/* The one number that a question answers. */
static long long number(sqlite3 *base, const char *text) {
    sqlite3_stmt *statement;
    CHECK(sqlite3_prepare_v2(base, text, -1, &statement, NULL) == SQLITE_OK);
    CHECK(sqlite3_step(statement) == SQLITE_ROW);
    long long value = sqlite3_column_int64(statement, 0);
    CHECK(sqlite3_step(statement) == SQLITE_DONE && sqlite3_finalize(statement) == SQLITE_OK);
    return value;
}

/* Somebody else is writing: a moment later, for as long as anybody may take. */
static int wait_for_others(void *argument, int count) {
    (void)argument;
    atomic_fetch_add(&waits, 1);
    usleep(1000);
    return count < PATIENCE_MS;
}

static void add_rows(sqlite3 *base, int own, int round) {
    sqlite3_stmt *insert;
    CHECK(sqlite3_prepare_v2(base, "insert into lines values (?, ?, ?)", -1, &insert, NULL) == SQLITE_OK);
    for (int row = 0; row < ROWS; row++) {
        char text[64];
        snprintf(text, sizeof text, "thread %d, round %d, row %d", own, round, row);
        CHECK(sqlite3_bind_int(insert, 1, own) == SQLITE_OK && sqlite3_bind_int(insert, 2, round * ROWS + row) == SQLITE_OK);
        CHECK(sqlite3_bind_text(insert, 3, text, -1, SQLITE_TRANSIENT) == SQLITE_OK);
        CHECK(sqlite3_step(insert) == SQLITE_DONE && sqlite3_reset(insert) == SQLITE_OK);
    }
    CHECK(sqlite3_finalize(insert) == SQLITE_OK);
}

static void *work(void *argument) {
    int own = *(int *)argument;
    sqlite3 *base = open_it();
    CHECK(sqlite3_busy_handler(base, wait_for_others, NULL) == SQLITE_OK);
    for (int round = 0; round < ROUNDS; round++) {
        char text[160];
        DO(base, "begin immediate");
        add_rows(base, own, round);
        int from = (own * 7 + round) % ACCOUNTS, to = (own * 3 + round * 5 + 1) % ACCOUNTS;
        snprintf(text, sizeof text, "update accounts set held = held - %d where number = %d", round + 1, from);
        DO(base, text);
        snprintf(text, sizeof text, "update accounts set held = held + %d where number = %d", round + 1, to);
        DO(base, text);
        DO(base, round % 5 == 4 ? "rollback" : "commit");
        /* One question sees one moment. */
        CHECK(number(base, "select sum(held) from accounts") == ACCOUNTS * HELD);
        CHECK(number(base, "select count(*) from lines") % ROWS == 0);
        atomic_fetch_add(&reads, 2);
    }
    CHECK(sqlite3_close(base) == SQLITE_OK);
    return NULL;
}

static void check_all(sqlite3 *base, const char *journal) {
    int kept = THREADS * ROWS * (ROUNDS - ROUNDS / 5);
    sqlite3_stmt *statement;
    CHECK(number(base, "select count(*) from lines") == kept);
    CHECK(number(base, "select count(distinct thread * 100000 + number) from lines") == kept);
    CHECK(number(base, "select count(*) from lines where text = printf('thread %d, round %d, row %d', thread, number / 8, number % 8)") == kept);
    CHECK(number(base, "select sum(held) from accounts") == ACCOUNTS * HELD);
    CHECK(sqlite3_prepare_v2(base, "pragma integrity_check", -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW);
    printf("c/sqlite: %d rows by %d threads, integrity %s, SQLite %s, journal %s: %d reads meanwhile, %d waits for another\n", kept, THREADS,
           (const char *)sqlite3_column_text(statement, 0), sqlite3_libversion(), journal, atomic_load(&reads), atomic_load(&waits));
    CHECK(sqlite3_finalize(statement) == SQLITE_OK);
}

int main(int count, char **words) {
    const char *journal = count > 1 ? words[1] : "delete";
    char text[64];
    pthread_t threads[THREADS];
    int numbers[THREADS];
    sqlite3 *base = open_it();
    sqlite3_stmt *statement;
    snprintf(text, sizeof text, "pragma journal_mode = %s", journal);
    CHECK(sqlite3_prepare_v2(base, text, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW);
    CHECK(strcmp((const char *)sqlite3_column_text(statement, 0), journal) == 0 && sqlite3_finalize(statement) == SQLITE_OK);
    DO(base, "create table lines (thread integer, number integer, text text, primary key (thread, number))");
    DO(base, "create table accounts (number integer primary key, held integer)");
    for (int account = 0; account < ACCOUNTS; account++) {
        snprintf(text, sizeof text, "insert into accounts values (%d, %d)", account, HELD);
        DO(base, text);
    }
    for (int thread = 0; thread < THREADS; thread++) {
        numbers[thread] = thread;
        CHECK(pthread_create(&threads[thread], NULL, work, &numbers[thread]) == 0);
    }
    for (int thread = 0; thread < THREADS; thread++) {
        CHECK(pthread_join(threads[thread], NULL) == 0);
    }
    check_all(base, journal);
    CHECK(sqlite3_close(base) == SQLITE_OK);
    base = open_it();
    check_all(base, journal);
    CHECK(sqlite3_close(base) == SQLITE_OK);
    CHECK(access("/tmp/test.db-journal", F_OK) != 0 && access("/tmp/test.db-wal", F_OK) != 0);
    return 0;
}
