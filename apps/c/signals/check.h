/* The checks of this program, a file each. */
#include "../check.h"

extern const struct check actions[], waiting[], delivery[], timers[], computing[], faults[];
