#include "load/raw.h"

#include <errno.h>

int raw_problem (crew_member_t *member, const char *words)
{
    fault_t *fault = &crew_member_slip (member)->problem;

    if (!fault->text[0])
        fault_set (fault, "%s", words ? words : zmq_strerror (errno));
    return -1;
}

// The secret first: what libzmq derives from the others is checked when it connects.
static int set_keys (void *socket, const keys_t *keys)
{
    if (!keys)
        return 0;
    return zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, keys->pair->secret_key, KEY_TEXT + 1)
           || zmq_setsockopt (socket, ZMQ_CURVE_PUBLICKEY, keys->pair->public_key, KEY_TEXT + 1)
           || zmq_setsockopt (socket, ZMQ_CURVE_SERVERKEY, keys->server_key, KEY_TEXT + 1);
}

void *raw_connect (crew_member_t *member, void *context, const part_t *part)
{
    static const int patience = RAW_PATIENCE_MS, linger = 0;
    void *socket = zmq_socket (context, ZMQ_DEALER);

    if (socket && zmq_setsockopt (socket, ZMQ_RCVTIMEO, &patience, sizeof patience) == 0
        && zmq_setsockopt (socket, ZMQ_SNDTIMEO, &patience, sizeof patience) == 0
        && zmq_setsockopt (socket, ZMQ_LINGER, &linger, sizeof linger) == 0
        && set_keys (socket, part->keys) == 0 && zmq_connect (socket, part->endpoint) == 0)
        return socket;
    (void)raw_problem (member, NULL);
    if (socket)
        zmq_close (socket);
    return NULL;
}

int raw_send (crew_member_t *member, void *socket, buffer_t *out)
{
    int rc = out->failed ? -1 : zmq_send (socket, out->data, out->len, 0);

    buffer_finish (out);
    return rc < 0 ? raw_problem (member, NULL) : 0;
}

int raw_receive (crew_member_t *member, void *socket, zmq_msg_t *frame, bool wait)
{
    int got;

    do {
        got = zmq_msg_recv (frame, socket, wait ? 0 : ZMQ_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got >= 0)
        return 0;
    if (wait || errno != EAGAIN)
        return raw_problem (member,
                            errno == EAGAIN ? "nothing came for 30 s: a task was lost" : NULL);
    return -1;
}
