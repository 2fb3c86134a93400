/*  Where a door is: `DOOR+CARRIER://...`. What speaks and what carries it are told apart here, so
 *  that any door goes over any carrier:
 *
 *      json+tcp://HOST:PORT   json+tls://HOST:PORT   json+unix:///PATH   socket:///PATH (the same)
 *      http://HOST:PORT       https://HOST:PORT      http+unix:///PATH
 *      grpc://HOST:PORT       grpcs://HOST:PORT      grpc+unix:///PATH
 *
 *  Pure.
 */
#ifndef TRANSPORTS_ADDRESS_H
#define TRANSPORTS_ADDRESS_H

#include "fabric/endpoint.h"

typedef struct {
    slice_t door;    // "json", "http", "grpc"
    slice_t carrier; // "tcp", "tls", "unix"
    endpoint_t at;   // TCP: host and port; IPC: path
} address_t;

// Whether the text is for a door at all, well-formed or not; else it may be a broker's endpoint.
bool address_is_door (const char *text);

// Reads it; the slices point into `text`, or are constants. 0, or -1 (EINVAL) with a fault.
int address_parse (const char *text, address_t *address, fault_t *fault);

// Whether other hosts could reach what is bound there.
bool address_beyond_host (const address_t *address);

#endif
