#include "fabric/redial.h"

#include <assert.h>

// How late a look can be before it counts as our own absence: looks come at least once a beat.
#define ABSENCE_MS (2 * PEER_HEARTBEAT_MS)

// One attempt in so many waits long for hosts that don't answer.
#define PATIENT_EACH 4

static void move (redial_t *self, redial_state_t state, moment_t now)
{
    static const bool may[4][4] = {
        [REDIAL_WAITING] = {[REDIAL_DIALLING] = true, [REDIAL_WAITING] = true},
        [REDIAL_DIALLING] = {[REDIAL_UP] = true, [REDIAL_WAITING] = true},
        [REDIAL_UP] = {[REDIAL_WAITING] = true},
    };
    assert (state == REDIAL_STOPPED || may[self->state][state]);
    self->state = state;
    self->since = now;
}

// splitmix64: good enough for jitter, and every seed will do.
static uint64_t next_random (redial_t *self)
{
    uint64_t z = self->random += UINT64_C (0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C (0x94d049bb133111eb);
    return z ^ z >> 31;
}

void redial_init (redial_t *self, size_t endpoints, uint64_t seed)
{
    assert (endpoints > 0);
    *self = (redial_t){.endpoints = endpoints, .random = seed};
}

// When the attempt that is under way must have led to something.
static moment_t longest_attempt (const redial_t *self)
{
    return moment_after (self->since, self->endpoints > 1 ? REDIAL_DIAL_NEXT_MS : REDIAL_DIAL_MS);
}

void redial_dialled (redial_t *self, moment_t now)
{
    bool patient = self->attempts % PATIENT_EACH == PATIENT_EACH - 1;

    move (self, REDIAL_DIALLING, now);
    self->due = patient ? longest_attempt (self) : moment_after (now, REDIAL_REACH_MS);
}

void redial_reached (redial_t *self)
{
    assert (self->state == REDIAL_DIALLING);
    self->due = longest_attempt (self);
}

void redial_connected (redial_t *self, moment_t now)
{
    move (self, REDIAL_UP, now);
    self->heard = now;
    self->looked = now;
    self->due = moment_after (now, PEER_HEARTBEAT_MS);
}

void redial_heard (redial_t *self, moment_t now)
{
    self->heard = now;
}

void redial_beaten (redial_t *self, moment_t now)
{
    self->due = moment_after (now, PEER_HEARTBEAT_MS);
}

static span_t pause_before_next (redial_t *self, bool turned_away)
{
    span_t longest = REDIAL_QUICK_MS;

    // The first failure is the loss of a good connection or of hope in an endpoint: its round, and
    // the change from one endpoint to the next, are quick.
    if (self->attempts > 0 && self->attempts % self->endpoints == 0) {
        span_t most = turned_away ? RECONNECT_MAX_MS : RECONNECT_ABSENT_MS;
        longest = self->pause ? self->pause * 2 : RECONNECT_MIN_MS;
        if (longest > most)
            longest = most;
        self->pause = longest;
    }
    return longest - next_random (self) % (longest / 2 + 1);
}

void redial_failed (redial_t *self, moment_t now, bool turned_away)
{
    bool was_good = self->state == REDIAL_UP && now >= moment_after (self->since, REDIAL_STABLE_MS);

    if (was_good) {
        self->attempts = 0; // the same endpoint once more: most losses are restarts
        self->pause = 0;
    } else {
        if (self->attempts < UINT32_MAX)
            self->attempts++;
        self->endpoint = (self->endpoint + 1) % self->endpoints;
    }
    move (self, REDIAL_WAITING, now);
    self->due = moment_after (now, pause_before_next (self, turned_away));
}

void redial_stop (redial_t *self, moment_t now)
{
    move (self, REDIAL_STOPPED, now);
    self->due = MOMENT_NEVER;
}

// A peer whose process stood still has heard nothing in that time, and asked for nothing either.
static void forgive_own_absence (redial_t *self, moment_t now)
{
    span_t away = moment_until (self->looked, now);

    if (away > ABSENCE_MS)
        self->heard = moment_after (self->heard, away);
    if (self->heard > now)
        self->heard = now;
    self->looked = now;
}

redial_due_t redial_due (redial_t *self, moment_t now)
{
    switch (self->state) {
    case REDIAL_WAITING:
        return now >= self->due ? REDIAL_DIAL : REDIAL_NOTHING;
    case REDIAL_DIALLING:
        return now >= self->due ? REDIAL_TOO_LONG : REDIAL_NOTHING;
    case REDIAL_UP:
        forgive_own_absence (self, now);
        if (now >= moment_after (self->heard, PEER_SILENCE_MS))
            return REDIAL_SILENT;
        return now >= self->due ? REDIAL_BEAT : REDIAL_NOTHING;
    case REDIAL_STOPPED:
        break;
    }
    return REDIAL_NOTHING;
}

moment_t redial_deadline (const redial_t *self)
{
    moment_t silent;

    if (self->state != REDIAL_UP)
        return self->due;
    silent = moment_after (self->heard, PEER_SILENCE_MS);
    return silent < self->due ? silent : self->due;
}

bool redial_check (const redial_t *self)
{
    if (self->endpoint >= self->endpoints)
        return false;
    if (self->state == REDIAL_STOPPED)
        return self->due == MOMENT_NEVER;
    if (self->state == REDIAL_UP)
        return self->heard >= self->since && self->due >= self->since;
    return self->due >= self->since;
}
