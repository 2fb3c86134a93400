// Requests from octets, however they are cut; and those that two servers could read in two ways.

#include "tests/support/testing.h"

#include "transports/http_request.h"

#include <stdio.h>

#define GET  "GET / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"
#define POST "POST /p HTTP/1.1\r\n" HOST

static http_request_t request;
static buffer_t body;

static int on_body (void *arg, slice_t octets)
{
    (void)arg;
    buffer_slice (&body, octets);
    return body.failed ? -1 : 0;
}

static int set_up (void **state)
{
    (void)state;
    http_request_init (&request, on_body, NULL);
    buffer_init (&body, 1000);
    return 0;
}

static int tear_down (void **state)
{
    (void)state;
    http_request_finish (&request);
    buffer_finish (&body);
    return 0;
}

// Feeds the text in pieces of so many octets; the first news that is not MORE or HEAD_DONE.
static http_news_t feed (const char *text, size_t step)
{
    slice_t all = slice_text (text);
    http_news_t news = HTTP_MORE;

    while (all.len && news != HTTP_END && news != HTTP_BAD) {
        slice_t in = slice_of (all.ptr, all.len < step ? all.len : step);
        size_t len = in.len;
        while ((news = http_request_next (&request, &in)) == HTTP_HEAD_DONE)
            ;
        all = slice_of (all.ptr + len - in.len, all.len - len + in.len);
    }
    return news;
}

static void assert_slice (slice_t slice, const char *text)
{
    assert_true (slice_equal (slice, slice_text (text)));
}

static void reads_them_however_they_are_cut (void **state)
{
    static const char text[] =
        "\r\nPOST /a%20b?x=1&y HTTP/1.1\r\nhost: [::1]:80\r\n"
        "Content-Length:  5 \r\nEmpty:\r\nAccept: text/html;q=1,A/B\r\n\r\nhello";

    (void)state;
    for (size_t step = 1; step <= sizeof text; step++) {
        tear_down (NULL);
        set_up (NULL);
        assert_int_equal (feed (text, step), HTTP_END);
        assert_slice (request.method, "POST");
        assert_slice (request.path, "/a%20b");
        assert_slice (request.query, "x=1&y");
        assert_slice (http_request_field (&request, "CONTENT-length"), "5");
        assert_slice (http_request_field (&request, "empty"), "");
        assert_null (http_request_field (&request, "absent").ptr);
        assert_true (http_request_lists (&request, "accept", "a/b"));
        assert_true (http_request_lists (&request, "accept", "text/html"));
        assert_false (http_request_lists (&request, "accept", "html"));
        assert_true (request.keep_alive);
        assert_int_equal (request.length, 5);
        assert_slice (buffer_as_slice (&body), "hello");
    }
}

static void reads_one_after_the_other (void **state)
{
    slice_t in = slice_text (POST "Content-Length: 1\r\n\r\nx" GET HOST "\r\n" POST
                                  "Transfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n1;e=f\r\nc\r\n0\r\n"
                                  "Trailer: t\r\n\r\nGET / HTTP/1.0\r\n\r\n");

    (void)state;
    assert_int_equal (http_request_next (&request, &in), HTTP_HEAD_DONE);
    assert_int_equal (http_request_next (&request, &in), HTTP_END);
    assert_slice (buffer_as_slice (&body), "x");
    buffer_reset (&body);
    assert_int_equal (http_request_next (&request, &in), HTTP_HEAD_DONE);
    assert_slice (request.method, "GET");
    assert_int_equal (http_request_next (&request, &in), HTTP_END);
    assert_int_equal (http_request_next (&request, &in), HTTP_HEAD_DONE);
    assert_true (request.length == HTTP_CHUNKED);
    assert_int_equal (http_request_next (&request, &in), HTTP_END);
    assert_slice (buffer_as_slice (&body), "abc");
    assert_int_equal (http_request_next (&request, &in), HTTP_HEAD_DONE);
    assert_true (request.old);
    assert_false (request.keep_alive);
    assert_int_equal (http_request_next (&request, &in), HTTP_END);
    assert_int_equal (http_request_next (&request, &in), HTTP_MORE);
    assert_false (http_request_begun (&request));
}

static void takes_the_absolute_form (void **state)
{
    (void)state;
    assert_int_equal (feed ("GET http://a:1/x?y HTTP/1.1\r\n" HOST "\r\n", 1000), HTTP_END);
    assert_slice (request.path, "/x");
    assert_slice (request.query, "y");
}

static void refuses_what_could_be_read_in_two_ways (void **state)
{
    static const struct {
        const char *text;
        unsigned status;
    } rows[] = {
        {POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400},
        {POST "Content-Length: 1\r\ncontent-length: 2\r\n\r\nx", 400},
        {POST "Content-Length: +1\r\n\r\nx", 400},
        {POST "Content-Length: 1, 1\r\n\r\nx", 400},
        {POST "Content-Length: 0x1\r\n\r\nx", 400},
        {POST "Content-Length: -1\r\n\r\n", 400},
        {POST "Content-Length:\r\n\r\n", 400},
        {POST "Content-Length: 99999999999999999999\r\n\r\n", 413},
        {POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {POST "Transfer-Encoding: xchunked\r\n\r\n", 400},
        {POST "Transfer-Encoding: chunked, identity\r\n\r\n", 400},
        {POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 400},
        {POST "Transfer-Encoding: identity\r\n\r\n", 400},
        {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {POST "Transfer-Encoding : chunked\r\n\r\n", 400},
        {POST "Transfer-Encoding:\x0b"
              "chunked\r\n\r\n",
         400},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {POST "Transfer-Encoding: chunked\r\n\r\nx\r\n", 400},
        {POST "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400},
        {POST "Transfer-Encoding: chunked\r\n\r\n-1\r\n", 400},
        {POST "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", 400},
        {GET "\r\n", 400},
        {GET HOST HOST "\r\n", 400},
        {GET "Host: a, b\r\n\r\n", 400},
        {GET "Host: a/b\r\n\r\n", 400},
        {GET HOST "A : b\r\n\r\n", 400},
        {GET HOST " folded\r\n\r\n", 400},
        {GET HOST "A: b\r\n c\r\n\r\n", 400},
        {GET HOST "no colon\r\n\r\n", 400},
        {GET HOST ": empty\r\n\r\n", 400},
        {GET HOST "A: b\rc\r\n\r\n", 400},
        {GET HOST "A: \x01\r\n\r\n", 400},
        {"GET / HTTP/1.1\nHost: a\n\n", 400},
        {GET "Host: a\n\r\n", 400},
        {"GET  / HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET / HTTP/1.1 \r\n" HOST "\r\n", 400},
        {"GET /\r\n\r\n", 400},
        {"GET x HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /\x80 HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET * HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET / HTTP/1.2\r\n" HOST "\r\n", 505},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        {"CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n", 400},
        {"get / HTTP/1.1\r\n" HOST "\r\n", 501},
        {"BREW / HTTP/1.1\r\n" HOST "\r\n", 501},
        {"\x16\x03\x01\x02", 400},
        {"{\"packet_type\":", 400},
        {"\r\n\r\n\r\n\r\n", 400},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t step = 1; step < 1000; step *= 31) {
            tear_down (NULL);
            set_up (NULL);
            if (feed (rows[i].text, step) != HTTP_BAD)
                fail_msg ("not refused: %s", rows[i].text);
            if (request.status != rows[i].status)
                fail_msg ("%u, %s: %s", request.status, request.fault.text, rows[i].text);
            assert_true (request.fault.text[0] != '\0');
            assert_false (request.keep_alive);
        }
    }
}

static void bounds_a_head (void **state)
{
    char line[64];

    (void)state;
    assert_int_equal (feed (GET HOST, 1000), HTTP_MORE);
    http_news_t news = HTTP_MORE;
    for (unsigned i = 0; i < 64 * 1024 && news == HTTP_MORE; i++)
        news = feed ("Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 1000);
    assert_int_equal (news, HTTP_BAD);
    assert_int_equal (request.status, 431);

    tear_down (NULL);
    set_up (NULL);
    feed (GET HOST, 1000);
    for (unsigned i = 0; i < HTTP_FIELDS_MAX; i++) {
        snprintf (line, sizeof line, "A%u: b\r\n", i);
        assert_int_equal (feed (line, 1000), HTTP_MORE);
    }
    assert_int_equal (feed ("\r\n", 1000), HTTP_BAD);
    assert_int_equal (request.status, 431);
}

static void a_body_may_be_refused (void **state)
{
    (void)state;
    buffer_init (&body, 3);
    assert_int_equal (feed (POST "Content-Length: 4\r\n\r\nabcd", 1000), HTTP_BAD);
}

int main (int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown (name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE (reads_them_however_they_are_cut),
        CASE (reads_one_after_the_other),
        CASE (takes_the_absolute_form),
        CASE (refuses_what_could_be_read_in_two_ways),
        CASE (bounds_a_head),
        CASE (a_body_may_be_refused),
    };

    if (argc > 1)
        cmocka_set_test_filter (argv[1]);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
