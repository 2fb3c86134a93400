/*  Memory that runs out on demand: `zf_test (... FAILING_ALLOC)` puts this between the program's
 * own objects and malloc, calloc, realloc and strdup. Calls inside shared libraries are not
 * touched.
 *
 *  Run once to count, then once per allocation with that one failing:
 *
 *      for (unsigned long n = 0;; n++) {
 *          alloc_fail_at (n);
 *          int rc = what_is_tested ();
 *          if (!alloc_failed ())
 *              break; // it made fewer than n + 1 allocations, and went well
 *          assert_int_equal (rc, -1);
 *      }
 *      alloc_fail_never ();
 *
 *  Threads: one.
 */
#ifndef TESTS_SUPPORT_FAILING_ALLOC_H
#define TESTS_SUPPORT_FAILING_ALLOC_H

#include <stdbool.h>

// The n-th allocation from now on fails (0: the next one), once.
void alloc_fail_at (unsigned long n);

// Every allocation from the n-th on fails.
void alloc_fail_from (unsigned long n);

void alloc_fail_never (void);

// Whether one has failed since the last of the above.
bool alloc_failed (void);

// How many were asked for since then.
unsigned long alloc_count (void);

#endif
