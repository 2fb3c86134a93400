/*  Packets from a broker. What breaks the protocol is told and dropped, but a RUN of which as much
 *  as the cookie can be read gets its RESULT.
 */
#include "worker/worker_loop_inner.h"

#include <errno.h>

#include "codec/codec.h"

// RESULTs of what never became a task, waiting for a broker that does not read. A broker that sends
// within our capacity never gets there.
#define REFUSALS_MAX 10000u

static void answer (
    worker_loop_t *self, unsigned number, const cookie_t *cookie, zfabric_rc_t rc, const char *why)
{
    worker_session_t *session = self->sessions[number];
    letter_t *letter = NULL;

    if (worker_session_unsent (session) < self->options.capacity + REFUSALS_MAX)
        letter = letter_new (cookie);
    if (!letter) {
        worker_loop_tell (self, ZFABRIC_WORKER_EVENT_REFUSED, "no room to answer: %s", why);
        return;
    }
    letter->rc = rc;
    letter->encoding = self->home.codec;
    (void)letter_say (letter, why, NULL, 0); // ENOMEM: without the words
    worker_session_post (session, letter);
}

// The payload out of the header, where the legacy form has it. 0, or -1 (EMSGSIZE, ENOMEM).
static int unpack (const worker_loop_t *self, const packet_t *run, frame_t *payload)
{
    buffer_t octets;

    if (frame_size (payload) > self->home.max_payload) {
        errno = EMSGSIZE;
        return -1;
    }
    if (!packet_inline (run))
        return 0;
    buffer_init (&octets, self->home.max_payload);
    codec_text (packet_inline (run)->text, &octets);
    frame_close (payload);
    int rc = frame_take (payload, &octets);
    int problem = errno;
    buffer_finish (&octets);
    errno = problem;
    return rc;
}

static const char *const answers[] = {
    [TASK_MANAGER_FULL] = "the worker has no free slot",
    [TASK_MANAGER_TWICE] = "the worker runs a task with this cookie",
    [TASK_MANAGER_HALTED] = "the worker is stopping",
};

static const zfabric_rc_t answer_codes[] = {
    [TASK_MANAGER_FULL] = ZFABRIC_EXCEPTION,
    [TASK_MANAGER_TWICE] = ZFABRIC_COOKIE_COLLISION,
    [TASK_MANAGER_HALTED] = ZFABRIC_CANCELLED,
};

static void take_run (worker_loop_t *self, unsigned number, packet_t *run, frame_t *payload)
{
    const handler_t *handler = handlers_find (self->options.handlers, run->pipeline);
    task_manager_answer_t verdict = task_manager_asks (self->manager, number, &run->cookie);
    zfabric_task_t *task = NULL;
    const char *why = NULL;

    if (verdict != TASK_MANAGER_TAKES) {
        answer (self, number, &run->cookie, answer_codes[verdict], answers[verdict]);
        return;
    }
    if (!handler)
        why = "the worker does not serve this pipeline";
    else if (unpack (self, run, payload))
        why = errno == EMSGSIZE ? "the payload is more than the worker takes" : "out of memory";
    else if (!(task = worker_task_new (&self->home, run, payload, handler, number)))
        why = "out of memory";
    if (why)
        answer (self, number, &run->cookie, ZFABRIC_EXCEPTION, why);
    else
        task_manager_add (self->manager, &task->managed);
}

static void take_register (worker_loop_t *self, unsigned number, const packet_t *packet)
{
    const char *endpoint = link_endpoint (worker_session_link (self->sessions[number]));

    if (packet_has (packet, PACKET_BIT (CAPACITY))) {
        if (task_manager_granted (self->manager, number))
            worker_loop_tell (self, ZFABRIC_WORKER_EVENT_READY, "%s", endpoint);
        return;
    }
    if (task_manager_unknown (self->manager, number))
        worker_loop_tell (self, ZFABRIC_WORKER_EVENT_LOST, "%s does not know this worker any more",
                          endpoint);
}

static void take_result (worker_loop_t *self, unsigned number, packet_t *packet)
{
    buffer_t words;

    buffer_init (&words, FAULT_TEXT_MAX);
    if (packet_has (packet, PACKET_BIT (ERROR)))
        codec_text (packet->error, &words);
    const char *code =
        packet_has (packet, PACKET_BIT (RC)) ? zfabric_rc_name (packet->rc) : "no code";
    worker_loop_tell (self, ZFABRIC_WORKER_EVENT_REFUSED, "the broker refused a packet: %s: %.*s",
                      code, (int)words.len, words.data ? (const char *)words.data : "");
    buffer_finish (&words);
    if (packet_has (packet, PACKET_BIT (RC) | PACKET_BIT (COOKIE))
        && packet->rc == ZFABRIC_BAD_PACKET
        && task_manager_mourn (self->manager, number, &packet->cookie))
        answer (self, number, &packet->cookie, ZFABRIC_EXCEPTION,
                "the broker refused the worker's result");
}

static void take_shutdown (worker_loop_t *self, unsigned number)
{
    worker_loop_tell (self, ZFABRIC_WORKER_EVENT_LEAVING, "%s asks for it",
                      link_endpoint (worker_session_link (self->sessions[number])));
    task_manager_dismissed (self->manager, number);
}

static void
take_packet (worker_loop_t *self, unsigned number, packet_t *packet, wire_message_t *message)
{
    switch (packet->type) {
    case PACKET_RUN:
        take_run (self, number, packet, &message->payload);
        return;
    case PACKET_CANCEL:
        (void)task_manager_cancel (self->manager, number, &packet->cookie); // its RESULT crossed it
        return;
    case PACKET_REGISTER:
        take_register (self, number, packet);
        return;
    case PACKET_SHUTDOWN:
        take_shutdown (self, number);
        return;
    case PACKET_HEARTBEAT:
        // One with a name is no answer: the broker looks whether we are there.
        if (!packet_has (packet, PACKET_BIT (NAME))
            && worker_session_answered (self->sessions[number]))
            task_manager_fenced (self->manager, number);
        return;
    case PACKET_RESULT:
        take_result (self, number, packet);
        return;
    case PACKET_PARTIAL:
    case PACKET_UNKNOWN:
    case PACKET_TYPE_COUNT:
        return; // PROTOCOL 3: ignored
    }
}

// Whether a packet has what its type needs; REGISTER and RESULT need nothing on the way to us.
static int check (const packet_t *packet, fault_t *fault)
{
    if (packet->type == PACKET_RUN || packet->type == PACKET_CANCEL)
        return packet_check (packet, fault);
    return 0;
}

void worker_packets_take (worker_loop_t *self, unsigned number, wire_message_t *message)
{
    packet_t packet;
    fault_t fault;

    if (codec_read (frame_slice (&message->header), &packet, &fault) || check (&packet, &fault)) {
        worker_loop_tell (self, ZFABRIC_WORKER_EVENT_REFUSED, "a bad packet from the broker: %s",
                          fault.text);
        if (packet.type == PACKET_RUN && packet_has (&packet, PACKET_BIT (COOKIE)))
            answer (self, number, &packet.cookie, ZFABRIC_EXCEPTION, fault.text);
        return;
    }
    take_packet (self, number, &packet, message);
}
