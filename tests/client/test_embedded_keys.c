// Several brokers with keys, and one without, in one process with their clients: each has its own
// context and its own idea of who may come in.

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/testing.h"

#include "fabric/key_file.h"
#include "zfabric_broker.h"
#include "zfabric_client.h"

static const char *const endpoints[] = {"tcp://127.0.0.1:*"};

typedef struct {
    char folder[32]; // of its keys
    char own[64], authorized[64], peer[64];
    zfabric_broker_t *broker;
} house_t;

static zfabric_broker_t *start (const char *own, const char *authorized)
{
    zfabric_broker_options_t options;
    char problem[256] = "";

    zfabric_broker_options_init (&options);
    options.serve = options.listen = endpoints;
    options.serve_count = options.listen_count = 1;
    options.curve = own;
    options.authorized = authorized;
    zfabric_broker_t *broker = zfabric_broker_new (&options, problem, sizeof problem);
    if (!broker)
        fail_msg ("%s", problem);
    return broker;
}

static void open_house (house_t *self)
{
    char name[64];

    strncpy (self->folder, "/tmp/zf-keys-XXXXXX", sizeof self->folder - 1);
    assert_non_null (mkdtemp (self->folder));
    snprintf (self->own, sizeof self->own, "%s/own.cert_secret", self->folder);
    snprintf (self->authorized, sizeof self->authorized, "%s/in", self->folder);
    snprintf (self->peer, sizeof self->peer, "%s/in/peer.cert_secret", self->folder);
    assert_int_equal (mkdir (self->authorized, 0700), 0);
    snprintf (name, sizeof name, "%s/own", self->folder);
    assert_int_equal (key_file_make (name, NULL, NULL, NULL), 0);
    snprintf (name, sizeof name, "%s/in/peer", self->folder);
    assert_int_equal (key_file_make (name, "client,worker", NULL, NULL), 0);
    self->broker = start (self->own, self->authorized);
}

static void close_house (house_t *self)
{
    static const char *const names[] = {
        "own.cert", "own.cert_secret", "in/peer.cert", "in/peer.cert_secret", "in", "."};
    char path[64];

    zfabric_broker_destroy (&self->broker);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf (path, sizeof path, "%s/%s", self->folder, names[i]);
        if (unlink (path))
            (void)rmdir (i + 1 < sizeof names / sizeof *names ? path : self->folder);
    }
}

// What becomes of a $ping to a broker with these keys; `keys` NULL: without any.
static zfabric_rc_t ping (zfabric_broker_t *broker, const house_t *keys, const house_t *server)
{
    zfabric_client_options_t options = {.connect_timeout_ms = 500};
    key_pair_t *pair = key_pair_new ();
    char server_key[KEY_TEXT + 1];

    if (keys) {
        assert_int_equal (key_file_read_pair (keys->peer, pair, NULL), 0);
        assert_int_equal (key_file_read_public (server->own, server_key, NULL), 0);
        options.server_key = server_key;
        options.public_key = pair->public_key;
        options.secret_key = pair->secret_key;
        options.connect_timeout_ms = keys == server && server->broker == broker ? 20000 : 500;
    } else if (!server) {
        options.connect_timeout_ms = 20000;
    }
    zfabric_client_t *client =
        zfabric_client_new (zfabric_broker_serving (broker, 0), &options, NULL, 0);
    assert_non_null (client);
    zfabric_result_t *result = zfabric_client_run (client, "$ping", NULL, 0, NULL);
    assert_non_null (result);
    zfabric_rc_t rc = result->rc;
    zfabric_result_destroy (&result);
    zfabric_client_destroy (&client);
    key_pair_destroy (&pair);
    return rc;
}

static void brokers_with_keys_live_beside_each_other (void **state)
{
    (void)state;
    house_t one = {0}, two = {0};

    open_house (&one);
    open_house (&two);
    zfabric_broker_t *open = start (NULL, NULL);
    assert_int_equal (ping (one.broker, &one, &one), ZFABRIC_OK);
    assert_int_equal (ping (two.broker, &two, &two), ZFABRIC_OK);
    assert_int_equal (ping (open, NULL, NULL), ZFABRIC_OK);
    // Known to the other one; and taken for the other one.
    assert_int_equal (ping (one.broker, &two, &one), ZFABRIC_BROKER_WENT_AWAY);
    assert_int_equal (ping (one.broker, &one, &two), ZFABRIC_BROKER_WENT_AWAY);
    assert_int_equal (ping (one.broker, NULL, &one), ZFABRIC_BROKER_WENT_AWAY);
    close_house (&one);
    // Its going takes nobody's gate with it.
    assert_int_equal (ping (two.broker, &two, &two), ZFABRIC_OK);
    zfabric_broker_destroy (&open);
    close_house (&two);
}

TESTING_MAIN (cmocka_unit_test (brokers_with_keys_live_beside_each_other), )
