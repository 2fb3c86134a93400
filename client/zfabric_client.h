/*  zfabric_client: runs tasks through a broker.
 *
 *  One client is one connection, which any number of tasks share; a thread of its own looks after
 *  it, and makes the connection anew whenever it is lost. Each task is a call:
 *
 *      zfabric_client_t *client = zfabric_client_new ("tcp://127.0.0.1:51520", NULL, NULL, 0);
 *      zfabric_result_t *result = zfabric_client_run (client, "greet", "\"you\"", 5, NULL);
 *      if (result && result->rc == ZFABRIC_OK)
 *          printf ("%.*s\n", (int)result->size, (const char *)result->payload);
 *      zfabric_result_destroy (&result);
 *      zfabric_client_destroy (&client);
 *
 *  Many at once: zfabric_client_start () each, then zfabric_call_wait () for them, or have
 *  options.on_result called. The broker's own pipelines ("$status" ...) are run like any other.
 *
 *  When the broker is lost, tasks with options.retries are sent again, with the same cookie, when
 *  there is a connection to it or to the next broker; each time takes one of their retries. Such a
 *  task may so be run more than once, from its start: its partials begin anew with seq 0.
 *
 *  Every call ends: with the worker's or the broker's RESULT, or with BROKER_WENT_AWAY and a reason
 *  when the connection is lost and no retries are left, or there is none for
 *  options.connect_timeout_ms. Only a task without options.timeout_ms may take as long as its
 * worker does.
 *
 *  Threads: each function says which threads may call it. "Any" means at any time before the
 * client, or call, is destroyed, whatever other threads do with it meanwhile; so the one who
 * destroys must know that the others have done. "The client's own" is the thread that calls the
 * callbacks. The client's ZeroMQ context is the process's (CZMQ's zsys). No signal handler is
 * installed.
 *
 *  Errors: NULL or -1 with errno.
 */
#ifndef ZFABRIC_CLIENT_H
#define ZFABRIC_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zfabric_encoding.h"
#include "zfabric_export.h"
#include "zfabric_result.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct zfabric_client zfabric_client_t;
typedef struct zfabric_call zfabric_call_t;

// How a task ended. Read only; what it points to is part of it.
typedef struct {
    zfabric_rc_t rc;
    zfabric_encoding_t encoding; // of the payload: JSON, MSGPACK or RAW
    const void *payload;         // the octets, not followed by a NUL; NULL if there are none
    size_t size;                 // octets
    const char *error;           // what went wrong, for a person; "" if nothing was said
    const char *const *stacktrace;
    size_t stacktrace_count; // lines
} zfabric_result_t;

// A piece of a result that came before its end. Read only, as above.
typedef struct {
    uint64_t seq; // counts a task's pieces from 0; a gap is what was dropped on the way
    zfabric_encoding_t encoding;
    const void *payload;
    size_t size;
} zfabric_partial_t;

/*  Called on the client's thread, in the order in which things came; while one runs no other task
 *  of the client makes progress. They may start, cancel and destroy calls, but not wait: functions
 *  that would wait fail with EDEADLK. `call` and what it brings live until the function returns
 *  (the call as long as its owner wants).
 */
typedef void (zfabric_result_fn) (zfabric_call_t *call, const zfabric_result_t *result, void *arg);
typedef void (zfabric_partial_fn) (zfabric_call_t *call,
                                   const zfabric_partial_t *partial,
                                   void *arg);

typedef enum {
    ZFABRIC_CLIENT_EVENT_UP,      // connected; text: the endpoint
    ZFABRIC_CLIENT_EVENT_LOST,    // the connection is lost; text: why
    ZFABRIC_CLIENT_EVENT_FAILED,  // an attempt to connect failed, more follow; text: why
    ZFABRIC_CLIENT_EVENT_REFUSED, // the broker refused a packet that belongs to no open call, or
                                  // sent one that breaks the protocol; text: its words
} zfabric_client_event_t;

// Called on the client's thread, as above.
typedef void (zfabric_client_event_fn) (zfabric_client_event_t event, const char *text, void *arg);

// All zero: the defaults. Texts are copied.
typedef struct {
    zfabric_encoding_t codec;    // of headers: JSON (default) or MSGPACK
    uint64_t connect_timeout_ms; // how long a call waits for a connection; 0: 5,000
    uint32_t max_open;           // calls open at once; 0: 10,000
    uint64_t max_payload;        // octets of a payload, either way; 0: 64 MiB
    const char *server_key;      // CURVE, Z85: the broker's public key; NULL: no encryption
    const char *public_key;      // and ours; both or neither: without, a pair is made up
    const char *secret_key;
    zfabric_client_event_fn *on_event; // NULL: nobody is told
    void *event_arg;
} zfabric_client_options_t;

// All zero: the defaults.
typedef struct {
    const char *cookie;          // a UUID, 36 characters; NULL: a fresh one
    zfabric_encoding_t encoding; // of the payload; default: the client's codec
    uint64_t timeout_ms;         // the whole task, from here on, must end in it; 0: no limit
    bool has_wait;               // wait_ms says something
    uint64_t wait_ms;            // longest time in the broker's queue; 0: none
    bool has_priority;           // priority says something
    uint8_t priority;            // 0-9, 9 is served first; without: 5
    uint8_t retries; // 0-100: how often it may be given to another worker after one went away, or
                     // be sent again after the broker went away
    bool orphan_cancel; // cancel the task if this client goes away; without: it finishes
    bool stream;        // partials are wanted; on_partial says so, too
    bool detach;        // no result is wanted: the call ends, OK, when the broker took it
    bool notify; // zfabric_client_next () and _descriptor () tell of its partials and its end
    zfabric_result_fn *on_result;   // called once, when the call ends; NULL: nobody is
    zfabric_partial_fn *on_partial; // called for each partial instead of keeping them
    void *arg;                      // for both, and for zfabric_call_arg ()
} zfabric_run_options_t;

// One of many tasks to start: what zfabric_client_start () takes.
typedef struct {
    const char *pipeline;
    const void *payload;
    size_t size;                          // octets
    const zfabric_run_options_t *options; // NULL: the defaults
} zfabric_run_t;

/*  A client of the broker at `endpoints`: one (tcp://, ipc:// or inproc://) or several, separated
 *  by commas, of which one is used at a time and the next after a failure; NULL: the default,
 *  tcp://127.0.0.1:51520. Does not wait for the connection. `options` may be NULL.
 *
 *  NULL with errno (EINVAL, EMFILE, ENOMEM, EAGAIN: no thread to be had) and words in `problem`,
 *  up to `size` octets with the NUL; it may be NULL. Threads: any.
 */
ZFABRIC_EXPORT zfabric_client_t *zfabric_client_new (const char *endpoints,
                                                     const zfabric_client_options_t *options,
                                                     char *problem,
                                                     size_t size);

/*  Ends open calls with BROKER_WENT_AWAY, gives what was on its way 2 s to get out, in the
 *  background, and closes the connection. What is started afterwards fails with ESHUTDOWN; the rest
 *  can be used as before. Returns when all calls have ended, or at once on the client's own thread.
 *  Any number of times; NULL-safe. Threads: any.
 */
ZFABRIC_EXPORT void zfabric_client_stop (zfabric_client_t *self);

/*  Stops it and lets go of it. Calls, results and partials may outlive their client. NULL-safe;
 *  nulls the pointer. Threads: any but the client's own, while no other uses this client; functions
 *  of its calls may be running.
 */
ZFABRIC_EXPORT void zfabric_client_destroy (zfabric_client_t **self_p);

// Whether there is a connection now. If not, why in `reason` (up to `size` octets with the NUL; may
// be NULL): what the last attempt or connection ended with, "" if the first is still under way.
// Threads: any.
ZFABRIC_EXPORT bool
zfabric_client_connected (const zfabric_client_t *self, char *reason, size_t size);

// Calls that have not ended. Threads: any.
ZFABRIC_EXPORT size_t zfabric_client_open (const zfabric_client_t *self);

/*  Starts a task. The payload is copied; `options` may be NULL. The call is yours to destroy, at
 *  any time: that lets go of it, but neither ends the task nor silences its callbacks. Threads:
 * any.
 *
 *  NULL with errno: EINVAL (no valid pipeline, cookie or option), EMSGSIZE (the payload is over
 *  max_payload), EAGAIN (max_open calls are open), ESHUTDOWN (the client was stopped), ENOMEM. A
 *  cookie that is in use ends the call with COOKIE_COLLISION.
 */
ZFABRIC_EXPORT zfabric_call_t *zfabric_client_start (zfabric_client_t *self,
                                                     const char *pipeline,
                                                     const void *payload,
                                                     size_t size,
                                                     const zfabric_run_options_t *options);

/*  Starts `count` tasks with one wake-up of the client's thread: in order, up to the first that
 *  can't be started. Returns how many were; if not all, errno says why the next was not, as above.
 *  `calls`, of `count` pointers, takes the calls, and NULLs for the rest; it may be NULL: they are
 *  let go of, as by zfabric_call_destroy (). Threads: any.
 */
ZFABRIC_EXPORT size_t zfabric_client_start_many (zfabric_client_t *self,
                                                 const zfabric_run_t *runs,
                                                 size_t count,
                                                 zfabric_call_t **calls);

// Starts a task and waits for its end. The result is yours to destroy. NULL as above, or EDEADLK.
// Where it is the only task, and nobody listens to events, the caller's thread does the client's
// work meanwhile, which saves it two wakings up.
// Threads: any but the client's own, which gets EDEADLK.
ZFABRIC_EXPORT zfabric_result_t *zfabric_client_run (zfabric_client_t *self,
                                                     const char *pipeline,
                                                     const void *payload,
                                                     size_t size,
                                                     const zfabric_run_options_t *options);

/*  Cancels a task by its cookie, whosever it is: starts a call that ends with OK or
 *  COOKIE_NOT_FOUND (or FORBIDDEN, BROKER_WENT_AWAY). NULL with errno: EINVAL (no cookie), EAGAIN,
 *  ESHUTDOWN, ENOMEM. Threads: any.
 */
ZFABRIC_EXPORT zfabric_call_t *zfabric_client_cancel (zfabric_client_t *self, const char *cookie);

/*  Waits for a call with options.notify that has news: partials to be taken, or its end, or both;
 *  `timeout_ms` at the longest (-1: for ever; 0: just looks). The call is the one that was yours
 *  before. It comes again when there is more; with its end, which zfabric_call_ended () tells, for
 *  the last time. So take all of its partials each time, by zfabric_call_next (call, 0).
 *
 *  NULL with errno: ENODATA (no such call is open, nor has one ended untold: nothing will come),
 *  ETIMEDOUT, EDEADLK. Threads: any, several at once too: each call goes to one of them. The
 *  client's own may only look.
 */
ZFABRIC_EXPORT zfabric_call_t *zfabric_client_next (zfabric_client_t *self, int timeout_ms);

/*  A descriptor for poll (), libuv, libevent and their like: readable while zfabric_client_next ()
 *  has something to give. Not to be read, written or closed; it is good until
 *  zfabric_client_destroy (). -1 with errno: EINVAL, EMFILE, ENFILE, ENOMEM. Threads: any.
 */
ZFABRIC_EXPORT int zfabric_client_descriptor (zfabric_client_t *self);

/*  Waits until the call has ended, `timeout_ms` at the longest (-1: for ever; 0: just looks). The
 *  result belongs to the call. NULL with errno: ETIMEDOUT, EDEADLK. Threads: any, several at once
 *  too; the client's own may only look.
 */
ZFABRIC_EXPORT const zfabric_result_t *zfabric_call_wait (zfabric_call_t *self, int timeout_ms);

/*  Waits for the next partial, `timeout_ms` at the longest, as above. It is yours to destroy. NULL
 *  with errno: ENODATA (the call has ended and there are no more), ETIMEDOUT, EDEADLK. A call keeps
 *  up to 16 MiB or 10,000 partials for you; what comes while it is full is dropped.
 *  Threads: as above; each partial goes to one of them.
 */
ZFABRIC_EXPORT zfabric_partial_t *zfabric_call_next (zfabric_call_t *self, int timeout_ms);

// Asks for the end of the task; returns at once. The call ends with CANCELLED, or with what the
// worker had ready before. Nothing happens if it has ended. Threads: any.
ZFABRIC_EXPORT void zfabric_call_cancel (zfabric_call_t *self);

// Whether the call has ended: zfabric_call_wait () returns its result at once. Threads: any.
ZFABRIC_EXPORT bool zfabric_call_ended (const zfabric_call_t *self);

// What its options gave as `arg`. Threads: any.
ZFABRIC_EXPORT void *zfabric_call_arg (const zfabric_call_t *self);

// The task's cookie, 36 characters. Lives as long as the call. Threads: any.
ZFABRIC_EXPORT const char *zfabric_call_cookie (const zfabric_call_t *self);

// NULL-safe, null the pointer. Threads: any, the client's own too, while no other uses the call,
// result or partial.
ZFABRIC_EXPORT void zfabric_call_destroy (zfabric_call_t **self_p);
ZFABRIC_EXPORT void zfabric_result_destroy (zfabric_result_t **self_p);
ZFABRIC_EXPORT void zfabric_partial_destroy (zfabric_partial_t **self_p);

#ifdef __cplusplus
}
#endif
#endif
