#include "transports/rpc_call.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fabric/container.h"
#include "transports/rpc_tag.h"

#define CHOKE     (1024u * 1024) // octets that wait to be read by the other side
#define COPY_MAX  16384u         // octets that are rather copied than kept where they are
#define WORDS_MAX 256u

typedef struct {
    list_node_t place;
    grpc_byte_buffer *octets;
    size_t size;
} letter_t;

struct rpc_call {
    rpc_call_owner_t *owner;
    const rpc_library_t *lib;
    grpc_call *call;
    gpr_timespec deadline;
    const rpc_sink_t *sink; // NULL: refused
    void *arg;
    rpc_tag_t closed;
    rpc_tag_t read;
    rpc_tag_t written;
    unsigned under_way;        // operations: nothing may be freed before they are done
    int cancelled;             // gRPC writes it
    grpc_byte_buffer *message; // the same
    list_t outbox;             // its first is on its way if `sending`
    size_t waiting;            // octets in it
    patience_t *patience;      // it was full once
    grpc_status_code status;
    char words[WORDS_MAX];
    bool greeted; // the initial metadata went
    bool sending;
    bool reading;
    bool silent; // the other side sends no more
    bool choked; // and told so
    bool ending; // the status goes when the outbox is empty
    bool ended;  // it went
    bool over;   //
};

static void on_closed (rpc_tag_t *tag, bool ok);

// ---- operations

static void start (rpc_call_t *self,
                   const grpc_op *ops,
                   size_t count,
                   rpc_tag_t *tag,
                   void (*done) (rpc_tag_t *, bool))
{
    rpc_tag_arm (tag, done);
    self->under_way++;
    grpc_call_error error = self->lib->grpc_call_start_batch (self->call, ops, count, tag, NULL);
    assert (error == GRPC_CALL_OK); // it fails for what breaks its rules only
    (void)error;
}

static void free_letter (rpc_call_t *self, letter_t *letter)
{
    list_remove (&letter->place);
    self->waiting -= letter->size;
    if (self->patience)
        patience_count (self->patience, self->waiting);
    self->lib->grpc_byte_buffer_destroy (letter->octets);
    free (letter);
}

// All but the one that is on its way.
static void clear_outbox (rpc_call_t *self)
{
    list_node_t *node = list_first (&self->outbox), *next;

    if (node && self->sending && self->greeted)
        node = list_next (&self->outbox, node);
    for (; node; node = next) {
        next = list_next (&self->outbox, node);
        free_letter (self, container_of (node, letter_t, place));
    }
}

static void finish (rpc_call_t *self)
{
    rpc_call_owner_t *owner = self->owner;

    clear_outbox (self);
    patience_destroy (&self->patience);
    self->lib->grpc_call_unref (self->call);
    free (self);
    owner->freed (owner);
}

// The end of each operation's handler.
static void settle (rpc_call_t *self)
{
    if (self->over && self->under_way == 0)
        finish (self);
}

// ---- out

static void on_status (rpc_tag_t *tag, bool ok)
{
    rpc_call_t *self = container_of (tag, rpc_call_t, written);

    (void)ok;
    self->under_way--;
    settle (self);
}

static void send_status (rpc_call_t *self)
{
    grpc_slice words = self->lib->grpc_slice_from_copied_buffer (self->words, strlen (self->words));
    grpc_op ops[2] = {{.op = GRPC_OP_SEND_STATUS_FROM_SERVER},
                      {.op = GRPC_OP_SEND_INITIAL_METADATA}};

    ops[0].data.send_status_from_server.status = self->status;
    ops[0].data.send_status_from_server.status_details = &words;
    self->ended = true;
    start (self, ops, self->greeted ? 1 : 2, &self->written, on_status);
    self->lib->grpc_slice_unref (words);
}

static void on_written (rpc_tag_t *tag, bool ok);

static void send_next (rpc_call_t *self)
{
    list_node_t *node = list_first (&self->outbox);

    if (self->over || self->sending || self->ended)
        return;
    if (node) {
        grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};
        op.data.send_message.send_message = container_of (node, letter_t, place)->octets;
        self->sending = true;
        start (self, &op, 1, &self->written, on_written);
    } else if (self->ending) {
        send_status (self);
    }
}

static void on_written (rpc_tag_t *tag, bool ok)
{
    rpc_call_t *self = container_of (tag, rpc_call_t, written);
    list_node_t *node = list_first (&self->outbox);

    (void)ok; // if not, it is over, which comes by another way
    self->under_way--;
    self->sending = false;
    if (self->greeted && node)
        free_letter (self, container_of (node, letter_t, place));
    self->greeted = true;
    send_next (self);
    if (self->choked && self->waiting <= CHOKE / 4 && !self->over) {
        self->choked = false;
        self->sink->room (self->arg);
    }
    settle (self);
}

static void cancel (rpc_call_t *self, const char *words)
{
    clear_outbox (self);
    self->ending = true;
    (void)self->lib->grpc_call_cancel_with_status (self->call, GRPC_STATUS_RESOURCE_EXHAUSTED,
                                                   words, NULL);
}

static letter_t *letter_new (rpc_call_t *self, buffer_t *out)
{
    letter_t *letter = (letter_t *)calloc (1, sizeof *letter);
    grpc_slice slice;

    if (!letter)
        return NULL;
    letter->size = out->len;
    if (out->len <= COPY_MAX) {
        slice = self->lib->grpc_slice_from_copied_buffer ((const char *)out->data, out->len);
    } else {
        size_t len;
        uint8_t *data = buffer_take (out, &len);
        slice = self->lib->grpc_slice_new (data, len, free);
    }
    letter->octets = self->lib->grpc_raw_byte_buffer_create (&slice, 1);
    self->lib->grpc_slice_unref (slice);
    return letter;
}

bool rpc_call_full (const rpc_call_t *self)
{
    // What is there counts: one packet may be as long as packets are.
    return self->waiting > self->owner->outbox->bound;
}

static const char deaf[] = "it does not read what it is sent";

static void on_late (void *arg)
{
    rpc_call_t *self = (rpc_call_t *)arg;

    if (!self->over)
        cancel (self, deaf);
}

static bool has_patience (rpc_call_t *self)
{
    patience_pool_t *pool = self->owner->outbox;

    if (!self->patience)
        self->patience = patience_new (pool, self->owner->base, on_late, self);
    return self->patience && patience_is_left (pool);
}

void rpc_call_send (rpc_call_t *self, buffer_t *out)
{
    letter_t *letter = NULL;

    if (self->over || self->ending) {
        buffer_reset (out);
        return;
    }
    // A packet that is lost leaves its peer waiting for ever: rather none than that.
    if (rpc_call_full (self) && !has_patience (self))
        cancel (self, deaf);
    else if (out->failed || !(letter = letter_new (self, out)))
        cancel (self, "out of memory");
    buffer_reset (out);
    if (!letter)
        return;
    self->waiting += letter->size;
    if (self->patience)
        patience_count (self->patience, self->waiting);
    list_append (&self->outbox, &letter->place);
    send_next (self);
}

bool rpc_call_choked (rpc_call_t *self)
{
    self->choked = self->choked || self->waiting > CHOKE;
    return self->choked;
}

void rpc_call_end (rpc_call_t *self, grpc_status_code status, const char *words)
{
    if (self->over || self->ending)
        return;
    self->ending = true;
    self->status = status;
    (void)strncat (self->words, words, sizeof self->words - 1);
    send_next (self);
}

// ---- in

static void give_message (rpc_call_t *self, grpc_byte_buffer *message)
{
    grpc_byte_buffer_reader reader;

    // Compressed ones would have to be unpacked before anybody knows how long they are.
    if (message->type != GRPC_BB_RAW || message->data.raw.compression != GRPC_COMPRESS_NONE
        || !self->lib->grpc_byte_buffer_reader_init (&reader, message)) {
        rpc_call_end (self, GRPC_STATUS_UNIMPLEMENTED, "compressed messages are not taken");
        return;
    }
    grpc_slice whole = self->lib->grpc_byte_buffer_reader_readall (&reader);
    self->sink->message (self->arg,
                         slice_of (GRPC_SLICE_START_PTR (whole), GRPC_SLICE_LENGTH (whole)));
    self->lib->grpc_slice_unref (whole);
    self->lib->grpc_byte_buffer_reader_destroy (&reader);
}

static void on_read (rpc_tag_t *tag, bool ok)
{
    rpc_call_t *self = container_of (tag, rpc_call_t, read);
    grpc_byte_buffer *message = self->message;

    self->under_way--;
    self->reading = false;
    self->message = NULL;
    self->silent = !ok || !message;
    if (!self->over && !self->ending && !self->silent)
        give_message (self, message);
    else if (!self->over && !self->ending)
        self->sink->half_closed (self->arg);
    if (message)
        self->lib->grpc_byte_buffer_destroy (message);
    settle (self);
}

void rpc_call_read (rpc_call_t *self)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};

    if (self->over || self->ending || self->reading || self->silent)
        return;
    self->reading = true;
    op.data.recv_message.recv_message = &self->message;
    start (self, &op, 1, &self->read, on_read);
}

// ---- life cycle

static void on_closed (rpc_tag_t *tag, bool ok)
{
    rpc_call_t *self = container_of (tag, rpc_call_t, closed);

    (void)ok;
    self->under_way--;
    self->over = true;
    clear_outbox (self);
    if (self->sink)
        self->sink->over (self->arg);
    settle (self);
}

// The end is watched for, whatever else becomes of it.
static void watch_end (rpc_call_t *self)
{
    grpc_op op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};

    op.data.recv_close_on_server.cancelled = &self->cancelled;
    start (self, &op, 1, &self->closed, on_closed);
}

rpc_call_t *rpc_call_new (rpc_call_owner_t *owner, grpc_call *call, gpr_timespec deadline)
{
    rpc_call_t *self = (rpc_call_t *)calloc (1, sizeof *self);

    if (!self) {
        (void)owner->lib->grpc_call_cancel_with_status (call, GRPC_STATUS_RESOURCE_EXHAUSTED,
                                                        "out of memory", NULL);
        owner->lib->grpc_call_unref (call);
        return NULL;
    }
    self->owner = owner;
    self->lib = owner->lib;
    self->call = call;
    self->deadline = deadline;
    list_init (&self->outbox);
    return self;
}

void rpc_call_open (rpc_call_t *self, const rpc_sink_t *sink, void *arg)
{
    grpc_op op = {.op = GRPC_OP_SEND_INITIAL_METADATA};

    self->sink = sink;
    self->arg = arg;
    watch_end (self);
    self->sending = true;
    start (self, &op, 1, &self->written, on_written);
}

void rpc_call_refuse (rpc_call_t *self, grpc_status_code status, const char *words)
{
    watch_end (self);
    rpc_call_end (self, status, words);
}

uint64_t rpc_call_time_left (const rpc_call_t *self)
{
    const rpc_library_t *lib = self->lib;
    gpr_clock_type clock = self->deadline.clock_type;
    int32_t left =
        lib->gpr_time_to_millis (lib->gpr_time_sub (self->deadline, lib->gpr_now (clock)));

    if (left == INT32_MAX)
        return 0;
    return left > 0 ? (uint64_t)left : 1;
}
