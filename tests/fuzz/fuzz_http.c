// Requests (PROTOCOL 9) and what they ask for: the first octet says in what pieces.

#include "transports/http_request.h"
#include "transports/http_route.h"
#include "transports/http_run.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static int on_body (void *arg, slice_t octets)
{
    size_t *room = (size_t *)arg;

    if (octets.len > *room)
        return -1;
    *room -= octets.len;
    return 0;
}

static void ask (const http_request_t *request)
{
    char allowed[HTTP_ALLOWED_MAX];
    cookie_t cookie = {0};
    packet_t packet;
    buffer_t header;
    fault_t fault;
    slice_t rest;

    const http_route_t *route = http_route_of (request->method, request->path, &rest, allowed);
    if (!route || route->action != HTTP_RUN)
        return;
    buffer_init (&header, LIMIT_HEADER_OCTETS);
    (void)http_run_header (request, rest, &cookie, false, &header, &packet, &fault);
    buffer_finish (&header);
}

// What is read in pieces is what is read at once: how it ended, and how much body there was.
static unsigned long read_in (slice_t octets, size_t step)
{
    size_t room = 5000;
    unsigned long requests = 0;
    http_request_t request;
    http_news_t news = HTTP_MORE;

    http_request_init (&request, on_body, &room);
    while (octets.len && news != HTTP_BAD) {
        slice_t in = slice_of (octets.ptr, octets.len < step ? octets.len : step);
        octets = slice_of (octets.ptr + in.len, octets.len - in.len);
        while ((news = http_request_next (&request, &in)) != HTTP_MORE && news != HTTP_BAD) {
            if (news == HTTP_HEAD_DONE && request.field_count >= HTTP_FIELDS_MAX)
                abort ();
            if (news == HTTP_HEAD_DONE)
                ask (&request);
            requests += news == HTTP_END;
        }
        if (news == HTTP_BAD && request.keep_alive)
            abort ();
    }
    http_request_finish (&request);
    return requests;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    slice_t octets = slice_of (data + 1, size - 1);
    if (read_in (octets, data[0] ? data[0] : 1000) != read_in (octets, SIZE_MAX))
        abort ();
    return 0;
}
