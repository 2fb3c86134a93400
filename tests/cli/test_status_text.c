#include "cli/status_text.h"

#include "tests/support/testing.h"

static const char status_json[] =
    "{\"version\": \"0.1.0\", \"protocol\": 1, \"uptime\": 3723.4, \"draining\": true,"
    " \"clients\": 1, \"workers\": 2, \"slots\": {\"total\": 12, \"busy\": 5},"
    " \"queue\": {\"length\": 7, \"limit\": 10000},"
    " \"tasks\": {\"accepted\": 12345, \"open\": 12, \"requeued\": 0,"
    "  \"outcomes\": {\"OK\": 12300, \"CANCELLED\": 33, \"TIMED_OUT\": 0}, \"refused\": {\"OK\": "
    "0}},"
    " \"packets\": {\"in\": 24690, \"out\": 1}, \"octets\": {\"in\": 1572864, \"out\": 12},"
    " \"rates\": {\"1s\": {\"accepted\": 1234.0, \"ended\": 12.5},"
    "  \"10s\": {\"accepted\": 0.0, \"ended\": 0.0}}}";

static const char workers_json[] =
    "[{\"id\": 3, \"name\": \"ash\\u001b[2J\", \"address\": \"127.0.0.1\", \"codec\": \"json\","
    "  \"pipelines\": [\"echo\", \"a.*\"], \"capacity\": 8, \"busy\": 5, \"draining\": false,"
    "  \"heard\": 0.4, \"done\": 12300, \"failed\": 33},"
    " {\"id\": 14, \"name\": \"\", \"address\": \"ipc\", \"codec\": \"msgpack\","
    "  \"pipelines\": [\"*\"], \"capacity\": 0, \"busy\": 0, \"draining\": false,"
    "  \"heard\": 12.0, \"done\": 0, \"failed\": 0}]";

static const char tasks_json[] =
    "[{\"cookie\": \"01234567-89ab-cdef-0123-456789abcdef\", \"pipeline\": \"echo\","
    "  \"state\": \"running\", \"age\": 1250, \"client\": 1, \"worker\": 3, \"attempt\": 1},"
    " {\"cookie\": \"11234567-89ab-cdef-0123-456789abcdef\", \"pipeline\": \"some.thing\","
    "  \"state\": \"queued\", \"age\": 17, \"client\": 1, \"worker\": null, \"attempt\": 0}]";

static json_t *parse (const char *text)
{
    json_error_t error;
    json_t *value = text ? json_loads (text, JSON_DECODE_ANY, &error) : NULL;

    if (text && !value)
        fail_msg ("%s at %d", error.text, error.position);
    return value;
}

static void
expect (const char *status, const char *workers, const char *tasks, size_t width, const char *text)
{
    status_documents_t documents = {parse (status), parse (workers), parse (tasks)};
    buffer_t out;

    buffer_init (&out, SIZE_MAX);
    status_text_write (&documents, width, &out);
    buffer_octet (&out, '\0');
    assert_string_equal ((const char *)out.data, text);
    buffer_finish (&out);
    json_decref (documents.status);
    json_decref (documents.workers);
    json_decref (documents.tasks);
}

static void everything_is_aligned (void **state)
{
    (void)state;
    expect (status_json, workers_json, tasks_json, 0,
            "broker    zfabric 0.1.0   up 1:02:04   stopping   1 client   2 workers\n"
            "load      5 of 12 slots busy   7 of 10,000 waiting\n"
            "tasks     accepted 12,345   open 12\n"
            "ended     OK 12,300   CANCELLED 33\n"
            "rates     1s: 1,234/s in, 12.5/s out\n"
            "traffic   packets in 24,690 (1.5 MiB)   packets out 1 (12 octets)\n"
            "\n"
            "id  name        address    codec    slots  busy    done  failed   heard  state    "
            "pipelines\n"
            " 3  ash\\x1b[2J  127.0.0.1  json         8     5  12,300      33   0.4 s  serving  "
            "echo a.*\n"
            "14              ipc        msgpack      0     0       0       0  12.0 s  paused   *\n"
            "\n"
            "cookie                                state      age  client  worker  attempt  "
            "pipeline\n"
            "01234567-89ab-cdef-0123-456789abcdef  running  1.2 s       1       3        1  echo\n"
            "11234567-89ab-cdef-0123-456789abcdef  queued   0.0 s       1       -        0  "
            "some.thing\n");
}

static void lines_are_cut_at_the_width (void **state)
{
    (void)state;
    expect (status_json, NULL, NULL, 20,
            "broker    zfabric 0.\n"
            "load      5 of 12 sl\n"
            "tasks     accepted 1\n"
            "ended     OK 12,300 \n"
            "rates     1s: 1,234/\n"
            "traffic   packets in\n");
}

// A broker of another version may say other things.
static void what_is_missing_is_left_out (void **state)
{
    (void)state;
    expect ("{}", "[]", "[]", 0,
            "broker    zfabric    up 0:00   0 clients   0 workers\n"
            "load      0 of 0 slots busy   0 of 0 waiting\n"
            "traffic   packets in 0 (0 octets)   packets out 0 (0 octets)\n");
    expect ("[]", "{\"a\": 1}", "7", 0,
            "broker    zfabric    up 0:00   0 clients   0 workers\n"
            "load      0 of 0 slots busy   0 of 0 waiting\n"
            "traffic   packets in 0 (0 octets)   packets out 0 (0 octets)\n");
    expect (NULL, "[1]", "[{\"age\": \"x\", \"cookie\": [], \"client\": -1}]", 0,
            "\n"
            "id  name  address  codec  slots  busy  done  failed  heard  state   pipelines\n"
            " -  -     -        -          -     -     -       -  0.0 s  paused\n"
            "\n"
            "cookie  state    age  client  worker  attempt  pipeline\n"
            "-       -      0.0 s       -       -        -  -\n");
    expect (NULL, NULL, NULL, 0, "");
}

TESTING_MAIN (cmocka_unit_test (everything_is_aligned),
              cmocka_unit_test (lines_are_cut_at_the_width),
              cmocka_unit_test (what_is_missing_is_left_out), )
