#include "transports/rpc_health.h"

#include <stdlib.h>

#include "fabric/container.h"
#include "transports/health.pb-c.h"
#include "transports/rpc_stream.h"

typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus health_t;

#define SERVING         GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
#define SERVICE_UNKNOWN GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

typedef struct {
    list_node_t place; // of who watches
    rpc_hall_t *hall;
    rpc_call_t *call;
    bool watches;
    bool asked;
    bool ours; // the service that it asks about
    health_t told;
} asker_t;

static health_t health (const rpc_hall_t *hall)
{
    return desk_is_up (hall->house->desk) && !hall->retiring ? SERVING : NOT_SERVING;
}

static void tell (asker_t *self, health_t status)
{
    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    buffer_t *out = &self->hall->house->out;

    self->told = response.status = status;
    size_t size = grpc__health__v1__health_check_response__get_packed_size (&response);
    uint8_t *room = buffer_reserve (out, size);
    if (room)
        out->len += grpc__health__v1__health_check_response__pack (&response, room);
    rpc_call_send (self->call, out);
}

// Whether that is us: the server as a whole, or its one service.
static bool is_ours (const ProtobufCBinaryData *name)
{
    slice_t service = slice_of (name->data, name->len);
    slice_t path = slice_text (RPC_STREAM_PATH);

    return service.len == 0
           || (service.len + 1 < path.len && path.ptr[service.len + 1] == '/'
               && memcmp (path.ptr + 1, service.ptr, service.len) == 0);
}

static void answer (asker_t *self)
{
    if (!self->watches && !self->ours) {
        rpc_call_end (self->call, GRPC_STATUS_NOT_FOUND, "unknown service");
        return;
    }
    tell (self, self->ours ? health (self->hall) : SERVICE_UNKNOWN);
    if (!self->watches)
        rpc_call_end (self->call, GRPC_STATUS_OK, "");
    else
        list_append (&self->hall->watchers, &self->place);
}

static void on_message (void *arg, slice_t octets)
{
    asker_t *self = (asker_t *)arg;
    Grpc__Health__V1__HealthCheckRequest *request =
        grpc__health__v1__health_check_request__unpack (NULL, octets.len, octets.ptr);

    self->asked = true;
    if (!request) {
        rpc_call_end (self->call, GRPC_STATUS_INVALID_ARGUMENT, "not a HealthCheckRequest");
        return;
    }
    self->ours = is_ours (&request->service);
    answer (self);
    grpc__health__v1__health_check_request__free_unpacked (request, NULL);
}

static void on_half_closed (void *arg)
{
    asker_t *self = (asker_t *)arg;

    if (!self->asked)
        rpc_call_end (self->call, GRPC_STATUS_INVALID_ARGUMENT, "no HealthCheckRequest");
}

static void on_room (void *arg)
{
    (void)arg; // who does not read what is so little is dropped at its outbox's end
}

static void on_over (void *arg)
{
    asker_t *self = (asker_t *)arg;

    list_remove (&self->place);
    free (self);
}

static const rpc_sink_t sink = {
    .message = on_message,
    .half_closed = on_half_closed,
    .room = on_room,
    .over = on_over,
};

void rpc_health_open (rpc_hall_t *hall, rpc_call_t *call, bool watches)
{
    asker_t *self = (asker_t *)calloc (1, sizeof *self);

    if (!self) {
        rpc_call_refuse (call, GRPC_STATUS_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    self->hall = hall;
    self->call = call;
    self->watches = watches;
    rpc_call_open (call, &sink, self);
    rpc_call_read (call);
}

void rpc_health_changed (rpc_hall_t *hall)
{
    health_t now = health (hall);

    for (list_node_t *node = list_first (&hall->watchers); node;
         node = list_next (&hall->watchers, node)) {
        asker_t *self = container_of (node, asker_t, place);
        if (self->ours && self->told != now)
            tell (self, now);
    }
}

void rpc_health_end (rpc_hall_t *hall)
{
    for (list_node_t *node = list_first (&hall->watchers); node;
         node = list_next (&hall->watchers, node))
        rpc_call_end (container_of (node, asker_t, place)->call, GRPC_STATUS_UNAVAILABLE,
                      "the bridge is stopping");
}
