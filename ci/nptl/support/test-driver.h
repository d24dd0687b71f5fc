/* What a test asks of its driver. */
#ifndef SKETE_TEST_DRIVER_H
#define SKETE_TEST_DRIVER_H

#include <stdio.h>

enum { EXIT_UNSUPPORTED = 77 };

static unsigned test_verbose = 1;
static const char *const test_dir = "/tmp";

#define verbose_printf(...) printf(__VA_ARGS__)

#endif
