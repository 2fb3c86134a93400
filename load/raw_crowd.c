#include <stdlib.h>

#include "load/raw.h"
#include "load/wording.h"

#define SPARE_SOCKETS 100 // ZeroMQ's own, beside those of the clients

// The broker answers a HEARTBEAT, after everything that came before it.
static int ask_for_life (crew_member_t *member, const wording_t *wording, void *socket)
{
    buffer_t out;

    buffer_init (&out, WORDING_HEADER);
    wording_heartbeat (wording, &out);
    return raw_send (member, socket, &out);
}

static int wait_for_life (crew_member_t *member, void *socket)
{
    zmq_msg_t answer;

    zmq_msg_init (&answer);
    int rc = raw_receive (member, socket, &answer, true);
    zmq_msg_close (&answer);
    return rc;
}

int part_idle_clients (crew_member_t *member, const void *arg)
{
    const part_t *part = (const part_t *)arg;
    uint32_t others = (uint32_t)(crew_member_place (member) - part->first) * PART_IDLE_MAX;
    uint32_t left = part->plan->idle_clients - others;
    uint32_t count = left < PART_IDLE_MAX ? left : PART_IDLE_MAX;
    void *context = zmq_ctx_new ();
    void **sockets = (void **)calloc (count ? count : 1, sizeof *sockets);
    wording_t wording;

    if (!context || !sockets || wording_init (&wording, part->plan->codec, 0, 0)
        || zmq_ctx_set (context, ZMQ_MAX_SOCKETS, (int)count + SPARE_SOCKETS))
        return raw_problem (member, NULL);
    for (uint32_t i = 0; i < count; i++) {
        sockets[i] = raw_connect (member, context, part);
        if (!sockets[i] || ask_for_life (member, &wording, sockets[i]))
            return -1;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (wait_for_life (member, sockets[i]))
            return -1;
    }
    crew_member_ready (member);
    crew_member_stay ();
    return 0;
}

int part_waiting_tasks (crew_member_t *member, const void *arg)
{
    const part_t *part = (const part_t *)arg;
    void *context = zmq_ctx_new ();
    wording_t wording;
    buffer_t out;

    if (!context
        || wording_init (&wording, part->plan->codec, part->token + crew_member_place (member),
                         part->plan->size))
        return raw_problem (member, NULL);
    void *socket = raw_connect (member, context, part);
    if (!socket)
        return -1;
    buffer_init (&out, WORDING_HEADER);
    for (uint64_t i = 0; i < part->plan->waiting; i++) {
        slice_t payload = wording_payload (&wording, i);
        buffer_reset (&out);
        wording_waiting (&wording, i, &out);
        if (out.failed || zmq_send (socket, out.data, out.len, ZMQ_SNDMORE) < 0
            || zmq_send (socket, payload.ptr, payload.len, 0) < 0)
            return raw_problem (member, NULL);
    }
    buffer_finish (&out);
    if (ask_for_life (member, &wording, socket) || wait_for_life (member, socket))
        return -1;
    crew_member_ready (member);
    crew_member_stay ();
    return 0;
}
