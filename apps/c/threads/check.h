/* The checks of this program, a file each. */
#include "../check.h"

extern const struct check lives[], attributes[], keys[], cancellation[], scheduling[], clocks[];
