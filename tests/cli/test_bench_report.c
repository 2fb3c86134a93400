#include "cli/bench_report.h"

#include <jansson.h>

#include "cli/bench_plot.h"
#include "tests/support/testing.h"

static load_plan_t plan;
static load_report_t report;

static int open_world (void **state)
{
    (void)state;
    plan = (load_plan_t){.workers = 2,
                         .capacity = 128,
                         .clients = 1,
                         .window = 256,
                         .count = 2000,
                         .size = 1048576,
                         .codec = ENCODING_JSON,
                         .idle_clients = 10,
                         .waiting = 100};
    report = (load_report_t){.tasks = 2000,
                             .seconds = 0.5,
                             .broker_known = true,
                             .broker_cpu_ns = 6000000,
                             .workers_cpu_ns = 2000000,
                             .clients_cpu_ns = 4000000,
                             .memory_start = 8u << 20,
                             .memory_idle = (8u << 20) + 20480,
                             .memory_waiting = (8u << 20) + 20480 + 90000,
                             .memory_end = 16u << 20,
                             .memory_most = 32u << 20};
    histogram_init (&report.latency);
    for (unsigned i = 0; i < 1000; i++) {
        histogram_add (&report.latency, 100000);
        histogram_add (&report.latency, 1000000);
    }
    return 0;
}

static void text_has (const char *words)
{
    buffer_t out;

    buffer_init (&out, SIZE_MAX);
    bench_report_text (&plan, &report, &out);
    buffer_octet (&out, '\0');
    if (!strstr ((const char *)out.data, words))
        fail_msg ("%s: not in\n%s", words, (const char *)out.data);
    buffer_finish (&out);
}

static void the_text_says_what_was_found (void **state)
{
    (void)state;
    text_has ("2000 tasks of 1048576 octets, json, ipc, peers on bare ZeroMQ; 2 workers of 128, "
              "1 client with 256 tasks on their way\n");
    text_has ("tasks/s     4000 (4000.0 MiB/s");
    text_has ("100 at least, 550 mean, 100 half, 1000 90 %");
    text_has ("6.00 us a task: broker 3.00, workers 1.00, clients 2.00");
    text_has ("broker 8.0 MiB before, 16.0 after, 32.0 at most");
    text_has ("2048 octets for each of 10 idle clients");
    text_has ("900 octets for each of 100 waiting tasks");
}

static void what_is_not_known_of_a_broker_is_not_made_up (void **state)
{
    (void)state;
    plan.serve = "tcp://127.0.0.1:1";
    report.broker_known = false;
    text_has ("tcp://127.0.0.1:1");
    text_has ("broker unknown");
    buffer_t out;
    buffer_init (&out, SIZE_MAX);
    bench_report_json (&plan, &report, &out);
    json_t *document = json_loadb ((const char *)out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null (document);
    assert_null (json_object_get (document, "broker_cpu_us"));
    json_decref (document);
    buffer_finish (&out);
}

static double number (const json_t *document, const char *key)
{
    const json_t *value = json_object_get (document, key);

    assert_true (json_is_number (value));
    return json_number_value (value);
}

static void the_json_says_the_same (void **state)
{
    buffer_t out;

    (void)state;
    buffer_init (&out, SIZE_MAX);
    bench_report_json (&plan, &report, &out);
    json_t *document = json_loadb ((const char *)out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null (document);
    assert_true (number (document, "tasks_per_second") == 4000);
    assert_true (number (document, "broker_cpu_us") == 3);
    assert_true (number (document, "all_cpu_us") == 6);
    assert_true (number (json_object_get (document, "latency_us"), "least") == 100);
    assert_true (number (json_object_get (document, "memory"), "idle_client") == 2048);
    assert_true (number (json_object_get (document, "memory"), "waiting_task") == 900);
    json_decref (document);
    buffer_finish (&out);
}

static void plot (buffer_t *out)
{
    buffer_init (out, SIZE_MAX);
    bench_plot (&plan, &report, out);
    buffer_octet (out, '\0');
    assert_int_equal (out->failed, 0);
}

static void the_plot_has_a_curve (void **state)
{
    buffer_t out;

    (void)state;
    plan.serve = "ipc:///tmp/<a&b>";
    plot (&out);
    const char *svg = (const char *)out.data;
    assert_non_null (strstr (svg, "ipc:///tmp/&#60;a&#38;b&#62;"));
    assert_non_null (strstr (svg, ">100 us<"));
    assert_non_null (strstr (svg, ">1 ms<"));
    // 100 us is the lowest line, 1 ms the highest: half of the tasks are on the one.
    assert_non_null (strstr (svg, "d=\"M80.0 420.0L"));
    assert_non_null (strstr (svg, "870.0 50.0\"/>"));
    assert_null (strstr (svg, "nan"));
    assert_null (strstr (svg, "inf"));
    buffer_finish (&out);
}

static void nothing_measured_can_be_drawn_as_well (void **state)
{
    buffer_t out;

    (void)state;
    report.tasks = 0;
    report.seconds = 0;
    histogram_init (&report.latency);
    plot (&out);
    assert_null (strstr ((const char *)out.data, "nan"));
    assert_null (strstr ((const char *)out.data, "inf"));
    buffer_finish (&out);
    text_has ("tasks/s     0 ");
}

TESTING_MAIN (cmocka_unit_test_setup (the_text_says_what_was_found, open_world),
              cmocka_unit_test_setup (what_is_not_known_of_a_broker_is_not_made_up, open_world),
              cmocka_unit_test_setup (the_json_says_the_same, open_world),
              cmocka_unit_test_setup (the_plot_has_a_curve, open_world),
              cmocka_unit_test_setup (nothing_measured_can_be_drawn_as_well, open_world), )
