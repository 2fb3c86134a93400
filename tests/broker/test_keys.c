// What keys may do, as stories: PROTOCOL 8, and what sections 5 and 7 say of keys.

#include "tests/support/testing.h"
#include "tests/support/trace.h"

#define STORY(name) static void name (void **state)
#define PLAY(limits, ...)                                                                          \
    do {                                                                                           \
        (void)state;                                                                               \
        trace_t *trace = trace_new (limits);                                                       \
        trace_play (trace, __VA_ARGS__, NULL);                                                     \
        trace_destroy (&trace);                                                                    \
    } while (0)

#define WORKER "key 9 worker *", "w1@9 REGISTER capacity=1", "> w1@9 REGISTER capacity=1"

// PROTOCOL 8: a RUN outside of it gets FORBIDDEN; 5.1: and leaves no trace
STORY (a_client_runs_its_pipelines_and_no_others)
{
    PLAY (NULL, WORKER, "key 1 client sum,text.*", "c1@1 RUN k1 other",
          "> c1@1 RESULT k1 FORBIDDEN", "c1@1 RUN k1 text", "> c1@1 RESULT k1 FORBIDDEN",
          "c1@1 RUN k1 summ detach=true", "> c1@1 RESULT k1 FORBIDDEN", "c1@1 RUN k1 sum",
          "> w1@9 RUN k1", "w1@9 RESULT k1 OK", "> c1@1 RESULT k1 OK", "c1@1 RUN k1 text.up",
          "> w1@9 RUN k1");
}

// A key that may not do a thing learns nothing else: neither that the cookie is taken, nor that the
// queue is full, nor that the broker is stopping
STORY (a_forbidden_run_learns_nothing_else)
{
    sb_limits_t limits = trace_limits;

    limits.queue = 0;
    PLAY (&limits, WORKER, "key 1 client sum", "key 2 client other", "c1@1 RUN k1 sum",
          "> w1@9 RUN k1", "c2@2 RUN k1 sum", "> c2@2 RESULT k1 FORBIDDEN", "c2@2 RUN k2 sum",
          "> c2@2 RESULT k2 FORBIDDEN", "drain", "> w1@9 SHUTDOWN", "c2@2 RUN k2 sum",
          "> c2@2 RESULT k2 FORBIDDEN", "c2@2 RUN k2 other", "> c2@2 RESULT k2 BROKER_WENT_AWAY",
          "w1@9 RESULT k1 OK", "> c1@1 RESULT k1 OK");
}

// PROTOCOL 8: the overlap of what it registers and what it may
STORY (a_worker_serves_the_overlap)
{
    PLAY (NULL, "key 9 worker a*,b", "w1@9 REGISTER capacity=9 pipelines=['ab*','c','*x']",
          "> w1@9 REGISTER capacity=9", "c1 RUN k1 a wait=0", "> c1 RESULT k1 NO_CAPACITY",
          "c1 RUN k2 abc", "> w1@9 RUN k2", "c1 RUN k3 c wait=0", "> c1 RESULT k3 NO_CAPACITY",
          "w1@9 REGISTER capacity=9", "> w1@9 REGISTER capacity=9", "c1 RUN k4 b", "> w1@9 RUN k4",
          "c1 RUN k5 bb wait=0", "> c1 RESULT k5 NO_CAPACITY", "c1 RUN k6 axy", "> w1@9 RUN k6");
}

STORY (a_worker_without_overlap_is_forbidden_and_stays_a_stranger)
{
    PLAY (NULL, "key 9 worker a*", "w1@9 REGISTER capacity=1 pipelines=['b','c*']",
          "> w1@9 RESULT FORBIDDEN", "w1@9 HEARTBEAT", "> w1@9 REGISTER", "c1 RUN k1 b wait=0",
          "> c1 RESULT k1 NO_CAPACITY", "w1@9 REGISTER capacity=1 pipelines=['a']",
          "> w1@9 REGISTER capacity=1", "# a forbidden REGISTER changes nothing",
          "w1@9 REGISTER capacity=7 pipelines=['b']", "> w1@9 RESULT FORBIDDEN", "c1 RUN k2 a",
          "> w1@9 RUN k2", "c1 RUN k3 a wait=0", "> c1 RESULT k3 NO_CAPACITY");
}

// PROTOCOL 8: roles
STORY (a_key_does_nothing_on_the_wrong_side)
{
    PLAY (NULL, "key 1 client *", "key 2 worker *", "key 3 admin *", "w1@1 REGISTER capacity=1",
          "> w1@1 RESULT FORBIDDEN", "w3@3 REGISTER capacity=1", "> w3@3 RESULT FORBIDDEN",
          "c2@2 RUN k1 a", "> c2@2 RESULT k1 FORBIDDEN", "c2@2 RUN k1 $status",
          "> c2@2 RESULT k1 FORBIDDEN", "c2@2 CANCEL k1", "> c2@2 RESULT k1 FORBIDDEN",
          "# a role says what a key may, no more", "c3@3 RUN k1 a", "> c3@3 RESULT k1 FORBIDDEN",
          "# who has no rights, or is not known", "c4@4 RUN k1 a", "> c4@4 RESULT k1 FORBIDDEN",
          "c4@4 HEARTBEAT", "> c4@4 RESULT FORBIDDEN");
}

// PROTOCOL 5: only the same key or an admin
STORY (a_task_is_cancelled_by_its_own_key_or_an_admin)
{
    PLAY (NULL, WORKER, "key 1 client *", "key 2 client *", "key 3 admin *", "c1@1 RUN k1 a",
          "> w1@9 RUN k1", "c2@2 CANCEL k1", "> c2@2 RESULT k1 FORBIDDEN",
          "# another connection of the same key", "c3@1 CANCEL k1", "> c3@1 RESULT k1 OK",
          "> w1@9 CANCEL k1", "w1@9 RESULT k1 CANCELLED", "> c1@1 RESULT k1 CANCELLED",
          "c1@1 RUN k2 a", "> w1@9 RUN k2", "c4@3 CANCEL k2", "> c4@3 RESULT k2 OK",
          "> w1@9 CANCEL k2", "w1@9 RESULT k2 CANCELLED", "> c1@1 RESULT k2 CANCELLED");
}

// Another key's task is as a task that is not there
STORY (nobody_learns_whether_another_keys_task_is_there)
{
    PLAY (NULL, WORKER, "key 1 client *", "key 2 client *", "key 3 admin *", "c1@1 RUN k1 a",
          "> w1@9 RUN k1", "c2@2 CANCEL k1", "> c2@2 RESULT k1 FORBIDDEN", "c2@2 CANCEL k2",
          "> c2@2 RESULT k2 FORBIDDEN", "c3@3 CANCEL k2", "> c3@3 RESULT k2 COOKIE_NOT_FOUND");
}

STORY (an_orphans_key_may_still_cancel_it)
{
    PLAY (NULL, WORKER, "key 1 client *", "key 2 client *", "c1@1 RUN k1 a", "> w1@9 RUN k1",
          "c1@1 gone", "c2@2 CANCEL k1", "> c2@2 RESULT k1 FORBIDDEN", "c3@1 CANCEL k1",
          "> c3@1 RESULT k1 OK", "> w1@9 CANCEL k1", "w1@9 RESULT k1 CANCELLED");
}

// PROTOCOL 7: for admin keys only
STORY (workers_and_tasks_are_shown_to_admins)
{
    PLAY (NULL, "key 1 client a", "key 3 admin *", "c1@1 RUN k1 $workers",
          "> c1@1 RESULT k1 FORBIDDEN", "c1@1 RUN k1 $tasks", "> c1@1 RESULT k1 FORBIDDEN",
          "c1@1 RUN k1 $tasks detach=true", "> c1@1 RESULT k1 FORBIDDEN", "c1@1 RUN k1 $metrics",
          "> c1@1 RESULT k1 FORBIDDEN", "c3@3 RUN k1 $workers", "> c3@3 RESULT k1 OK : []",
          "c3@3 RUN k1 $tasks", "> c3@3 RESULT k1 OK : []", "c1@1 RUN k1 $nothing",
          "> c1@1 RESULT k1 BAD_PACKET");
}

#define EXPLAIN(cookie) " : {'cookie':'00000000-0000-4000-8000-00000000000" cookie "'}"

STORY (a_task_is_explained_to_its_key_and_to_admins)
{
    PLAY (NULL, "key 1 client *", "key 2 client *", "key 3 admin *", "c1@1 RUN k1 a",
          "c2@2 RUN k5 $explain" EXPLAIN ("1"), "> c2@2 RESULT k5 FORBIDDEN",
          "c2@2 RUN k5 $explain" EXPLAIN ("2"), "> c2@2 RESULT k5 FORBIDDEN",
          "c3@3 RUN k5 $explain" EXPLAIN ("2"), "> c3@3 RESULT k5 COOKIE_NOT_FOUND");
}

// PROTOCOL 5.3: a client is a connection or, where keys are in force, a key
STORY (the_bound_on_open_tasks_is_for_all_connections_of_a_key)
{
    sb_limits_t limits = trace_limits;

    limits.client_tasks = 2;
    PLAY (&limits, "key 1 client *", "key 2 client *", "c1@1 RUN k1 a", "c2@1 RUN k2 a",
          "c1@1 RUN k3 a", "> c1@1 RESULT k3 NO_CAPACITY", "c2@1 RUN k3 a",
          "> c2@1 RESULT k3 NO_CAPACITY", "c3@2 RUN k3 a", "# orphans count", "c1@1 gone",
          "c4@1 RUN k4 a", "> c4@1 RESULT k4 NO_CAPACITY", "c4@1 CANCEL k1", "> c4@1 RESULT k1 OK",
          "c4@1 RUN k4 a");
}

STORY (turns_go_by_key)
{
    PLAY (NULL, WORKER, "key 1 client *", "key 2 client *", "c1@1 RUN k1 a", "> w1@9 RUN k1",
          "c1@1 RUN k11 a", "c2@1 RUN k12 a", "c3@1 RUN k13 a", "c4@2 RUN k21 a", "c4@2 RUN k22 a",
          "w1@9 RESULT k1 OK", "> c1@1 RESULT k1 OK", "> w1@9 RUN k11", "w1@9 RESULT k11 OK",
          "> c1@1 RESULT k11 OK", "> w1@9 RUN k21", "w1@9 RESULT k21 OK", "> c4@2 RESULT k21 OK",
          "> w1@9 RUN k12", "w1@9 RESULT k12 OK", "> c2@1 RESULT k12 OK", "> w1@9 RUN k22");
}

// PROTOCOL 8: takes effect on connections that stand as well
STORY (changed_rights_hold_for_the_next_packet)
{
    PLAY (NULL, WORKER, "key 1 client a", "c1@1 RUN k1 b", "> c1@1 RESULT k1 FORBIDDEN",
          "key 1 client b", "c1@1 RUN k1 b", "> w1@9 RUN k1", "c1@1 RUN k2 a",
          "> c1@1 RESULT k2 FORBIDDEN", "key 1 admin b", "c1@1 RUN k2 b",
          "> c1@1 RESULT k2 FORBIDDEN", "w1@9 RESULT k1 OK", "> c1@1 RESULT k1 OK");
}

STORY (a_workers_overlap_changes_with_its_rights)
{
    PLAY (NULL, "key 9 worker a", "w1@9 REGISTER capacity=1 pipelines=['*']",
          "> w1@9 REGISTER capacity=1", "c1 RUN k1 b", "c1 RUN k2 c", "key 9 worker a,b",
          "> w1@9 RUN k1", "w1@9 RESULT k1 OK", "> c1 RESULT k1 OK", "key 9 worker a",
          "c1 RUN k3 b wait=0", "> c1 RESULT k3 NO_CAPACITY", "key 9 worker *", "> w1@9 RUN k2");
}

// What it was given it may finish
STORY (what_runs_when_rights_shrink_may_end)
{
    PLAY (NULL, "key 9 worker a,b", "w1@9 REGISTER capacity=2", "> w1@9 REGISTER capacity=2",
          "c1 RUN k1 b", "> w1@9 RUN k1", "key 9 worker a", "w1@9 RESULT k1 OK : 1",
          "> c1 RESULT k1 OK : 1", "c1 RUN k2 b wait=0", "> c1 RESULT k2 NO_CAPACITY");
}

STORY (a_worker_that_may_nothing_any_more_is_as_good_as_gone)
{
    PLAY (NULL, "key 9 worker a", "key 8 worker *", "w1@9 REGISTER capacity=2",
          "> w1@9 REGISTER capacity=2", "c1 RUN k1 a", "> w1@9 RUN k1", "c1 RUN k2 a retries=1",
          "> w1@9 RUN k2", "w2@8 REGISTER capacity=1", "> w2@8 REGISTER capacity=1",
          "key 9 client a", "> c1 RESULT k1 WORKER_WENT_AWAY", "> w2@8 RUN k2",
          "> w1@9 RESULT FORBIDDEN", "w1@9 RESULT k1 OK", "> w1@9 RESULT k1 FORBIDDEN");
}

STORY (a_key_that_is_no_more_has_no_rights_until_its_connection_goes)
{
    PLAY (NULL, "key 1 client *", "key 9 worker *", "w1@9 REGISTER capacity=1",
          "> w1@9 REGISTER capacity=1", "c1@1 RUN k1 a", "> w1@9 RUN k1", "key 1", "c1@1 RUN k2 a",
          "> c1@1 RESULT k2 FORBIDDEN", "c1@1 gone", "# PROTOCOL 5.7", "w1@9 RESULT k1 OK", "key 9",
          "> w1@9 RESULT FORBIDDEN", "w1@9 gone");
}

STORY (a_peer_keeps_the_key_that_it_came_with)
{
    (void)state;
    trace_t *trace = trace_new (NULL);
    frame_t header, payload;

    trace_play (trace, "key 1 client *", "key 2 client,admin *", "c1@1 HEARTBEAT",
                "> c1@1 HEARTBEAT", NULL);
    assert_int_equal (frame_copy (&header, slice_text ("{\"packet_type\":\"HEARTBEAT\"}")), 0);
    frame_init (&payload);
    sb_event_t event = {.kind = SB_PACKET,
                        .now = 1000000,
                        .side = SB_CLIENT_SIDE,
                        .key = 2,
                        .frames = 1,
                        .header = &header,
                        .payload = &payload};
    switchboard_step (trace_switchboard (trace), &event);
    trace_play (trace, "# nothing came", "+1", NULL);
    frame_close (&header);
    frame_close (&payload);
    trace_destroy (&trace);
}

TESTING_MAIN (cmocka_unit_test (a_client_runs_its_pipelines_and_no_others),
              cmocka_unit_test (a_forbidden_run_learns_nothing_else),
              cmocka_unit_test (a_worker_serves_the_overlap),
              cmocka_unit_test (a_worker_without_overlap_is_forbidden_and_stays_a_stranger),
              cmocka_unit_test (a_key_does_nothing_on_the_wrong_side),
              cmocka_unit_test (a_task_is_cancelled_by_its_own_key_or_an_admin),
              cmocka_unit_test (nobody_learns_whether_another_keys_task_is_there),
              cmocka_unit_test (an_orphans_key_may_still_cancel_it),
              cmocka_unit_test (workers_and_tasks_are_shown_to_admins),
              cmocka_unit_test (a_task_is_explained_to_its_key_and_to_admins),
              cmocka_unit_test (the_bound_on_open_tasks_is_for_all_connections_of_a_key),
              cmocka_unit_test (turns_go_by_key),
              cmocka_unit_test (changed_rights_hold_for_the_next_packet),
              cmocka_unit_test (a_workers_overlap_changes_with_its_rights),
              cmocka_unit_test (what_runs_when_rights_shrink_may_end),
              cmocka_unit_test (a_worker_that_may_nothing_any_more_is_as_good_as_gone),
              cmocka_unit_test (a_key_that_is_no_more_has_no_rights_until_its_connection_goes),
              cmocka_unit_test (a_peer_keeps_the_key_that_it_came_with), )
