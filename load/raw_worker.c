#include <errno.h>

#include "load/raw.h"
#include "load/wording.h"

static int
register_worker (crew_member_t *member, const part_t *part, const wording_t *wording, void *socket)
{
    zmq_msg_t answer;
    buffer_t out;

    buffer_init (&out, WORDING_HEADER);
    wording_register (wording, (uint16_t)part->plan->capacity, &out);
    if (raw_send (member, socket, &out))
        return -1;
    zmq_msg_init (&answer);
    int rc = raw_receive (member, socket, &answer, true);
    zmq_msg_close (&answer);
    return rc;
}

// Answers a RUN with its own payload. 0 or -1.
static int answer (crew_member_t *member,
                   const wording_t *wording,
                   void *socket,
                   zmq_msg_t *run,
                   zmq_msg_t *payload)
{
    uint8_t header[WORDING_HEADER];
    size_t len =
        wording_answer (wording, slice_of (zmq_msg_data (run), zmq_msg_size (run)), header);

    if (len == 0)
        return raw_problem (member, "a worker got something else than a RUN");
    if (zmq_send (socket, header, len, ZMQ_SNDMORE) < 0 || zmq_msg_send (payload, socket, 0) < 0)
        return raw_problem (member, NULL);
    return 0;
}

// Answers all that is there. 0 or -1.
static int answer_all (crew_member_t *member, const wording_t *wording, void *socket)
{
    zmq_msg_t run, payload;
    int rc = 0;

    zmq_msg_init (&run);
    zmq_msg_init (&payload);
    while (rc == 0 && raw_receive (member, socket, &run, false) == 0) {
        if (zmq_msg_more (&run))
            rc = raw_receive (member, socket, &payload, true)
                 || answer (member, wording, socket, &run, &payload);
    }
    zmq_msg_close (&run);
    zmq_msg_close (&payload);
    return rc || errno != EAGAIN ? -1 : 0;
}

static int serve (crew_member_t *member, const wording_t *wording, void *socket)
{
    zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};

    for (;;) {
        if (answer_all (member, wording, socket))
            return -1;
        (void)zmq_poll (&item, 1, -1);
    }
}

int part_raw_worker (crew_member_t *member, const void *arg)
{
    const part_t *part = (const part_t *)arg;
    wording_t wording;
    void *socket = NULL;
    void *context = zmq_ctx_new ();
    int rc = -1;

    if (!context || wording_init (&wording, part->plan->codec, 0, 0))
        return raw_problem (member, NULL);
    socket = raw_connect (member, context, part);
    if (socket && register_worker (member, part, &wording, socket) == 0) {
        crew_member_ready (member);
        rc = serve (member, &wording, socket);
    }
    wording_finish (&wording);
    return rc; // the process ends, and with it the rest
}
