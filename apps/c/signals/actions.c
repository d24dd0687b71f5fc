/* What becomes of a signal: handlers, their masks and flags, what is ignored. */
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static volatile int count, depth, deepest, seen_code, seen_value;
static volatile int order[8];
static volatile uintptr_t where;

static void counts(int signal) { order[count++ & 7] = signal; }

static void install(int signal, void (*handler)(int), int flags) {
    struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(signal, &action, NULL) == 0);
    count = 0;
}

static void a_handler_runs_before_raise_and_kill_return(void) {
    install(SIGUSR1, counts, 0);
    CHECK(raise(SIGUSR1) == 0 && count == 1);
    CHECK(kill(getpid(), SIGUSR1) == 0 && count == 2);
    CHECK(kill(0, SIGUSR1) == 0 && count == 3);
    CHECK(kill(getpid(), 0) == 0 && kill(12345, 0) == -1 && errno == ESRCH);
    CHECK(raise(99) != 0 && kill(getpid(), -1) == -1 && errno == EINVAL);
}

static void an_action_is_told_and_those_of_kill_and_stop_stay(void) {
    struct sigaction action;
    install(SIGUSR1, counts, SA_RESTART);
    CHECK(sigaction(SIGUSR1, NULL, &action) == 0 && action.sa_handler == counts && action.sa_flags & SA_RESTART);
    CHECK(signal(SIGUSR1, SIG_DFL) == counts);
    CHECK(signal(SIGKILL, counts) == SIG_ERR && errno == EINVAL);
    CHECK(signal(SIGSTOP, SIG_IGN) == SIG_ERR && errno == EINVAL);
}

static void what_is_ignored_does_nothing(void) {
    signal(SIGTERM, SIG_IGN);
    CHECK(raise(SIGTERM) == 0);
    signal(SIGTERM, SIG_DFL);
    CHECK(raise(SIGCHLD) == 0 && raise(SIGURG) == 0 && raise(SIGWINCH) == 0 && raise(SIGCONT) == 0);
}

static void nests(int signal) {
    if (++depth > deepest) {
        deepest = depth;
    }
    if (depth < 3 && ++count < 3) {
        raise(signal);
    }
    depth--;
}

static void a_handler_is_not_interrupted_by_its_own_signal_unless_it_says_so(void) {
    deepest = 0;
    install(SIGUSR1, nests, 0);
    raise(SIGUSR1);
    CHECK(deepest == 1 && count == 3);
    deepest = 0;
    install(SIGUSR1, nests, SA_NODEFER);
    raise(SIGUSR1);
    CHECK(deepest == 3);
}

static void raises_another(int signal) {
    raise(SIGUSR2);
    counts(signal);
}

static void a_handlers_mask_keeps_others_away_until_it_returns(void) {
    struct sigaction action = { .sa_handler = raises_another };
    install(SIGUSR2, counts, 0);
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGUSR2);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    raise(SIGUSR1);
    CHECK(count == 2 && order[0] == SIGUSR1 && order[1] == SIGUSR2);
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    count = 0;
    raise(SIGUSR1);
    CHECK(count == 2 && order[0] == SIGUSR2 && order[1] == SIGUSR1);
}

static void a_handler_may_serve_once(void) {
    struct sigaction action;
    install(SIGUSR1, counts, SA_RESETHAND);
    raise(SIGUSR1);
    CHECK(count == 1 && sigaction(SIGUSR1, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
}

static void informed(int signal, siginfo_t *info, void *context) {
    CHECK(info->si_signo == signal && context != NULL);
    order[count++ & 7] = info->si_value.sival_int;
    seen_code = info->si_code;
    seen_value = info->si_value.sival_int;
}

static void inform(int signal) {
    struct sigaction action = { .sa_sigaction = informed, .sa_flags = SA_SIGINFO };
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(signal, &action, NULL) == 0);
    count = 0;
}

static void a_handler_is_told_who_sent_it_and_with_what(void) {
    union sigval value = { .sival_int = 4711 };
    inform(SIGUSR1);
    CHECK(sigqueue(getpid(), SIGUSR1, value) == 0);
    CHECK(count == 1 && seen_code == SI_QUEUE && seen_value == 4711);
    CHECK(kill(getpid(), SIGUSR1) == 0 && seen_code == SI_USER);
    CHECK(pthread_kill(pthread_self(), SIGUSR1) == 0 && seen_code == SI_TKILL && count == 3);
}

static void real_time_signals_queue_in_order_and_the_lowest_goes_first(void) {
    sigset_t set, before;
    inform(SIGRTMIN);
    inform(SIGRTMIN + 1);
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGRTMIN + 1);
    CHECK(sigprocmask(SIG_BLOCK, &set, &before) == 0);
    for (int i = 0; i < 6; i++) {
        CHECK(sigqueue(getpid(), SIGRTMIN + (i + 1) % 2, (union sigval){ .sival_int = i }) == 0);
    }
    CHECK(count == 0 && sigprocmask(SIG_SETMASK, &before, NULL) == 0 && count == 6);
    CHECK(order[0] == 1 && order[1] == 3 && order[2] == 5 && order[3] == 0 && order[4] == 2 && order[5] == 4);
}

static void the_queue_has_an_end(void) {
    sigset_t set, before;
    int sent = 0;
    inform(SIGRTMIN);
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    CHECK(sigprocmask(SIG_BLOCK, &set, &before) == 0);
    while (sigqueue(getpid(), SIGRTMIN, (union sigval){ 0 }) == 0) {
        sent++;
    }
    CHECK(errno == EAGAIN && sent >= 32);
    CHECK(sigprocmask(SIG_SETMASK, &before, NULL) == 0 && count == sent);
}

static sigjmp_buf back;

static void jumps(int signal) {
    count++;
    siglongjmp(back, signal);
}

static void a_handler_may_leave_by_a_jump_that_restores_the_mask(void) {
    sigset_t now;
    install(SIGUSR1, jumps, 0);
    for (volatile int i = 0; i < 3; i++) {
        if (sigsetjmp(back, 1) == 0) {
            raise(SIGUSR1);
            CHECK(!"reached");
        }
    }
    CHECK(count == 3 && sigprocmask(SIG_BLOCK, NULL, &now) == 0 && !sigismember(&now, SIGUSR1));
}

static void tells_where(int signal) {
    volatile int here;
    (void)signal;
    where = (uintptr_t)&here;
    count++;
}

static void a_handler_may_have_a_stack_of_its_own(void) {
    static char stack[16384];
    stack_t set = { .ss_sp = stack, .ss_size = sizeof stack }, old, off = { .ss_flags = SS_DISABLE };
    CHECK(sigaltstack(&set, NULL) == 0 && sigaltstack(NULL, &old) == 0 && old.ss_sp == stack && old.ss_flags == 0);
    install(SIGUSR1, tells_where, SA_ONSTACK);
    raise(SIGUSR1);
    CHECK(where > (uintptr_t)stack && where < (uintptr_t)(stack + sizeof stack) && count == 1);
    install(SIGUSR1, tells_where, 0);
    raise(SIGUSR1);
    CHECK(where < (uintptr_t)stack || where > (uintptr_t)(stack + sizeof stack));
    CHECK(sigaltstack(&off, NULL) == 0 && sigaltstack(NULL, &old) == 0 && old.ss_flags == SS_DISABLE);
    set.ss_size = 100;
    CHECK(sigaltstack(&set, NULL) == -1 && errno == ENOMEM);
}

static void spoils(int signal) {
    (void)signal;
    errno = ENOTTY;
}

static void errno_is_what_it_was_after_a_handler(void) {
    install(SIGUSR1, spoils, 0);
    errno = 5;
    CHECK(pthread_kill(pthread_self(), SIGUSR1) == 0 && errno == 5);
}

static void the_older_names_do_the_same(void) {
    sigset_t now;
    install(SIGUSR1, counts, 0);
    CHECK(sighold(SIGUSR1) == 0 && raise(SIGUSR1) == 0 && count == 0);
    CHECK(sigrelse(SIGUSR1) == 0 && count == 1);
    CHECK(sigignore(SIGUSR1) == 0 && raise(SIGUSR1) == 0 && count == 1);
    CHECK(sigset(SIGUSR1, counts) == SIG_IGN);
    CHECK(sigset(SIGUSR1, SIG_HOLD) == counts && sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGUSR1));
    CHECK(sigset(SIGUSR1, SIG_DFL) == SIG_HOLD);
    CHECK(strcmp(strsignal(SIGTERM), "Terminated") == 0);
}

const struct check actions[] = {
    { "a handler runs before raise and kill return", a_handler_runs_before_raise_and_kill_return },
    { "an action is told, and those of SIGKILL and SIGSTOP stay", an_action_is_told_and_those_of_kill_and_stop_stay },
    { "what is ignored does nothing", what_is_ignored_does_nothing },
    { "a handler is not interrupted by its own signal unless it says so",
      a_handler_is_not_interrupted_by_its_own_signal_unless_it_says_so },
    { "a handler's mask keeps others away until it returns", a_handlers_mask_keeps_others_away_until_it_returns },
    { "a handler may serve once", a_handler_may_serve_once },
    { "a handler is told who sent it, and with what", a_handler_is_told_who_sent_it_and_with_what },
    { "real-time signals queue in order, and the lowest goes first", real_time_signals_queue_in_order_and_the_lowest_goes_first },
    { "the queue has an end", the_queue_has_an_end },
    { "a handler may leave by a jump that restores the mask", a_handler_may_leave_by_a_jump_that_restores_the_mask },
    { "a handler may have a stack of its own", a_handler_may_have_a_stack_of_its_own },
    { "errno is what it was after a handler", errno_is_what_it_was_after_a_handler },
    { "the older names do the same", the_older_names_do_the_same },
    { 0 },
};
