// What `$metrics` counts of tasks' turns. That the switchboard tells it of each of them is checked
// after every step of every story (switchboard_check ()).

#include "broker/metrics.h"

#include <stdio.h>

#include "tests/support/testing.h"

static task_t *task_of (metrics_t *metrics, const char *pipeline, moment_t now)
{
    packet_t packet;

    packet_init (&packet, ENCODING_JSON);
    packet.pipeline = slice_text (pipeline);
    task_t *task = task_new (&packet);
    assert_non_null (task);
    task->since = now;
    metrics_accepted (metrics, task);
    return task;
}

static void give (metrics_t *metrics, task_t *task, moment_t now)
{
    task->attempt++;
    metrics_given (metrics, task, now);
}

static void end (metrics_t *metrics, task_t *task, moment_t now, zfabric_rc_t rc)
{
    metrics_ended (metrics, task, now, rc);
    task_destroy (&task);
}

static uint64_t total (const metrics_histogram_t *histogram)
{
    uint64_t sum = 0;

    for (size_t i = 0; i <= METRICS_BOUND_COUNT; i++)
        sum += histogram->counts[i];
    return sum;
}

static void a_task_is_counted_where_it_is (void **state)
{
    (void)state;
    metrics_t metrics;
    const metrics_pipeline_t *other = &metrics.pipelines[METRICS_OTHER];
    const metrics_pipeline_t *own = &metrics.pipelines[1];

    metrics_init (&metrics);
    task_t *task = task_of (&metrics, "sum", 1000);
    assert_int_equal (metrics.count, 1);
    assert_int_equal (other->waiting, 1);
    give (&metrics, task, 1007);
    assert_int_equal (metrics.count, 2);
    assert_memory_equal (own->name, "sum", own->name_len);
    assert_int_equal (other->waiting, 0);
    assert_int_equal (own->running, 1);
    assert_int_equal (own->waited.sum_ms, 7);
    end (&metrics, task, 1107, ZFABRIC_CANCELLED);
    assert_int_equal (own->running, 0);
    assert_int_equal (own->ended[ZFABRIC_CANCELLED], 1);
    assert_int_equal (own->ran.sum_ms, 100);
    assert_int_equal (total (&own->ran), 1);
    // The next one is known from the start.
    task = task_of (&metrics, "sum", 2000);
    assert_int_equal (own->waiting, 1);
    end (&metrics, task, 2500, ZFABRIC_NO_CAPACITY);
    assert_int_equal (own->waiting, 0);
    assert_int_equal (own->waited.sum_ms, 507);
    assert_int_equal (total (&other->waited) + total (&other->ran), 0);
}

static void a_span_is_in_the_first_bucket_that_holds_it (void **state)
{
    (void)state;
    metrics_t metrics;
    const metrics_histogram_t *waited = &metrics.pipelines[METRICS_OTHER].waited;
    moment_t last = metrics_bounds[METRICS_BOUND_COUNT - 1];

    metrics_init (&metrics);
    for (size_t i = 0; i < METRICS_BOUND_COUNT; i++) {
        assert_true (i == 0 || metrics_bounds[i - 1] < metrics_bounds[i]);
        end (&metrics, task_of (&metrics, "a", 5), 5 + metrics_bounds[i], ZFABRIC_NO_CAPACITY);
        assert_int_equal (waited->counts[i], 1);
    }
    end (&metrics, task_of (&metrics, "a", 5), 5, ZFABRIC_NO_CAPACITY);
    assert_int_equal (waited->counts[0], 2);
    end (&metrics, task_of (&metrics, "a", 5), 5 + last + 1, ZFABRIC_NO_CAPACITY);
    assert_int_equal (waited->counts[METRICS_BOUND_COUNT], 1);
    assert_int_equal (total (waited), METRICS_BOUND_COUNT + 2);
}

static void a_task_that_runs_twice_has_waited_once (void **state)
{
    (void)state;
    metrics_t metrics;
    const metrics_pipeline_t *own = &metrics.pipelines[1];

    metrics_init (&metrics);
    task_t *task = task_of (&metrics, "a", 0);
    give (&metrics, task, 3);
    metrics_taken_back (&metrics, task, 10);
    assert_int_equal (own->running, 0);
    assert_int_equal (own->waiting, 1);
    give (&metrics, task, 100);
    metrics_taken_back (&metrics, task, 200);
    end (&metrics, task, 5000, ZFABRIC_TIMED_OUT);
    assert_int_equal (own->waiting, 0);
    assert_int_equal (total (&own->waited), 1);
    assert_int_equal (own->waited.sum_ms, 3);
    assert_int_equal (total (&own->ran), 2);
    assert_int_equal (own->ran.sum_ms, 107);
}

static void names_are_bounded_and_those_that_nobody_serves_cost_none (void **state)
{
    (void)state;
    metrics_t metrics;
    char name[16];

    metrics_init (&metrics);
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf (name, sizeof name, "unserved%u", i);
        end (&metrics, task_of (&metrics, name, 0), 0, ZFABRIC_NO_CAPACITY);
    }
    assert_int_equal (metrics.count, 1);
    for (unsigned i = 0; i < 2 * METRICS_PIPELINES; i++) {
        (void)snprintf (name, sizeof name, "p%u", i);
        task_t *task = task_of (&metrics, name, 0);
        give (&metrics, task, 0);
        end (&metrics, task, 0, ZFABRIC_OK);
    }
    assert_int_equal (metrics.count, METRICS_PIPELINES + 1);
    assert_int_equal (metrics.pipelines[METRICS_OTHER].ended[ZFABRIC_OK], METRICS_PIPELINES);
    for (unsigned row = 1; row <= METRICS_PIPELINES; row++)
        assert_int_equal (metrics.pipelines[row].ended[ZFABRIC_OK], 1);
}

static void the_name_of_all_others_is_nobodys_own (void **state)
{
    (void)state;
    metrics_t metrics;

    metrics_init (&metrics);
    task_t *task = task_of (&metrics, "other", 0);
    give (&metrics, task, 0);
    end (&metrics, task, 0, ZFABRIC_OK);
    assert_int_equal (metrics.count, 1);
    assert_int_equal (metrics.pipelines[METRICS_OTHER].ended[ZFABRIC_OK], 1);
}

TESTING_MAIN (cmocka_unit_test (a_task_is_counted_where_it_is),
              cmocka_unit_test (a_span_is_in_the_first_bucket_that_holds_it),
              cmocka_unit_test (a_task_that_runs_twice_has_waited_once),
              cmocka_unit_test (names_are_bounded_and_those_that_nobody_serves_cost_none),
              cmocka_unit_test (the_name_of_all_others_is_nobodys_own), )
