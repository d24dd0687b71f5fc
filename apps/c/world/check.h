/* The checks of this program, a file each. */
#include "../check.h"

extern const struct check memory[], files[], mapped[], pipes[], times[], calls[], contexts[];
