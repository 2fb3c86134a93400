// A RUN's header from a request's path, query and fields.

#include "tests/support/testing.h"

#include "transports/http_query.h"
#include "transports/http_run.h"

#include <errno.h>
#include <stdio.h>

#define COOKIE "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

static http_request_t request;
static buffer_t header;
static packet_t packet;
static fault_t fault;

static int on_body (void *arg, slice_t octets)
{
    (void)arg;
    (void)octets;
    return 0;
}

static int make (const char *pipeline, const char *query, const char *fields, bool stream)
{
    char text[2048];
    cookie_t cookie;

    snprintf (text, sizeof text, "POST /v1/run/p?%s HTTP/1.1\r\nHost: a\r\n%s\r\n", query, fields);
    slice_t in = slice_text (text);
    http_request_finish (&request);
    http_request_init (&request, on_body, NULL);
    assert_int_equal (http_request_next (&request, &in), HTTP_HEAD_DONE);
    assert_int_equal (cookie_parse (slice_text (COOKIE), &cookie), 0);
    return http_run_header (&request, slice_text (pipeline), &cookie, stream, &header, &packet,
                            &fault);
}

static void assert_header (const char *rest)
{
    char text[2048];

    snprintf (text, sizeof text, "{\"packet_type\":\"RUN\",\"cookie\":\"" COOKIE "\",%s}", rest);
    assert_int_equal (header.len, strlen (text));
    assert_memory_equal (header.data, text, header.len);
}

static int set_up (void **state)
{
    (void)state;
    http_request_init (&request, on_body, NULL);
    buffer_init (&header, LIMIT_HEADER_OCTETS);
    return 0;
}

static int tear_down (void **state)
{
    (void)state;
    http_request_finish (&request);
    buffer_finish (&header);
    return 0;
}

static void says_what_was_asked_for (void **state)
{
    (void)state;
    assert_int_equal (make ("p", "", "", false), 0);
    assert_header ("\"pipeline\":\"p\"");
    assert_int_equal (make ("a/b%22%C3%A9+c", "", "", true), 0);
    assert_header ("\"pipeline\":\"a/b\\\"\xc3\xa9+c\",\"stream\":true");
    assert_int_equal (
        make ("p", "timeout=0050&wait=0&priority=9&retries=100&orphan=cancel", "", false), 0);
    assert_header ("\"pipeline\":\"p\",\"timeout\":50,\"wait\":0,\"priority\":9,\"retries\":100,"
                   "\"orphan\":\"cancel\"");
    assert_int_equal (packet.timeout_ms, 50);
    assert_true (packet.orphan_cancel);
    assert_int_equal (make ("p", "detach&stream=1", "", false), 0);
    assert_true (packet.detach && packet.stream);
    assert_int_equal (make ("p", "detach=false&stream=0&", "", true), 0);
    assert_false (packet.detach || packet.stream);
    assert_int_equal (make ("p", "", "Content-Type: application/octet-stream\r\n", false), 0);
    assert_int_equal (packet.encoding, ENCODING_RAW);
    assert_int_equal (make ("p", "", "Content-Type: Application/MsgPack; a=b\r\n", false), 0);
    assert_int_equal (packet.encoding, ENCODING_MSGPACK);
    assert_int_equal (make ("p", "", "traceparent: 00-\"x\r\n", false), 0);
    assert_header ("\"pipeline\":\"p\",\"traceparent\":\"00-\\\"x\"");
}

static void refuses_what_can_not_be (void **state)
{
    static const struct {
        const char *pipeline, *query, *words;
    } rows[] = {
        {"", "", "pipeline"},
        {"%", "", "pipeline"},
        {"%4", "", "pipeline"},
        {"%zz", "", "pipeline"},
        {"%00", "", "pipeline"},
        {"a%0ab", "", "pipeline"},
        {"p", "timeout=0", "timeout"},
        {"p", "timeout=-1", "timeout"},
        {"p", "timeout=1.5", "timeout"},
        {"p", "timeout", "timeout"},
        {"p", "timeout=", "timeout"},
        {"p", "priority=10", "priority"},
        {"p", "retries=101", "retries"},
        {"p", "wait=99999999999999999999", "wait"},
        {"p", "orphan=x", "orphan"},
        {"p", "orphan", "orphan"},
        {"p", "detach=yes", "detach"},
        {"p", "stream=2", "stream"},
        {"p", "x=1", "x: not a parameter"},
        {"p", "wait=1&wait=1", "wait: appears twice"},
        {"p", "Wait=1", "Wait"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (make (rows[i].pipeline, rows[i].query, "", false) == 0)
            fail_msg ("not refused: %s?%s", rows[i].pipeline, rows[i].query);
        assert_int_equal (errno, EPROTO);
        if (!strstr (fault.text, rows[i].words))
            fail_msg ("%s?%s: %s", rows[i].pipeline, rows[i].query, fault.text);
    }
    char name[LIMIT_PIPELINE_OCTETS + 2];
    memset (name, 'p', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal (make (name, "", "", false), -1);
    name[sizeof name - 2] = '\0';
    assert_int_equal (make (name, "", "", false), 0);
}

int main (int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown (name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE (says_what_was_asked_for),
        CASE (refuses_what_can_not_be),
    };

    if (argc > 1)
        cmocka_set_test_filter (argv[1]);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
