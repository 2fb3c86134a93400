// Memory that runs out: each allocation of a story fails in turn; nothing crashes, leaks or breaks
// an invariant, and what is refused is refused in words.

#include "tests/support/testing.h"

#include "broker/switchboard.h"
#include "tests/support/failing_alloc.h"

static void
count_send (void *arg, sb_peer_t peer, frame_t *header, frame_t *payload, bool droppable)
{
    (void)peer, (void)header, (void)payload, (void)droppable;
    ++*(unsigned *)arg;
}

static void send_text (switchboard_t *switchboard, sb_peer_t peer, sb_side_t side, const char *text)
{
    frame_t header, payload;
    sb_event_t event = {.kind = SB_PACKET,
                        .now = 1000,
                        .peer = peer,
                        .side = side,
                        .key = peer >= 80 ? 1 : 0,
                        .frames = 1,
                        .header = &header,
                        .payload = &payload};

    frame_init (&payload);
    if (frame_copy (&header, slice_text (text)) == 0)
        switchboard_step (switchboard, &event);
    frame_close (&header);
    frame_close (&payload);
}

static void say_key (switchboard_t *switchboard, sb_key_t key, const char *text)
{
    frame_t header;
    sb_event_t event = {.kind = SB_KEY, .now = 1000, .key = key, .header = &header};

    if (frame_copy (&header, slice_text (text)) == 0)
        switchboard_step (switchboard, &event);
    frame_close (&header);
}

static void say_gone (switchboard_t *switchboard, sb_peer_t peer)
{
    sb_event_t event = {.kind = SB_PEER_GONE, .now = 1000, .peer = peer};

    switchboard_step (switchboard, &event);
}

#define COOKIE(n) "\"cookie\":\"00000000-0000-4000-8000-00000000000" n "\""

static void tell (switchboard_t *switchboard)
{
    send_text (switchboard, 0, SB_CLIENT_SIDE,
               "{\"packet_type\":\"RUN\",\"pipeline\":\"a\"," COOKIE ("1") "}");
    send_text (
        switchboard, 70, SB_WORKER_SIDE,
        "{\"packet_type\":\"REGISTER\",\"capacity\":1,\"pipelines\":[\"a\",\"b*\",\"\\u0063\"]}");
    send_text (switchboard, 0, SB_CLIENT_SIDE,
               "{\"packet_type\":\"RUN\",\"pipeline\":\"bb\",\"retries\":1,\"timeout\":9," COOKIE (
                   "2") "}");
    send_text (
        switchboard, 2, SB_CLIENT_SIDE,
        "{\"packet_type\":\"RUN\",\"pipeline\":\"bb\",\"variables\":\"\\u0031\"," COOKIE ("3") "}");
    send_text (switchboard, 71, SB_WORKER_SIDE, "{\"packet_type\":\"REGISTER\",\"capacity\":1}");
    send_text (switchboard, 70, SB_WORKER_SIDE,
               "{\"packet_type\":\"RESULT\",\"rc\":\"OK\"," COOKIE ("1") "}");
    send_text (switchboard, 0, SB_CLIENT_SIDE, "{\"packet_type\":\"CANCEL\"," COOKIE ("3") "}");
    send_text (switchboard, 0, SB_CLIENT_SIDE,
               "{\"packet_type\":\"RUN\",\"pipeline\":\"$metrics\"," COOKIE ("9") "}");
    say_gone (switchboard, 70);
    say_gone (switchboard, 2);
    say_key (switchboard, 1, "client,worker\nb*,c");
    send_text (switchboard, 80, SB_WORKER_SIDE, "{\"packet_type\":\"REGISTER\",\"capacity\":1}");
    send_text (switchboard, 81, SB_CLIENT_SIDE,
               "{\"packet_type\":\"RUN\",\"pipeline\":\"bb\"," COOKIE ("4") "}");
    send_text (switchboard, 81, SB_CLIENT_SIDE,
               "{\"packet_type\":\"RUN\",\"pipeline\":\"a\"," COOKIE ("5") "}");
    say_key (switchboard, 1, "client,worker\nc,d");
    say_key (switchboard, 1, "");
    say_gone (switchboard, 81);
}

// True if the allocation number `fail_at` of the story was reached, and failed.
static bool tell_with_failure (unsigned fail_at)
{
    static const uint8_t seed[16] = {1};
    unsigned sent = 0;
    sb_sink_t sink = {.send = count_send, .arg = &sent};
    sb_limits_t limits = {.queue = 10,
                          .client_tasks = 10,
                          .max_payload = 1000,
                          .queue_wait_ms = 1000,
                          .cancel_grace_ms = 100,
                          .drain_ms = 100};

    alloc_fail_at (fail_at);
    switchboard_t *switchboard = switchboard_new (&limits, &sink, seed, 1000);
    if (switchboard)
        tell (switchboard);
    bool failed = alloc_failed ();
    alloc_fail_never ();
    if (switchboard)
        assert_null (switchboard_check (switchboard));
    switchboard_destroy (&switchboard);
    return failed;
}

static void each_allocation_of_a_story_may_fail (void **state)
{
    unsigned fail_at = 0;

    (void)state;
    while (tell_with_failure (fail_at))
        fail_at++;
    // The story is worth telling only if it allocates.
    assert_true (fail_at > 30);
}

TESTING_MAIN (cmocka_unit_test (each_allocation_of_a_story_may_fail), )
