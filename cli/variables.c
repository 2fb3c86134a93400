#include "cli/variables.h"

#include <errno.h>

#include "codec/json.h"
#include "codec/transcode.h"
#include "fabric/utf8.h"

static int out_of_memory (fault_t *fault)
{
    fault_set (fault, "out of memory");
    errno = ENOMEM;
    return -1;
}

int variables_encode (
    slice_t json, encoding_t codec, const char *what, buffer_t *out, fault_t *fault)
{
    buffer_t packed;

    buffer_init (&packed, SIZE_MAX);
    if (json.len == 0) {
        fault_set (fault, "%s: empty", what);
        errno = EPROTO;
        return -1;
    }
    // Made even where it is not sent: the transcoder is the strict reader of documents.
    int rc = transcode_document (json, ENCODING_JSON, ENCODING_MSGPACK, what, &packed, fault);
    if (rc == 0)
        buffer_slice (out, codec == ENCODING_JSON ? json : buffer_as_slice (&packed));
    int error = errno;
    buffer_finish (&packed);
    errno = error;
    return rc == 0 && out->failed ? out_of_memory (fault) : rc;
}

int variables_line (slice_t line, encoding_t codec, buffer_t *out, fault_t *fault)
{
    buffer_t quoted;

    if (variables_encode (line, codec, "line", out, fault) == 0)
        return 0;
    if (errno != EPROTO)
        return -1;
    if (!utf8_valid (line)) {
        fault_set (fault, "neither JSON nor UTF-8 text");
        errno = EILSEQ;
        return -1;
    }
    buffer_init (&quoted, SIZE_MAX);
    json_put_string (line, &quoted);
    int rc = quoted.failed
                 ? out_of_memory (fault)
                 : variables_encode (buffer_as_slice (&quoted), codec, "line", out, fault);
    buffer_finish (&quoted);
    return rc;
}

// The length of the key in `KEY=VALUE`; 0: there is none.
static size_t key_len (const char *pair)
{
    const char *equals = strchr (pair, '=');

    return equals ? (size_t)(equals - pair) : 0;
}

static bool set_again (const char *const *pairs, size_t count, const char *pair, size_t len)
{
    for (size_t i = 0; i < count; i++) {
        if (key_len (pairs[i]) == len && memcmp (pairs[i], pair, len) == 0)
            return true;
    }
    return false;
}

int variables_build (const char *const *pairs, size_t count, buffer_t *json, fault_t *fault)
{
    fault_t ignored;
    bool first = true;

    buffer_octet (json, '{');
    for (size_t i = 0; i < count; i++) {
        size_t len = key_len (pairs[i]);
        if (len == 0 || !utf8_valid (slice_text (pairs[i]))) {
            fault_set (fault, "\"%.80s\" is not %s", pairs[i], len ? "UTF-8" : "KEY=VALUE");
            errno = len ? EILSEQ : EINVAL;
            return -1;
        }
        if (set_again (pairs + i + 1, count - i - 1, pairs[i], len))
            continue;
        if (!first)
            buffer_octet (json, ',');
        first = false;
        json_put_string (slice_of (pairs[i], len), json);
        buffer_octet (json, ':');
        if (variables_line (slice_text (pairs[i] + len + 1), ENCODING_JSON, json, &ignored))
            return out_of_memory (fault);
    }
    buffer_octet (json, '}');
    return json->failed ? out_of_memory (fault) : 0;
}

int variables_show (
    slice_t payload, encoding_t encoding, bool one_line, buffer_t *out, fault_t *fault)
{
    size_t start = out->len;

    if (payload.len == 0)
        return 0;
    if (encoding == ENCODING_MSGPACK)
        return transcode_document (payload, ENCODING_MSGPACK, ENCODING_JSON, "result", out, fault);
    buffer_slice (out, payload);
    if (out->failed)
        return out_of_memory (fault);
    if (!one_line)
        return 0;
    if (encoding == ENCODING_RAW) {
        out->len -= out->data[out->len - 1] == '\n';
        return 0;
    }
    // Newlines in JSON stand between its tokens only.
    for (size_t i = start; i < out->len; i++) {
        if (out->data[i] == '\n' || out->data[i] == '\r')
            out->data[i] = ' ';
    }
    return 0;
}
