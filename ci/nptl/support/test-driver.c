/* A test's main: the test runs in this very process, and whoever has started it ends it if it takes too long. */
#include <support/check.h>
#include <support/test-driver.h>

int main(int argc, char **argv)
{
    (void) argc, (void) argv;
    setvbuf(stdout, NULL, _IOLBF, 0);
#ifdef PREPARE
    PREPARE(argc, argv);
#endif
#if defined TEST_FUNCTION_ARGV
    int status = TEST_FUNCTION_ARGV(argc, argv);
#elif defined TEST_FUNCTION
    int status = TEST_FUNCTION();
#else
    int status = do_test();
#endif
    return __atomic_load_n(&support_failures, __ATOMIC_RELAXED) != 0 ? 1 : status;
}
