/*  A certificate: a key as CZMQ's zcert and pyzmq keep it in a file, a small ZPL document (ZeroMQ
 *  RFC 4):
 *
 *      metadata
 *          role = "client"
 *          pipelines = "text.*, sum"
 *      curve
 *          public-key = "40 characters of Z85"
 *          secret-key = "likewise, in a secret one"
 *
 *  The reader takes any octets of any length and never reads beyond them. It is strict where two
 *  readers could differ: what stands there twice, or is not ZPL, is refused; what it does not know
 *  is passed over.
 *
 *  Threads: pure functions, any thread.
 */
#ifndef FABRIC_CERTIFICATE_H
#define FABRIC_CERTIFICATE_H

#include "fabric/buffer.h"
#include "fabric/fault.h"
#include "fabric/key.h"
#include "fabric/limits.h"

// Octets of a certificate that are looked at; a longer one is refused. So what comes of its
// metadata fits into a header.
#define CERTIFICATE_OCTETS_MAX (LIMIT_HEADER_OCTETS - 1024)

typedef struct {
    fabric_key_t public_key;
    fabric_key_t secret_key;
    bool has_secret;
    bool has_role;
    bool has_pipelines;
    slice_t role; // into what was read
    slice_t pipelines;
} certificate_t;

// 0, or -1 (EINVAL) with a fault that names the line. The secret, if it has one, is the caller's to
// wipe.
int certificate_read (slice_t text, certificate_t *certificate, fault_t *fault);

// Writes what certificate_read () and zcert_load () read; the secret only if it has one. `comment`
// is a line, or NULL. The values must have no quotes and no control characters.
void certificate_write (const certificate_t *certificate, const char *comment, buffer_t *out);

#endif
