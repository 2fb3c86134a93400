/*  The bridge: doors for legacy clients and workers, on one thread, as ordinary peers of a broker.
 *
 *      bridge_t *bridge = bridge_new (&options, &fault);
 *      ...
 *      bridge_drain (bridge);
 *      while (!bridge_wait (bridge, 100)) ...
 *      bridge_destroy (&bridge);
 *
 *  Threads: one uses a bridge. The ZeroMQ context is the process's. Owns: its thread and
 *  sockets. The texts of options.broker must outlive it.
 */
#ifndef TRANSPORTS_BRIDGE_H
#define TRANSPORTS_BRIDGE_H

#include "fabric/link.h"
#include "transports/door.h"
#include "transports/tls.h"

#define BRIDGE_HALF_FRAMES      (256u * 1024 * 1024) // octets
#define BRIDGE_HTTP_TIMEOUT_MS  10000u
#define BRIDGE_HTTP_CONNECTIONS 10000u

typedef struct bridge bridge_t;

typedef struct {
    const char *const *places[SIDE_COUNT]; // endpoints of doors, of each side
    size_t place_count[SIDE_COUNT];
    link_options_t broker[SIDE_COUNT]; // where the broker is; of a side without places it is unused
    tls_options_t tls;                 // cert NULL: none
    unsigned socket_mode;              // of socket files
    bool insecure;                     // tcp beyond loopback without certificates of clients
    uint64_t max_payload;              // octets
    uint64_t outbox;                   // octets that wait for a peer that does not read
    uint64_t half_frames;              // octets of frames that are not whole, of all together
    uint64_t idle_ms;                  // for a frame that has begun
    uint64_t drain_ms;
    // Of doors for HTTP:
    const char *http_token;    // file; NULL: none is asked for
    const char *http_origin;   // whose pages may ask; "*": any; NULL: none
    uint64_t http_timeout_ms;  // for a head, and for a body (door_http.c)
    uint64_t http_connections; // at most
    // On the bridge's thread: why there is no broker. NULL: nobody wants to know.
    void (*say) (const char *text, void *arg);
    void *say_arg;
} bridge_options_t;

void bridge_options_init (bridge_options_t *options);

// Binds every place and starts. NULL with errno (EPERM: insecure) and a fault that names the place.
bridge_t *bridge_new (const bridge_options_t *options, fault_t *fault);

// Ends it at once, if it still runs. NULL-safe; nulls the pointer.
void bridge_destroy (bridge_t **self_p);

// The broker is about to leave, and this with it: health checks of gRPC say so. All else goes on.
void bridge_retire (bridge_t *self);

/*  Takes no more connections and tasks; workers are told to finish. It has ended when no task is
 *  under way and everything was said, or after drain_ms.
 */
void bridge_drain (bridge_t *self);

// Ends it without waiting for tasks; what was said already has a moment to get out.
void bridge_halt (bridge_t *self);

// Reads the certificates and the token again. 0, or -1 with a fault, and what was there stays in
// use.
int bridge_reload (bridge_t *self, fault_t *fault);

// Waits until it has ended, `timeout_ms` at the longest. True if it has.
bool bridge_wait (bridge_t *self, int timeout_ms);

// The endpoint that was bound for a place, with the port that `*` got; NULL beyond the last.
const char *bridge_place (const bridge_t *self, side_t side, size_t place);

#endif
