/*  The multiplexor by chance: whatever happens, every call ends once, and what must hold holds.
 */
#include "client/multiplexor.h"

#include "fabric/container.h"
#include "tests/client/multiplexor_story.h"
#include "tests/support/testing.h"

#define CHANCES 64

static uint64_t chance;

static unsigned any (unsigned below)
{
    chance = chance * UINT64_C (6364136223846793005) + UINT64_C (1442695040888963407);
    return (unsigned)(chance >> 33) % below;
}

static named_t crowd[CHANCES];
static unsigned open_now, begun;

static void count_ended (void *arg,
                         session_t *session,
                         const packet_t *packet,
                         frame_t *payload,
                         zfabric_rc_t rc,
                         const char *words)
{
    (void)arg, (void)packet, (void)payload, (void)rc, (void)words;
    assert_true (open_now > 0);
    open_now--;
    memset (container_of (session, named_t, session), 0, sizeof (named_t)); // may be used again
}

static void begin_one (void)
{
    named_t *named = &crowd[any (CHANCES)];

    if (named->name[0])
        return; // in use
    init (named, "?", any (4) ? SESSION_RUN : SESSION_CANCEL);
    memset (named->session.cookie.octets, (int)any (40), COOKIE_OCTETS);
    named->session.detach = named->session.kind == SESSION_RUN && any (4) == 0;
    named->session.timeout_ms = any (3) ? 0 : 1 + any (9000);
    named->session.retries = (uint8_t)(any (2) ? 0 : any (4));
    open_now++;
    begun++;
    multiplexor_add (&mux, &named->session, now);
}

static void something_happens (void)
{
    char cookie[2] = {(char)any (40), '\0'};
    named_t *named = &crowd[any (CHANCES)];

    switch (any (12)) {
    case 0:
        connection ();
        break;
    case 1:
        if (any (4) == 0)
            multiplexor_lost (&mux, now, "by chance");
        break;
    case 2:
        result (cookie, (zfabric_rc_t)any (ZFABRIC_RESULT_COUNT));
        break;
    case 3:
        if (named->name[0])
            multiplexor_cancel (&mux, &named->session);
        break;
    case 4:
        comes (PACKET_PARTIAL, cookie, ZFABRIC_OK, any (9));
        break;
    case 5:
        if (mux.answers < beats)
            answer ();
        break;
    case 6:
        now += any (900);
        multiplexor_expire (&mux, now, "by chance");
        break;
    case 7:
        room = any (6);
        multiplexor_writable (&mux);
        break;
    default:
        begin_one ();
        multiplexor_flush (&mux);
    }
    forget ();
}

static void whatever_happens_every_call_ends_once (void **state)
{
    multiplexor_sink_t counting = story_sink;

    (void)state;
    counting.ended = count_ended;
    mux.sink = &counting;
    for (chance = 1; chance < 4; chance++) {
        uint64_t seed = chance;
        for (unsigned i = 0; i < 20000; i++) {
            something_happens ();
            assert_true (multiplexor_check (&mux));
        }
        multiplexor_stop (&mux, "over");
        assert_int_equal (open_now, 0);
        memset (crowd, 0, sizeof crowd);
        chance = seed;
    }
    assert_true (begun > 5000);
}

TESTING_MAIN (cmocka_unit_test_setup_teardown (whatever_happens_every_call_ends_once,
                                               story_begin,
                                               story_end))
