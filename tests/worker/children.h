/*  What tests ask about processes: whether one lives, whether we left any, how many descriptors we
 *  have.
 */
#ifndef TESTS_WORKER_CHILDREN_H
#define TESTS_WORKER_CHILDREN_H

#include <stdbool.h>

// Waits until the process is dead (or a zombie of somebody else's), or fails the test.
void children_expect_dead (long pid);

bool children_is_alive (long pid);

// That we have no child, alive or zombie.
void children_expect_none (void);

unsigned children_count_descriptors (void);

#endif
