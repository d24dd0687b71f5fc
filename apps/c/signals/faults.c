/* Faults of the program's own that a handler takes. */
#include "check.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE 4096

static volatile int count, seen_signal, seen_code;
static void *volatile seen_address;
static sigjmp_buf back;

static void jumps(int signal, siginfo_t *info, void *context) {
    (void)context;
    count++;
    seen_signal = signal;
    seen_code = info->si_code;
    seen_address = info->si_addr;
    siglongjmp(back, 1);
}

static void install(int signal, void (*handler)(int, siginfo_t *, void *)) {
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(signal, &action, NULL) == 0);
    count = 0;
}

static void a_bad_access_is_told_with_its_address_as_often_as_it_happens(void) {
    install(SIGSEGV, jumps);
    for (volatile uintptr_t i = 0; i < 5; i++) {
        if (sigsetjmp(back, 1) == 0) {
            *(volatile char *)(16 + i) = 1;
            CHECK(0);
        }
        CHECK(count == (int)i + 1 && seen_signal == SIGSEGV && seen_code == SEGV_MAPERR && seen_address == (void *)(16 + i));
    }
}

static void what_musl_does_for_the_program_is_the_programs(void) {
    char *volatile nowhere = (char *)64;
    install(SIGSEGV, jumps);
    if (sigsetjmp(back, 1) == 0) {
        memcpy(nowhere, "four", *(volatile size_t *)&(size_t){ 4 });
        CHECK(0);
    }
    CHECK(count == 1 && seen_address >= (void *)64 && seen_address < (void *)68);
}

static void allows(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    seen_code = info->si_code;
    CHECK(mprotect((void *)((uintptr_t)info->si_addr & ~(uintptr_t)(PAGE - 1)), PAGE, PROT_READ | PROT_WRITE) == 0);
    count++;
}

static void a_handler_may_mend_what_was_wrong(void) {
    char *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    install(SIGSEGV, allows);
    CHECK(page != MAP_FAILED);
    page[100] = 5;
    CHECK(count == 1 && page[100] == 5 && seen_code == SEGV_ACCERR && munmap(page, PAGE) == 0);
}

static void steps_over(int signal, siginfo_t *info, void *context) {
    seen_signal = signal;
    CHECK((uintptr_t)info->si_addr == ((ucontext_t *)context)->uc_mcontext.pc);
    ((ucontext_t *)context)->uc_mcontext.pc += 4;
    count++;
}

static void an_instruction_that_is_none_may_be_stepped_over(void) {
    install(SIGILL, steps_over);
    __asm__ volatile("udf #7");
    CHECK(count == 1 && seen_signal == SIGILL);
    install(SIGTRAP, steps_over);
    __asm__ volatile("brk #7");
    CHECK(count == 1 && seen_signal == SIGTRAP);
}

static void behind_a_files_end_there_is_nothing_until_it_grows(void) {
    int fd = open("/tmp/faults", O_CREAT | O_RDWR | O_TRUNC, 0600);
    CHECK(fd >= 0 && ftruncate(fd, 100) == 0);
    char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(pages != MAP_FAILED);
    pages[PAGE - 1] = 1;
    install(SIGBUS, jumps);
    if (sigsetjmp(back, 1) == 0) {
        pages[PAGE] = 1;
        CHECK(0);
    }
    CHECK(count == 1 && seen_signal == SIGBUS && seen_code == BUS_ADRERR && seen_address == pages + PAGE);
    CHECK(ftruncate(fd, 2 * PAGE) == 0);
    pages[PAGE] = 7;
    CHECK(count == 1 && msync(pages, 2 * PAGE, MS_SYNC) == 0);
    char byte;
    CHECK(pread(fd, &byte, 1, PAGE) == 1 && byte == 7 && munmap(pages, 2 * PAGE) == 0 && close(fd) == 0);
}

const struct check faults[] = {
    { "a bad access is told with its address as often as it happens", a_bad_access_is_told_with_its_address_as_often_as_it_happens },
    { "what musl does for the program is the program's", what_musl_does_for_the_program_is_the_programs },
    { "a handler may mend what was wrong", a_handler_may_mend_what_was_wrong },
    { "an instruction that is none may be stepped over", an_instruction_that_is_none_may_be_stepped_over },
    { "behind a file's end there is nothing until it grows", behind_a_files_end_there_is_nothing_until_it_grows },
    { 0 },
};
