#include "transports/entrance.h"

#include <errno.h>

static void
on_connection (struct evconnlistener *listener, int fd, struct sockaddr *from, int size, void *arg)
{
    entrance_t *self = (entrance_t *)arg;

    (void)listener;
    (void)from;
    (void)size;
    self->came (self, fd);
}

// accept () failed: the next connection is tried all the same.
static void on_accept_error (struct evconnlistener *listener, void *arg)
{
    (void)listener;
    (void)arg;
}

static int refuse (fault_t *fault, int problem, const char *text, const char *words)
{
    fault_set (fault, "%s: %s", text, words);
    errno = problem;
    return -1;
}

static int check (const address_t *address,
                  const door_t *door,
                  const carrier_options_t *options,
                  const entrance_rules_t *rules,
                  side_t side,
                  const char *text,
                  fault_t *fault)
{
    bool tls = slice_equal (address->carrier, slice_text (carrier_tls.name));

    if (tls && !options->tls)
        return refuse (fault, EINVAL, text, "needs --tls-cert and --tls-key");
    if (side == SIDE_WORKERS && door->clients_only)
        return refuse (fault, EINVAL, text, "workers don't speak HTTP");
    if (!address_beyond_host (address) || rules->insecure || (tls && rules->client_certs)
        || (door->asks_token && rules->http_token))
        return 0;
    fault_set (fault,
               "%s: beyond loopback anybody could come; use %s with --tls-require-client-cert%s, "
               "or say --insecure",
               text, door->tls_scheme, door->asks_token ? " or --http-token" : "");
    errno = EPERM;
    return -1;
}

int entrance_open (entrance_t *self,
                   struct event_base *base,
                   const carrier_options_t *options,
                   const entrance_rules_t *rules,
                   side_t side,
                   const char *text,
                   fault_t *fault)
{
    address_t address;

    if (address_parse (text, &address, fault))
        return -1;
    self->side = side;
    self->carrier = carrier_of (address.carrier);
    self->door = door_of (address.door);
    self->options = *options;
    self->options.alpn = self->door->alpn;
    if (check (&address, self->door, options, rules, side, text, fault)
        || self->carrier->listen (text, &address, options, &self->place, fault))
        return -1;
    self->listener =
        evconnlistener_new (base, on_connection, self, LEV_OPT_CLOSE_ON_EXEC, 0, self->place.fd);
    if (!self->listener) {
        self->carrier->leave (&self->place);
        return refuse (fault, ENOMEM, text, "out of memory");
    }
    evconnlistener_set_error_cb (self->listener, on_accept_error);
    return 0;
}

void entrance_close (entrance_t *self)
{
    if (self->listener)
        evconnlistener_free (self->listener);
    self->listener = NULL;
    if (self->place.fd >= 0)
        self->carrier->leave (&self->place);
}
