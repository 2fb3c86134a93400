#include "cli/doors.h"
#include "cli/command.h"
#include "cli/complain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fabric/endpoint.h"
#include "fabric/limits.h"

#define LAST_WORDS_MS 5000 // for what the broker said last to get out

static const char *const sides[] = {[SIDE_CLIENTS] = "clients", [SIDE_WORKERS] = "workers"};

// The broker's endpoints of a side: those that were named that are no doors, and the private one.
static void take_side (doors_t *self, const options_t *options, side_t side)
{
    static const char *const initial[] = {DEFAULT_SERVE, DEFAULT_LISTEN};
    static const char *const names[] = {"serve", "listen"};
    places_t *places = &self->places;

    if (side == SIDE_CLIENTS)
        snprintf (self->inner[side], DOORS_PATH_MAX, "inproc://doors");
    else
        snprintf (self->inner[side], DOORS_PATH_MAX, "ipc://%s/%s", self->folder.path, sides[side]);
    self->endpoints[side] = self->inner[side];
    self->options.broker[side] = (link_options_t){
        .endpoints = &self->endpoints[side],
        .endpoint_count = 1,
        .codec = ENCODING_JSON,
        .max_payload = self->options.max_payload,
    };
    if (!options_given (options, names[side]))
        places->plain[side][places->plain_count[side]++] = initial[side];
    places->plain[side][places->plain_count[side]++] = self->inner[side];
}

int doors_init (doors_t *self, const options_t *options, zfabric_broker_options_t *broker)
{
    *self = (doors_t){0};
    if (places_init (&self->places, options))
        return complain_failed ("out of memory");
    int status = door_options_take (options, &self->places, &self->options);
    if (status != STATUS_OK || !places_have_doors (&self->places))
        return status;
    if (broker->curve)
        return complain_usage ("doors need a key of their own where --curve is: zfabric bridge");
    if (private_folder_make (&self->folder))
        return complain_failed ("no folder in /tmp: %s", strerror (errno));
    take_side (self, options, SIDE_CLIENTS);
    take_side (self, options, SIDE_WORKERS);
    broker->serve = self->places.plain[SIDE_CLIENTS];
    broker->serve_count = self->places.plain_count[SIDE_CLIENTS];
    broker->listen = self->places.plain[SIDE_WORKERS];
    broker->listen_count = self->places.plain_count[SIDE_WORKERS];
    return STATUS_OK;
}

int doors_start (doors_t *self, log_t *log)
{
    fault_t fault;

    if (!self->folder.path[0])
        return STATUS_OK;
    self->options.say = doors_say;
    self->options.say_arg = log;
    self->bridge = bridge_new (&self->options, &fault);
    if (!self->bridge)
        return complain_failed ("%s", fault.text);
    doors_say_places (self->bridge, log);
    return STATUS_OK;
}

void doors_reload (doors_t *self, log_t *log)
{
    if (self->bridge)
        doors_reload_bridge (self->bridge, log);
}

void doors_retire (doors_t *self)
{
    if (self->bridge)
        bridge_retire (self->bridge);
}

void doors_drain (doors_t *self)
{
    if (!self->bridge)
        return;
    bridge_drain (self->bridge);
    (void)bridge_wait (self->bridge, LAST_WORDS_MS);
}

void doors_finish (doors_t *self)
{
    bridge_destroy (&self->bridge);
    private_folder_remove (&self->folder);
    places_finish (&self->places);
}

void doors_say (const char *text, void *log)
{
    log_write (ZFABRIC_LOG_WARNING, text, log);
}

void doors_say_places (const bridge_t *bridge, log_t *log)
{
    const char *name;
    char line[ENDPOINT_MAX + 64];

    for (side_t side = 0; side < SIDE_COUNT; side++) {
        for (size_t i = 0; (name = bridge_place (bridge, side, i)); i++) {
            snprintf (line, sizeof line, "a door for %s: %s", sides[side], name);
            log_write (ZFABRIC_LOG_INFO, line, log);
        }
    }
}

void doors_reload_bridge (bridge_t *bridge, log_t *log)
{
    fault_t fault;
    char line[FAULT_TEXT_MAX + 64];

    if (bridge_reload (bridge, &fault)) {
        snprintf (line, sizeof line, "certificates stay as they were: %s", fault.text);
        log_write (ZFABRIC_LOG_WARNING, line, log);
    } else {
        log_write (ZFABRIC_LOG_INFO, "certificates were read again", log);
    }
}
