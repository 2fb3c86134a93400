#include "broker/peers.h"

#include <errno.h>
#include <stdlib.h>

#include "fabric/container.h"

#define FIRST_SIZE 64
/*  After 0, 1, 2, 4 ... ms, and then once in PROBE_PAUSE_MAX_MS: for half a minute in all. A pipe
 * ends within a few ms of its descriptor, as a rule; after thousands of connections closed at once,
 * on a busy machine, it was seconds, and who was cleared before that stayed for ever.
 */
#define PROBES             40
#define PROBE_PAUSE_MAX_MS 1024u
#define INPROC_PROBE_MS    500 // between probes of a peer without a descriptor

static bool id_equal (const table_node_t *node, slice_t id)
{
    const peer_t *peer = container_of (node, const peer_t, by_id);

    return slice_equal (slice_of (peer->id.octets, peer->id.len), id);
}

static bool probe_before (const heap_node_t *a, const heap_node_t *b)
{
    return container_of (a, const peer_t, probing)->probe_at
           < container_of (b, const peer_t, probing)->probe_at;
}

int peers_init (peers_t *self, const uint8_t secret[static TABLE_KEY_OCTETS])
{
    *self = (peers_t){0};
    list_init (&self->convicted);
    list_init (&self->stalled);
    heap_init (&self->probes, probe_before);
    memcpy (self->secret, secret, TABLE_KEY_OCTETS);
    if (table_init (&self->by_id[SB_CLIENT_SIDE], id_equal)
        || table_init (&self->by_id[SB_WORKER_SIDE], id_equal)) {
        peers_finish (self);
        return -1;
    }
    return 0;
}

void peers_finish (peers_t *self)
{
    for (size_t number = 0; number < self->size; number++) {
        if (self->numbers[number])
            peers_remove (self, self->numbers[number]);
    }
    table_finish (&self->by_id[SB_CLIENT_SIDE]);
    table_finish (&self->by_id[SB_WORKER_SIDE]);
    heap_finish (&self->probes);
    free (self->numbers);
    free (self->free_numbers);
    free (self->descriptors);
    free (self->closed);
}

// libzmq's own ids are a zero and a ROUTER's count of connections, in big-endian order, that may
// wrap.
static bool is_counted (const wire_id_t *id)
{
    return id->len == 5 && id->octets[0] == 0;
}

static uint32_t count_of (const wire_id_t *id)
{
    uint32_t count = 0;

    for (unsigned i = 1; i < 5; i++)
        count = count << 8 | id->octets[i];
    return count;
}

// Counts are spread already, and nobody chooses them; what peers invent must not collide on
// purpose.
static uint64_t hash_of (const peers_t *self, const wire_id_t *id)
{
    return is_counted (id) ? count_of (id)
                           : table_hash (self->secret, slice_of (id->octets, id->len));
}

peer_t *peers_find (const peers_t *self, sb_side_t side, const wire_id_t *id)
{
    table_node_t *node =
        table_find (&self->by_id[side], hash_of (self, id), slice_of (id->octets, id->len));

    return node ? container_of (node, peer_t, by_id) : NULL;
}

peer_t *peers_number (const peers_t *self, sb_peer_t number)
{
    return number < self->size ? self->numbers[number] : NULL;
}

// ---- room

static int grow_numbers (peers_t *self)
{
    size_t size = self->size ? self->size * 2 : FIRST_SIZE;

    if (self->free_count > 0)
        return 0;
    if (heap_reserve (&self->probes, size))
        return -1;
    peer_t **numbers = (peer_t **)realloc (self->numbers, size * sizeof *numbers);
    if (!numbers)
        return -1;
    self->numbers = numbers;
    sb_peer_t *frees = (sb_peer_t *)realloc (self->free_numbers, size * sizeof *frees);
    if (!frees)
        return -1;
    self->free_numbers = frees;
    // The lowest number lies on top.
    for (size_t number = size; number > self->size; number--) {
        numbers[number - 1] = NULL;
        frees[self->free_count++] = (sb_peer_t)(number - 1);
    }
    self->size = size;
    return 0;
}

static int grow_descriptors (peers_t *self, int descriptor)
{
    size_t size = self->descriptors_size ? self->descriptors_size : FIRST_SIZE;

    if (descriptor < 0 || (size_t)descriptor < self->descriptors_size)
        return 0;
    while (size <= (size_t)descriptor)
        size *= 2;
    bool *closed = (bool *)realloc (self->closed, size * sizeof *closed);
    if (!closed)
        return -1;
    self->closed = closed;
    list_t *descriptors = (list_t *)calloc (size, sizeof *descriptors);
    if (!descriptors)
        return -1;
    for (size_t i = 0; i < size; i++) {
        list_init (&descriptors[i]);
        // Lists are rings through their heads: what is listed moves over one by one.
        while (i < self->descriptors_size && !list_empty (&self->descriptors[i])) {
            list_node_t *node = list_first (&self->descriptors[i]);
            list_remove (node);
            list_append (&descriptors[i], node);
        }
        if (i >= self->descriptors_size)
            closed[i] = false;
    }
    free (self->descriptors);
    self->descriptors = descriptors;
    self->descriptors_size = size;
    return 0;
}

// ---- suspects

static void probe_at (peers_t *self, peer_t *peer, moment_t at)
{
    if (list_holds (&peer->in_convicted))
        return;
    peer->probe_at = at;
    if (heap_holds (&peer->probing))
        heap_update (&self->probes, &peer->probing);
    else
        heap_push (&self->probes, &peer->probing);
}

static void suspect (peers_t *self, peer_t *peer, moment_t now)
{
    peer->probes = 0;
    probe_at (self, peer, now);
}

static void suspect_all (peers_t *self, int descriptor, moment_t now)
{
    list_t *bound = &self->descriptors[descriptor];

    for (list_node_t *node = list_first (bound); node; node = list_next (bound, node))
        suspect (self, container_of (node, peer_t, in_descriptor), now);
}

// Counts of different ROUTERs can't be compared: then the one that was heard first is taken for the
// earlier.
static bool came_later (const peer_t *a, const peer_t *b)
{
    return a->side == b->side && (int32_t)(count_of (&a->id) - count_of (&b->id)) > 0;
}

static void bind (peers_t *self, peer_t *peer, moment_t now)
{
    if (peer->descriptor < 0) {
        probe_at (self, peer, now + INPROC_PROBE_MS);
        return;
    }
    list_t *bound = &self->descriptors[peer->descriptor];
    // Of two connections by one descriptor the earlier has lost it; packets are not read in the
    // order of their connections. If it is closed already, so has this one, whose packets were read
    // late.
    for (list_node_t *node = list_first (bound); node; node = list_next (bound, node)) {
        peer_t *other = container_of (node, peer_t, in_descriptor);
        suspect (self, came_later (other, peer) ? peer : other, now);
    }
    if (self->closed[peer->descriptor])
        suspect (self, peer, now);
    list_append (bound, &peer->in_descriptor);
}

peer_t *peers_add (peers_t *self, sb_side_t side, const wire_id_t *id, int descriptor, moment_t now)
{
    if (grow_numbers (self) || grow_descriptors (self, descriptor))
        goto error;
    peer_t *peer = (peer_t *)calloc (1, sizeof *peer);
    if (!peer)
        goto error;
    peer->side = side;
    peer->id = *id;
    peer->descriptor = descriptor;
    peer->chosen = id->len == 0 || id->octets[0] != 0;
    peer->number = self->free_numbers[--self->free_count];
    self->numbers[peer->number] = peer;
    outbox_init (&peer->outbox);
    table_insert (&self->by_id[side], &peer->by_id, hash_of (self, id));
    bind (self, peer, now);
    self->count++;
    return peer;
error:
    errno = ENOMEM;
    return NULL;
}

void peers_remove (peers_t *self, peer_t *peer)
{
    table_remove (&self->by_id[peer->side], &peer->by_id);
    list_remove (&peer->in_descriptor);
    list_remove (&peer->in_convicted);
    list_remove (&peer->in_stalled);
    heap_remove (&self->probes, &peer->probing);
    outbox_finish (&peer->outbox);
    meter_unref (&peer->meter);
    self->numbers[peer->number] = NULL;
    self->free_numbers[self->free_count++] = peer->number;
    self->count--;
    free (peer);
}

void peers_accepted (peers_t *self, int descriptor)
{
    if (descriptor >= 0 && (size_t)descriptor < self->descriptors_size)
        self->closed[descriptor] = false;
}

void peers_disconnected (peers_t *self, int descriptor, moment_t now)
{
    // It may have had a peer whose packets are still unread: remembered even without one.
    if (descriptor < 0 || grow_descriptors (self, descriptor))
        return;
    self->closed[descriptor] = true;
    suspect_all (self, descriptor, now);
}

moment_t peers_next_probe (const peers_t *self)
{
    heap_node_t *top = heap_top (&self->probes);

    return top ? container_of (top, peer_t, probing)->probe_at : MOMENT_NEVER;
}

peer_t *peers_due (const peers_t *self, moment_t now)
{
    return peers_next_probe (self) <= now ? container_of (heap_top (&self->probes), peer_t, probing)
                                          : NULL;
}

static span_t pause_after (unsigned probes)
{
    return probes > 10 ? PROBE_PAUSE_MAX_MS : 1u << (probes - 1);
}

void peers_probed (peers_t *self, peer_t *peer, moment_t now)
{
    if (peer->descriptor < 0) {
        probe_at (self, peer, now + INPROC_PROBE_MS);
    } else if (++peer->probes < PROBES) {
        probe_at (self, peer, now + pause_after (peer->probes));
    } else {
        heap_remove (&self->probes, &peer->probing);
    }
}

void peers_convict (peers_t *self, peer_t *peer, moment_t now)
{
    heap_remove (&self->probes, &peer->probing);
    if (list_holds (&peer->in_convicted))
        return;
    peer->convicted_at = now;
    list_append (&self->convicted, &peer->in_convicted);
}

peer_t *peers_convicted (const peers_t *self)
{
    list_node_t *node = list_first (&self->convicted);

    return node ? container_of (node, peer_t, in_convicted) : NULL;
}
