/*  Rights: what the holder of a key may do (PROTOCOL 8). Roles, and pipelines by name or by prefix.
 *
 *      client   the client side: RUN of its pipelines, CANCEL and $explain of its own tasks
 *      worker   the worker side: REGISTER for its pipelines
 *      admin    the client side: $workers, $tasks, anybody's $explain and CANCEL; no RUN of others
 *
 *  No role: nothing. Whatever is not understood is an error, never a right.
 *
 *  Kept sorted and without what another pattern covers, so that of all patterns only the last one
 *  that is not behind a name can fit it: a question takes O(log patterns).
 *
 *  Owns: its memory. Threads: pure; what nobody changes may be read by any.
 */
#ifndef FABRIC_RIGHTS_H
#define FABRIC_RIGHTS_H

#include "fabric/buffer.h"
#include "fabric/fault.h"
#include "fabric/limits.h"

typedef enum { RIGHTS_CLIENT = 1, RIGHTS_WORKER = 2, RIGHTS_ADMIN = 4 } rights_role_t;

typedef struct {
    slice_t text; // without the '*'
    bool prefix;
} rights_pattern_t;

typedef struct {
    unsigned roles; // rights_role_t, or-ed
    size_t count;
    rights_pattern_t *patterns; // their texts are in `texts`
    uint8_t *texts;
} rights_t;

// None at all.
void rights_init (rights_t *self);
void rights_finish (rights_t *self);

/*  Reads a certificate's metadata: `role` (NULL: none) and `pipelines` (NULL: `*`), lists with
 *  commas between. 0, or -1 (EINVAL, ENOMEM) with a fault; the rights are none then.
 */
int rights_read (rights_t *self, const slice_t *role, const slice_t *pipelines, fault_t *fault);

/*  One text for all of it, `ROLES\nPIPELINES`, which says the same for the same rights; and back.
 *  No rights are no octets. At most RIGHTS_TEXT_MAX of them if they came from a certificate.
 */
#define RIGHTS_TEXT_MAX LIMIT_HEADER_OCTETS
void rights_write (const rights_t *self, buffer_t *out);
int rights_read_text (rights_t *self, slice_t text, fault_t *fault);

static inline bool rights_have (const rights_t *self, unsigned any_of)
{
    return (self->roles & any_of) != 0;
}

// The roles that open a side of the broker.
static inline unsigned rights_of_side (bool workers)
{
    return workers ? RIGHTS_WORKER : RIGHTS_CLIENT | RIGHTS_ADMIN;
}

// Whether the pipeline is one of theirs. Names that start with `$` are nobody's.
bool rights_cover (const rights_t *self, slice_t pipeline);

// Whether every pipeline is: the pattern `*`.
bool rights_cover_all (const rights_t *self);

// A pattern as it is written, a name or a prefix with its `*`.
rights_pattern_t rights_pattern (slice_t written);

/*  The overlap with a worker's patterns, which it sorts and thins out: what both of them cover.
 *  `visit` is told of each part, no part twice and none that another one covers, in order; so there
 *  are at most as many parts as patterns on both sides. O(patterns * log patterns).
 */
typedef void (rights_visit_fn) (const rights_pattern_t *part, void *arg);
void rights_overlap (const rights_t *self,
                     rights_pattern_t *patterns,
                     size_t count,
                     rights_visit_fn *visit,
                     void *arg);

#endif
