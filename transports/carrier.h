/*  Carriers: what moves the octets of a door's connections: tcp, unix, tls. Any door goes over any
 *  of them.
 *
 *  Threads: the loop's, but for listen (), which the one that makes the bridge calls.
 */
#ifndef TRANSPORTS_CARRIER_H
#define TRANSPORTS_CARRIER_H

#include <event2/bufferevent.h>
#include <sys/types.h>

#include "transports/address.h"

typedef struct tls tls_t; // transports/tls.h

typedef struct {
    int fd;
    char name[ENDPOINT_MAX]; // as it was given, with the port that `*` got
    char path[ENDPOINT_MAX]; // unix: the socket file, to be removed; "" else
    dev_t device;            // and which file that is
    ino_t inode;
} carrier_place_t;

typedef struct {
    mode_t mode;      // unix: of the socket file
    tls_t *tls;       // tls only
    const char *alpn; // tls: the one protocol to agree on (RFC 7301); NULL: none
} carrier_options_t;

typedef struct {
    const char *name;
    bool handshake; // a connection is of use only when that is done
    bool any_name;  // a browser gets here by whatever name leads here
    // Binds and listens. 0, or -1 with errno and a fault that names `text`.
    int (*listen) (const char *text,
                   const address_t *address,
                   const carrier_options_t *options,
                   carrier_place_t *place,
                   fault_t *fault);
    // A connection as it should be, whoever takes it. May be NULL; wrap () does it too.
    void (*tune) (int fd);
    // A connection that was accepted: closes `fd` when it is freed, or at once if it is NULL
    // (ENOMEM).
    struct bufferevent *(*wrap) (struct event_base *base, int fd, const carrier_options_t *options);
    // Closes the place, and removes the file that it made.
    void (*leave) (carrier_place_t *place);
} carrier_t;

extern const carrier_t carrier_tcp;
extern const carrier_t carrier_tls;
extern const carrier_t carrier_unix;

// The carrier of that name, or NULL.
const carrier_t *carrier_of (slice_t name);

// What carriers over tcp share.
int carrier_tcp_listen (const char *text,
                        const address_t *address,
                        const carrier_options_t *options,
                        carrier_place_t *place,
                        fault_t *fault);
void carrier_tcp_tune (int fd);
void carrier_tcp_leave (carrier_place_t *place);

#endif
