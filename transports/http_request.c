#define _GNU_SOURCE // memmem

#include "transports/http_request.h"

#include <stdlib.h>
#include <strings.h>

#define EMPTY_LINES 2u // that may stand before a request, from clients that send one too many

enum { IN_HEAD, IN_BODY, ENDED };

// ---- words

bool http_is (slice_t text, const char *word)
{
    return text.len == strlen (word) && strncasecmp ((const char *)text.ptr, word, text.len) == 0;
}

static bool is_token_octet (uint8_t octet)
{
    return (octet >= '0' && octet <= '9') || (octet >= 'a' && octet <= 'z')
           || (octet >= 'A' && octet <= 'Z') || (octet && strchr ("!#$%&'*+-.^_`|~", octet));
}

static bool is_token (slice_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_token_octet (text.ptr[i]))
            return false;
    }
    return text.len > 0;
}

static bool is_space (uint8_t octet)
{
    return octet == ' ' || octet == '\t';
}

static slice_t trim (slice_t text)
{
    while (text.len && is_space (text.ptr[0]))
        text = slice_of (text.ptr + 1, text.len - 1);
    while (text.len && is_space (text.ptr[text.len - 1]))
        text.len--;
    return text;
}

// What is before the octet, which goes as well; all of it if it is not there.
static slice_t cut (slice_t *rest, uint8_t at)
{
    const uint8_t *end = rest->len ? (const uint8_t *)memchr (rest->ptr, at, rest->len) : NULL;
    slice_t before = slice_of (rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len);

    if (end)
        *rest = slice_of (end + 1, rest->len - before.len - 1);
    else
        *rest = slice_of (NULL, 0);
    return before;
}

// ---- what is wrong

static http_news_t bad (http_request_t *self, unsigned status, const char *words)
{
    self->status = status;
    self->keep_alive = false;
    fault_set (&self->fault, "%s", words);
    return HTTP_BAD;
}

static int refuse (http_request_t *self, unsigned status, const char *words)
{
    (void)bad (self, status, words);
    return -1;
}

// ---- the head

static int read_version (http_request_t *self, slice_t version)
{
    if (slice_equal (version, slice_text ("HTTP/1.1"))
        || slice_equal (version, slice_text ("HTTP/1.0"))) {
        self->old = version.ptr[version.len - 1] == '0';
        return 0;
    }
    if (version.len == 8 && memcmp (version.ptr, "HTTP/", 5) == 0)
        return refuse (self, 505, "this is HTTP/1.1");
    return refuse (self, 400, "not a request line");
}

static int read_target (http_request_t *self, slice_t target)
{
    for (size_t i = 0; i < target.len; i++) {
        if (target.ptr[i] <= ' ' || target.ptr[i] > '~' || target.ptr[i] == '#')
            return refuse (self, 400, "not a path");
    }
    // The absolute form, which proxies get, means the same here.
    for (int i = 0; i < 2; i++) {
        slice_t scheme = slice_text (i ? "https://" : "http://");
        if (target.len > scheme.len
            && http_is (slice_of (target.ptr, scheme.len), i ? "https://" : "http://")) {
            slice_t rest = slice_of (target.ptr + scheme.len, target.len - scheme.len);
            const uint8_t *path = (const uint8_t *)memchr (rest.ptr, '/', rest.len);
            if (!path)
                return refuse (self, 400, "not a path");
            target = slice_of (path, (size_t)(rest.ptr + rest.len - path));
            break;
        }
    }
    bool star = slice_equal (target, slice_text ("*")) && http_is (self->method, "OPTIONS");
    if (!star && (target.len == 0 || target.ptr[0] != '/'))
        return refuse (self, 400, "not a path");
    self->path = cut (&target, '?');
    self->query = target;
    return 0;
}

static int read_request_line (http_request_t *self, slice_t line)
{
    slice_t version = line;

    self->method = cut (&version, ' ');
    slice_t target = cut (&version, ' ');
    if (!is_token (self->method) || target.len == 0)
        return refuse (self, 400, "not a request line");
    if (read_version (self, version))
        return -1;
    return read_target (self, target);
}

static int read_field (http_request_t *self, slice_t line)
{
    slice_t value = line;
    http_field_t *field = &self->fields[self->field_count];

    if (!memchr (line.ptr, ':', line.len))
        return refuse (self, 400, "a field without a colon");
    field->name = cut (&value, ':');
    if (!is_token (field->name))
        return refuse (self, 400, "not a field's name");
    field->value = trim (value);
    for (size_t i = 0; i < field->value.len; i++) {
        uint8_t octet = field->value.ptr[i];
        if ((octet < ' ' && octet != '\t') || octet == 0x7f)
            return refuse (self, 400, "a control character in a field");
    }
    if (++self->field_count == HTTP_FIELDS_MAX)
        return refuse (self, 431, "too many fields");
    return 0;
}

// Lines up to the empty one. A CR or LF anywhere else is in a line, where it is refused.
static int read_lines (http_request_t *self, slice_t head)
{
    bool first = true;

    while (head.len > 2) {
        const uint8_t *end = (const uint8_t *)memmem (head.ptr, head.len, "\r\n", 2);
        slice_t line = slice_of (head.ptr, (size_t)(end - head.ptr));
        head = slice_of (end + 2, head.len - line.len - 2);
        if (memchr (line.ptr, '\n', line.len) || memchr (line.ptr, '\r', line.len))
            return refuse (self, 400, "a line that does not end with CR LF");
        if (line.len == 0)
            return refuse (self, 400, "not a request line");
        if (first ? read_request_line (self, line) : read_field (self, line))
            return -1;
        first = false;
    }
    return first ? refuse (self, 400, "not a request line") : 0;
}

static bool is_host (slice_t host)
{
    for (size_t i = 0; i < host.len; i++) {
        uint8_t octet = host.ptr[i];
        if (octet <= ' ' || octet > '~' || strchr ("\"#/<>?@\\^`{|},", octet))
            return false;
    }
    return true;
}

static int read_length (http_request_t *self, slice_t text)
{
    uint64_t length = 0;

    if (text.len == 0 || text.len > 18) // digits: no overflow
        return refuse (self, text.len ? 413 : 400, "Content-Length: not a length");
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return refuse (self, 400, "Content-Length: not a length");
        length = length * 10 + (text.ptr[i] - '0');
    }
    self->length = length;
    return 0;
}

static int read_framing (http_request_t *self)
{
    size_t lengths = http_request_count (self, "Content-Length");
    size_t codings = http_request_count (self, "Transfer-Encoding");

    if (lengths > 1)
        return refuse (self, 400, "Content-Length: more than one");
    if (lengths && codings)
        return refuse (self, 400, "Content-Length beside Transfer-Encoding");
    self->length = 0;
    if (lengths)
        return read_length (self, http_request_field (self, "Content-Length"));
    if (!codings)
        return 0;
    if (codings > 1 || self->old
        || !http_is (http_request_field (self, "Transfer-Encoding"), "chunked"))
        return refuse (self, 400, "Transfer-Encoding: chunked is all there is");
    self->length = HTTP_CHUNKED;
    return 0;
}

static int check_head (http_request_t *self)
{
    size_t hosts = http_request_count (self, "Host");

    if (hosts > 1 || (hosts == 0 && !self->old))
        return refuse (self, 400, hosts ? "Host: more than one" : "Host: missing");
    if (hosts && !is_host (http_request_field (self, "Host")))
        return refuse (self, 400, "Host: not a host");
    return read_framing (self);
}

// ---- http_parser

static int on_body (http_parser *parser, const char *at, size_t len)
{
    http_request_t *self = (http_request_t *)parser->data;

    return self->body (self->arg, slice_of (at, len));
}

static int on_over (http_parser *parser)
{
    ((http_request_t *)parser->data)->over = true;
    http_parser_pause (parser, 1); // the next request is not to be read yet
    return 0;
}

static const http_parser_settings settings = {.on_body = on_body, .on_message_complete = on_over};

// How many octets it took; errors are in parser.http_errno.
static size_t parse (http_request_t *self, slice_t octets)
{
    return http_parser_execute (&self->parser, &settings, (const char *)octets.ptr, octets.len);
}

static bool went_well (const http_request_t *self)
{
    enum http_errno problem = HTTP_PARSER_ERRNO (&self->parser);

    return problem == HPE_OK || (problem == HPE_PAUSED && self->over);
}

static http_news_t take_head (http_request_t *self, slice_t head)
{
    self->field_count = 0;
    self->keep_alive = false;
    if (read_lines (self, head) || check_head (self))
        return HTTP_BAD;
    if (http_is (self->method, "CONNECT"))
        return bad (self, 405, "not a proxy");
    http_parser_init (&self->parser, HTTP_REQUEST);
    self->parser.data = self;
    self->over = false;
    size_t taken = parse (self, head);
    if (HTTP_PARSER_ERRNO (&self->parser) == HPE_INVALID_METHOD)
        return bad (self, 501, "an unknown method");
    if (!went_well (self) || taken != head.len)
        return bad (self, 400, http_errno_description (HTTP_PARSER_ERRNO (&self->parser)));
    self->keep_alive = http_should_keep_alive (&self->parser) != 0;
    self->phase = IN_BODY;
    return HTTP_HEAD_DONE;
}

// ---- octets

static void drop_empty_lines (http_request_t *self)
{
    buffer_t *head = &self->head;

    while (self->empty_lines < EMPTY_LINES && head->len >= 2
           && memcmp (head->data, "\r\n", 2) == 0) {
        head->len -= 2;
        memmove (head->data, head->data + 2, head->len);
        self->scanned = 0;
        self->empty_lines++;
    }
}

// What can't be one any more is refused before its end has come. From `scanned` up to `ends`.
static bool looks_like_a_head (const http_request_t *self, size_t ends)
{
    const uint8_t *data = self->head.data;

    if (ends && !is_token_octet (data[0]) && data[0] != '\r')
        return false;
    for (size_t i = self->scanned; i < ends; i++) {
        if (data[i] == '\n' && (i == 0 || data[i - 1] != '\r'))
            return false;
    }
    return true;
}

static http_news_t gather_head (http_request_t *self, slice_t *in)
{
    buffer_t *head = &self->head;
    size_t room = HTTP_HEAD_MAX - head->len;
    size_t len = in->len < room ? in->len : room;

    if (in->len == 0)
        return HTTP_MORE;
    buffer_append (head, in->ptr, len);
    if (head->failed)
        return bad (self, 503, "out of memory");
    *in = slice_of (in->ptr + len, in->len - len);
    drop_empty_lines (self);
    size_t from = self->scanned > 3 ? self->scanned - 3 : 0;
    const uint8_t *end =
        head->len > from
            ? (const uint8_t *)memmem (head->data + from, head->len - from, "\r\n\r\n", 4)
            : NULL;
    size_t ends = end ? (size_t)(end + 4 - head->data) : head->len;
    if (!looks_like_a_head (self, ends))
        return bad (self, 400, "a line that does not end with CR LF");
    self->scanned = head->len;
    if (!end && head->len == HTTP_HEAD_MAX)
        return bad (self, 431, "the head is too long");
    if (!end)
        return HTTP_MORE;
    // What follows it came just now: it goes back.
    size_t surplus = head->len - ends;
    *in = slice_of (in->ptr - surplus, in->len + surplus);
    head->len -= surplus;
    return take_head (self, buffer_as_slice (head));
}

static http_news_t read_body (http_request_t *self, slice_t *in)
{
    if (!self->over && in->len == 0)
        return HTTP_MORE;
    if (!self->over) {
        size_t taken = parse (self, *in);
        if (HTTP_PARSER_ERRNO (&self->parser) == HPE_CB_body)
            return HTTP_BAD; // it has said why
        if (!went_well (self))
            return bad (self, 400, http_errno_description (HTTP_PARSER_ERRNO (&self->parser)));
        *in = slice_of (in->ptr + taken, in->len - taken);
    }
    if (!self->over)
        return HTTP_MORE;
    self->phase = ENDED;
    return HTTP_END;
}

http_news_t http_request_next (http_request_t *self, slice_t *in)
{
    if (self->phase == ENDED) {
        buffer_reset (&self->head);
        self->scanned = self->empty_lines = 0;
        self->phase = IN_HEAD;
    }
    return self->phase == IN_HEAD ? gather_head (self, in) : read_body (self, in);
}

bool http_request_in_head (const http_request_t *self)
{
    return self->phase == IN_HEAD && self->head.len > 0;
}

bool http_request_begun (const http_request_t *self)
{
    return self->phase == IN_BODY || http_request_in_head (self);
}

void http_request_init (http_request_t *self, int (*body) (void *arg, slice_t octets), void *arg)
{
    *self = (http_request_t){.body = body, .arg = arg, .phase = IN_HEAD};
    buffer_init (&self->head, HTTP_HEAD_MAX);
}

void http_request_finish (http_request_t *self)
{
    buffer_finish (&self->head);
}

// ---- fields

slice_t http_request_field (const http_request_t *self, const char *name)
{
    for (size_t i = 0; i < self->field_count; i++) {
        if (http_is (self->fields[i].name, name))
            return self->fields[i].value;
    }
    return slice_of (NULL, 0);
}

size_t http_request_count (const http_request_t *self, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < self->field_count; i++)
        count += http_is (self->fields[i].name, name);
    return count;
}

bool http_request_lists (const http_request_t *self, const char *name, const char *word)
{
    for (size_t i = 0; i < self->field_count; i++) {
        slice_t rest = self->fields[i].value;
        while (http_is (self->fields[i].name, name) && rest.len) {
            slice_t item = cut (&rest, ',');
            if (http_is (trim (cut (&item, ';')), word))
                return true;
        }
    }
    return false;
}
