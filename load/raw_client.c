#include <errno.h>

#include "fabric/moment.h"
#include "load/account.h"
#include "load/raw.h"

#define COPY_OCTETS 4096 // larger payloads are sent from where they are

typedef struct {
    crew_member_t *member;
    void *socket;
    const load_plan_t *plan;
    wording_t wording;
    account_t account;
} client_t;

static void keep (void *data, void *hint)
{
    (void)data;
    (void)hint;
}

static int send_payload (client_t *self, slice_t payload)
{
    zmq_msg_t frame;

    if (payload.len < COPY_OCTETS)
        return zmq_send (self->socket, payload.ptr, payload.len, 0) < 0 ? -1 : 0;
    if (zmq_msg_init_data (&frame, (void *)(uintptr_t)payload.ptr, payload.len, keep, NULL))
        return -1;
    return zmq_msg_send (&frame, self->socket, 0) < 0 ? -1 : 0;
}

static int send_task (client_t *self)
{
    uint8_t header[WORDING_HEADER];
    uint64_t number = account_send (&self->account, moment_now_ns ());
    size_t len = wording_run (&self->wording, number, header);

    if (zmq_send (self->socket, header, len, ZMQ_SNDMORE) < 0
        || send_payload (self, wording_payload (&self->wording, number)))
        return raw_problem (self->member, NULL);
    return 0;
}

static slice_t octets_of (zmq_msg_t *frame)
{
    return slice_of (zmq_msg_data (frame), zmq_msg_size (frame));
}

static int take_result (client_t *self, zmq_msg_t *header, zmq_msg_t *payload)
{
    fault_t *fault = &crew_member_slip (self->member)->problem;
    uint64_t number;

    if (!zmq_msg_more (header))
        return raw_problem (self->member, "a packet without a payload frame");
    if (raw_receive (self->member, self->socket, payload, true)
        || wording_number (&self->wording, octets_of (header), &number, fault))
        return -1;
    return account_result (&self->account, number, octets_of (payload), moment_now_ns (), fault);
}

// Takes all that is there, and at least one. 0 or -1.
static int take_results (client_t *self)
{
    zmq_msg_t header, payload;
    int rc = 0;

    zmq_msg_init (&header);
    zmq_msg_init (&payload);
    for (bool wait = true; rc == 0; wait = false) {
        if (raw_receive (self->member, self->socket, &header, wait)) {
            rc = wait || errno != EAGAIN ? -1 : 0;
            break;
        }
        rc = take_result (self, &header, &payload);
    }
    zmq_msg_close (&header);
    zmq_msg_close (&payload);
    return rc;
}

// Runs tasks until `end` have been sent, and all are back.
static int run_to (client_t *self, uint64_t end)
{
    while (self->account.done < end) {
        while (self->account.sent < end && account_open (&self->account) < self->plan->window) {
            if (send_task (self))
                return -1;
        }
        if (take_results (self))
            return -1;
    }
    return 0;
}

static int run (client_t *self, uint64_t tasks)
{
    crew_slip_t *slip = crew_member_slip (self->member);
    uint64_t warm = part_warm_up (self->plan);

    if (account_init (&self->account, &self->wording, warm + tasks))
        return raw_problem (self->member, NULL);
    if (run_to (self, warm))
        return -1;
    self->account.latency = &slip->latency;
    crew_member_ready (self->member);
    crew_member_wait_start (self->member);
    part_begin (slip);
    if (run_to (self, warm + tasks))
        return -1;
    part_end (slip);
    return 0;
}

int part_raw_client (crew_member_t *member, const void *arg)
{
    const part_t *part = (const part_t *)arg;
    client_t self = {.member = member, .plan = part->plan};
    void *context = zmq_ctx_new ();
    size_t place = crew_member_place (member);
    int rc = -1;

    if (!context
        || wording_init (&self.wording, part->plan->codec, part->token + place, part->plan->size))
        return raw_problem (member, NULL);
    self.socket = raw_connect (member, context, part);
    if (self.socket)
        rc = run (&self, part_share (part->plan, place - part->first));
    account_finish (&self.account);
    wording_finish (&self.wording);
    return rc; // the process ends, and with it the rest
}
