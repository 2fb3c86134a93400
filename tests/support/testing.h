/*  What every unit test includes: cmocka with the headers that it wants before it, and a main ().
 *
 *      static void reads_back_what_it_wrote (void **state) { ... }
 *
 *      TESTING_MAIN (
 *          cmocka_unit_test (reads_back_what_it_wrote),
 *      )
 *
 *  The program runs every case, or those that its first argument names (a pattern with * and ?).
 */
#ifndef TESTS_SUPPORT_TESTING_H
#define TESTS_SUPPORT_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TESTING_MAIN(...)                                                                          \
    int main (int argc, char **argv)                                                               \
    {                                                                                              \
        const struct CMUnitTest cases[] = {__VA_ARGS__};                                           \
        if (argc > 1)                                                                              \
            cmocka_set_test_filter (argv[1]);                                                      \
        return cmocka_run_group_tests (cases, NULL, NULL);                                         \
    }

#endif
