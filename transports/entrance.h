/*  An entrance: one place where a door's peers connect. Carrier and door are told apart by its
 *  address; who comes is handed over as a descriptor.
 *
 *  Threads: entrance_open () the bridge's maker's, else the loop's. Owns: the listening socket.
 */
#ifndef TRANSPORTS_ENTRANCE_H
#define TRANSPORTS_ENTRANCE_H

#include <event2/listener.h>

#include "transports/carrier.h"
#include "transports/door.h"

// What may be opened.
typedef struct {
    bool insecure;     // tcp beyond loopback, for anybody
    bool client_certs; // who comes by TLS has shown a certificate
    bool http_token;   // who comes by HTTP has shown a token
} entrance_rules_t;

typedef struct entrance entrance_t;

struct entrance {
    side_t side;
    const door_t *door;
    const carrier_t *carrier;
    carrier_options_t options;
    carrier_place_t place;
    struct evconnlistener *listener; // NULL: closed
    void (*came) (entrance_t *self, int fd);
    void *arg; // of who is told
};

/*  Binds and listens. `came` and `arg` are set already. 0, or -1 with errno (EPERM: against the
 *  rules) and a fault that names `text`, and there is nothing to close.
 */
int entrance_open (entrance_t *self,
                   struct event_base *base,
                   const carrier_options_t *options,
                   const entrance_rules_t *rules,
                   side_t side,
                   const char *text,
                   fault_t *fault);

// Nobody comes in any more. Its name stays.
void entrance_close (entrance_t *self);

#endif
