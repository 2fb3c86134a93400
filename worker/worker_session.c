#include "worker/worker_session.h"

#include <errno.h>
#include <stdlib.h>

#include "fabric/container.h"
#include "fabric/limits.h"
#include "worker/worker_task.h"

struct worker_session {
    link_t *link;
    encoding_t codec;
    const report_self_t *worker;
    buffer_t header; // the one that is being written
    bool enroll;     // a REGISTER is to be sent
    unsigned capacity;
    bool leave, fence; // a SHUTDOWN, and a HEARTBEAT after it
    list_t letters;
    size_t count; // of letters
    bool starved;
    uint64_t answers; // to HEARTBEATs, on this connection
    uint64_t awaited; // the answer to the HEARTBEAT after SHUTDOWN; 0: not sent
};

worker_session_t *worker_session_new (void *context,
                                      const link_options_t *options,
                                      const report_self_t *worker,
                                      fault_t *fault)
{
    worker_session_t *self = (worker_session_t *)calloc (1, sizeof *self);

    if (!self) {
        fault_set (fault, "out of memory");
        return NULL;
    }
    self->codec = options->codec;
    self->worker = worker;
    buffer_init (&self->header, LIMIT_HEADER_OCTETS);
    list_init (&self->letters);
    self->link = link_new (context, options, fault);
    if (!self->link)
        worker_session_destroy (&self);
    return self;
}

static void drop_letters (worker_session_t *self)
{
    list_node_t *node;

    while ((node = list_first (&self->letters))) {
        letter_t *letter = container_of (node, letter_t, place);
        list_remove (node);
        worker_task_posted (&letter);
    }
    self->count = 0;
}

void worker_session_destroy (worker_session_t **self_p)
{
    worker_session_t *self = *self_p;

    if (!self)
        return;
    int problem = errno;
    drop_letters (self);
    buffer_finish (&self->header);
    link_destroy (&self->link);
    free (self);
    *self_p = NULL;
    errno = problem;
}

link_t *worker_session_link (worker_session_t *self)
{
    return self->link;
}

void worker_session_enroll (worker_session_t *self, unsigned capacity)
{
    self->enroll = true;
    self->capacity = capacity;
}

void worker_session_leave (worker_session_t *self)
{
    self->leave = self->fence = true;
}

void worker_session_post (worker_session_t *self, letter_t *letter)
{
    list_append (&self->letters, &letter->place);
    self->count++;
    worker_session_flush (self);
}

// Sends the header that was written. `payload` may be NULL.
static int send_header (worker_session_t *self, frame_t *payload)
{
    frame_t header;

    if (frame_copy (&header, buffer_as_slice (&self->header))) {
        self->starved = true;
        return -1;
    }
    int rc = link_send (self->link, &header, payload);
    if (rc)
        frame_close (&header);
    return rc;
}

static int send_enrolment (worker_session_t *self)
{
    buffer_reset (&self->header);
    report_register (self->codec, self->worker, self->capacity, &self->header);
    if (self->header.failed) {
        self->starved = true;
        return -1;
    }
    return send_header (self, NULL);
}

static int send_leave (worker_session_t *self)
{
    buffer_reset (&self->header);
    report_shutdown (self->codec, &self->header);
    if (self->header.failed) {
        self->starved = true;
        return -1;
    }
    return send_header (self, NULL);
}

static int send_letter (worker_session_t *self, letter_t *letter)
{
    buffer_reset (&self->header);
    letter_write (letter, self->codec, &self->header);
    if (self->header.failed) {
        self->starved = true;
        return -1;
    }
    return send_header (self, &letter->payload);
}

void worker_session_flush (worker_session_t *self)
{
    list_node_t *node;

    self->starved = false;
    if (!link_is_up (self->link))
        return;
    if (self->enroll) {
        if (send_enrolment (self))
            return;
        self->enroll = false;
    }
    if (self->leave) {
        if (send_leave (self))
            return;
        self->leave = false;
    }
    if (self->fence) {
        if (link_beat (self->link))
            return;
        self->fence = false;
        self->awaited = link_beats (self->link);
    }
    while ((node = list_first (&self->letters))) {
        letter_t *letter = container_of (node, letter_t, place);
        if (send_letter (self, letter))
            return;
        list_remove (node);
        self->count--;
        worker_task_posted (&letter);
    }
}

void worker_session_reset (worker_session_t *self)
{
    drop_letters (self);
    self->enroll = self->leave = self->fence = self->starved = false;
    self->answers = self->awaited = 0;
}

bool worker_session_answered (worker_session_t *self)
{
    self->answers++;
    return self->awaited && self->answers >= self->awaited;
}

size_t worker_session_unsent (const worker_session_t *self)
{
    return self->count;
}

bool worker_session_starved (const worker_session_t *self)
{
    return self->starved;
}
