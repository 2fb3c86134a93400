/*  What the header keys mean (PROTOCOL 2): types, ranges, duplicates, and where a value goes in the
 *  packet view. Both readers find members and hand them in here, so the rules are there once.
 *
 *  A fault of meaning is remembered, the first one wins, and reading goes on: the cookie may still
 *  come, and the answer should carry it.
 */
#ifndef CODEC_FIELDS_H
#define CODEC_FIELDS_H

#include "fabric/packet.h"

#define FIELDS_KEY_MAX 11 // octets of the longest known key: packet_type

typedef enum {
    VALUE_NULL,
    VALUE_BOOLEAN,
    VALUE_INTEGER,
    VALUE_TEXT,
    VALUE_OCTETS, // msgpack bin
    VALUE_TEXTS,  // an array of nothing but strings
    VALUE_COOKIE, // to be written only
    VALUE_OTHER
} value_kind_t;

// The value of a member, as far as some known key could want it.
typedef struct {
    value_kind_t kind;
    bool flag;       // the boolean; of an integer: it is negative
    uint32_t count;  // of the strings in an array
    uint64_t number; // magnitude of an integer, 2^64-1 if it is beyond
    text_t text;     // a string or bin; the whole array
} value_t;

typedef struct {
    packet_t *packet;
    fault_t *fault;
    packet_keys_t seen; // null ones too, unlike packet->keys
    bool failed;
} fields_t;

// The known key that a plain name spells, or PACKET_KEY_COUNT.
packet_key_t fields_key (slice_t name);

// The same for a key as it stands in a JSON header, perhaps with escapes.
packet_key_t fields_key_spelt (const text_t *key);

// Takes the value of a known key. `member` is the whole member in the header.
void fields_take (fields_t *self, packet_key_t key, const value_t *value, slice_t member);

/*  What a known key is to be written with: BOOLEAN, INTEGER, TEXT, OCTETS (a payload), TEXTS (they
 *  are in fields_strings ()) or COOKIE (packet->cookie).
 */
value_t fields_give (const packet_t *packet, packet_key_t key);
const strings_t *fields_strings (const packet_t *packet, packet_key_t key);

/*  Remembers a fault, "key: why", or "header: why" if the key is empty. `key` as it stands in the
 *  header; a long one is cut.
 */
void fields_refuse (fields_t *self, slice_t key, const char *why);

// As above, for a malformed header: "key: malformed JSON at octet 17: why".
void fields_malformed (
    fields_t *self, slice_t key, const char *format, size_t octet, const char *why);

// As above, for an unknown key that is there twice: in the header, or in the value of key `outer`.
void fields_twice (fields_t *self, slice_t outer, slice_t key);

#endif
