// A task's life as stories (PROTOCOL 5): what comes in, what goes out, when.

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

// PROTOCOL 5.2, 5.5
STORY (a_task_goes_to_a_worker_and_its_result_comes_back)
{
    PLAY (NULL, "w1 REGISTER capacity=2", "> w1 REGISTER capacity=2", "c1 RUN k1 sum : [1,2]",
          "> w1 RUN k1 : [1,2]", "w1 RESULT k1 OK : 3", "> c1 RESULT k1 OK : 3");
}

// PROTOCOL 2: the payload in the header becomes a frame of its own
STORY (a_payload_in_the_header_is_delivered_as_a_frame)
{
    PLAY (NULL, "w1 REGISTER capacity=1", "> w1 REGISTER capacity=1",
          "c1 RUN k1 sum variables='[1,\\u0032]'", "> w1 RUN k1 : [1,2]",
          "w1 RESULT k1 OK result='3'", "> c1 RESULT k1 OK : 3", "c1 RUN k1 sum variables='1' : 2",
          "> c1 RESULT k1 BAD_PACKET");
}

// PROTOCOL 3
STORY (packets_of_the_wrong_side_or_type_are_refused)
{
    PLAY (NULL, "c1 RESULT k1 OK", "> c1 RESULT k1 UNSUPPORTED_PACKET_TYPE",
          "c1 REGISTER capacity=1", "> c1 RESULT UNSUPPORTED_PACKET_TYPE", "c1 WHATEVER k2",
          "> c1 RESULT k2 UNSUPPORTED_PACKET_TYPE", "c1 HEARTBEAT", "> c1 HEARTBEAT",
          "w1 HEARTBEAT", "> w1 REGISTER", "w1 RUN k1 a", "> w1 REGISTER", "w1 REGISTER name='x'",
          "> w1 RESULT BAD_PACKET", "w1 REGISTER capacity=1", "> w1 REGISTER capacity=1",
          "w1 RUN k1 a", "> w1 RESULT k1 UNSUPPORTED_PACKET_TYPE", "w1 HEARTBEAT", "> w1 HEARTBEAT",
          "raw c1 {", "> c1 RESULT BAD_PACKET", "raw w1 nonsense", "> w1 RESULT BAD_PACKET");
}

// PROTOCOL 5.2: by share of capacity, then the one idle longest
STORY (the_least_loaded_worker_gets_the_task)
{
    PLAY (NULL, "w1 REGISTER capacity=1", "> w1 REGISTER capacity=1", "w2 REGISTER capacity=3",
          "> w2 REGISTER capacity=3", "c1 RUN k1 a", "> w1 RUN k1", "c1 RUN k2 a", "> w2 RUN k2",
          "c1 RUN k3 a", "> w2 RUN k3", "w1 RESULT k1 OK", "> c1 RESULT k1 OK", "c1 RUN k4 a",
          "> w1 RUN k4", "w2 RESULT k2 OK", "> c1 RESULT k2 OK", "w2 RESULT k3 OK",
          "> c1 RESULT k3 OK", "w1 RESULT k4 OK", "> c1 RESULT k4 OK", "# w2 is idle longer",
          "c1 RUN k5 a", "> w2 RUN k5");
}

// PROTOCOL 2, `pipelines`
STORY (workers_get_what_they_serve_by_name_and_by_prefix)
{
    PLAY (NULL, "w1 REGISTER capacity=9 pipelines=['a.b','x*']", "> w1 REGISTER capacity=9",
          "w2 REGISTER capacity=9 pipelines=['a.*']", "> w2 REGISTER capacity=9", "c1 RUN k1 a.c",
          "> w2 RUN k1", "c1 RUN k2 x", "> w1 RUN k2", "c1 RUN k3 xyz", "> w1 RUN k3",
          "c1 RUN k4 a wait=0", "> c1 RESULT k4 NO_CAPACITY",
          "# both serve a.b: w2 has one of nine taken, w1 two", "c1 RUN k5 a.b", "> w2 RUN k5");
}

// PROTOCOL 5.3
STORY (the_queue_is_served_by_priority_then_in_turns_then_by_arrival)
{
    PLAY (NULL, "w1 REGISTER capacity=1", "> w1 REGISTER capacity=1", "c1 RUN k1 a", "> w1 RUN k1",
          "c1 RUN k11 a", "c1 RUN k12 a", "c1 RUN k13 b", "c2 RUN k21 a", "c2 RUN k22 b",
          "c1 RUN k19 a priority=9", "w1 RESULT k1 OK", "> c1 RESULT k1 OK", "> w1 RUN k19",
          "w1 RESULT k19 OK", "> c1 RESULT k19 OK", "> w1 RUN k11", "w1 RESULT k11 OK",
          "> c1 RESULT k11 OK", "> w1 RUN k21", "w1 RESULT k21 OK", "> c2 RESULT k21 OK",
          "> w1 RUN k12", "# k22 is in another line than k12, and its client's turn",
          "w1 RESULT k12 OK", "> c1 RESULT k12 OK", "> w1 RUN k22", "w1 RESULT k22 OK",
          "> c2 RESULT k22 OK", "> w1 RUN k13", "w1 RESULT k13 OK", "> c1 RESULT k13 OK");
}

// Issue: one that cancels a crowd of its own tasks has not used up their turns
STORY (a_cancelled_task_uses_no_turn)
{
    PLAY (NULL, "w1 REGISTER capacity=1", "> w1 REGISTER capacity=1", "c1 RUN k1 a", "> w1 RUN k1",
          "c1 RUN k11 a", "c1 RUN k12 a", "c1 RUN k13 a", "c2 RUN k21 a", "c2 RUN k22 a",
          "c1 CANCEL k11", "> c1 RESULT k11 CANCELLED", "c1 CANCEL k12",
          "> c1 RESULT k12 CANCELLED", "w1 RESULT k1 OK", "> c1 RESULT k1 OK", "> w1 RUN k13");
}

// PROTOCOL 5.3: nobody is held up by who waits for something else
STORY (a_task_that_nobody_serves_holds_nobody_up)
{
    PLAY (NULL, "c1 RUN k1 nobody priority=9", "c1 RUN k2 a",
          "w1 REGISTER capacity=1 pipelines=['a']", "> w1 REGISTER capacity=1", "> w1 RUN k2",
          "w1 RESULT k2 OK", "> c1 RESULT k2 OK", "w1 REGISTER capacity=1 pipelines=['nob*']",
          "> w1 REGISTER capacity=1", "> w1 RUN k1");
}

// PROTOCOL 2 `wait`, 5.3
STORY (waiting_ends_with_no_capacity)
{
    sb_limits_t limits = trace_limits;

    limits.queue = 2;
    limits.queue_wait_ms = 1000;
    PLAY (&limits, "c1 RUN k1 a wait=0", "> c1 RESULT k1 NO_CAPACITY", "c1 RUN k1 a",
          "c1 RUN k2 a wait=10", "c1 RUN k3 a", "> c1 RESULT k3 NO_CAPACITY", "+9", "+1",
          "> c1 RESULT k2 NO_CAPACITY", "+989", "+1", "> c1 RESULT k1 NO_CAPACITY");
}

// PROTOCOL 2: `wait` counts until the task is first given to a worker
STORY (a_task_that_was_given_once_waits_as_long_as_it_takes)
{
    PLAY (NULL, "w1 REGISTER capacity=1", "> w1 REGISTER capacity=1",
          "c1 RUN k1 a wait=10 retries=1", "> w1 RUN k1", "w1 gone", "+100000",
          "w2 REGISTER capacity=1", "> w2 REGISTER capacity=1", "> w2 RUN k1");
}

// PROTOCOL 5.3
STORY (a_client_has_so_many_tasks_open_and_no_more)
{
    sb_limits_t limits = trace_limits;

    limits.client_tasks = 2;
    PLAY (&limits, "w1 REGISTER capacity=1", "> w1 REGISTER capacity=1", "c1 RUN k1 a",
          "> w1 RUN k1", "c1 RUN k2 a", "c1 RUN k3 a", "> c1 RESULT k3 NO_CAPACITY", "c2 RUN k4 a",
          "w1 RESULT k1 OK", "> c1 RESULT k1 OK", "> w1 RUN k2", "c1 RUN k3 a");
}

// PROTOCOL 4, TIMED_OUT; 5.6: the slot stays taken
STORY (a_timeout_ends_a_task_that_waits_and_one_that_runs)
{
    PLAY (NULL, "w1 REGISTER capacity=1", "> w1 REGISTER capacity=1", "c1 RUN k1 a timeout=50",
          "> w1 RUN k1", "c1 RUN k2 a timeout=20", "+20", "> c1 RESULT k2 TIMED_OUT", "+30",
          "> w1 CANCEL k1", "> c1 RESULT k1 TIMED_OUT", "c1 RUN k3 a",
          "# the late result frees the slot and goes nowhere", "w1 RESULT k1 OK", "> w1 RUN k3");
}

// PROTOCOL 5.6
STORY (cancelling_what_waits_and_what_runs)
{
    PLAY (NULL, "w1 REGISTER capacity=1", "> w1 REGISTER capacity=1", "c1 RUN k1 a", "> w1 RUN k1",
          "c1 RUN k2 a", "c2 CANCEL k2", "> c2 RESULT k2 OK", "> c1 RESULT k2 CANCELLED",
          "c1 CANCEL k2", "> c1 RESULT k2 COOKIE_NOT_FOUND", "c1 CANCEL k1", "> w1 CANCEL k1",
          "# twice is once", "c1 CANCEL k1", "c2 CANCEL k1", "> c2 RESULT k1 OK",
          "w1 RESULT k1 CANCELLED", "> c1 RESULT k1 CANCELLED", "c1 RUN k3 a", "> w1 RUN k3",
          "c1 CANCEL k3", "> w1 CANCEL k3", "# it was quicker", "w1 RESULT k3 OK : 7",
          "> c1 RESULT k3 OK : 7");
}

// PROTOCOL 5.6
STORY (a_worker_that_does_not_answer_a_cancel_keeps_its_slot)
{
    PLAY (NULL, "w1 REGISTER capacity=1", "> w1 REGISTER capacity=1", "c1 RUN k1 a", "> w1 RUN k1",
          "c1 CANCEL k1", "> w1 CANCEL k1", "+4999", "+1", "> c1 RESULT k1 CANCELLED",
          "c1 RUN k2 a", "w1 PARTIAL k1 seq=0", "w1 RESULT k1 CANCELLED", "> w1 RUN k2");
}

// A cookie may be used again after its task's end; its worker could not tell the two apart
STORY (a_cookie_used_again_waits_for_the_worker_that_holds_it)
{
    PLAY (NULL, "w1 REGISTER capacity=2", "> w1 REGISTER capacity=2", "c1 RUN k1 a timeout=10",
          "> w1 RUN k1", "+10", "> w1 CANCEL k1", "> c1 RESULT k1 TIMED_OUT", "c1 RUN k1 a : 2",
          "c1 RUN k1 a : 3", "> c1 RESULT k1 COOKIE_COLLISION", "w1 RESULT k1 CANCELLED",
          "> w1 RUN k1 : 2", "w1 RESULT k1 OK", "> c1 RESULT k1 OK",
          "# the same, cancelled while it waits, and with the worker gone",
          "c1 RUN k1 a timeout=10", "> w1 RUN k1", "+10", "> w1 CANCEL k1",
          "> c1 RESULT k1 TIMED_OUT", "c1 RUN k1 a", "c1 CANCEL k1", "> c1 RESULT k1 CANCELLED",
          "c1 RUN k1 a", "w1 gone", "w2 REGISTER capacity=1", "> w2 REGISTER capacity=1",
          "> w2 RUN k1");
}

// PROTOCOL 4, COOKIE_COLLISION
STORY (a_cookie_in_use_is_refused_and_its_task_not_disturbed)
{
    PLAY (NULL, "w1 REGISTER capacity=2", "> w1 REGISTER capacity=2", "c1 RUN k1 a", "> w1 RUN k1",
          "c2 RUN k1 b", "> c2 RESULT k1 COOKIE_COLLISION", "w1 RESULT k1 OK", "> c1 RESULT k1 OK",
          "c2 RUN k1 b", "> w1 RUN k1");
}

// PROTOCOL 5.8
STORY (a_lost_worker_s_tasks_are_retried_at_the_front_or_end)
{
    PLAY (NULL, "w1 REGISTER capacity=3", "> w1 REGISTER capacity=3", "c1 RUN k1 a", "> w1 RUN k1",
          "c1 RUN k2 a retries=1 : x", "> w1 RUN k2 : x", "c1 RUN k3 a retries=1", "> w1 RUN k3",
          "c2 RUN k4 a", "w1 gone", "> c1 RESULT k1 WORKER_WENT_AWAY", "w2 REGISTER capacity=1",
          "> w2 REGISTER capacity=1", "> w2 RUN k2 : x", "w2 gone",
          "> c1 RESULT k2 WORKER_WENT_AWAY", "w3 REGISTER capacity=2", "> w3 REGISTER capacity=2",
          "> w3 RUN k3", "> w3 RUN k4");
}

// The client asked for its end: it is not run again
STORY (a_task_being_cancelled_when_its_worker_goes_is_cancelled)
{
    PLAY (NULL, "w1 REGISTER capacity=1", "> w1 REGISTER capacity=1", "c1 RUN k1 a retries=5",
          "> w1 RUN k1", "c1 CANCEL k1", "> w1 CANCEL k1", "w1 gone", "> c1 RESULT k1 CANCELLED");
}

// PROTOCOL 5.7
STORY (a_lost_client_s_tasks_finish_or_are_cancelled)
{
    PLAY (NULL, "w1 REGISTER capacity=2", "> w1 REGISTER capacity=2", "c1 RUN k1 a", "> w1 RUN k1",
          "c1 RUN k2 a orphan='cancel'", "> w1 RUN k2", "c1 RUN k3 a",
          "c1 RUN k4 a orphan='cancel'", "c1 gone", "> w1 CANCEL k2", "w1 RESULT k1 OK",
          "> w1 RUN k3", "w1 RESULT k2 CANCELLED", "w1 RESULT k3 OK", "c2 RUN k4 a", "> w1 RUN k4");
}

// PROTOCOL 2, `detach`
STORY (a_detached_task_is_answered_only_if_refused_at_once)
{
    PLAY (NULL, "c1 RUN k1 a detach=true wait=0", "> c1 RESULT k1 NO_CAPACITY",
          "c1 RUN k1 a detach=true wait=5", "c1 RUN k1 a detach=true",
          "> c1 RESULT k1 COOKIE_COLLISION", "+5", "w1 REGISTER capacity=1",
          "> w1 REGISTER capacity=1", "c1 RUN k2 a detach=true", "> w1 RUN k2",
          "w1 RESULT k2 OK : 1");
}

// PROTOCOL 5.4
STORY (partials_go_to_who_asked_for_them)
{
    PLAY (NULL, "w1 REGISTER capacity=9", "> w1 REGISTER capacity=9",
          "w2 REGISTER capacity=9 pipelines=['other']", "> w2 REGISTER capacity=9",
          "c1 RUN k1 a stream=true", "> w1 RUN k1", "c1 RUN k2 a", "> w1 RUN k2",
          "w1 PARTIAL k1 seq=0 : x", "> c1 PARTIAL k1 seq=0 : x", "w1 PARTIAL k1 seq=1",
          "> c1 PARTIAL k1 seq=1", "w1 PARTIAL k2 seq=0", "w2 PARTIAL k1 seq=2", "w2 RESULT k1 OK",
          "w1 RESULT k1 OK", "> c1 RESULT k1 OK", "w1 PARTIAL k1 seq=2", "w1 RESULT k1 OK");
}

// PROTOCOL 3, REGISTER again
STORY (registering_again_resizes_and_touches_no_running_task)
{
    PLAY (NULL, "w1 REGISTER capacity=2", "> w1 REGISTER capacity=2", "c1 RUN k1 a", "> w1 RUN k1",
          "c1 RUN k2 a", "> w1 RUN k2", "w1 REGISTER capacity=1", "> w1 REGISTER capacity=1",
          "c1 RUN k3 a", "w1 RESULT k1 OK", "> c1 RESULT k1 OK", "w1 RESULT k2 OK",
          "> c1 RESULT k2 OK", "> w1 RUN k3", "w1 REGISTER capacity=0", "> w1 REGISTER capacity=0",
          "w1 RESULT k3 OK", "> c1 RESULT k3 OK", "c1 RUN k4 a",
          "w1 REGISTER capacity=5 pipelines=['b']", "> w1 REGISTER capacity=5",
          "w1 REGISTER capacity=5", "> w1 REGISTER capacity=5", "> w1 RUN k4");
}

// PROTOCOL 3, SHUTDOWN by a worker
STORY (a_worker_that_wants_nothing_more_finishes_what_it_has)
{
    PLAY (NULL, "w1 REGISTER capacity=2", "> w1 REGISTER capacity=2", "c1 RUN k1 a", "> w1 RUN k1",
          "w1 SHUTDOWN", "c1 RUN k2 a", "w1 RESULT k1 OK", "> c1 RESULT k1 OK", "w1 gone",
          "w2 REGISTER capacity=1", "> w2 REGISTER capacity=1", "> w2 RUN k2");
}

// PROTOCOL 5.8
STORY (a_promised_heartbeat_is_missed_after_three_intervals)
{
    PLAY (NULL, "w1 REGISTER capacity=1 heartbeat=100", "> w1 REGISTER capacity=1", "c1 RUN k1 a",
          "> w1 RUN k1", "+200", "w1 HEARTBEAT", "> w1 HEARTBEAT", "+100", "+199", "+1",
          "> c1 RESULT k1 WORKER_WENT_AWAY", "# back again, it is a stranger", "w1 RESULT k1 OK",
          "> w1 REGISTER");
}

// PROTOCOL 5.9
STORY (a_stopping_broker_lets_running_tasks_end)
{
    PLAY (NULL, "w1 REGISTER capacity=2", "> w1 REGISTER capacity=2", "c1 RUN k1 a", "> w1 RUN k1",
          "c1 RUN k2 a retries=3", "> w1 RUN k2", "c1 RUN k3 a", "drain",
          "> c1 RESULT k3 BROKER_WENT_AWAY", "> w1 SHUTDOWN", "c1 RUN k4 a",
          "> c1 RESULT k4 BROKER_WENT_AWAY", "w2 REGISTER capacity=1", "> w2 REGISTER capacity=1",
          "> w2 SHUTDOWN", "w1 RESULT k1 OK", "> c1 RESULT k1 OK", "+29999", "+1",
          "> c1 RESULT k2 BROKER_WENT_AWAY");
}

STORY (a_halting_broker_answers_at_once)
{
    PLAY (NULL, "w1 REGISTER capacity=1", "> w1 REGISTER capacity=1", "c1 RUN k1 a", "> w1 RUN k1",
          "drain", "> w1 SHUTDOWN", "halt", "> c1 RESULT k1 BROKER_WENT_AWAY");
}

// PROTOCOL 6: each is answered in its own codec
STORY (peers_of_both_codecs_are_answered_in_their_own)
{
    PLAY (NULL, "mw1 REGISTER capacity=1", "> mw1 REGISTER capacity=1", "mc1 RUN k1 a",
          "> mw1 RUN k1", "c1 CANCEL k1", "> c1 RESULT k1 OK", "> mw1 CANCEL k1",
          "mw1 RESULT k1 CANCELLED", "> mc1 RESULT k1 CANCELLED",
          "c1 RUN k2 a encoding='raw' : \x01", "> mw1 RUN k2 : \x01",
          "mw1 RESULT k2 OK encoding='raw' : \x02", "> c1 RESULT k2 OK : \x02");
}

TESTING_MAIN (cmocka_unit_test (a_task_goes_to_a_worker_and_its_result_comes_back),
              cmocka_unit_test (a_payload_in_the_header_is_delivered_as_a_frame),
              cmocka_unit_test (packets_of_the_wrong_side_or_type_are_refused),
              cmocka_unit_test (the_least_loaded_worker_gets_the_task),
              cmocka_unit_test (workers_get_what_they_serve_by_name_and_by_prefix),
              cmocka_unit_test (the_queue_is_served_by_priority_then_in_turns_then_by_arrival),
              cmocka_unit_test (a_cancelled_task_uses_no_turn),
              cmocka_unit_test (a_task_that_nobody_serves_holds_nobody_up),
              cmocka_unit_test (waiting_ends_with_no_capacity),
              cmocka_unit_test (a_task_that_was_given_once_waits_as_long_as_it_takes),
              cmocka_unit_test (a_client_has_so_many_tasks_open_and_no_more),
              cmocka_unit_test (a_timeout_ends_a_task_that_waits_and_one_that_runs),
              cmocka_unit_test (cancelling_what_waits_and_what_runs),
              cmocka_unit_test (a_worker_that_does_not_answer_a_cancel_keeps_its_slot),
              cmocka_unit_test (a_cookie_used_again_waits_for_the_worker_that_holds_it),
              cmocka_unit_test (a_cookie_in_use_is_refused_and_its_task_not_disturbed),
              cmocka_unit_test (a_lost_worker_s_tasks_are_retried_at_the_front_or_end),
              cmocka_unit_test (a_task_being_cancelled_when_its_worker_goes_is_cancelled),
              cmocka_unit_test (a_lost_client_s_tasks_finish_or_are_cancelled),
              cmocka_unit_test (a_detached_task_is_answered_only_if_refused_at_once),
              cmocka_unit_test (partials_go_to_who_asked_for_them),
              cmocka_unit_test (registering_again_resizes_and_touches_no_running_task),
              cmocka_unit_test (a_worker_that_wants_nothing_more_finishes_what_it_has),
              cmocka_unit_test (a_promised_heartbeat_is_missed_after_three_intervals),
              cmocka_unit_test (a_stopping_broker_lets_running_tasks_end),
              cmocka_unit_test (a_halting_broker_answers_at_once),
              cmocka_unit_test (peers_of_both_codecs_are_answered_in_their_own), )
