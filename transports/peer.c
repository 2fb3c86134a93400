/*  A peer that has ended is only marked, and told of, wherever that was found out; its owner frees
 *  it from the loop, when nobody has it in hand any more.
 */
#include "transports/peer.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "fabric/container.h"

#define READ_MAX  (256u * 1024) // octets that are read from a peer before they are looked at
#define WRITE_MAX (256u * 1024) // octets that are written before others have their turn
#define COPY_MAX  16384u        // octets that are rather copied than kept where they are

struct peer {
    list_node_t place;
    list_node_t unwritten; // in the owner's list
    peer_owner_t *owner;
    struct bufferevent *octets;
    struct event *again;  // peer_resume ()
    struct event *closed; // the other side's end, while it is not read
    patience_t *patience; // its outbox was full once
    const door_t *door;
    void *conn;
    bool any_name;
    bool plain;   // its octets go to the descriptor as they are
    bool ready;   // no handshake is under way
    bool half;    //
    bool ending;  // peer_end () was said
    bool shut;    // and everything is written
    bool ended;   // for good
    bool reading; // the door is being called with octets
    bool eof;     // it sends no more
};

static void set_timeouts (peer_t *self)
{
    unsigned ms = self->half ? self->owner->idle_ms : 0;

    if (!self->ready)
        ms = PEER_HANDSHAKE_MS;
    if (self->ending)
        ms = PEER_LINGER_MS;
    struct timeval time = {ms / 1000, (suseconds_t)(ms % 1000 * 1000)};
    // Only where something is expected of it: workers and clients may be still for ever.
    bufferevent_set_timeouts (self->octets, ms ? &time : NULL, self->ending ? &time : NULL);
}

void peer_drop (peer_t *self)
{
    if (self->ended)
        return;
    self->ended = true;
    (void)bufferevent_disable (self->octets, EV_READ | EV_WRITE);
    self->owner->ended (self->owner, self);
}

static size_t waiting (const peer_t *self)
{
    return evbuffer_get_length (bufferevent_get_output (self->octets));
}

// Everything that was to be said has been: the other side may read it, and close.
static void shut (peer_t *self)
{
    self->shut = true;
    if (self->eof)
        peer_drop (self);
    else
        (void)shutdown (bufferevent_getfd (self->octets), SHUT_WR);
}

void peer_end (peer_t *self)
{
    if (self->ended || self->ending)
        return;
    self->ending = true;
    // What it still sends is read and dropped: closed with something unread, TCP resets, and our
    // last words may be lost.
    set_timeouts (self);
    if (!self->eof)
        (void)bufferevent_enable (self->octets, EV_READ);
    if (waiting (self) == 0)
        shut (self);
}

bool peer_has_ended (const peer_t *self)
{
    return self->ended;
}

bool peer_choked (const peer_t *self)
{
    return waiting (self) > PEER_CHOKE;
}

// ---- in

// Whether everything was taken.
static bool give (peer_t *self, struct evbuffer *in)
{
    struct evbuffer_iovec piece;

    // An empty buffer may have a piece without octets.
    while (!self->ended && !self->ending && evbuffer_get_length (in) > 0
           && evbuffer_peek (in, -1, NULL, &piece, 1) > 0) {
        size_t taken = self->door->octets (self->conn, slice_of (piece.iov_base, piece.iov_len));
        (void)evbuffer_drain (in, taken);
        if (taken < piece.iov_len)
            return false;
    }
    return true;
}

// It has sent its last, and all of that was looked at.
static void take_eof (peer_t *self)
{
    if (self->ended || self->ending)
        return;
    if (!self->door->eof)
        peer_drop (self);
    else if (!self->door->eof (self->conn))
        peer_end (self);
}

static void on_closed (evutil_socket_t fd, short what, void *arg)
{
    peer_t *self = (peer_t *)arg;

    (void)fd;
    (void)what;
    (void)event_del (self->closed);
    self->eof = true;
    if (!self->ended && !self->ending)
        (void)self->door->eof (self->conn); // it may be a reason to drop it; there is more to read
}

// While it is not read its end would not be noticed.
static void watch_end (peer_t *self, bool watches)
{
    if (!self->door->eof || self->eof)
        return;
    if (!self->closed)
        self->closed =
            event_new (bufferevent_get_base (self->octets), bufferevent_getfd (self->octets),
                       EV_CLOSED | EV_PERSIST, on_closed, self);
    if (self->closed && watches)
        (void)event_add (self->closed, NULL);
    else if (self->closed)
        (void)event_del (self->closed);
}

static void read_in (peer_t *self)
{
    struct evbuffer *in = bufferevent_get_input (self->octets);

    if (self->ended || self->reading)
        return;
    self->reading = true;
    bool all = give (self, in);
    self->reading = false;
    if (self->ended)
        return;
    if (self->ending)
        (void)evbuffer_drain (in, evbuffer_get_length (in));
    // Not read: the kernel's buffers fill, and TCP pushes back.
    bool reads = all || self->ending;
    watch_end (self, !reads);
    if (!reads)
        (void)bufferevent_disable (self->octets, EV_READ);
    else if (!self->eof)
        (void)bufferevent_enable (self->octets, EV_READ);
    else
        take_eof (self);
}

static void on_read (struct bufferevent *octets, void *arg)
{
    (void)octets;
    read_in ((peer_t *)arg);
}

static void on_again (evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    read_in ((peer_t *)arg);
}

void peer_resume (peer_t *self)
{
    static const struct timeval now = {0, 0};

    if (!self->ended && !evtimer_pending (self->again, NULL))
        (void)evtimer_add (self->again, &now);
}

// ---- out

static void forget (const void *data, size_t size, void *arg)
{
    (void)data;
    (void)size;
    free (arg);
}

bool peer_full (const peer_t *self)
{
    // What is there counts: one packet may be as long as packets are.
    return waiting (self) > self->owner->outbox->bound;
}

static void on_late (void *arg)
{
    peer_drop ((peer_t *)arg);
}

static void on_output (struct evbuffer *out, const struct evbuffer_cb_info *info, void *arg)
{
    peer_t *self = (peer_t *)arg;

    (void)info;
    if (self->patience)
        patience_count (self->patience, evbuffer_get_length (out));
}

static bool has_patience (peer_t *self)
{
    patience_pool_t *pool = self->owner->outbox;
    struct evbuffer *out = bufferevent_get_output (self->octets);

    if (!self->patience && evbuffer_add_cb (out, on_output, self))
        self->patience = patience_new (pool, bufferevent_get_base (self->octets), on_late, self);
    return self->patience && patience_is_left (pool);
}

static void put (peer_t *self, buffer_t *out, bool owed)
{
    struct evbuffer *to = bufferevent_get_output (self->octets);

    if (self->ended || self->ending) {
        buffer_reset (out);
        return;
    }
    bool lost = out->failed != 0 || (peer_full (self) && !(owed && has_patience (self)));
    if (!lost && out->len <= COPY_MAX) {
        lost = evbuffer_add (to, out->data, out->len) != 0;
    } else if (!lost) {
        size_t len;
        uint8_t *data = buffer_take (out, &len);
        lost = evbuffer_add_reference (to, data, len, forget, data) != 0;
        if (lost)
            free (data);
    }
    buffer_reset (out);
    if (self->plain && !list_holds (&self->unwritten))
        list_append (&self->owner->unwritten, &self->unwritten);
    // A packet that is lost leaves its peer waiting for ever: rather none than that.
    if (lost)
        peer_drop (self);
}

void peer_send (peer_t *self, buffer_t *out)
{
    put (self, out, false);
}

void peer_send_owed (peer_t *self, buffer_t *out)
{
    put (self, out, true);
}

static void written (peer_t *self)
{
    if (self->ended)
        return;
    if (self->ending && !self->shut && waiting (self) == 0)
        shut (self);
    else if (!self->ending) {
        if (self->door->room)
            self->door->room (self->conn);
        read_in (self);
    }
}

static void on_written (struct bufferevent *octets, void *arg)
{
    peer_t *self = (peer_t *)arg;

    if (self->plain && waiting (self) == 0)
        (void)bufferevent_disable (octets, EV_WRITE);
    written (self);
}

/*  A bufferevent never writes but when the loop says that there is room, which it has to be asked
 *  for and told to stop: two system calls and a turn of the loop for each write. There nearly
 *  always is room, so it is only asked for after a write that did not get everything out, whatever
 *  the reason: the bufferevent finds that out.
 */
static void write_out (peer_t *self)
{
    struct evbuffer *out = bufferevent_get_output (self->octets);

    if (self->ended || bufferevent_get_enabled (self->octets) & EV_WRITE)
        return;
    (void)evbuffer_unfreeze (out, 1); // the bufferevent's own, against others' hands
    (void)evbuffer_write_atmost (out, bufferevent_getfd (self->octets), WRITE_MAX);
    (void)evbuffer_freeze (out, 1);
    if (waiting (self) > 0)
        (void)bufferevent_enable (self->octets, EV_WRITE);
    else
        written (self);
}

void peer_flush (peer_owner_t *owner)
{
    list_t unwritten; // those of now: they may be sent more meanwhile
    list_node_t *node;

    list_init (&unwritten);
    list_append_all (&unwritten, &owner->unwritten);
    while ((node = list_first (&unwritten))) {
        list_remove (node);
        write_out (container_of (node, peer_t, unwritten));
    }
}

static void on_event (struct bufferevent *octets, short what, void *arg)
{
    peer_t *self = (peer_t *)arg;

    (void)octets;
    if (self->ended)
        return;
    if (what & BEV_EVENT_CONNECTED) {
        self->ready = true;
        set_timeouts (self);
    } else if (what & BEV_EVENT_EOF && self->door->eof && !self->ending) {
        self->eof = true;
        read_in (self);
    } else if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)) {
        // What came before its end has been read, unless it was not to be read yet.
        if (!self->ending)
            (void)give (self, bufferevent_get_input (self->octets));
        peer_drop (self);
    }
}

void peer_half (peer_t *self, bool half)
{
    if (half == self->half || self->ended)
        return;
    self->half = half;
    if (!self->ending)
        set_timeouts (self);
}

// ---- life cycle

peer_t *peer_new (peer_owner_t *owner,
                  const carrier_t *carrier,
                  const carrier_options_t *options,
                  const door_t *door,
                  side_t side,
                  int fd)
{
    struct bufferevent *octets = carrier->wrap (owner->house->base, fd, options);
    peer_t *self = octets ? (peer_t *)calloc (1, sizeof *self) : NULL;

    if (!self) {
        if (octets)
            bufferevent_free (octets);
        return NULL;
    }
    self->owner = owner;
    self->octets = octets;
    self->door = door;
    self->any_name = carrier->any_name;
    self->plain = self->ready = !carrier->handshake;
    self->again = evtimer_new (owner->house->base, on_again, self);
    self->conn = self->again ? door->open (owner->house, self, side) : NULL;
    if (!self->conn) {
        peer_destroy (&self);
        return NULL;
    }
    bufferevent_setcb (octets, on_read, on_written, on_event, self);
    bufferevent_setwatermark (octets, EV_READ, 0, READ_MAX);
    bufferevent_setwatermark (octets, EV_WRITE, PEER_CHOKE / 4, 0);
    (void)bufferevent_set_max_single_read (octets, READ_MAX);
    (void)bufferevent_set_max_single_write (octets, WRITE_MAX);
    set_timeouts (self);
    (void)bufferevent_enable (octets, EV_READ);
    if (self->plain)
        (void)bufferevent_disable (octets, EV_WRITE); // which it has from the start
    return self;
}

void peer_destroy (peer_t **self_p)
{
    peer_t *self = *self_p;

    if (!self)
        return;
    *self_p = NULL;
    self->ended = true; // the door is asked for nothing any more
    if (self->conn)
        self->door->close (self->conn);
    if (self->again)
        event_free (self->again);
    if (self->closed)
        event_free (self->closed);
    list_remove (&self->place);
    list_remove (&self->unwritten);
    patience_destroy (&self->patience);
    (void)evbuffer_remove_cb (bufferevent_get_output (self->octets), on_output, self);
    bufferevent_free (self->octets);
    free (self);
}

list_node_t *peer_place (peer_t *self)
{
    return &self->place;
}

peer_t *peer_at (list_node_t *place)
{
    return container_of (place, peer_t, place);
}

bool peer_by_any_name (const peer_t *self)
{
    return self->any_name;
}

const door_t *peer_door (const peer_t *self)
{
    return self->door;
}

void *peer_conn (const peer_t *self)
{
    return self->conn;
}
