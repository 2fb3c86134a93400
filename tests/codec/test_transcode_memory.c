/*  What transcoding reserves (codec/transcode.h): at most twice the payload, the larger of what
 * comes in and what goes out, and nothing on the word of a head. The blocks that the codec holds
 * are counted as it asks for them.
 */
#include "tests/support/testing.h"

#include <malloc.h>

#include "tests/codec/documents.h"

#define SIZE  (4u * 1024 * 1024) // octets of an input
#define SLACK 1024u              // octets of a first small block

static size_t held, most;

void *__real_malloc (size_t size);
void *__real_calloc (size_t count, size_t size);
void *__real_realloc (void *old, size_t size);
void __real_free (void *block);

void *__wrap_malloc (size_t size);
void *__wrap_calloc (size_t count, size_t size);
void *__wrap_realloc (void *old, size_t size);
void __wrap_free (void *block);

static void *count_in (void *block)
{
    held += malloc_usable_size (block);
    most = held > most ? held : most;
    return block;
}

void *__wrap_malloc (size_t size)
{
    return count_in (__real_malloc (size));
}

void *__wrap_calloc (size_t count, size_t size)
{
    return count_in (__real_calloc (count, size));
}

// Large blocks grow in place, by the system's mapping of memory.
void *__wrap_realloc (void *old, size_t size)
{
    size_t before = malloc_usable_size (old);
    void *block = __real_realloc (old, size);

    if (!block)
        return NULL;
    held -= before;
    return count_in (block);
}

void __wrap_free (void *block)
{
    held -= malloc_usable_size (block);
    __real_free (block);
}

static void repeat (buffer_t *to, slice_t first, slice_t each, slice_t last)
{
    buffer_slice (to, first);
    while (to->len < SIZE)
        buffer_slice (to, each);
    buffer_slice (to, last);
    assert_int_equal (to->failed, 0);
}

static void assert_within_twice (slice_t in, encoding_t from)
{
    size_t before = held;
    fault_t fault;
    buffer_t out;

    buffer_init (&out, 16 * SIZE);
    most = held;
    if (transcode_document (in, from, from == ENCODING_JSON ? ENCODING_MSGPACK : ENCODING_JSON,
                            "variables", &out, &fault))
        fail_msg ("%.40s...: %s", (const char *)in.ptr, fault.text);
    size_t payload = out.len > in.len ? out.len : in.len;
    if (most - before > 2 * payload + SLACK)
        fail_msg ("%.40s...: %zu octets held for %zu in, %zu out", (const char *)in.ptr,
                  most - before, in.len, out.len);
    buffer_finish (&out);
    assert_int_equal (held, before);
}

typedef struct {
    slice_t first;
    slice_t each;
    slice_t last;
} shape_t;

static void json_takes_twice_its_payload_at_most (void **state)
{
    static const shape_t shapes[] = {
        {OCTETS ("[0"), OCTETS (",0"), OCTETS ("]")},
        // 9 octets of msgpack for 4 of JSON
        {OCTETS ("[0"), OCTETS (",0.1"), OCTETS ("]")},
        {OCTETS ("[0"), OCTETS (",1e1"), OCTETS ("]")},
        {OCTETS ("[0"), OCTETS (",\"\""), OCTETS ("]")},
        {OCTETS ("[0"), OCTETS (",\"\\u0000\""), OCTETS ("]")},
        {OCTETS ("\""), OCTETS ("\\u20ac\\n"), OCTETS ("\"")},
        {OCTETS ("\""), OCTETS ("abcdefgh"), OCTETS ("\"")},
        // The most heads to be widened: 16 elements and no more.
        {OCTETS ("[0"), OCTETS (",[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]"), OCTETS ("]")},
        {OCTETS ("[0"),
         OCTETS (",{\"\":0,\"\":0,\"\":0,\"\":0,\"\":0,\"\":0,\"\":0,\"\":0,\"\":0,"
                 "\"\":0,\"\":0,\"\":0,\"\":0,\"\":0,\"\":0,\"\":0}"),
         OCTETS ("]")},
        {OCTETS ("[0"), OCTETS (",[]"), OCTETS ("]")},
        {OCTETS ("[0"), OCTETS (",{}"), OCTETS ("]")},
        {OCTETS ("0"), OCTETS (" "), OCTETS ("")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        buffer_t in;
        buffer_init (&in, 2 * SIZE);
        repeat (&in, shapes[i].first, shapes[i].each, shapes[i].last);
        assert_within_twice (buffer_as_slice (&in), ENCODING_JSON);
        buffer_finish (&in);
    }
}

static void msgpack_takes_twice_its_payload_at_most (void **state)
{
    static const slice_t elements[] = {
        OCTETS ("\xc0"), // 5 octets of JSON
        OCTETS ("\xcb\xff\xef\xff\xff\xff\xff\xff\xff"),
        OCTETS ("\xca\0\0\0\x01"), // 22 octets of JSON
        OCTETS ("\xa1\x01"),
        OCTETS ("\xc4\x01\x01"),
        OCTETS ("\xd3\x80\0\0\0\0\0\0\0"),
        OCTETS ("\x81\xa0\xa8\x01\x01\x01\x01\x01\x01\x01\x01"),
        OCTETS ("\xdd\0\0\0\0"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++) {
        uint32_t count = SIZE / (uint32_t)elements[i].len;
        uint8_t head[] = {0xdd, (uint8_t)(count >> 24), (uint8_t)(count >> 16),
                          (uint8_t)(count >> 8), (uint8_t)count};
        buffer_t in;
        buffer_init (&in, 2 * SIZE);
        buffer_append (&in, head, sizeof head);
        while (count-- > 0)
            buffer_slice (&in, elements[i]);
        assert_within_twice (buffer_as_slice (&in), ENCODING_MSGPACK);
        buffer_finish (&in);
    }
}

// A bin or str of all the payload, whose octets become six each.
static void one_long_text_takes_twice_its_payload_at_most (void **state)
{
    static const uint8_t heads[] = {0xc6, 0xdb};

    (void)state;
    for (size_t i = 0; i < sizeof heads; i++) {
        uint8_t head[] = {heads[i], 0, (uint8_t)(SIZE >> 16), (uint8_t)(SIZE >> 8), (uint8_t)SIZE};
        buffer_t in;
        buffer_init (&in, 2 * SIZE);
        buffer_append (&in, head, sizeof head);
        memset (buffer_reserve (&in, SIZE), 1, SIZE);
        in.len += SIZE;
        assert_within_twice (buffer_as_slice (&in), ENCODING_MSGPACK);
        buffer_finish (&in);
    }
}

static void assert_reserves_little (slice_t in, encoding_t from)
{
    size_t before = held;
    fault_t fault = {""};
    buffer_t out;

    buffer_init (&out, SIZE_MAX);
    most = held;
    assert_int_equal (transcode_document (in, from,
                                          from == ENCODING_JSON ? ENCODING_MSGPACK : ENCODING_JSON,
                                          "variables", &out, &fault),
                      -1);
    assert_string_not_equal (fault.text, "");
    if (most - before > 64 * 1024)
        fail_msg ("%zu octets reserved: %s", most - before, fault.text);
    buffer_finish (&out);
}

// msgpack-c reserves 8 GiB for the first of these.
static void claims_beyond_what_is_left_reserve_nothing (void **state)
{
    static const slice_t claims[] = {
        OCTETS ("\xdd\x10\0\0\0\x01"),       OCTETS ("\xdf\x08\0\0\0\xa0\x01"),
        OCTETS ("\xc6\xff\xff\xff\xff\0"),   OCTETS ("\xdb\xff\xff\xff\xff\0"),
        OCTETS ("\xc9\xff\xff\xff\xff\0"),   OCTETS ("\xdc\xff\xff\x01"),
        OCTETS ("\xde\xff\xff\xa0\x01"),     OCTETS ("\xc5\xff\xff\0"),
        OCTETS ("\xda\xff\xff\0"),           OCTETS ("\x92\x01\xdd\x10\0\0\0\x01"),
        OCTETS ("\x81\xdb\xff\xff\xff\xff"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
        assert_reserves_little (claims[i], ENCODING_MSGPACK);
}

// Each of a great many heads claims all the octets that are left.
static void nested_claims_reserve_nothing (void **state)
{
    uint8_t *in = __real_malloc (SIZE);

    (void)state;
    assert_non_null (in);
    memset (in, 0, SIZE);
    for (uint32_t at = 0; at + 5 <= SIZE; at += 5) {
        uint32_t left = SIZE - at - 5;
        uint8_t head[] = {0xdd, (uint8_t)(left >> 24), (uint8_t)(left >> 16), (uint8_t)(left >> 8),
                          (uint8_t)left};
        memcpy (in + at, head, sizeof head);
    }
    assert_reserves_little (slice_of (in, SIZE), ENCODING_MSGPACK);
    __real_free (in);
}

static void endless_nesting_reserves_little (void **state)
{
    static const struct {
        const char *each;
        encoding_t from;
    } cases[] = {
        {"[", ENCODING_JSON},           {"{\"\":", ENCODING_JSON},  {"[[],", ENCODING_JSON},
        {" [\n", ENCODING_JSON},        {"\x91", ENCODING_MSGPACK}, {"\x81\xa0", ENCODING_MSGPACK},
        {"\x92\x90", ENCODING_MSGPACK},
    };
    buffer_t in;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buffer_init (&in, 2 * DEFAULT_MAX_PAYLOAD);
        assert_non_null (buffer_reserve (&in, 2 * DEFAULT_MAX_PAYLOAD));
        buffer_text (&in, cases[i].each);
        while (in.len < DEFAULT_MAX_PAYLOAD)
            buffer_append (&in, in.data, in.len);
        assert_reserves_little (buffer_as_slice (&in), cases[i].from);
        buffer_finish (&in);
    }
}

TESTING_MAIN (cmocka_unit_test (json_takes_twice_its_payload_at_most),
              cmocka_unit_test (msgpack_takes_twice_its_payload_at_most),
              cmocka_unit_test (one_long_text_takes_twice_its_payload_at_most),
              cmocka_unit_test (claims_beyond_what_is_left_reserve_nothing),
              cmocka_unit_test (nested_claims_reserve_nothing),
              cmocka_unit_test (endless_nesting_reserves_little), )
