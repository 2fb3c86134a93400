#include "fabric/packet.h"

#include <errno.h>

static const char *const type_names[PACKET_TYPE_COUNT] = {"?",
#define X(id) #id,
                                                          PACKET_TYPES (X)
#undef X
};

static const char *const key_names[PACKET_KEY_COUNT] = {
#define X(id, name) name,
    PACKET_KEYS (X)
#undef X
};

static const char *const encoding_names[ENCODING_COUNT] = {
#define X(id, name) name,
    ENCODINGS (X)
#undef X
};

// What each type needs beside its packet_type. REGISTER as a worker sends it.
static const packet_keys_t needed[PACKET_TYPE_COUNT] = {
    [PACKET_REGISTER] = PACKET_BIT (CAPACITY),
    [PACKET_RUN] = PACKET_BIT (COOKIE) | PACKET_BIT (PIPELINE),
    [PACKET_CANCEL] = PACKET_BIT (COOKIE),
    [PACKET_PARTIAL] = PACKET_BIT (COOKIE),
    [PACKET_RESULT] = PACKET_BIT (COOKIE) | PACKET_BIT (RC),
};

void packet_init (packet_t *self, encoding_t codec)
{
    // The store is written before it is read: clearing it would cost more than the rest. The count
    // is hidden from gcc, which would make a `rep stos` of it, a sixth of reading a whole header.
    size_t count = offsetof (packet_t, pipeline_store);
    __asm__("" : "+r"(count));
    memset (self, 0, count);
    self->codec = codec;
    self->encoding = codec;
    self->priority = DEFAULT_PRIORITY;
}

int packet_check (const packet_t *self, fault_t *fault)
{
    packet_keys_t missing = needed[self->type] & ~self->keys;

    if (!packet_has (self, PACKET_BIT (PACKET_TYPE)))
        missing |= PACKET_BIT (PACKET_TYPE);
    if (!missing)
        return 0;
    for (unsigned key = 0; key < PACKET_KEY_COUNT; key++) {
        if (missing >> key & 1) {
            fault_set (fault, "%s: missing", key_names[key]);
            break;
        }
    }
    errno = EPROTO;
    return -1;
}

const inline_payload_t *packet_inline (const packet_t *self)
{
    if (self->type == PACKET_RUN)
        return packet_has (self, PACKET_BIT (VARIABLES)) ? &self->variables : NULL;
    if (self->type == PACKET_RESULT || self->type == PACKET_PARTIAL)
        return packet_has (self, PACKET_BIT (RESULT)) ? &self->result : NULL;
    return NULL;
}

const char *packet_type_name (packet_type_t type)
{
    return (unsigned)type < PACKET_TYPE_COUNT ? type_names[type] : "?";
}

const char *packet_key_name (packet_key_t key)
{
    return (unsigned)key < PACKET_KEY_COUNT ? key_names[key] : "?";
}

const char *encoding_name (encoding_t encoding)
{
    return (unsigned)encoding < ENCODING_COUNT ? encoding_names[encoding] : "?";
}

static unsigned find_name (const char *const *names, unsigned from, unsigned count, slice_t name)
{
    for (unsigned i = from; i < count; i++) {
        if (slice_equal (name, slice_text (names[i])))
            return i;
    }
    return count;
}

packet_type_t packet_type_of (slice_t name)
{
    unsigned found = find_name (type_names, PACKET_UNKNOWN + 1, PACKET_TYPE_COUNT, name);

    return found == PACKET_TYPE_COUNT ? PACKET_UNKNOWN : (packet_type_t)found;
}

packet_key_t packet_key_of (slice_t name)
{
    return (packet_key_t)find_name (key_names, 0, PACKET_KEY_COUNT, name);
}

encoding_t encoding_of (slice_t name)
{
    return (encoding_t)find_name (encoding_names, 0, ENCODING_COUNT, name);
}

bool pipeline_valid (slice_t name)
{
    if (name.len < 1 || name.len > LIMIT_PIPELINE_OCTETS)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        if (c < 0x20 || c == 0x7f)
            return false;
        // C1 controls, U+0080 to U+009F, are 0xc2 0x80 to 0xc2 0x9f in UTF-8.
        if (c == 0xc2 && i + 1 < name.len && name.ptr[i + 1] < 0xa0)
            return false;
    }
    return true;
}

bool pattern_valid (slice_t name)
{
    return pipeline_valid (name) && name.ptr[0] != '$';
}
