/*  A party is made by a peer's first packet and unmade when its connection goes; a worker is one
 *  from its first packet on, but unknown to the roster until it registers.
 */
#include "broker/switchboard_state.h"

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

static client_t *client_new (switchboard_t *self, sb_peer_t peer)
{
    client_t *client = (client_t *)calloc (1, sizeof *client);

    if (!client)
        return NULL;
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

party_t *party_of (switchboard_t *self, sb_peer_t peer, sb_side_t side)
{
    if (make_room (self, peer))
        return NULL;
    party_t *party = &self->parties[peer];
    if (party->client || party->worker)
        return party;
    party->codec = ENCODING_JSON;
    if (side == SB_CLIENT_SIDE)
        party->client = client_new (self, peer);
    else
        party->worker = worker_new (self, peer);
    return party->client || party->worker ? party : NULL;
}

// ---- clients

void client_release (client_t *client)
{
    client->open--;
    if (client->gone && client->open == 0)
        free (client);
}

static void client_gone (switchboard_t *self, client_t *client)
{
    list_remove (&client->in_clients);
    self->clients_count--;
    client->gone = true;
    if (client->open == 0)
        free (client);
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
                     worker_t *worker,
                     const packet_t *packet,
                     const char *address)
{
    bool known = worker->group != NULL;

    if (roster_register (&self->roster, worker, packet)) {
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
}
