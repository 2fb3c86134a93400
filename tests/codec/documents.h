/*  What the tests of transcoding share.
 */
#ifndef TESTS_CODEC_DOCUMENTS_H
#define TESTS_CODEC_DOCUMENTS_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/transcode.h"

#define OCTETS(text)                                                                               \
    {                                                                                              \
        (const uint8_t *)(text), sizeof (text) - 1                                                 \
    }
#define DOCUMENT(text) slice_of (text, sizeof (text) - 1)

#define DOCUMENT_LIMIT (64u * 1024 * 1024) // octets of output in a test

// Transcodes a copy of exact size, so that AddressSanitizer sees a read beyond it.
static inline int transcode (slice_t in, encoding_t from, buffer_t *out, fault_t *fault)
{
    uint8_t *copy = malloc (in.len ? in.len : 1);

    if (!copy)
        abort ();
    if (in.len)
        memcpy (copy, in.ptr, in.len);
    fault->text[0] = '\0';
    buffer_init (out, DOCUMENT_LIMIT);
    int result = transcode_document (slice_of (copy, in.len), from,
                                     from == ENCODING_JSON ? ENCODING_MSGPACK : ENCODING_JSON,
                                     "variables", out, fault);
    free (copy);
    return result;
}

static inline void assert_transcoded (slice_t in, encoding_t from, slice_t wanted)
{
    fault_t fault;
    buffer_t out;

    if (transcode (in, from, &out, &fault))
        fail_msg ("%.*s: %s", (int)in.len, (const char *)in.ptr, fault.text);
    if (!slice_equal (buffer_as_slice (&out), wanted))
        fail_msg ("%.*s: became \"%.*s\"", (int)in.len, (const char *)in.ptr, (int)out.len,
                  (const char *)out.data);
    buffer_finish (&out);
}

// `wanted`: what the fault is, or starts with if it ends in "...".
static inline void assert_refused (slice_t in, encoding_t from, const char *wanted)
{
    fault_t fault;
    buffer_t out;
    size_t len = strlen (wanted);

    errno = 0;
    if (transcode (in, from, &out, &fault) == 0)
        fail_msg ("%.*s: became \"%.*s\"", (int)in.len, (const char *)in.ptr, (int)out.len,
                  (const char *)out.data);
    assert_int_equal (errno, EPROTO);
    assert_int_equal (out.len, 0);
    bool start = len > 3 && strcmp (wanted + len - 3, "...") == 0;
    if (start ? strncmp (fault.text, wanted, len - 3) : strcmp (fault.text, wanted))
        fail_msg ("%.*s: \"%s\" instead of \"%s\"", (int)in.len, (const char *)in.ptr, fault.text,
                  wanted);
    buffer_finish (&out);
}

#endif
