#include "broker/stats.h"

static const char *const drop_names[STATS_DROP_COUNT] = {
#define X(id, name) name,
    STATS_DROPS (X)
#undef X
};

// The bucket of the second that `now` is in, emptied if it was an older one's.
static stats_second_t *bucket (stats_t *self, moment_t now)
{
    stats_second_t *second = &self->seconds[now / 1000 % STATS_SECONDS];

    if (second->second != now / 1000)
        *second = (stats_second_t){.second = now / 1000};
    return second;
}

void stats_accepted (stats_t *self, moment_t now)
{
    self->accepted++;
    bucket (self, now)->accepted++;
}

void stats_ended (stats_t *self, moment_t now, zfabric_rc_t rc)
{
    self->ended[rc]++;
    bucket (self, now)->ended++;
}

stats_rate_t stats_rate (const stats_t *self, moment_t now, unsigned seconds)
{
    stats_rate_t rate = {0};

    for (uint64_t back = 1; back <= seconds && back <= now / 1000; back++) {
        uint64_t at = now / 1000 - back;
        const stats_second_t *second = &self->seconds[at % STATS_SECONDS];
        if (second->second == at) {
            rate.accepted += (double)second->accepted;
            rate.ended += (double)second->ended;
        }
    }
    rate.accepted /= seconds;
    rate.ended /= seconds;
    return rate;
}

const char *stats_drop_name (stats_drop_t drop)
{
    return (unsigned)drop < STATS_DROP_COUNT ? drop_names[drop] : "?";
}
