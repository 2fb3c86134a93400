#include "transports/carrier.h"

#include <event2/bufferevent_ssl.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include "transports/tls.h"

static struct bufferevent *wrap (struct event_base *base, int fd, const carrier_options_t *options)
{
    SSL *ssl = tls_connection (options->tls, options->alpn);

    carrier_tcp_tune (fd);
    struct bufferevent *octets =
        ssl ? bufferevent_openssl_socket_new (base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                              BEV_OPT_CLOSE_ON_FREE)
            : NULL;
    if (!octets) {
        SSL_free (ssl);
        close (fd);
        return NULL;
    }
    // Peers that close without a close_notify have closed; frames tell whether something is
    // missing.
    bufferevent_openssl_set_allow_dirty_shutdown (octets, 1);
    return octets;
}

const carrier_t carrier_tls = {
    .name = "tls",
    .handshake = true,
    .listen = carrier_tcp_listen,
    .wrap = wrap,
    .leave = carrier_tcp_leave,
};
