/*  Any octets as a document: the first octet says of which codec ('j': JSON, otherwise msgpack),
 * the rest is the document. What was transcoded goes back, and forth again to the same octets.
 */
#include <stdlib.h>

#include "codec/transcode.h"
#include "fabric/utf8.h"

#define LIMIT (16u * 1024 * 1024) // octets of a transcoded input

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

// A broken promise. It aborts in every build, which is what a fuzzer looks for.
static void check (bool kept)
{
    if (!kept)
        abort ();
}

static encoding_t other (encoding_t codec)
{
    return codec == ENCODING_JSON ? ENCODING_MSGPACK : ENCODING_JSON;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    fault_t fault = {""};
    buffer_t there;
    buffer_t back;
    buffer_t again;

    if (size < 2)
        return 0;
    encoding_t from = data[0] == 'j' ? ENCODING_JSON : ENCODING_MSGPACK;
    slice_t in = slice_of (data + 1, size - 1);
    buffer_init (&there, LIMIT);
    buffer_init (&back, LIMIT);
    buffer_init (&again, LIMIT);
    if (transcode_document (in, from, other (from), "document", &there, &fault)) {
        check (fault.text[0] != '\0' && there.len == 0);
    } else {
        slice_t out = buffer_as_slice (&there);
        check (from == ENCODING_JSON || utf8_valid (out));
        check (transcode_document (out, other (from), from, "document", &back, &fault) == 0);
        slice_t in_again = buffer_as_slice (&back);
        check (transcode_document (in_again, from, other (from), "document", &again, &fault) == 0);
        check (slice_equal (out, buffer_as_slice (&again)));
    }
    buffer_finish (&there);
    buffer_finish (&back);
    buffer_finish (&again);
    return 0;
}
