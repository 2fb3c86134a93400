/*  The slots of a legacy worker: what it runs, and what it may still be running although the broker
 *  has been told that it ended.
 *
 *  A ReasonChip worker sends no RESULT for a task that it was told to cancel, and ends for good if
 *  it is given more tasks than its capacity, or a cookie that it has. So after a grace the RESULT
 *  CANCELLED is ours to send; and as nobody knows whether the worker is through with the task, it
 *  becomes a *ghost*, and the broker is told a capacity that is less by the ghosts. A ghost is laid
 *
 *  - by a RESULT for it, late as it is;
 *  - by a RESULT of a task that was given after the CANCEL: the worker has read beyond it;
 *  - SLOTS_GHOST_MS after the CANCEL: the cancel of an asyncio task takes effect at once, and a
 * slot of a worker that does nothing else would be lost for ever.
 *
 *  When the connection to the broker is lost, all that runs becomes ghosts, those that nobody
 *  cancelled for as long as it takes.
 *
 *  Pure. Time: told. Owns: its slots.
 */
#ifndef TRANSPORTS_SLOTS_H
#define TRANSPORTS_SLOTS_H

#include "fabric/limits.h"
#include "fabric/list.h"
#include "fabric/moment.h"
#include "fabric/packet.h"
#include "fabric/table.h"

#define SLOTS_GRACE_MS 2000u // for the worker's own answer to a CANCEL
#define SLOTS_GHOST_MS 5000u

typedef enum {
    SLOTS_PASS, // the broker waits for it
    SLOTS_DROP  // it does not
} slots_verdict_t;

typedef struct {
    table_t table; // by cookie
    uint8_t secret[TABLE_KEY_OCTETS];
    list_t running;   // and not cancelled
    list_t cancelled; // in the order of their CANCELs
    list_t ghosts;    // those that time lays, in order
    list_t lost;      // ghosts that nobody cancelled
    size_t ghost_count;
    uint64_t given; // tasks, ever
} slots_t;

int slots_init (slots_t *self); // 0 or -1 (ENOMEM)
void slots_finish (slots_t *self);

// The worker is given a task. 0, or -1: EEXIST (it has, or may have, one of this cookie) or ENOMEM.
int slots_give (slots_t *self, const cookie_t *cookie);

// It is told to cancel one. False: it has no such task.
bool slots_cancel (slots_t *self, const cookie_t *cookie, moment_t now);

// It has sent a RESULT.
slots_verdict_t slots_result (slots_t *self, const cookie_t *cookie);

// Whether the broker waits for a RESULT of this task.
bool slots_waits (const slots_t *self, const cookie_t *cookie);

// The next task whose grace is over, as a ghost already: CANCELLED is to be said for it. False:
// none.
bool slots_overdue (slots_t *self, moment_t now, cookie_t *cookie);

// Lays the ghosts whose time has come. True if there were any.
bool slots_expire (slots_t *self, moment_t now);

// The connection to the broker is lost.
void slots_orphan (slots_t *self);

// When slots_overdue () or slots_expire () have something to do.
moment_t slots_deadline (const slots_t *self);

// Slots that the broker may not use.
size_t slots_haunted (const slots_t *self);

// Tasks that the worker has and the broker waits for.
size_t slots_busy (const slots_t *self);

#endif
