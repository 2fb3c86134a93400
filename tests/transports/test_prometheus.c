// The document of `$metrics` as Prometheus' text. What promtool says of a broker's own is
// tests/system/test_metrics.py's.

#include "transports/prometheus.h"

#include <errno.h>
#include <string.h>

#include "tests/support/testing.h"

// A family's two lines.
#define HEAD(name, type, help) "# HELP " name " " help, "# TYPE " name " " type

// The document's text is these lines.
#define BECOMES(document, ...)                                                                     \
    do {                                                                                           \
        const char *const lines[] = {__VA_ARGS__, NULL};                                           \
        becomes (document, lines);                                                                 \
    } while (0)

static void becomes (const char *document, const char *const lines[])
{
    buffer_t out, wanted;
    fault_t fault;

    buffer_init (&out, 1 << 20);
    buffer_init (&wanted, 1 << 20);
    for (; *lines; lines++) {
        buffer_text (&wanted, *lines);
        buffer_octet (&wanted, '\n');
    }
    buffer_octet (&wanted, '\0');
    assert_int_equal (prometheus_write (slice_text (document), &out, &fault), 0);
    buffer_octet (&out, '\0');
    assert_string_equal ((char *)out.data, (char *)wanted.data);
    buffer_finish (&out);
    buffer_finish (&wanted);
}

static void is_left_out (const char *document)
{
    const char *const none[] = {NULL};

    becomes (document, none);
}

static void numbers_are_where_they_belong (void **state)
{
    (void)state;
    is_left_out ("{}");
    BECOMES ("{\"uptime\": 1.25, \"workers\": 0, \"slots\": {\"busy\": 3}}",
             HEAD ("zfabric_uptime_seconds", "gauge", "Since the broker started."),
             "zfabric_uptime_seconds 1.25",
             HEAD ("zfabric_workers", "gauge", "Workers that are registered."), "zfabric_workers 0",
             HEAD ("zfabric_slots_busy", "gauge", "Slots that are taken."), "zfabric_slots_busy 3");
    BECOMES ("{\"octets\": {\"in\": 9007199254740993}}",
             HEAD ("zfabric_received_bytes_total", "counter", "Headers and payloads that came in."),
             "zfabric_received_bytes_total 9007199254740993");
    BECOMES ("{\"process\": {\"processor\": 1234, \"started\": 1700000000001}}",
             HEAD ("process_cpu_seconds_total", "counter", "Processor time of the broker."),
             "process_cpu_seconds_total 1.234",
             HEAD ("process_start_time_seconds", "gauge", "When the broker started, since 1970."),
             "process_start_time_seconds 1700000000.001");
}

static void what_is_of_another_kind_is_left_out (void **state)
{
    (void)state;
    is_left_out ("{\"uptime\": \"long\", \"queue\": null, \"slots\": 7, \"dropped\": [1],"
                 " \"connections\": 5, \"pipelines\": {}, \"workers\": {\"x\": 1}, \"new\": 1}");
    BECOMES ("{\"dropped\": {\"a\": \"b\", \"c\": 1}}",
             HEAD ("zfabric_packets_dropped_total", "counter",
                   "Packets that were dropped, or refused unread."),
             "zfabric_packets_dropped_total{reason=\"c\"} 1");
}

static void objects_of_numbers_become_labels (void **state)
{
    (void)state;
    BECOMES ("{\"version\": \"1.0\", \"tasks\": {\"refused\": {\"NO_CAPACITY\": 2, \"OK\": 0}}}",
             HEAD ("zfabric_build_info", "gauge", "Always 1; the broker's version is its label."),
             "zfabric_build_info{version=\"1.0\"} 1",
             HEAD ("zfabric_tasks_refused_total", "counter",
                   "Tasks that were refused at once, by result code."),
             "zfabric_tasks_refused_total{rc=\"NO_CAPACITY\"} 2",
             "zfabric_tasks_refused_total{rc=\"OK\"} 0");
    BECOMES (
        "{\"connections\": {\"clients\": {\"accepted\": 3, \"closed\": 1}}}",
        HEAD ("zfabric_connections_accepted_total", "counter", "Connections that were accepted."),
        "zfabric_connections_accepted_total{side=\"clients\"} 3",
        HEAD ("zfabric_connections_closed_total", "counter", "Connections that have ended since."),
        "zfabric_connections_closed_total{side=\"clients\"} 1");
}

#define OUTCOMES HEAD ("zfabric_tasks_total", "counter", "Tasks that have ended, by result code.")
#define QUEUED   HEAD ("zfabric_tasks_queued", "gauge", "Tasks that wait for a worker.")
#define RUNNING  HEAD ("zfabric_tasks_running", "gauge", "Tasks that a worker has.")
#define WAITING                                                                                    \
    HEAD ("zfabric_task_waiting_seconds", "histogram",                                             \
          "From a task's arrival to its first worker, or to its end without one.")
#define RAN                                                                                        \
    HEAD ("zfabric_task_running_seconds", "histogram",                                             \
          "From a worker's being given a task to its end.")

static void pipelines_have_outcomes_and_gauges (void **state)
{
    (void)state;
    BECOMES ("{\"pipelines\": [{\"pipeline\": null, \"queued\": 4, \"running\": 0,"
             " \"outcomes\": {\"OK\": 1}}, {\"pipeline\": \"a.b\", \"outcomes\": {\"OK\": 2}}]}",
             OUTCOMES, "zfabric_tasks_total{pipeline=\"other\",rc=\"OK\"} 1",
             "zfabric_tasks_total{pipeline=\"a.b\",rc=\"OK\"} 2", QUEUED,
             "zfabric_tasks_queued{pipeline=\"other\"} 4", RUNNING,
             "zfabric_tasks_running{pipeline=\"other\"} 0", WAITING, RAN);
}

static void buckets_hold_those_below_too (void **state)
{
    (void)state;
    BECOMES ("{\"bounds\": [1, 2500], \"pipelines\": [{\"pipeline\": \"p\","
             " \"waited\": {\"counts\": [3, 2, 1], \"sum\": 7001},"
             " \"ran\": {\"counts\": [3, 2], \"sum\": 1}}]}",
             OUTCOMES, QUEUED, RUNNING, WAITING,
             "zfabric_task_waiting_seconds_bucket{pipeline=\"p\",le=\"0.001\"} 3",
             "zfabric_task_waiting_seconds_bucket{pipeline=\"p\",le=\"2.5\"} 5",
             "zfabric_task_waiting_seconds_bucket{pipeline=\"p\",le=\"+Inf\"} 6",
             "zfabric_task_waiting_seconds_sum{pipeline=\"p\"} 7.001",
             "zfabric_task_waiting_seconds_count{pipeline=\"p\"} 6", RAN);
}

static void a_name_cannot_end_its_label (void **state)
{
    (void)state;
    BECOMES ("{\"pipelines\": [{\"pipeline\": \"a\\\"} 1\\n\\\\\xc3\xa9\", \"queued\": 1}]}",
             OUTCOMES, QUEUED, "zfabric_tasks_queued{pipeline=\"a\\\"} 1\\n\\\\\xc3\xa9\"} 1",
             RUNNING, WAITING, RAN);
}

static void what_is_no_document_is_refused (void **state)
{
    static const char *const wrong[] = {
        "", "[]", "1", "{", "{\"uptime\": 1, \"uptime\": 2}", "{}x",
    };
    buffer_t out;
    fault_t fault;

    (void)state;
    buffer_init (&out, 100);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal (prometheus_write (slice_text (wrong[i]), &out, &fault), -1);
        assert_int_equal (errno, EPROTO);
        assert_int_equal (out.len, 0);
    }
    slice_t document = slice_text ("{\"uptime\": 1, \"workers\": 1}");
    assert_int_equal (prometheus_write (document, &out, &fault), -1);
    assert_int_equal (errno, EMSGSIZE);
    buffer_finish (&out);
}

TESTING_MAIN (cmocka_unit_test (numbers_are_where_they_belong),
              cmocka_unit_test (what_is_of_another_kind_is_left_out),
              cmocka_unit_test (objects_of_numbers_become_labels),
              cmocka_unit_test (pipelines_have_outcomes_and_gauges),
              cmocka_unit_test (buckets_hold_those_below_too),
              cmocka_unit_test (a_name_cannot_end_its_label),
              cmocka_unit_test (what_is_no_document_is_refused), )
