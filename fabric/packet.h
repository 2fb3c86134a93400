/*  A packet view: the fields of one header (PROTOCOL 2), as the codecs read and write them.
 *
 *  Reading copies nothing: slices and texts point into the header frame (or into the view itself,
 *  for a pipeline whose JSON spelling has escapes), so a view must not outlive the frame and must
 *  not be copied by assignment. Writing takes the same struct: the keys named in `keys` are
 * written.
 */
#ifndef FABRIC_PACKET_H
#define FABRIC_PACKET_H

#include "fabric/cookie.h"
#include "fabric/fault.h"
#include "fabric/limits.h"
#include "fabric/result.h"
#include "fabric/slice.h"

// What octets are: the codec of a header is JSON or MSGPACK, a payload may also be RAW.
#define ENCODINGS(X)                                                                               \
    X (JSON, "json")                                                                               \
    X (MSGPACK, "msgpack")                                                                         \
    X (RAW, "raw")

typedef enum {
#define X(id, name) ENCODING_##id,
    ENCODINGS (X)
#undef X
        ENCODING_COUNT
} encoding_t;

// PROTOCOL 3. UNKNOWN: a string, but none of these.
#define PACKET_TYPES(X)                                                                            \
    X (REGISTER)                                                                                   \
    X (RUN)                                                                                        \
    X (CANCEL)                                                                                     \
    X (PARTIAL)                                                                                    \
    X (RESULT)                                                                                     \
    X (SHUTDOWN)                                                                                   \
    X (HEARTBEAT)

typedef enum {
    PACKET_UNKNOWN,
#define X(id) PACKET_##id,
    PACKET_TYPES (X)
#undef X
        PACKET_TYPE_COUNT
} packet_type_t;

// PROTOCOL 2, "Header keys", in its order.
#define PACKET_KEYS(X)                                                                             \
    X (PACKET_TYPE, "packet_type")                                                                 \
    X (COOKIE, "cookie")                                                                           \
    X (PIPELINE, "pipeline")                                                                       \
    X (VARIABLES, "variables")                                                                     \
    X (ENCODING, "encoding")                                                                       \
    X (DETACH, "detach")                                                                           \
    X (STREAM, "stream")                                                                           \
    X (TIMEOUT, "timeout")                                                                         \
    X (WAIT, "wait")                                                                               \
    X (PRIORITY, "priority")                                                                       \
    X (RETRIES, "retries")                                                                         \
    X (ORPHAN, "orphan")                                                                           \
    X (CAPACITY, "capacity")                                                                       \
    X (PIPELINES, "pipelines")                                                                     \
    X (NAME, "name")                                                                               \
    X (HEARTBEAT, "heartbeat")                                                                     \
    X (RC, "rc")                                                                                   \
    X (ERROR, "error")                                                                             \
    X (STACKTRACE, "stacktrace")                                                                   \
    X (RESULT, "result")                                                                           \
    X (SEQ, "seq")

typedef enum {
#define X(id, name) PACKET_KEY_##id,
    PACKET_KEYS (X)
#undef X
        PACKET_KEY_COUNT
} packet_key_t;

// A set of keys; `PACKET_BIT (COOKIE) | PACKET_BIT (RC)`.
typedef uint32_t packet_keys_t;
#define PACKET_BIT(id) (UINT32_C (1) << PACKET_KEY_##id)

// A string as it stands in a header: without its quotes, and in JSON perhaps with escapes.
typedef struct {
    slice_t raw;
    bool escaped; // JSON only: raw holds backslash escapes, codec_text () resolves them
} text_t;

static inline text_t text_plain (slice_t slice)
{
    return (text_t){slice, false};
}

/*  An array of strings. Read: `raw` is the array as it stands in the header, its brackets or count
 *  included, walked with strings_next () of codec/codec.h. To be written: `items`, borrowed.
 */
typedef struct {
    slice_t raw;
    const slice_t *items;
    uint32_t count;
} strings_t;

// A payload inside the header, the legacy form.
typedef struct {
    text_t text;
    slice_t member; // the whole member in the header, key and value, without any comma
} inline_payload_t;

typedef struct {
    encoding_t codec;    // of the header: ENCODING_JSON or ENCODING_MSGPACK
    packet_keys_t keys;  // which keys are there and not null
    packet_keys_t nulls; // which are there and null; of packets that were read
    packet_type_t type;
    cookie_t cookie;
    slice_t pipeline; // plain UTF-8
    inline_payload_t variables;
    encoding_t encoding; // of the payload: the header's codec unless the header says otherwise
    bool detach;
    bool stream;
    bool orphan_cancel; // `orphan` says "cancel"
    uint8_t priority;
    uint8_t retries;
    uint16_t capacity;
    zfabric_rc_t rc;
    uint64_t timeout_ms; // integers beyond 2^64-1 are read as 2^64-1
    uint64_t wait_ms;
    uint64_t heartbeat_ms;
    uint64_t seq;
    strings_t pipelines; // already checked: each a pattern as PROTOCOL 2 wants it
    text_t name;
    text_t error;
    strings_t stacktrace;
    inline_payload_t result;
    uint8_t pipeline_store[LIMIT_PIPELINE_OCTETS]; // where `pipeline` is unescaped, if it has to be
} packet_t;

// An empty view of `codec`: no keys, `encoding` the codec itself, priority the default.
void packet_init (packet_t *self, encoding_t codec);

static inline bool packet_has (const packet_t *self, packet_keys_t keys)
{
    return (self->keys & keys) == keys;
}

/*  Checks that the keys which the packet's type needs are there (PROTOCOL 2 and 3): a RUN's cookie
 *  and pipeline, a worker's REGISTER's capacity ... 0, or -1 (EPROTO) with a fault that names the
 *  key. An unknown type needs nothing.
 */
int packet_check (const packet_t *self, fault_t *fault);

/*  The payload that stands in the header for this type of packet (`variables` of a RUN, `result`
 *  of a RESULT or PARTIAL), or NULL.
 */
const inline_payload_t *packet_inline (const packet_t *self);

const char *packet_type_name (packet_type_t type); // "?" for PACKET_UNKNOWN
const char *packet_key_name (packet_key_t key);
const char *encoding_name (encoding_t encoding);

// Lookups by name; PACKET_UNKNOWN, PACKET_KEY_COUNT, ENCODING_COUNT if there is none.
packet_type_t packet_type_of (slice_t name);
packet_key_t packet_key_of (slice_t name);
encoding_t encoding_of (slice_t name);

/*  Whether `name` can be a pipeline's (PROTOCOL 2): 1-255 octets, no control characters. That it
 *  is UTF-8 the codecs have checked.
 */
bool pipeline_valid (slice_t name);

// Whether `name` can be registered: a pipeline or a prefix that ends in '*', not starting with '$'.
bool pattern_valid (slice_t name);

#endif
