/*  A party is made by a peer's first packet and unmade when its connection goes; a worker is one
 *  from its first packet on, but unknown to the roster until it registers.
 */
#include "broker/switchboard_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fabric/container.h"

#define FIRST_PARTIES     64
#define HEARTBEATS_MISSED 3 // PROTOCOL 5.8

static int make_room (switchboard_t *self, sb_peer_t peer)
{
    size_t size = self->parties_size ? self->parties_size : FIRST_PARTIES;

    if (peer < self->parties_size)
        return 0;
    while (size <= peer)
        size *= 2;
    party_t *parties = (party_t *)realloc (self->parties, size * sizeof *parties);
    if (!parties)
        return -1;
    memset (parties + self->parties_size, 0, (size - self->parties_size) * sizeof *parties);
    self->parties = parties;
    self->parties_size = size;
    return 0;
}

static client_t *client_new (switchboard_t *self, sb_peer_t peer, holder_t *holder)
{
    client_t *client = (client_t *)calloc (1, sizeof *client);

    if (!client)
        return NULL;
    client->holder = holder;
    client->account = holder ? &holder->account : &client->own;
    if (holder)
        holder->users++;
    client->peer = peer;
    client->number = ++self->client_numbers;
    list_init (&client->tasks);
    list_append (&self->clients, &client->in_clients);
    self->clients_count++;
    return client;
}

static worker_t *worker_new (switchboard_t *self, sb_peer_t peer)
{
    worker_t *worker = (worker_t *)calloc (1, sizeof *worker);

    if (!worker || deadlines_enter (&self->deadlines)) {
        free (worker);
        return NULL;
    }
    worker->peer = peer;
    worker->silence.kind = DEADLINE_WORKER;
    list_init (&worker->tasks);
    return worker;
}

party_t *party_of (switchboard_t *self, sb_peer_t peer, sb_side_t side, sb_key_t key)
{
    errno = ENOMEM;
    if (make_room (self, peer))
        return NULL;
    party_t *party = &self->parties[peer];
    if (party->client || party->worker) {
        errno = EACCES;
        return (party->holder ? party->holder->number : 0) == key ? party : NULL;
    }
    party->codec = ENCODING_JSON;
    if (key && !(party->holder = holders_join (&self->holders, key)))
        return NULL;
    if (side == SB_CLIENT_SIDE)
        party->client = client_new (self, peer, party->holder);
    else
        party->worker = worker_new (self, peer);
    if (party->client || party->worker)
        return party;
    holders_leave (&self->holders, party->holder);
    party->holder = NULL;
    errno = ENOMEM;
    return NULL;
}

// ---- clients

static void client_free (switchboard_t *self, client_t *client)
{
    holders_leave (&self->holders, client->holder);
    free (client);
}

void client_release (switchboard_t *self, client_t *client)
{
    client->open--;
    if (client->gone && client->open == 0)
        client_free (self, client);
}

static void client_gone (switchboard_t *self, client_t *client)
{
    list_remove (&client->in_clients);
    self->clients_count--;
    client->gone = true;
    if (client->open == 0)
        client_free (self, client);
    else
        life_client_lost (self, client);
}

// ---- workers

static const char *worker_label (const worker_t *worker)
{
    return worker->name[0] ? worker->name : "unnamed";
}

static void worker_leaves (switchboard_t *self, worker_t *worker, const char *why)
{
    if (!worker->group)
        return;
    switchboard_note (self, SB_INFO, "worker %llu (%s) %s, holding %u tasks",
                      (unsigned long long)worker->number, worker_label (worker), why, worker->busy);
    deadlines_set (&self->deadlines, &worker->silence, MOMENT_NEVER);
    life_worker_lost (self, worker);
}

static moment_t silence_ends (const worker_t *worker)
{
    if (!worker->heartbeat_ms)
        return MOMENT_NEVER;
    span_t allowed = worker->heartbeat_ms > MOMENT_NEVER / HEARTBEATS_MISSED
                         ? MOMENT_NEVER
                         : worker->heartbeat_ms * HEARTBEATS_MISSED;
    return moment_after (worker->heard, allowed);
}

void party_register (switchboard_t *self,
                     party_t *party,
                     const packet_t *packet,
                     const char *address)
{
    worker_t *worker = party->worker;
    bool known = worker->group != NULL;

    if (roster_register (&self->roster, worker, packet,
                         party->holder ? &party->holder->rights : NULL)) {
        if (errno == EACCES)
            answer_forbidden (self, worker->peer, party->holder, packet,
                              "this key may serve none of these pipelines",
                              "registered nothing that it may serve");
        else
            answer_refusal (self, worker->peer, packet, ZFABRIC_EXCEPTION, "out of memory");
        return;
    }
    (void)snprintf (worker->address, sizeof worker->address, "%s", address ? address : "");
    switchboard_note (self, known ? SB_DEBUG : SB_INFO,
                      "worker %llu (%s) registered%s: capacity %u",
                      (unsigned long long)worker->number, worker_label (worker),
                      known ? " again" : "", worker->capacity);
    deadlines_set (&self->deadlines, &worker->silence, silence_ends (worker));
    answer_register (self, worker->peer, worker->codec, worker->capacity);
    if (self->draining)
        answer_bare (self, worker->peer, worker->codec, PACKET_SHUTDOWN);
    else
        life_feed (self, worker);
}

void party_shutdown (switchboard_t *self, worker_t *worker)
{
    switchboard_note (self, SB_INFO, "worker %llu (%s) wants nothing more, holding %u tasks",
                      (unsigned long long)worker->number, worker_label (worker), worker->busy);
    roster_drain (&self->roster, worker);
}

void party_silent (switchboard_t *self, worker_t *worker)
{
    // Packets only note the time: moving the alarm for each of them would cost more.
    moment_t ends = silence_ends (worker);

    if (ends > self->now)
        deadlines_set (&self->deadlines, &worker->silence, ends);
    else
        worker_leaves (self, worker, "kept silent beyond its promised heartbeat");
}

static void worker_free (switchboard_t *self, worker_t *worker)
{
    roster_forget (worker);
    deadlines_leave (&self->deadlines, &worker->silence);
    free (worker);
}

// ---- both

void party_gone (switchboard_t *self, sb_peer_t peer)
{
    if (peer >= self->parties_size)
        return;
    party_t was = self->parties[peer];
    self->parties[peer] = (party_t){0};
    if (was.client)
        client_gone (self, was.client);
    if (was.worker) {
        worker_leaves (self, was.worker, "went away");
        worker_free (self, was.worker);
    }
    holders_leave (&self->holders, was.holder);
}

// ---- keys

// What the worker may serve has changed; if it is nothing any more, it is as good as gone.
static void restrict_worker (switchboard_t *self, worker_t *worker, const holder_t *holder)
{
    if (holder_may_enter (holder, SB_WORKER_SIDE)
        && roster_restrict (&self->roster, worker, &holder->rights) == 0) {
        if (!self->draining)
            life_feed (self, worker);
        return;
    }
    worker_leaves (self, worker, "may not serve its pipelines any more");
    answer_result (self, worker->peer, worker->codec, NULL, ZFABRIC_FORBIDDEN,
                   "this key may serve none of the worker's pipelines any more");
}

void party_key (switchboard_t *self, const sb_event_t *event)
{
    holder_t *holder =
        holders_tell (&self->holders, event->key, frame_slice (event->header), event->address);

    if (!holder) {
        switchboard_note (self, SB_WARNING, "out of memory: a key has no rights");
        return;
    }
    for (list_node_t *node = list_first (&self->roster.workers), *next; node; node = next) {
        worker_t *worker = container_of (node, worker_t, in_roster);
        next = list_next (&self->roster.workers, node);
        if (self->parties[worker->peer].holder == holder)
            restrict_worker (self, worker, holder);
    }
    holders_settle (&self->holders, holder);
}
