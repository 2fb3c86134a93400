/*  Whether text is a JSON document the transcoder knows: it is strict, and what it makes of one is
 *  what a msgpack worker sends.
 */
#include "worker/document.h"

#include <errno.h>

#include "codec/json.h"
#include "codec/msgpack_token.h"
#include "codec/transcode.h"
#include "fabric/utf8.h"

// The largest growth from JSON to msgpack is a float's: three characters and a comma to nine
// octets.
static size_t as_msgpack_most (size_t json)
{
    return json > SIZE_MAX / 4 ? SIZE_MAX : json / 4 * 9 + 32;
}

// And back: a control character's, one octet to six.
static size_t as_json_most (size_t msgpack)
{
    return msgpack > SIZE_MAX / 8 ? SIZE_MAX : msgpack * 8 + 32;
}

// Most text is no document, and most often its first character tells.
static bool may_be_document (slice_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case ' ':
        case '\t':
        case '\r':
        case '\n':
            continue;
        default:
            return memchr ("{[\"-0123456789tfn", text.ptr[i], 17) != NULL;
        }
    }
    return false;
}

// Transcodes `text` into `msgpack`, which is initialised here. 0 or -1 as codec/transcode.h.
static int to_msgpack (slice_t text, const char *root, buffer_t *msgpack, fault_t *fault)
{
    buffer_init (msgpack, as_msgpack_most (text.len));
    if (may_be_document (text))
        return transcode_document (text, ENCODING_JSON, ENCODING_MSGPACK, root, msgpack, fault);
    fault_set (fault, "%s: not a JSON document", root);
    errno = EPROTO;
    return -1;
}

// -- Output

static int check_limit (const buffer_t *payload, size_t limit, fault_t *fault)
{
    if (!payload->failed && payload->len <= limit)
        return 0;
    errno = payload->failed == ENOMEM ? ENOMEM : EMSGSIZE;
    if (errno == ENOMEM)
        fault_set (fault, "out of memory");
    else
        fault_set (fault, "output: more than %zu octets as a payload", limit);
    return -1;
}

// A string of the codec.
static int
put_string (buffer_t *output, encoding_t codec, size_t limit, buffer_t *payload, fault_t *fault)
{
    slice_t text = buffer_as_slice (output);

    buffer_init (payload, limit);
    if (codec == ENCODING_JSON) {
        json_put_string (text, payload);
    } else {
        msgpack_put_str_head (utf8_repaired_len (text), payload);
        utf8_repair (text, payload);
    }
    buffer_finish (output);
    return check_limit (payload, limit, fault);
}

// The document that it is. -1 (EPROTO): it is none, and nothing has changed.
static int
put_document (buffer_t *output, encoding_t codec, size_t limit, buffer_t *payload, fault_t *fault)
{
    buffer_t msgpack;

    buffer_init (payload, limit);
    if (to_msgpack (buffer_as_slice (output), "output", &msgpack, fault)) {
        int problem = errno;
        buffer_finish (&msgpack);
        errno = problem;
        return -1;
    }
    if (codec == ENCODING_JSON) {
        buffer_finish (&msgpack);
        *payload = *output;
        buffer_init (output, 0);
    } else {
        *payload = msgpack;
        buffer_finish (output);
    }
    return check_limit (payload, limit, fault);
}

int document_of_output (buffer_t *output,
                        document_mode_t mode,
                        encoding_t codec,
                        size_t limit,
                        buffer_t *payload,
                        encoding_t *encoding,
                        fault_t *fault)
{
    *encoding = codec;
    switch (mode) {
    case DOCUMENT_RAW:
        *encoding = ENCODING_RAW;
        *payload = *output;
        buffer_init (output, 0);
        return check_limit (payload, limit, fault);
    case DOCUMENT_JSON:
        return put_document (output, codec, limit, payload, fault);
    case DOCUMENT_AUTO:
        if (put_document (output, codec, limit, payload, fault) == 0)
            return 0;
        if (errno != EPROTO)
            return -1;
        buffer_finish (payload);
        return put_string (output, codec, limit, payload, fault);
    case DOCUMENT_TEXT:
        break;
    }
    return put_string (output, codec, limit, payload, fault);
}

// -- Input

// Whether the msgpack octets are one string, and which.
static bool is_str (slice_t msgpack, slice_t *text)
{
    const uint8_t *at = msgpack.ptr, *end = msgpack.ptr + msgpack.len;
    msgpack_token_t token;

    if (!msgpack.len || msgpack_token_next (&at, end, &token) || token.kind != MSGPACK_STR
        || at != end)
        return false;
    *text = token.octets;
    return true;
}

// A JSON string without its quotes; anything else as it is.
static int unquote (slice_t payload, buffer_t *store, slice_t *input, fault_t *fault)
{
    size_t space = 0;

    while (space < payload.len && memchr (" \t\r\n", payload.ptr[space], 4))
        space++;
    if (space == payload.len || payload.ptr[space] != '"')
        return 0;
    if (to_msgpack (payload, "variables", store, fault) == 0) {
        (void)is_str (buffer_as_slice (store), input); // it is, or it would not start with a quote
        return 0;
    }
    return errno == EPROTO ? 0 : -1;
}

int document_to_input (slice_t payload,
                       encoding_t encoding,
                       document_mode_t mode,
                       buffer_t *store,
                       slice_t *input,
                       fault_t *fault)
{
    buffer_init (store, as_json_most (payload.len));
    *input = payload;
    if (payload.len == 0 || encoding == ENCODING_RAW)
        return 0;
    if (encoding == ENCODING_JSON)
        return mode == DOCUMENT_TEXT ? unquote (payload, store, input, fault) : 0;
    if (mode == DOCUMENT_TEXT && is_str (payload, input))
        return 0;
    if (transcode_document (payload, ENCODING_MSGPACK, ENCODING_JSON, "variables", store, fault))
        return -1;
    *input = buffer_as_slice (store);
    return 0;
}
