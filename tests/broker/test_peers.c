// Who is there and who has gone (DESIGN 4, point 2), in virtual time.

#include "tests/support/testing.h"

#include "broker/peers.h"

static const uint8_t secret[TABLE_KEY_OCTETS] = {3};

static wire_id_t id_of (unsigned number)
{
    wire_id_t id = {.len = 5};

    id.octets[4] = (uint8_t)number;
    id.octets[3] = (uint8_t)(number >> 8);
    return id;
}

static peer_t *join (peers_t *peers, unsigned number, int descriptor, moment_t now)
{
    wire_id_t id = id_of (number);
    peer_t *peer = peers_add (peers, SB_WORKER_SIDE, &id, descriptor, now);

    assert_non_null (peer);
    return peer;
}

static void peers_are_found_by_side_and_id_and_by_number (void **state)
{
    peers_t peers;
    wire_id_t id = id_of (1), chosen = {.len = 2, .octets = "me"};

    (void)state;
    assert_int_equal (peers_init (&peers, secret), 0);
    peer_t *peer = join (&peers, 1, 7, 0);
    assert_ptr_equal (peers_find (&peers, SB_WORKER_SIDE, &id), peer);
    assert_null (peers_find (&peers, SB_CLIENT_SIDE, &id));
    assert_ptr_equal (peers_number (&peers, peer->number), peer);
    assert_false (peer->chosen);
    assert_true (peers_add (&peers, SB_CLIENT_SIDE, &chosen, 8, 0)->chosen);
    peers_remove (&peers, peer);
    assert_null (peers_find (&peers, SB_WORKER_SIDE, &id));
    assert_null (peers_number (&peers, 0));
    peers_finish (&peers);
}

static void numbers_are_used_again_and_stay_small (void **state)
{
    peers_t peers;

    (void)state;
    assert_int_equal (peers_init (&peers, secret), 0);
    for (unsigned round = 0; round < 1000; round++) {
        peer_t *peer = join (&peers, round, 5, 0);
        assert_int_equal (peer->number, 0);
        peers_remove (&peers, peer);
    }
    for (unsigned number = 0; number < 300; number++)
        assert_int_equal (join (&peers, number, (int)number, 0)->number, number);
    assert_int_equal (peers.count, 300);
    peers_finish (&peers);
}

static void a_closed_descriptor_makes_suspects_of_those_behind_it (void **state)
{
    peers_t peers;

    (void)state;
    assert_int_equal (peers_init (&peers, secret), 0);
    peer_t *one = join (&peers, 1, 7, 0);
    (void)join (&peers, 2, 9, 0);
    assert_null (peers_due (&peers, 100));
    peers_disconnected (&peers, 7, 100);
    assert_ptr_equal (peers_due (&peers, 100), one);
    // It seems to be there still: the descriptor's close precedes the pipe's end.
    peers_probed (&peers, one, 100);
    assert_null (peers_due (&peers, 100));
    assert_int_equal (peers_next_probe (&peers), 101);
    peers_convict (&peers, one, 101);
    assert_null (peers_due (&peers, 1000));
    assert_ptr_equal (peers_convicted (&peers), one);
    peers_remove (&peers, one);
    assert_null (peers_convicted (&peers));
    peers_finish (&peers);
}

static void a_suspect_that_answers_all_probes_is_cleared (void **state)
{
    peers_t peers;
    moment_t now = 100;
    unsigned probes = 0;

    (void)state;
    assert_int_equal (peers_init (&peers, secret), 0);
    (void)join (&peers, 1, 7, 0);
    peers_disconnected (&peers, 7, now);
    while (peers_next_probe (&peers) != MOMENT_NEVER) {
        now = peers_next_probe (&peers);
        peers_probed (&peers, peers_due (&peers, now), now);
        probes++;
    }
    // Ten pauses that double from 1 ms, and the rest of about a second: half a minute in all.
    assert_int_equal (probes, 40);
    assert_int_equal (now, 100 + 1023 + 29 * 1024);
    peers_finish (&peers);
}

static void of_two_peers_by_one_descriptor_the_earlier_is_a_suspect (void **state)
{
    peers_t peers;

    (void)state;
    assert_int_equal (peers_init (&peers, secret), 0);
    peer_t *old = join (&peers, 1, 7, 0);
    peers_disconnected (&peers, 7, 10);
    for (int i = 0; i < 7; i++)
        peers_probed (&peers, old, 10);
    peers_accepted (&peers, 7);
    peer_t *new = join (&peers, 3, 7, 20);
    assert_ptr_equal (peers_due (&peers, 20), old);
    assert_false (heap_holds (&new->probing));
    peers_convict (&peers, old, 20);
    peers_remove (&peers, old);
    // Packets are not read in the order of connections.
    peer_t *late = join (&peers, 2, 7, 30);
    assert_ptr_equal (peers_due (&peers, 30), late);
    assert_false (heap_holds (&new->probing));
    peers_finish (&peers);
}

// Its packets were read late: it sent them and was gone.
static void a_peer_heard_of_only_after_its_end_is_a_suspect_at_once (void **state)
{
    peers_t peers;

    (void)state;
    assert_int_equal (peers_init (&peers, secret), 0);
    peers_disconnected (&peers, 700, 10);
    peer_t *peer = join (&peers, 1, 700, 20);
    assert_ptr_equal (peers_due (&peers, 20), peer);
    peers_finish (&peers);
}

static void a_peer_over_inproc_is_probed_for_ever (void **state)
{
    peers_t peers;
    moment_t now = 0;

    (void)state;
    assert_int_equal (peers_init (&peers, secret), 0);
    peer_t *peer = join (&peers, 1, -1, 0);
    for (int i = 0; i < 100; i++) {
        assert_true (peers_next_probe (&peers) > now);
        now = peers_next_probe (&peers);
        assert_ptr_equal (peers_due (&peers, now), peer);
        peers_probed (&peers, peer, now);
    }
    peers_finish (&peers);
}

TESTING_MAIN (cmocka_unit_test (peers_are_found_by_side_and_id_and_by_number),
              cmocka_unit_test (numbers_are_used_again_and_stay_small),
              cmocka_unit_test (a_closed_descriptor_makes_suspects_of_those_behind_it),
              cmocka_unit_test (a_suspect_that_answers_all_probes_is_cleared),
              cmocka_unit_test (of_two_peers_by_one_descriptor_the_earlier_is_a_suspect),
              cmocka_unit_test (a_peer_heard_of_only_after_its_end_is_a_suspect_at_once),
              cmocka_unit_test (a_peer_over_inproc_is_probed_for_ever), )
