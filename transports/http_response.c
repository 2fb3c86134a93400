#define _POSIX_C_SOURCE 200809L

#include "transports/http_response.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "codec/json.h"

static const char *reason_of (unsigned status)
{
    switch (status) {
    case 200:
        return "OK";
    case 202:
        return "Accepted";
    case 204:
        return "No Content";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 413:
        return "Content Too Large";
    case 417:
        return "Expectation Failed";
    case 431:
        return "Request Header Fields Too Large";
    case 501:
        return "Not Implemented";
    case 502:
        return "Bad Gateway";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Internal Server Error";
    }
}

unsigned http_status_of (zfabric_rc_t rc)
{
    switch (rc) {
    case ZFABRIC_OK:
        return 200;
    case ZFABRIC_BAD_PACKET:
        return 400;
    case ZFABRIC_FORBIDDEN:
        return 403;
    case ZFABRIC_COOKIE_NOT_FOUND:
        return 404;
    case ZFABRIC_COOKIE_COLLISION:
        return 409;
    case ZFABRIC_WORKER_WENT_AWAY:
        return 502;
    case ZFABRIC_NO_CAPACITY:
    case ZFABRIC_BROKER_WENT_AWAY:
        return 503;
    case ZFABRIC_TIMED_OUT:
        return 504;
    case ZFABRIC_UNSUPPORTED_PACKET_TYPE:
    case ZFABRIC_PROCESSOR_EXCEPTION:
    case ZFABRIC_EXCEPTION:
    case ZFABRIC_CANCELLED:
    case ZFABRIC_RESULT_COUNT:
        break;
    }
    return 500;
}

static void put_date (int64_t now, buffer_t *out)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)now;
    char line[64];
    struct tm tm;

    if (!gmtime_r (&seconds, &tm))
        return;
    // Not strftime (): the names are English in every locale.
    snprintf (line, sizeof line, "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n", days[tm.tm_wday],
              tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    buffer_text (out, line);
}

static void put_length (const http_head_t *head, buffer_t *out)
{
    char line[64];

    if (!head->type && head->status == 204)
        return; // must not have one
    if (head->length != HTTP_NO_LENGTH) {
        snprintf (line, sizeof line, "Content-Length: %" PRIu64 "\r\n", head->length);
        buffer_text (out, line);
    } else if (!head->old) {
        buffer_text (out, "Transfer-Encoding: chunked\r\n");
    }
}

static void put_connection (const http_head_t *head, buffer_t *out)
{
    bool until_end = head->old && head->length == HTTP_NO_LENGTH;

    if (!head->keep_alive || until_end)
        buffer_text (out, "Connection: close\r\n");
    else if (head->old)
        buffer_text (out, "Connection: keep-alive\r\n");
}

static void put_field (const char *name, const char *value, buffer_t *out)
{
    buffer_text (out, name);
    buffer_text (out, ": ");
    buffer_text (out, value);
    buffer_text (out, "\r\n");
}

void http_put_head (const http_head_t *head, buffer_t *out)
{
    char line[64];

    snprintf (line, sizeof line, "HTTP/1.1 %u %s\r\n", head->status, reason_of (head->status));
    buffer_text (out, line);
    put_date (head->now, out);
    if (head->type)
        put_field ("Content-Type", head->type, out);
    put_length (head, out);
    put_connection (head, out);
    if (head->cookie) {
        char cookie[COOKIE_TEXT + 1];
        cookie_print (head->cookie, cookie);
        put_field ("Fabric-Cookie", cookie, out);
    }
    if (head->origin) {
        put_field ("Access-Control-Allow-Origin", head->origin, out);
        put_field ("Access-Control-Expose-Headers", "Fabric-Cookie", out);
        put_field ("Vary", "Origin", out);
    }
    buffer_text (out, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
    if (head->more)
        buffer_text (out, head->more);
    buffer_text (out, "\r\n");
}

// ---- bodies

void http_put_chunk (slice_t octets, buffer_t *out)
{
    char size[24];

    if (octets.len == 0)
        return; // that would be the end
    snprintf (size, sizeof size, "%zx\r\n", octets.len);
    buffer_text (out, size);
    buffer_slice (out, octets);
    buffer_text (out, "\r\n");
}

void http_put_last_chunk (buffer_t *out)
{
    buffer_text (out, "0\r\n\r\n");
}

static void put_one_line (slice_t json, buffer_t *out)
{
    size_t from = out->len;

    buffer_slice (out, json);
    for (size_t i = from; i < out->len; i++) {
        if (out->data[i] == '\n' || out->data[i] == '\r')
            out->data[i] = ' ';
    }
}

void http_put_line (slice_t json, buffer_t *out)
{
    put_one_line (json, out);
    buffer_octet (out, '\n');
}

void http_put_event (const char *name, slice_t json, buffer_t *out)
{
    buffer_text (out, "event: ");
    buffer_text (out, name);
    buffer_text (out, "\ndata: ");
    put_one_line (json, out);
    buffer_text (out, "\n\n");
}

static void put_error (const packet_t *packet, const char *words, buffer_t *out)
{
    buffer_text (out, ",\"error\":");
    if (packet && packet_has (packet, PACKET_BIT (ERROR))) {
        buffer_octet (out, '"'); // as it stands there
        buffer_slice (out, packet->error.raw);
        buffer_octet (out, '"');
    } else if (words) {
        json_put_string (slice_text (words), out);
    } else {
        buffer_text (out, "null");
    }
}

void http_put_failure (zfabric_rc_t rc,
                       const packet_t *packet,
                       const char *words,
                       const cookie_t *cookie,
                       buffer_t *out)
{
    char text[COOKIE_TEXT + 1];

    buffer_text (out, "{\"rc\":\"");
    buffer_text (out, zfabric_rc_name (rc));
    buffer_octet (out, '"');
    put_error (packet, words, out);
    buffer_text (out, ",\"stacktrace\":");
    if (packet && packet_has (packet, PACKET_BIT (STACKTRACE)))
        buffer_slice (out, packet->stacktrace.raw);
    else
        buffer_text (out, "null");
    buffer_text (out, ",\"cookie\":");
    if (cookie) {
        cookie_print (cookie, text);
        json_put_string (slice_text (text), out);
    } else {
        buffer_text (out, "null");
    }
    buffer_octet (out, '}');
}
