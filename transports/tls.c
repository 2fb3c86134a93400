#define _POSIX_C_SOURCE 200809L

#include "transports/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tls {
    pthread_mutex_t lock; // of `context`
    SSL_CTX *context;
    char *cert;
    char *key;
    char *ca;
    char *ciphers;
    tls_version_t version;
    bool require_client_cert;
};

// The reason that OpenSSL gives last.
static int refuse (fault_t *fault, const char *option, const char *value)
{
    char words[160] = "";
    unsigned long code = ERR_peek_last_error ();
    const char *reason = ERR_reason_error_string (code);

    if (ERR_SYSTEM_ERROR (code))
        snprintf (words, sizeof words, "%s", strerror (ERR_GET_REASON (code)));
    else
        snprintf (words, sizeof words, "%s", reason ? reason : "no good");
    ERR_clear_error ();
    fault_set (fault, "%s: %s: %s", option, value, words);
    errno = EINVAL;
    return -1;
}

static int set_versions (SSL_CTX *context, tls_version_t version)
{
    int least = version == TLS_SPEAKS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
    int most = version == TLS_SPEAKS_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;

    return SSL_CTX_set_min_proto_version (context, least)
                   && SSL_CTX_set_max_proto_version (context, most)
               ? 0
               : -1;
}

static int load_authorities (const tls_t *self, SSL_CTX *context, fault_t *fault)
{
    if (!self->require_client_cert)
        return 0;
    SSL_CTX_set_verify (context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    if (!self->ca)
        return SSL_CTX_set_default_verify_paths (context) ? 0
                                                          : refuse (fault, "--tls-ca", "default");
    STACK_OF (X509_NAME) *names = SSL_load_client_CA_file (self->ca);
    if (!names || !SSL_CTX_load_verify_file (context, self->ca))
        return refuse (fault, "--tls-ca", self->ca);
    SSL_CTX_set_client_CA_list (context, names); // it is the context's now
    return 0;
}

// The list on offer: names, each behind its length.
static int on_alpn (SSL *ssl,
                    const unsigned char **chosen,
                    unsigned char *chosen_len,
                    const unsigned char *offer,
                    unsigned size,
                    void *arg)
{
    const char *ours = (const char *)SSL_get_app_data (ssl);

    (void)arg;
    for (unsigned at = 0; ours && at < size; at += offer[at] + 1u) {
        if (offer[at] != strlen (ours) || memcmp (offer + at + 1, ours, offer[at]) != 0)
            continue;
        *chosen = offer + at + 1;
        *chosen_len = offer[at];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
}

static SSL_CTX *load (const tls_t *self, fault_t *fault)
{
    SSL_CTX *context = SSL_CTX_new (TLS_server_method ());

    ERR_clear_error ();
    if (!context || set_versions (context, self->version)) {
        fault_set (fault, "out of memory for TLS");
        errno = ENOMEM;
        goto error;
    }
    (void)SSL_CTX_set_options (context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION
                                            | SSL_OP_CIPHER_SERVER_PREFERENCE);
    (void)SSL_CTX_set_mode (context, SSL_MODE_RELEASE_BUFFERS);
    // Connections are many and short-lived sessions of clients with certificates need a context.
    (void)SSL_CTX_set_session_id_context (context, (const unsigned char *)"zfabric", 7);
    SSL_CTX_set_alpn_select_cb (context, on_alpn, NULL);
    if (SSL_CTX_use_certificate_chain_file (context, self->cert) != 1) {
        (void)refuse (fault, "--tls-cert", self->cert);
        goto error;
    }
    if (SSL_CTX_use_PrivateKey_file (context, self->key, SSL_FILETYPE_PEM) != 1
        || SSL_CTX_check_private_key (context) != 1) {
        (void)refuse (fault, "--tls-key", self->key);
        goto error;
    }
    if (self->ciphers && SSL_CTX_set_cipher_list (context, self->ciphers) != 1) {
        (void)refuse (fault, "--tls-ciphers", self->ciphers);
        goto error;
    }
    if (load_authorities (self, context, fault))
        goto error;
    return context;
error:
    SSL_CTX_free (context);
    return NULL;
}

static int copy (char **to, const char *from)
{
    *to = from ? strdup (from) : NULL;
    return from && !*to ? -1 : 0;
}

tls_t *tls_new (const tls_options_t *options, fault_t *fault)
{
    tls_t *self = (tls_t *)calloc (1, sizeof *self);

    fault_set (fault, "out of memory for TLS");
    if (!self)
        return NULL;
    (void)pthread_mutex_init (&self->lock, NULL); // can't fail on Linux
    if (copy (&self->cert, options->cert) || copy (&self->key, options->key)
        || copy (&self->ca, options->ca) || copy (&self->ciphers, options->ciphers))
        goto error;
    self->version = options->version;
    self->require_client_cert = options->require_client_cert;
    self->context = load (self, fault);
    if (!self->context)
        goto error;
    return self;
error:
    tls_destroy (&self);
    return NULL;
}

void tls_destroy (tls_t **self_p)
{
    tls_t *self = *self_p;
    int problem = errno;

    if (!self)
        return;
    SSL_CTX_free (self->context);
    (void)pthread_mutex_destroy (&self->lock);
    free (self->cert);
    free (self->key);
    free (self->ca);
    free (self->ciphers);
    free (self);
    *self_p = NULL;
    errno = problem;
}

int tls_reload (tls_t *self, fault_t *fault)
{
    SSL_CTX *context = load (self, fault);

    if (!context)
        return -1;
    pthread_mutex_lock (&self->lock);
    SSL_CTX_free (self->context);
    self->context = context;
    pthread_mutex_unlock (&self->lock);
    return 0;
}

SSL *tls_connection (tls_t *self, const char *alpn)
{
    pthread_mutex_lock (&self->lock);
    SSL *ssl = SSL_new (self->context);
    pthread_mutex_unlock (&self->lock);
    if (ssl)
        (void)SSL_set_app_data (ssl, (char *)alpn); // it is only read
    return ssl;
}
