/*  The token that guards a door for HTTP: what `Authorization: Bearer` must say. It is one line of
 * a file, read again when that has changed; only its hash is kept.
 *
 *  Threads: any.
 */
#ifndef TRANSPORTS_HTTP_TOKEN_H
#define TRANSPORTS_HTTP_TOKEN_H

#include "fabric/fault.h"
#include "fabric/slice.h"

typedef struct http_token http_token_t;

// NULL with errno and a fault that names the file: it can't be read, others can read it, or it
// holds no token of 16 to 512 printable octets.
http_token_t *http_token_new (const char *file, fault_t *fault);
void http_token_destroy (http_token_t **self_p);

// 0, or -1 with a fault, and the token that was there stays.
int http_token_reload (http_token_t *self, fault_t *fault);

// Whether an Authorization field has it. Takes as long whatever is wrong with it.
bool http_token_fits (http_token_t *self, slice_t authorization);

#endif
