/*  Messages from strangers drive a switchboard; every invariant holds after each.
 *
 *  The input is a list of messages: an octet that says who (low 3 bits: peer; bit 3: worker side;
 *  bits 4-5: 0 packet, 1 peer gone, 2 time passes, 3 packet with a payload; bits 6-7: the key, and
 *  where time would pass that of a key what it may do), an octet with the
 *  header's length (times 2) or the time (times 16 ms), then the header. A payload is the header's
 *  own octets again.
 */
#include <stdlib.h>

#include "broker/switchboard.h"

static void
ignore_send (void *arg, sb_peer_t peer, frame_t *header, frame_t *payload, bool droppable)
{
    (void)arg, (void)peer, (void)header, (void)payload, (void)droppable;
}

static void step (switchboard_t *switchboard, sb_event_t *event)
{
    switchboard_step (switchboard, event);
    if (switchboard_check (switchboard))
        abort ();
}

static void message (switchboard_t *switchboard, sb_event_t *event, slice_t octets, bool payload)
{
    frame_t header, body;

    event->kind = SB_PACKET;
    event->frames = payload ? 2 : 1;
    event->header = &header;
    event->payload = &body;
    if (frame_copy (&header, octets) == 0
        && frame_copy (&body, slice_of (octets.ptr, payload ? octets.len : 0)) == 0)
        step (switchboard, event);
    frame_close (&header);
    frame_close (&body);
}

static void say_key (switchboard_t *switchboard, sb_event_t *event, uint8_t number)
{
    static const char *const rights[] = {"",
                                         "client\n*",
                                         "worker\na*",
                                         "worker\nab,b*",
                                         "client,worker\na",
                                         "admin\n*",
                                         "client,worker,admin\n*",
                                         "no rights"};
    frame_t header;

    event->kind = SB_KEY;
    event->header = &header;
    if (frame_copy (&header, slice_text (rights[number & 7])) == 0)
        step (switchboard, event);
    frame_close (&header);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static const uint8_t seed[16] = {1};
    sb_sink_t sink = {.send = ignore_send};
    sb_limits_t limits = {.queue = 4,
                          .client_tasks = 3,
                          .max_payload = 100,
                          .queue_wait_ms = 1000,
                          .cancel_grace_ms = 100,
                          .drain_ms = 100};
    switchboard_t *switchboard = switchboard_new (&limits, &sink, seed, 0);
    sb_event_t event = {.now = 0};

    while (switchboard && size >= 2) {
        uint8_t who = data[0], number = data[1];
        data += 2, size -= 2;
        // Numbers are unique over both sides.
        event.side = who & 8 ? SB_WORKER_SIDE : SB_CLIENT_SIDE;
        event.peer = who & 15;
        event.key = who >> 6;
        if ((who >> 4 & 3) == 1) {
            event.kind = SB_PEER_GONE;
            step (switchboard, &event);
        } else if ((who >> 4 & 3) == 2 && event.key) {
            say_key (switchboard, &event, number);
        } else if ((who >> 4 & 3) == 2) {
            event.kind = SB_TICK;
            event.now += number * 16u;
            step (switchboard, &event);
        } else {
            size_t len = number * 2u < size ? number * 2u : size;
            message (switchboard, &event, slice_of (data, len), (who >> 4 & 3) == 3);
            data += len, size -= len;
        }
    }
    switchboard_destroy (&switchboard);
    return 0;
}
