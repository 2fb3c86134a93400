#include "broker/ears.h"

#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#include "tests/support/testing.h"

typedef struct {
    void *context;
    void *near; // a ROUTER that the ears are for
    void *far;  // a DEALER that talks to it
} pair_t;

static int open_pair (void **state)
{
    static pair_t pair;

    pair.context = zmq_ctx_new ();
    pair.near = zmq_socket (pair.context, ZMQ_ROUTER);
    pair.far = zmq_socket (pair.context, ZMQ_DEALER);
    assert_int_equal (zmq_bind (pair.near, "inproc://ears"), 0);
    assert_int_equal (zmq_connect (pair.far, "inproc://ears"), 0);
    *state = &pair;
    return 0;
}

static int close_pair (void **state)
{
    pair_t *pair = (pair_t *)*state;

    zmq_close (pair->near);
    zmq_close (pair->far);
    zmq_ctx_term (pair->context);
    return 0;
}

// Receives all that is there; how many messages.
static unsigned drain (ears_t *ears, unsigned ear, void *socket)
{
    char octets[16];
    unsigned frames = 0;

    while (zmq_recv (socket, octets, sizeof octets, ZMQ_DONTWAIT) >= 0)
        frames++;
    ears_dry (ears, ear);
    return frames / 2; // each behind a routing id
}

static void one_that_was_just_added_may_have_something (void **state)
{
    pair_t *pair = (pair_t *)*state;
    ears_t ears;

    ears_init (&ears);
    ears_add_socket (&ears, pair->near);
    assert_true (ears_perhaps (&ears, 0));
    ears_wait (&ears, -1); // does not wait
    assert_true (ears_perhaps (&ears, 0));
}

static void who_is_dry_is_waited_for (void **state)
{
    pair_t *pair = (pair_t *)*state;
    ears_t ears;
    int descriptor = eventfd (0, EFD_NONBLOCK);

    ears_init (&ears);
    ears_add_socket (&ears, pair->near);
    ears_add_descriptor (&ears, descriptor);
    assert_int_equal (drain (&ears, 0, pair->near), 0);
    ears_dry (&ears, 1);
    ears_wait (&ears, 0);
    assert_false (ears_perhaps (&ears, 0));
    assert_false (ears_perhaps (&ears, 1));

    assert_int_equal (zmq_send (pair->far, "x", 1, 0), 1);
    ears_wait (&ears, -1);
    assert_true (ears_perhaps (&ears, 0));
    assert_false (ears_perhaps (&ears, 1));
    assert_int_equal (drain (&ears, 0, pair->near), 1);

    assert_int_equal (eventfd_write (descriptor, 1), 0);
    ears_wait (&ears, -1);
    assert_false (ears_perhaps (&ears, 0));
    assert_true (ears_perhaps (&ears, 1));
    close (descriptor);
}

// zmq_getsockopt (ZMQ_EVENTS), like a send, takes the news out of the descriptor.
static void news_that_another_use_has_eaten_are_found_if_it_is_said (void **state)
{
    pair_t *pair = (pair_t *)*state;
    int events;
    size_t size = sizeof events;
    ears_t ears;

    ears_init (&ears);
    ears_add_socket (&ears, pair->near);
    assert_int_equal (drain (&ears, 0, pair->near), 0);
    assert_int_equal (zmq_send (pair->far, "x", 1, 0), 1);
    assert_int_equal (zmq_getsockopt (pair->near, ZMQ_EVENTS, &events, &size), 0);
    ears_wait (&ears, 0);
    assert_false (ears_perhaps (&ears, 0)); // this is why it has to be said
    ears_used (&ears, 0);
    ears_wait (&ears, -1);
    assert_true (ears_perhaps (&ears, 0));
    assert_int_equal (drain (&ears, 0, pair->near), 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown (name, open_pair, close_pair)

TESTING_MAIN (CASE (one_that_was_just_added_may_have_something),
              CASE (who_is_dry_is_waited_for),
              CASE (news_that_another_use_has_eaten_are_found_if_it_is_said), )
