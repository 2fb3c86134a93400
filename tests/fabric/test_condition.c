#include "fabric/condition.h"

#include "tests/support/testing.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition;
static bool there;

static void *signal_it (void *arg)
{
    pthread_mutex_lock (&lock);
    there = true;
    pthread_cond_signal (&condition);
    pthread_mutex_unlock (&lock);
    return arg;
}

static void a_signal_ends_the_wait (void **state)
{
    static const int timeouts[] = {-1, 60000};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        pthread_t thread;
        condition_init (&condition);
        there = false;
        pthread_mutex_lock (&lock);
        assert_int_equal (pthread_create (&thread, NULL, signal_it, NULL), 0);
        while (!there)
            assert_true (condition_wait (&condition, &lock, condition_until (timeouts[i])));
        pthread_mutex_unlock (&lock);
        assert_int_equal (pthread_join (thread, NULL), 0);
        pthread_cond_destroy (&condition);
    }
}

// And not before: the moment is on the same clock.
static void so_does_the_moment (void **state)
{
    moment_t until = condition_until (5);

    (void)state;
    condition_init (&condition);
    pthread_mutex_lock (&lock);
    while (condition_wait (&condition, &lock, until))
        ; // for no reason
    assert_true (moment_now () >= until);
    assert_false (condition_wait (&condition, &lock, 0));
    pthread_mutex_unlock (&lock);
    pthread_cond_destroy (&condition);
}

static void minus_one_is_never (void **state)
{
    (void)state;
    assert_true (condition_until (-1) == MOMENT_NEVER);
    assert_true (condition_until (0) <= moment_now ());
}

TESTING_MAIN (cmocka_unit_test (a_signal_ends_the_wait),
              cmocka_unit_test (so_does_the_moment),
              cmocka_unit_test (minus_one_is_never), )
