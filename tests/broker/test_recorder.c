// The flight recorder: what goes in comes out, the newest of it, within its bounds; and its reader
// takes any octets.

#include "tests/support/testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/recorder.h"

#define REGISTER "{\"packet_type\":\"REGISTER\",\"capacity\":1}"

static const sb_limits_t limits = {.queue = 1,
                                   .client_tasks = 2,
                                   .max_payload = 3,
                                   .queue_wait_ms = 4,
                                   .cancel_grace_ms = 5,
                                   .drain_ms = 6};

typedef struct {
    recorder_t *recorder;
    uint8_t *octets; // what a file would have
    size_t len;
    recording_head_t head;
    slice_t rest;
} fixture_t;

static int set_up (void **state)
{
    fixture_t *fixture = (fixture_t *)calloc (1, sizeof *fixture);

    assert_non_null (fixture);
    fixture->recorder = recorder_new ();
    assert_non_null (fixture->recorder);
    recorder_start (fixture->recorder, &limits, 7);
    *state = fixture;
    return 0;
}

static int tear_down (void **state)
{
    fixture_t *fixture = (fixture_t *)*state;

    recorder_destroy (&fixture->recorder);
    free (fixture->octets);
    free (fixture);
    return 0;
}

static void
put_packet (fixture_t *fixture, sb_peer_t peer, sb_side_t side, slice_t header, slice_t payload)
{
    frame_t frames[2];
    sb_event_t event = {.kind = SB_PACKET,
                        .now = 1000 + peer,
                        .peer = peer,
                        .side = side,
                        .frames = 2,
                        .header = &frames[0],
                        .payload = &frames[1]};

    assert_int_equal (frame_copy (&frames[0], header), 0);
    assert_int_equal (frame_copy (&frames[1], payload), 0);
    recorder_event (fixture->recorder, &event);
    frame_close (&frames[0]);
    frame_close (&frames[1]);
}

// A packet with a header of `size` octets, all of them the peer's number.
static void put_sized (fixture_t *fixture, sb_peer_t peer, size_t size)
{
    uint8_t *octets = (uint8_t *)malloc (size + 1);

    assert_non_null (octets);
    memset (octets, (uint8_t)peer, size);
    put_packet (fixture, peer, SB_CLIENT_SIDE, slice_of (octets, size), slice_of (NULL, 0));
    free (octets);
}

static void put_bare (fixture_t *fixture, sb_event_kind_t kind, sb_peer_t peer)
{
    sb_event_t event = {.kind = kind, .now = 5, .peer = peer};

    recorder_event (fixture->recorder, &event);
}

static void answer (fixture_t *fixture, sb_peer_t peer, const char *header, const char *payload)
{
    frame_t frames[2];

    assert_int_equal (frame_copy (&frames[0], slice_text (header)), 0);
    assert_int_equal (frame_copy (&frames[1], slice_text (payload ? payload : "")), 0);
    recorder_action (fixture->recorder, peer, &frames[0], payload ? &frames[1] : NULL);
    frame_close (&frames[0]);
    frame_close (&frames[1]);
}

// Makes the file's octets and opens them.
static void write_down (fixture_t *fixture)
{
    uint8_t head[RECORDING_HEAD_OCTETS];
    slice_t pieces[RECORDER_PIECES];
    size_t count = recorder_pieces (fixture->recorder, head, pieces);

    assert_in_range (count, 1, RECORDER_PIECES);
    free (fixture->octets);
    fixture->octets = NULL;
    fixture->len = 0;
    for (size_t i = 0; i < count; i++) {
        fixture->octets = (uint8_t *)realloc (fixture->octets, fixture->len + pieces[i].len + 1);
        assert_non_null (fixture->octets);
        if (pieces[i].len)
            memcpy (fixture->octets + fixture->len, pieces[i].ptr, pieces[i].len);
        fixture->len += pieces[i].len;
    }
    assert_int_equal (recording_open (slice_of (fixture->octets, fixture->len), &fixture->head,
                                      &fixture->rest, NULL),
                      0);
}

static recording_event_t next (fixture_t *fixture)
{
    recording_event_t event;

    assert_int_equal (recording_next (&fixture->rest, &event, NULL), 1);
    return event;
}

static void assert_end (fixture_t *fixture)
{
    recording_event_t event;

    assert_int_equal (recording_next (&fixture->rest, &event, NULL), 0);
}

// ---- what is kept

static void an_empty_one_has_a_head (void **state)
{
    fixture_t *fixture = (fixture_t *)*state;

    write_down (fixture);
    assert_int_equal (fixture->head.events, 0);
    assert_int_equal (fixture->head.missing, 0);
    assert_int_equal (fixture->head.started, 7);
    assert_memory_equal (&fixture->head.limits, &limits, sizeof limits);
    assert_end (fixture);
}

static void what_was_written_is_read_back_equal (void **state)
{
    fixture_t *fixture = (fixture_t *)*state;
    frame_t frames[2];
    sb_event_t event = {.kind = SB_PACKET,
                        .now = UINT64_C (0x1122334455667788),
                        .peer = 0xdeadbeef,
                        .side = SB_WORKER_SIDE,
                        .chosen_id = true,
                        .frames = 3,
                        .header = &frames[0],
                        .payload = &frames[1]};

    assert_int_equal (frame_copy (&frames[0], slice_text ("{}")), 0);
    assert_int_equal (frame_copy (&frames[1], slice_text ("12345")), 0);
    recorder_event (fixture->recorder, &event);
    put_bare (fixture, SB_PEER_GONE, 9);
    put_bare (fixture, SB_HALT, 0);
    write_down (fixture);
    assert_int_equal (fixture->head.events, 3);
    recording_event_t found = next (fixture);
    assert_int_equal (found.kind, SB_PACKET);
    assert_true (found.now == event.now && found.peer == event.peer && found.side == event.side);
    assert_true (found.chosen_id && found.frames == 3 && found.digest == 0);
    assert_int_equal (found.header_octets, 2);
    assert_int_equal (found.payload_octets, 5);
    assert_true (slice_equal (found.header, slice_text ("{}")));
    assert_true (slice_equal (found.payload, slice_text ("12345")));
    found = next (fixture);
    assert_true (found.kind == SB_PEER_GONE && found.peer == 9 && found.now == 5);
    assert_int_equal (next (fixture).kind, SB_HALT);
    assert_end (fixture);
    frame_close (&frames[0]);
    frame_close (&frames[1]);
}

static void long_payloads_and_headers_that_are_none_are_cut (void **state)
{
    fixture_t *fixture = (fixture_t *)*state;
    static uint8_t octets[LIMIT_HEADER_OCTETS + 1];

    put_packet (fixture, 1, SB_CLIENT_SIDE, slice_of (octets, LIMIT_HEADER_OCTETS),
                slice_of (octets, RECORDING_CUT_OCTETS + 1));
    put_packet (fixture, 2, SB_CLIENT_SIDE, slice_of (octets, sizeof octets), slice_of (NULL, 0));
    write_down (fixture);
    recording_event_t event = next (fixture);
    assert_int_equal (event.header.len, LIMIT_HEADER_OCTETS);
    assert_int_equal (event.payload_octets, RECORDING_CUT_OCTETS + 1);
    assert_int_equal (event.payload.len, RECORDING_CUT_OCTETS);
    event = next (fixture);
    assert_int_equal (event.header_octets, sizeof octets);
    assert_int_equal (event.header.len, RECORDING_CUT_OCTETS);
    assert_end (fixture);
}

static void an_event_has_the_digest_of_its_actions (void **state)
{
    fixture_t *fixture = (fixture_t *)*state;

    answer (fixture, 1, "before any event", NULL);
    put_sized (fixture, 1, 10);
    answer (fixture, 1, "header", NULL);
    answer (fixture, 2, "header", "payload");
    put_sized (fixture, 1, 10);
    write_down (fixture);
    uint32_t digest = recording_digest (recording_digest (0, 1, 6, false), 2, 6, true);
    assert_int_equal (next (fixture).digest, digest);
    assert_int_not_equal (digest, recording_digest (recording_digest (0, 2, 6, true), 1, 6, false));
    assert_int_equal (next (fixture).digest, 0);
}

// ---- bounds

static void the_last_events_are_kept (void **state)
{
    fixture_t *fixture = (fixture_t *)*state;
    const uint32_t more = 3 * RECORDER_EVENTS + 17;

    for (uint32_t i = 0; i < more; i++)
        put_sized (fixture, i, 20 + i % 300);
    assert_int_equal (recorder_events (fixture->recorder), RECORDER_EVENTS);
    write_down (fixture);
    assert_int_equal (fixture->head.events, RECORDER_EVENTS);
    assert_int_equal (fixture->head.missing, more - RECORDER_EVENTS);
    for (uint32_t i = more - RECORDER_EVENTS; i < more; i++) {
        recording_event_t event = next (fixture);
        assert_int_equal (event.peer, i);
        assert_int_equal (event.header.len, 20 + i % 300);
    }
    assert_end (fixture);
}

// Whatever the sizes, the events are the last ones, in order, whole, and as many as there is room.
static void sizes_of_all_kinds_wrap (void **state)
{
    fixture_t *fixture = (fixture_t *)*state;
    uint32_t seed = 1;

    for (uint32_t i = 0; i < 30000; i++) {
        seed = seed * 1664525 + 1013904223;
        size_t size = seed >> 28 ? (seed >> 8) % 2000 : LIMIT_HEADER_OCTETS - (seed >> 8) % 100;
        put_sized (fixture, i, size);
        if (i % 997)
            continue;
        write_down (fixture);
        assert_int_equal (fixture->head.events + fixture->head.missing, i + 1);
        if (i > RECORDER_EVENTS)
            assert_true (fixture->head.events == RECORDER_EVENTS
                         || fixture->len > RECORDER_OCTETS - 2 * (LIMIT_HEADER_OCTETS + 400));
        for (uint32_t at = (uint32_t)fixture->head.missing; at <= i; at++) {
            recording_event_t event = next (fixture);
            assert_int_equal (event.peer, at);
            if (event.header.len)
                assert_int_equal (event.header.ptr[event.header.len - 1], (uint8_t)at);
        }
        assert_end (fixture);
    }
}

static void the_largest_headers_fit (void **state)
{
    fixture_t *fixture = (fixture_t *)*state;

    for (uint32_t i = 0; i < 300; i++)
        put_sized (fixture, i, LIMIT_HEADER_OCTETS);
    write_down (fixture);
    assert_in_range (fixture->head.events, 60, 64);
    assert_true (fixture->len <= RECORDING_HEAD_OCTETS + RECORDER_OCTETS);
}

// ---- the prelude

static void fill (fixture_t *fixture, uint32_t events)
{
    while (events-- > 0)
        put_sized (fixture, 99, 10);
}

static void put_register (fixture_t *fixture, sb_peer_t peer, const char *header)
{
    put_packet (fixture, peer, SB_WORKER_SIDE, slice_text (header), slice_of (NULL, 0));
    answer (fixture, peer, header, NULL);
}

static void workers_whose_register_has_gone_are_in_the_prelude (void **state)
{
    fixture_t *fixture = (fixture_t *)*state;

    put_register (fixture, 1, "{\"packet_type\":\"REGISTER\",\"capacity\":7}");
    put_register (fixture, 2, REGISTER);
    put_register (fixture, 1, REGISTER);
    put_register (fixture, 3, "{\"packet_type\":\"HEARTBEAT\"}");
    fill (fixture, RECORDER_EVENTS - 1);
    write_down (fixture);
    assert_int_equal (fixture->head.prelude, 2);
    assert_int_equal (fixture->head.events, RECORDER_EVENTS + 2);
    assert_int_equal (fixture->head.missing, 3);
    recording_event_t event = next (fixture);
    assert_int_equal (event.peer, 1);
    assert_true (slice_equal (event.header, slice_text (REGISTER)));
    assert_int_equal (event.digest, 0);
    assert_int_equal (next (fixture).peer, 2);
    assert_int_equal (next (fixture).peer, 3);

    put_bare (fixture, SB_PEER_GONE, 1);
    write_down (fixture);
    assert_int_equal (fixture->head.prelude, 2); // it was there when the ring's first event came
    fill (fixture, RECORDER_EVENTS);
    write_down (fixture);
    assert_int_equal (fixture->head.prelude, 1);
    assert_int_equal (next (fixture).peer, 2);
}

static void the_prelude_is_bounded (void **state)
{
    fixture_t *fixture = (fixture_t *)*state;
    char header[2 * RECORDER_REGISTER_OCTETS];

    for (uint32_t i = 0; i < RECORDER_WORKERS + 10; i++)
        put_register (fixture, 1000 + i, REGISTER);
    fill (fixture, RECORDER_EVENTS);
    write_down (fixture);
    assert_int_equal (fixture->head.prelude, RECORDER_WORKERS);

    // One that is too long takes the shorter one's place, and is not there itself.
    snprintf (header, sizeof header, "{\"packet_type\":\"REGISTER\",\"capacity\":1,\"x\":\"%0*d\"}",
              (int)RECORDER_REGISTER_OCTETS, 1);
    put_register (fixture, 1000, header);
    fill (fixture, RECORDER_EVENTS);
    write_down (fixture);
    assert_int_equal (fixture->head.prelude, RECORDER_WORKERS - 1);
}

// ---- octets of all kinds

static int read_all (slice_t octets)
{
    recording_head_t head;
    recording_event_t event;
    slice_t rest;
    uint32_t events = 0;
    int rc;
    fault_t fault;

    if (recording_open (octets, &head, &rest, &fault)) {
        assert_int_equal (errno, EPROTO);
        return -1;
    }
    while ((rc = recording_next (&rest, &event, &fault)) == 1)
        events++;
    return rc == 0 && events == head.events ? 0 : -1;
}

static void truncated_at_every_octet_it_is_refused (void **state)
{
    fixture_t *fixture = (fixture_t *)*state;

    put_sized (fixture, 1, 100);
    put_bare (fixture, SB_TICK, 0);
    put_packet (fixture, 2, SB_WORKER_SIDE, slice_text (REGISTER), slice_text ("[1]"));
    write_down (fixture);
    assert_int_equal (read_all (slice_of (fixture->octets, fixture->len)), 0);
    for (size_t len = 0; len < fixture->len; len++) {
        uint8_t *copy = (uint8_t *)malloc (len + 1); // its own block: a sanitizer sees its end
        assert_non_null (copy);
        memcpy (copy, fixture->octets, len);
        assert_int_equal (read_all (slice_of (copy, len)), -1);
        free (copy);
    }
}

static void what_is_not_a_recording_is_refused_with_words (void **state)
{
    fixture_t *fixture = (fixture_t *)*state;
    recording_head_t head;
    recording_event_t event;
    slice_t rest;
    fault_t fault;

    put_bare (fixture, SB_TICK, 0);
    write_down (fixture);
    fixture->octets[8]++; // version
    assert_int_equal (
        recording_open (slice_of (fixture->octets, fixture->len), &head, &rest, &fault), -1);
    assert_string_equal (fault.text, "a recording of another version");
    fixture->octets[8]--;
    fixture->octets[RECORDING_HEAD_OCTETS + 20] = SB_KEY + 1; // kind
    assert_int_equal (
        recording_open (slice_of (fixture->octets, fixture->len), &head, &rest, &fault), 0);
    assert_int_equal (recording_next (&rest, &event, &fault), -1);
    assert_string_equal (fault.text, "an event of the recording contradicts itself");
    assert_int_equal (recording_open (slice_text ("#!/bin/sh"), &head, &rest, &fault), -1);
    assert_string_equal (fault.text, "not a recording of a broker");
}

#define CASE(name) cmocka_unit_test_setup_teardown (name, set_up, tear_down)

TESTING_MAIN (CASE (an_empty_one_has_a_head),
              CASE (what_was_written_is_read_back_equal),
              CASE (long_payloads_and_headers_that_are_none_are_cut),
              CASE (an_event_has_the_digest_of_its_actions),
              CASE (the_last_events_are_kept),
              CASE (sizes_of_all_kinds_wrap),
              CASE (the_largest_headers_fit),
              CASE (workers_whose_register_has_gone_are_in_the_prelude),
              CASE (the_prelude_is_bounded),
              CASE (truncated_at_every_octet_it_is_refused),
              CASE (what_is_not_a_recording_is_refused_with_words), )
