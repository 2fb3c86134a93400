/*  zfabric_worker: serves pipelines for a broker, or for several.
 *
 *  A worker is a thread that looks after the connections, and as many threads for the handlers as
 *  there is work, up to the capacity:
 *
 *      static int greet (zfabric_task_t *task, void *arg)
 *      {
 *          return zfabric_task_finish (task, "\"hello\"", 7, ZFABRIC_ENCODING_JSON);
 *      }
 *
 *      zfabric_worker_t *worker = zfabric_worker_new ("tcp://127.0.0.1:51530", NULL, NULL, 0);
 *      zfabric_worker_serve (worker, "greet", greet, NULL, 0);
 *      zfabric_worker_start (worker, NULL, 0);
 *      ...
 *      zfabric_worker_drain (worker); // running tasks finish, their results are delivered
 *      zfabric_worker_wait (worker, -1);
 *      zfabric_worker_destroy (&worker);
 *
 *  Connections are made anew after each loss. What was running when one was lost is void, since the
 *  broker has given it up: it is cancelled, its result is dropped, and its slot is offered again
 *  when the handler has returned.
 *
 *  Of several brokers each is told the whole capacity; the handlers together never exceed it, what
 *  comes beyond it waits its turn in the worker.
 *
 *  Threads: one thread may use a worker at a time; zfabric_worker_drain (), _halt (), _reason ()
 *  and the waits may be called from any. A task may be used by any one thread at a time while its
 *  handler runs, zfabric_task_cancelled () and _wait_cancelled () by several; when the handler has
 *  returned it is gone, and nobody may use it any more. The ZeroMQ context is the process's (CZMQ's
 *  zsys). No signal handler is installed, and signals are blocked on the worker's threads.
 *
 *  Handlers that misbehave: one that never returns keeps its thread and its slot, and holds up
 *  nothing else until zfabric_worker_destroy (), which waits for it. One that ends its thread by
 *  pthread_exit () has failed with EXCEPTION, unless it said a result before; the thread is
 *  replaced. To leave a handler by longjmp () or a C++ exception, or to pthread_cancel () its
 *  thread, is undefined.
 *
 *  Errors: NULL or -1 with errno. A worker that is NULL is EINVAL, has ended, and is never ready;
 *  a task must not be NULL.
 */
#ifndef ZFABRIC_WORKER_H
#define ZFABRIC_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zfabric_encoding.h"
#include "zfabric_export.h"
#include "zfabric_result.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct zfabric_worker zfabric_worker_t;
typedef struct zfabric_task zfabric_task_t;

/*  Does a task. What it says by zfabric_task_finish () or zfabric_task_fail () becomes the RESULT
 *  when it returns. If it said nothing, 0 is OK without a payload, and anything else is EXCEPTION
 *  (CANCELLED if the task was cancelled) with the words for errno, if it left one.
 */
typedef int (zfabric_handler_fn) (zfabric_task_t *task, void *arg);

/*  For a handler that is short and never waits: it runs on the worker's own thread, which saves two
 *  hand-overs but stops everything else meanwhile, the heartbeats among it. Its pthread_exit () is
 *  the end of the worker.
 */
#define ZFABRIC_HANDLER_INLINE 1u

typedef enum {
    ZFABRIC_WORKER_EVENT_READY,   // registered with a broker; text: its endpoint
    ZFABRIC_WORKER_EVENT_LOST,    // a connection is lost; text: why
    ZFABRIC_WORKER_EVENT_FAILED,  // an attempt to connect failed, more follow; text: why
    ZFABRIC_WORKER_EVENT_REFUSED, // the broker refused a packet, or sent one that breaks the
                                  // protocol; text: the words
    ZFABRIC_WORKER_EVENT_LEAVING, // a broker is left when its tasks have ended; text: which, why
    ZFABRIC_WORKER_EVENT_TASK,    // a task began or ended; text: its cookie and what happened
    ZFABRIC_WORKER_EVENT_ENDED    // every broker is left; the last event
} zfabric_worker_event_t;

// Called on the worker's thread; must not block for long, and of the worker's functions may call
// zfabric_worker_drain () and _halt () only.
typedef void (zfabric_worker_event_fn) (zfabric_worker_event_t event, const char *text, void *arg);

// All zero: the defaults. Texts are copied.
typedef struct {
    zfabric_encoding_t codec; // of headers: JSON (default) or MSGPACK
    uint32_t capacity;        // tasks at once, up to 65,535; 0: the number of processors
    const char *name;         // shown in the broker's status; NULL: none
    uint64_t max_payload;     // octets of a payload, either way; 0: 64 MiB
    uint64_t heartbeat_ms;    // promised to the brokers, at least 100; 0: 2,000
    const char *server_key;   // CURVE, Z85: the broker's public key; NULL: no encryption
    const char *public_key;   // and ours; both or neither: without, a pair is made up
    const char *secret_key;
    zfabric_worker_event_fn *on_event; // NULL: nobody is told
    void *event_arg;
    bool task_events; // whether on_event is told of tasks as well
} zfabric_worker_options_t;

/*  A worker for the broker at `endpoints` (tcp://, ipc:// or inproc://), or for all of several,
 *  separated by commas; NULL: the default, tcp://127.0.0.1:51530. It does nothing before
 *  zfabric_worker_start (). `options` may be NULL.
 *
 *  NULL with errno (EINVAL, EMFILE, ENOMEM) and words in `problem`, up to `size` octets with the
 *  NUL; it may be NULL.
 */
ZFABRIC_EXPORT zfabric_worker_t *zfabric_worker_new (const char *endpoints,
                                                     const zfabric_worker_options_t *options,
                                                     char *problem,
                                                     size_t size);

/*  Serves a pipeline, or with a pattern that ends in `*` those whose names start so; an exact name
 *  goes before patterns, and a longer one before shorter. Before zfabric_worker_start () only.
 *  `flags`: 0 or ZFABRIC_HANDLER_INLINE.
 *  -1: EINVAL (no valid pattern or flag), EEXIST, ENOSPC (1,024 are served), EBUSY (started),
 * ENOMEM.
 */
ZFABRIC_EXPORT int zfabric_worker_serve (zfabric_worker_t *self,
                                         const char *pattern,
                                         zfabric_handler_fn *handler,
                                         void *arg,
                                         unsigned flags);

/*  Starts the worker's thread, which connects and registers; does not wait for that. -1: EINVAL
 *  (nothing is served), EMSGSIZE (the patterns and the name don't fit into a header), EALREADY,
 *  EAGAIN (no thread to be had), ENOMEM; words in `problem` as above.
 */
ZFABRIC_EXPORT int zfabric_worker_start (zfabric_worker_t *self, char *problem, size_t size);

// Waits until it has registered with a broker for the first time, `timeout_ms` at the longest (-1:
// for ever). False if it has not, or has ended before: zfabric_worker_reason () says why.
ZFABRIC_EXPORT bool zfabric_worker_wait_ready (zfabric_worker_t *self, int timeout_ms);

/*  Why it has no broker: what the last attempt or connection ended with ("nobody listens on ...",
 *  "the key was refused by ..."), up to `size` octets with the NUL. "" if it has registered since,
 *  or the first attempt is still under way. Of several brokers, the last that something was heard
 *  of.
 */
ZFABRIC_EXPORT void zfabric_worker_reason (zfabric_worker_t *self, char *reason, size_t size);

/*  Asks it to take nothing more and to end when running tasks have ended and their results are
 *  delivered. Returns at once; any number of times, on any thread, and in a signal handler. Nothing
 *  happens before zfabric_worker_start ().
 */
ZFABRIC_EXPORT void zfabric_worker_drain (zfabric_worker_t *self);

/*  Asks it to end now: tasks are cancelled, and have 3 s to say so; what has not ended then is
 *  answered CANCELLED by the worker itself. As above.
 */
ZFABRIC_EXPORT void zfabric_worker_halt (zfabric_worker_t *self);

// Waits until it has ended, `timeout_ms` at the longest (-1: for ever): after a drain or halt, or
// when every broker sent SHUTDOWN. True if it has, or was never started.
ZFABRIC_EXPORT bool zfabric_worker_wait (zfabric_worker_t *self, int timeout_ms);

// Halts it if it still runs, and waits for handlers that have not returned: their arguments may be
// destroyed afterwards. Not to be called on one of its own threads. NULL-safe; nulls the pointer.
ZFABRIC_EXPORT void zfabric_worker_destroy (zfabric_worker_t **self_p);

// Texts and payload live as long as the task: until its handler returns.
ZFABRIC_EXPORT const char *zfabric_task_pipeline (const zfabric_task_t *self);
ZFABRIC_EXPORT const char *zfabric_task_cookie (const zfabric_task_t *self); // 36 characters

// The octets of the RUN's payload, and how many in *size (may be NULL); not followed by a NUL.
ZFABRIC_EXPORT const void *zfabric_task_payload (const zfabric_task_t *self, size_t *size);

// What they are: JSON, MSGPACK or RAW.
ZFABRIC_EXPORT zfabric_encoding_t zfabric_task_encoding (const zfabric_task_t *self);

// Whether the client wants PARTIALs.
ZFABRIC_EXPORT bool zfabric_task_streams (const zfabric_task_t *self);

// Milliseconds that are left of the task's `timeout`, counted from its arrival here, so at most
// that; UINT64_MAX: it has none.
ZFABRIC_EXPORT uint64_t zfabric_task_time_left (const zfabric_task_t *self);

// Whether nobody wants the result any more: it was cancelled, its time was over, the broker was
// lost, or the worker was halted.
ZFABRIC_EXPORT bool zfabric_task_cancelled (zfabric_task_t *self);

// A descriptor that becomes readable then, and stays so; to be polled, not read or closed. -1:
// EMFILE, ENFILE, ENOMEM.
ZFABRIC_EXPORT int zfabric_task_descriptor (zfabric_task_t *self);

// Waits for it, `timeout_ms` at the longest (-1: for ever): true if it is cancelled.
ZFABRIC_EXPORT bool zfabric_task_wait_cancelled (zfabric_task_t *self, int timeout_ms);

/*  Sends a piece of the result. `encoding` says what the octets are; they are copied. Waits while
 *  the broker takes no more (back pressure). A piece that the client doesn't want is dropped: 0.
 *  -1: EMSGSIZE (over max_payload), EINVAL (no encoding, or NULL with a size), ECANCELED (there was
 *  no room, and it was cancelled meanwhile), EAGAIN (no room; only inline handlers, which can't
 *  wait), EALREADY (the result was said), ENOMEM.
 */
ZFABRIC_EXPORT int zfabric_task_partial (zfabric_task_t *self,
                                         const void *octets,
                                         size_t size,
                                         zfabric_encoding_t encoding);

/*  Says the result: OK, with these octets. They are copied, except if they are the task's own
 *  payload. -1: EMSGSIZE, EINVAL, EALREADY (something was said before, which stands), ENOMEM: as
 *  above.
 */
ZFABRIC_EXPORT int zfabric_task_finish (zfabric_task_t *self,
                                        const void *octets,
                                        size_t size,
                                        zfabric_encoding_t encoding);

/*  Says that it failed: `rc` is PROCESSOR_EXCEPTION (the pipeline's own errors), EXCEPTION or
 *  CANCELLED; `error` for a person, may be NULL; `stacktrace` of `count` lines, may be NULL, as may
 *  lines, which are left out. Both
 *  are cut to what fits into a header: the first lines stay. -1: EINVAL, EALREADY; and ENOMEM,
 *  but then it is said without the words.
 */
ZFABRIC_EXPORT int zfabric_task_fail (zfabric_task_t *self,
                                      zfabric_rc_t rc,
                                      const char *error,
                                      const char *const *stacktrace,
                                      size_t count);

#ifdef __cplusplus
}
#endif
#endif
