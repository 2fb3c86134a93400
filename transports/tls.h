/*  What a server needs for TLS: certificate, key, who may come. Read from files, and read again
 * when they have changed; connections that stand keep what they began with.
 *
 *  Threads: any. Owns: OpenSSL's context.
 */
#ifndef TRANSPORTS_TLS_H
#define TRANSPORTS_TLS_H

#include <openssl/types.h>
#include <stdbool.h>

#include "fabric/fault.h"

typedef struct tls tls_t;

typedef enum { TLS_SPEAKS_ANY, TLS_SPEAKS_1_2, TLS_SPEAKS_1_3 } tls_version_t;

typedef struct {
    const char *cert;         // PEM, the chain
    const char *key;          // PEM
    const char *ca;           // PEM: whose certificates of clients are good; NULL: the system's
    const char *ciphers;      // OpenSSL's list, of TLS 1.2; NULL: OpenSSL's own choice
    tls_version_t version;    //
    bool require_client_cert; // without, clients are not asked for one
} tls_options_t;

// Copies the options. NULL with errno (EINVAL, ENOMEM) and a fault that names the option or file.
tls_t *tls_new (const tls_options_t *options, fault_t *fault);
void tls_destroy (tls_t **self_p);

// Reads the files again. 0, or -1 with a fault, and what was there stays in use.
int tls_reload (tls_t *self, fault_t *fault);

/*  For one connection: the caller's to free. `alpn`, which must outlive it, is agreed on where the
 *  other side has it to offer; NULL: nothing is. NULL: ENOMEM.
 */
SSL *tls_connection (tls_t *self, const char *alpn);

#endif
