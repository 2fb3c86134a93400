/*  The documents of the broker's own pipelines that are counts and no lists: own_status.c makes
 *  them, own_pipelines.c answers with them. NULL, or a text that can't be made, if memory is out.
 */
#ifndef BROKER_OWN_INNER_H
#define BROKER_OWN_INNER_H

#include <jansson.h>

#include "broker/switchboard_state.h"

json_t *own_ping (const switchboard_t *self);
json_t *own_status (const switchboard_t *self);
json_t *own_metrics (const switchboard_t *self);

json_t *own_number (uint64_t value);

#endif
