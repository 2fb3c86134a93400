#include "broker/intake.h"

#include "codec/codec.h"

static void refuse (intake_t *self, const char *words)
{
    self->bad = true;
    fault_set (&self->fault, "%s", words);
}

// Makes one header and one payload of a header with its payload inside.
static void unfold (intake_t *self, frame_t *header, frame_t *payload)
{
    const inline_payload_t *found = packet_inline (&self->packet);
    buffer_t rest, inside;

    buffer_init (&rest, LIMIT_HEADER_OCTETS);
    buffer_init (&inside, LIMIT_HEADER_OCTETS);
    frame_move (&self->original, header);
    codec_cut (self->packet.codec, frame_slice (&self->original), found->member, &rest);
    codec_text (found->text, &inside);
    frame_close (payload);
    // Evaluated both: each leaves a valid frame behind, whatever happens.
    int failed = frame_take (header, &rest);
    failed |= frame_take (payload, &inside);
    if (failed)
        refuse (self, "out of memory");
    buffer_finish (&rest);
    buffer_finish (&inside);
}

void intake_read (
    intake_t *self, frame_t *header, frame_t *payload, unsigned frames, uint64_t max_payload)
{
    encoding_t codec;
    slice_t octets = frame_slice (header);

    self->bad = false;
    self->fault.text[0] = '\0';
    frame_init (&self->original);
    self->codec_known = codec_sniff (octets, &codec) == 0;
    if (codec_read (octets, &self->packet, &self->fault)) {
        self->bad = true;
        return;
    }
    const inline_payload_t *found = packet_inline (&self->packet);
    if (frames > 2)
        refuse (self, "a packet has one or two frames, this one has more");
    else if (frame_size (payload) > max_payload)
        refuse (self, "the payload is larger than the broker's --max-payload");
    else if (found && frame_size (payload) > 0)
        refuse (self, self->packet.type == PACKET_RUN
                          ? "variables: the payload is in the header and in a frame of its own"
                          : "result: the payload is in the header and in a frame of its own");
    else if (found && found->text.raw.len > max_payload)
        refuse (self, "the payload is larger than the broker's --max-payload");
    else if (found)
        unfold (self, header, payload);
}

void intake_finish (intake_t *self)
{
    frame_close (&self->original);
}
