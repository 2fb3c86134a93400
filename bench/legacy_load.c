/*  Load for a door of framed JSON, or whatever else speaks it over a UNIX socket.
 *
 *      bench_legacy_load PATH CONNECTIONS WINDOW TASKS
 *
 *  That many connections on one thread, each with WINDOW tasks on their way, all from one supply.
 *  While it is timed it only sends frames made beforehand and counts those that come, so that what
 *  is measured is what is between it and the worker. Then it checks that each task came back once,
 *  on its connection, OK and with its own variables as its result. Prints tasks a second.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "codec/codec.h"
#include "fabric/moment.h"

#define PREFIX       4u
#define RUN_OCTETS   256u      // of a frame, and some
#define ROOM         65536u    // to receive at once
#define CONNECTIONS  10000u    // at most
#define TASKS        10000000u // at most: numbers have eight digits
#define FIRST_NUMBER 10000000u // so that they have them all
#define EVENTS       64
#define NUMBER       "{\"n\": %u}"

typedef struct {
    int socket;
    bool blocked;  // `out` waits for room
    slice_t out;   // what is to be sent of the frames that it took
    size_t open;   // tasks taken and not come back
    buffer_t in;   // all that came
    size_t framed; // octets of it that are whole frames
} connection_t;

typedef struct {
    uint8_t *frames; // all RUNs, one behind the other
    size_t frame;    // octets of each
    size_t *taker;   // of each task, the connection that took it; then SIZE_MAX: it came back
    size_t count, taken, done, window;
    connection_t *connections;
    size_t connection_count;
    int epoll;
} load_t;

static _Noreturn void fail (const char *words)
{
    fprintf (stderr, "bench_legacy_load: %s\n", words);
    exit (1);
}

static _Noreturn void fail_errno (const char *what)
{
    fprintf (stderr, "bench_legacy_load: %s: %s\n", what, strerror (errno));
    exit (1);
}

static void *many (size_t count, size_t size)
{
    void *memory = calloc (count, size);

    if (!memory)
        fail ("out of memory");
    return memory;
}

// ---- before

static size_t number_of (const char *text, size_t most)
{
    char *end;
    unsigned long number = strtoul (text, &end, 10);

    if (*end || number == 0 || number > most)
        fail ("usage: bench_legacy_load PATH CONNECTIONS WINDOW TASKS");
    return number;
}

static void cookie_of (uint32_t task, cookie_t *cookie)
{
    static const cookie_t form = {.octets = {[6] = 0x40, [8] = 0x80}};

    *cookie = form;
    memcpy (cookie->octets, &task, sizeof task);
}

static void write_frames (load_t *self)
{
    char text[RUN_OCTETS], cookie_text[COOKIE_TEXT + 1] = "";
    cookie_t cookie;

    for (size_t i = 0; i < self->count; i++) {
        cookie_of ((uint32_t)i, &cookie);
        cookie_print (&cookie, cookie_text);
        unsigned len = (unsigned)snprintf (
            text, sizeof text,
            "{\"packet_type\": \"RUN\", \"cookie\": \"%s\", \"pipeline\": \"echo\", "
            "\"variables\": \"{\\\"n\\\": %u}\"}",
            cookie_text, FIRST_NUMBER + (unsigned)i);
        uint8_t prefix[PREFIX] = {0, 0, (uint8_t)(len >> 8), (uint8_t)len};
        if (!self->frames) {
            self->frame = PREFIX + len;
            self->frames = (uint8_t *)many (self->count, self->frame);
        }
        memcpy (self->frames + i * self->frame, prefix, PREFIX);
        memcpy (self->frames + i * self->frame + PREFIX, text, len);
    }
}

static void dial (load_t *self, connection_t *connection, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};

    if (strlen (path) >= sizeof address.sun_path)
        fail ("PATH is too long");
    memcpy (address.sun_path, path, strlen (path));
    // A fair share and a bit: it is not to be moved while it is timed.
    buffer_init (&connection->in, SIZE_MAX);
    (void)buffer_reserve (&connection->in,
                          self->count / self->connection_count * self->frame * 5 / 4 + ROOM);
    connection->socket = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->socket < 0
        || connect (connection->socket, (struct sockaddr *)&address, sizeof address)
        || epoll_ctl (self->epoll, EPOLL_CTL_ADD, connection->socket, &event))
        fail_errno (path);
}

// ---- while it is timed

static void watch_room (load_t *self, connection_t *connection, bool blocked)
{
    struct epoll_event event = {.events = EPOLLIN | (blocked ? EPOLLOUT : 0),
                                .data.ptr = connection};

    if (blocked != connection->blocked
        && epoll_ctl (self->epoll, EPOLL_CTL_MOD, connection->socket, &event))
        fail_errno ("epoll_ctl");
    connection->blocked = blocked;
}

static void flush (load_t *self, connection_t *connection)
{
    while (connection->out.len) {
        ssize_t sent = send (connection->socket, connection->out.ptr, connection->out.len,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN)
            fail_errno ("send");
        if (sent < 0)
            break;
        connection->out.ptr += sent;
        connection->out.len -= (size_t)sent;
    }
    watch_room (self, connection, connection->out.len > 0);
}

// Fills the connection's window from the supply.
static void take (load_t *self, connection_t *connection)
{
    size_t more = self->window - connection->open, left = self->count - self->taken;

    if (connection->out.len)
        return;
    more = more < left ? more : left;
    connection->out = slice_of (self->frames + self->taken * self->frame, more * self->frame);
    for (size_t i = 0; i < more; i++)
        self->taker[self->taken + i] = (size_t)(connection - self->connections);
    self->taken += more;
    connection->open += more;
    flush (self, connection);
}

// The frame at `at` of what came; false if it is not all there.
static bool frame_at (const connection_t *connection, size_t at, slice_t *frame)
{
    slice_t octets = buffer_as_slice (&connection->in);

    if (octets.len - at < PREFIX)
        return false;
    const uint8_t *prefix = octets.ptr + at;
    size_t len =
        (size_t)prefix[0] << 24 | (size_t)prefix[1] << 16 | (size_t)prefix[2] << 8 | prefix[3];
    *frame = slice_of (prefix + PREFIX, len);
    return octets.len - at - PREFIX >= len;
}

static void receive (load_t *self, connection_t *connection)
{
    uint8_t *room = buffer_reserve (&connection->in, ROOM);
    slice_t frame;

    if (!room)
        fail ("out of memory");
    ssize_t got = recv (connection->socket, room, ROOM, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        fail (got ? strerror (errno) : "the connection was closed");
    connection->in.len += (size_t)got;
    while (frame_at (connection, connection->framed, &frame)) {
        if (connection->open == 0)
            fail ("more came than was asked for");
        connection->framed += PREFIX + frame.len;
        connection->open--;
        self->done++;
    }
}

static void run (load_t *self)
{
    struct epoll_event events[EVENTS];

    for (size_t i = 0; i < self->connection_count; i++)
        take (self, &self->connections[i]);
    while (self->done < self->count) {
        int ready = epoll_wait (self->epoll, events, EVENTS, -1);
        if (ready < 0 && errno != EINTR)
            fail_errno ("epoll_wait");
        for (int i = 0; i < ready; i++) {
            connection_t *connection = (connection_t *)events[i].data.ptr;
            if (events[i].events & ~(uint32_t)EPOLLOUT)
                receive (self, connection);
            flush (self, connection);
            take (self, connection);
        }
    }
}

// ---- afterwards

static void check_result (uint32_t task, const packet_t *packet)
{
    char wanted[32];
    buffer_t result;

    snprintf (wanted, sizeof wanted, NUMBER, FIRST_NUMBER + task);
    buffer_init (&result, ROOM);
    codec_text (packet->result.text, &result);
    if (!slice_equal (buffer_as_slice (&result), slice_text (wanted)))
        fail ("a task has another's result");
    buffer_finish (&result);
}

static void check_frame (load_t *self, size_t which, slice_t frame)
{
    packet_t packet;
    fault_t fault;
    cookie_t cookie;
    uint32_t task;

    if (codec_read (frame, &packet, &fault))
        fail (fault.text);
    if (packet.type != PACKET_RESULT
        || !packet_has (&packet, PACKET_BIT (COOKIE) | PACKET_BIT (RC) | PACKET_BIT (RESULT)))
        fail ("what came is no result of a task");
    memcpy (&task, packet.cookie.octets, sizeof task);
    cookie_of (task, &cookie);
    if (!cookie_equal (&cookie, &packet.cookie) || task >= self->count)
        fail ("a cookie came that is no task's");
    if (self->taker[task] != which)
        fail ("a task came back twice, or to another connection");
    self->taker[task] = SIZE_MAX;
    if (packet.rc != ZFABRIC_OK)
        fail (zfabric_rc_name (packet.rc));
    check_result (task, &packet);
}

static void check (load_t *self)
{
    slice_t frame;

    for (size_t i = 0; i < self->connection_count; i++) {
        connection_t *connection = &self->connections[i];
        for (size_t at = 0; at < connection->framed; at += PREFIX + frame.len) {
            (void)frame_at (connection, at, &frame); // it was counted: it is there
            check_frame (self, i, frame);
        }
        if (connection->framed != connection->in.len)
            fail ("more came than was asked for");
    }
}

int main (int argc, char **argv)
{
    load_t self = {.epoll = epoll_create1 (EPOLL_CLOEXEC)};

    if (argc != 5)
        fail ("usage: bench_legacy_load PATH CONNECTIONS WINDOW TASKS");
    self.connection_count = number_of (argv[2], CONNECTIONS);
    self.window = number_of (argv[3], TASKS);
    self.count = number_of (argv[4], TASKS);
    self.connections = (connection_t *)many (self.connection_count, sizeof *self.connections);
    self.taker = (size_t *)many (self.count, sizeof *self.taker);
    write_frames (&self);
    for (size_t i = 0; i < self.connection_count; i++)
        dial (&self, &self.connections[i], argv[1]);
    uint64_t began = moment_now_ns ();
    run (&self);
    uint64_t took = moment_now_ns () - began;
    check (&self);
    printf ("%.0f tasks/s\n", (double)self.count * 1e9 / (double)took);
    for (size_t i = 0; i < self.connection_count; i++) {
        buffer_finish (&self.connections[i].in);
        close (self.connections[i].socket);
    }
    close (self.epoll);
    free (self.connections);
    free (self.taker);
    free (self.frames);
    return 0;
}
