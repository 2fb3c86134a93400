/*  zfabric_broker: the broker as a class, for programs that carry one in themselves.
 *
 *  It is a CZMQ zactor over two ROUTER sockets in the process's ZeroMQ context (zsys), so clients
 *  and workers of the same process may reach it over inproc://.
 *
 *      zfabric_broker_options_t options;
 *      zfabric_broker_options_init (&options);
 *      const char *serve[] = {"inproc://clients"}, *listen[] = {"inproc://workers"};
 *      options.serve = serve, options.serve_count = 1;
 *      options.listen = listen, options.listen_count = 1;
 *      zfabric_broker_t *broker = zfabric_broker_new (&options, problem, sizeof problem);
 *      ...
 *      zfabric_broker_destroy (&broker);
 *
 *  Threads: one thread may use a broker at a time; zfabric_broker_drain (), _halt () and
 *  _record () may be called from any.
 */
#ifndef ZFABRIC_BROKER_H
#define ZFABRIC_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zfabric_export.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct zfabric_broker zfabric_broker_t;

typedef enum {
    ZFABRIC_LOG_ERROR,
    ZFABRIC_LOG_WARNING,
    ZFABRIC_LOG_INFO,
    ZFABRIC_LOG_DEBUG
} zfabric_log_level_t;

// One event, as a line of text without its newline. Called on the broker's thread; must not block
// for long and must not call the broker.
typedef void (zfabric_log_fn) (zfabric_log_level_t level, const char *line, void *arg);

typedef struct {
    const char *const *serve; // client endpoints; NULL: the default, tcp://127.0.0.1:51520
    size_t serve_count;
    const char *const *listen; // worker endpoints; NULL: the default, tcp://127.0.0.1:51530
    size_t listen_count;
    uint32_t queue;           // tasks that may wait
    uint32_t client_tasks;    // open tasks of one client
    uint64_t queue_wait_ms;   // longest wait of a RUN that names none
    uint64_t cancel_grace_ms; // for a worker's answer to a CANCEL
    uint64_t drain_ms;        // for running tasks, when the broker stops
    uint64_t max_payload;     // octets
    uint64_t outbox;          // octets held for one peer that does not read
    bool insecure;            // bind tcp beyond loopback without keys
    // Keys (docs/security.md): both or neither. The file of the broker's own secret certificate,
    // and the folder with the public ones of all who may come in. There is no inproc:// then.
    const char *curve;
    const char *authorized;
    zfabric_log_level_t log_level;
    zfabric_log_fn *log; // NULL: no log
    void *log_arg;
} zfabric_broker_options_t;

// Fills in the defaults of docs/PROTOCOL.md and `zfabric broker --help`.
ZFABRIC_EXPORT void zfabric_broker_options_init (zfabric_broker_options_t *options);

/*  Starts a broker and binds every endpoint; returns when all are bound. NULL if that failed, with
 *  errno (EADDRINUSE, EINVAL, EACCES, EPERM for tcp beyond loopback without keys and for key files
 * that others may read or write, ENOMEM) and words that name the endpoint or option in `problem`
 * (up to `size` octets with the NUL; may be NULL). Copies what it needs of `options`.
 */
ZFABRIC_EXPORT zfabric_broker_t *
zfabric_broker_new (const zfabric_broker_options_t *options, char *problem, size_t size);

// Stops at once if it still runs: running tasks get BROKER_WENT_AWAY. NULL-safe; nulls the pointer.
ZFABRIC_EXPORT void zfabric_broker_destroy (zfabric_broker_t **self_p);

// Asks it to stop as PROTOCOL 5.9 says: no new tasks, running ones have options.drain_ms. Returns
// at once. Safe to call from any thread, any number of times.
ZFABRIC_EXPORT void zfabric_broker_drain (zfabric_broker_t *self);

// Asks it to stop without waiting for running tasks. As above.
ZFABRIC_EXPORT void zfabric_broker_halt (zfabric_broker_t *self);

/*  The flight recorder. A broker keeps the last 4,096 packets and other events that it acted upon:
 *  headers, and up to 256 octets of each payload, in 4.6 MiB of memory at most. Recordings are for
 *  replaying them into a broker's state machine; they are as confidential as what they are of.
 *
 *  Asks the broker to write what it has to a new file at `path`, which nobody but the owner may
 *  read; its log tells whether it could. Of several at a time, the last counts. Returns at once: 0,
 *  or -1 with ENOMEM, or ESRCH if it has stopped. Safe to call from any thread.
 */
ZFABRIC_EXPORT int zfabric_broker_record (zfabric_broker_t *self, const char *path);

/*  Writes what it has to a descriptor, now, with nothing but write (): for the handler of a SIGABRT
 *  that a failed assertion raised, on any thread. If the broker's own thread is still running, its
 *  newest event may be garbled. 0, or -1 with errno. The broker must not be destroyed meanwhile.
 */
ZFABRIC_EXPORT int zfabric_broker_emit (const zfabric_broker_t *self, int descriptor);

// Waits until it has stopped, `timeout_ms` at the longest (-1: for ever). True if it has.
ZFABRIC_EXPORT bool zfabric_broker_wait (zfabric_broker_t *self, int timeout_ms);

// The endpoint that was bound for options.serve[index] (or listen): with the port that
// `tcp://...:*` got. NULL beyond the last. Lives as long as the broker.
ZFABRIC_EXPORT const char *zfabric_broker_serving (const zfabric_broker_t *self, size_t index);
ZFABRIC_EXPORT const char *zfabric_broker_listening (const zfabric_broker_t *self, size_t index);

#ifdef __cplusplus
}
#endif
#endif
