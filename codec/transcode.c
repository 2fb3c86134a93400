#include "codec/transcode.h"

#include <errno.h>

#include "codec/transcode_to.h"

// A failed output is the reason, whatever else was found; what was written before goes.
static int finish (int result, slice_t root, size_t before, buffer_t *out, fault_t *fault)
{
    if (out->failed) {
        fault_set (fault, "%.*s: %s", (int)root.len, (const char *)root.ptr,
                   out->failed == EMSGSIZE ? "too long in the other codec"
                                           : "no memory to transcode it");
        errno = out->failed;
        result = -1;
    }
    if (result)
        out->len = before;
    return result;
}

int transcode_document (
    slice_t in, encoding_t from, encoding_t to, const char *root, buffer_t *out, fault_t *fault)
{
    size_t before = out->len;

    if (from == to || from == ENCODING_RAW || to == ENCODING_RAW) {
        fault_set (fault, "%s: nothing to transcode", root);
        errno = EINVAL;
        return -1;
    }
    int result = to == ENCODING_JSON ? to_json_document (in, root, out, fault)
                                     : to_msgpack_document (in, root, out, fault);
    return finish (result, slice_text (root), before, out, fault);
}

int transcode_header (
    slice_t header, const packet_t *packet, packet_keys_t leave_out, buffer_t *out, fault_t *fault)
{
    size_t before = out->len;
    int result = packet->codec == ENCODING_JSON
                     ? to_msgpack_header (header, packet, leave_out, out, fault)
                     : to_json_header (header, packet, leave_out, out, fault);

    return finish (result, slice_text ("header"), before, out, fault);
}
