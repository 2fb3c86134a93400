#include "tests/simulation/mutants.h"

#include <stddef.h>

const char *const mutant_names[] = {NULL};
int mutant = -1;
