/*  The client when its broker is lost, absent or bad, and when it is used badly.
 */
#define _GNU_SOURCE

#include "zfabric_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fabric/moment.h"
#include "tests/client/client_case.h"
#include "tests/support/testing.h"

// ---- loss

static void a_lost_connection_ends_calls_and_comes_back (void **state)
{
    (void)state;
    make_client (NULL);
    for (int i = 0; i < 3; i++) {
        zfabric_call_t *first = start ("p", "", NULL), *second = start ("q", "", NULL);
        broker_gets (PACKET_RUN);
        fake_broker_result (&broker, &cookie, ZFABRIC_OK, "", NULL);
        broker_gets (PACKET_RUN);
        fake_broker_close (&broker);
        ends (first, ZFABRIC_OK, ""); // it was sent before the end
        ends (second, ZFABRIC_BROKER_WENT_AWAY, "closed the connection");
        // What is started meanwhile waits for the next connection.
        zfabric_call_t *third = start ("r", "", NULL);
        fake_broker_reopen (&broker);
        broker_gets (PACKET_RUN);
        fake_broker_result (&broker, &cookie, ZFABRIC_OK, "", NULL);
        ends (third, ZFABRIC_OK, "");
    }
}

// A port that is taken but not listened on; whose, for close ().
static int take_port (char *endpoint, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal (bind (fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal (getsockname (fd, (struct sockaddr *)&address, &len), 0);
    snprintf (endpoint, size, "tcp://127.0.0.1:%d", ntohs (address.sin_port));
    return fd;
}

static void nobody_listens (void **state)
{
    const zfabric_client_options_t options = {.connect_timeout_ms = 300};
    char endpoint[64], reason[256];
    (void)state;
    int port = take_port (endpoint, sizeof endpoint);
    client = zfabric_client_new (endpoint, &options, NULL, 0);
    moment_t before = moment_now ();
    zfabric_result_t *result = zfabric_client_run (client, "p", "", 0, NULL);
    assert_in_range (moment_now () - before, 300, PATIENCE_MS);
    assert_int_equal (result->rc, ZFABRIC_BROKER_WENT_AWAY);
    assert_non_null (strstr (result->error, "nobody listens on "));
    assert_non_null (strstr (result->error, endpoint));
    zfabric_result_destroy (&result);
    assert_false (zfabric_client_connected (client, reason, sizeof reason));
    assert_non_null (strstr (reason, "nobody listens on "));
    close (port);
}

// It takes connections and says nothing: nothing can be known of it, but nobody waits for ever.
static void somebody_listens_who_is_no_broker (void **state)
{
    const zfabric_client_options_t options = {.connect_timeout_ms = 100};
    char endpoint[64];
    (void)state;
    int port = take_port (endpoint, sizeof endpoint);
    assert_int_equal (listen (port, 1), 0);
    client = zfabric_client_new (endpoint, &options, NULL, 0);
    zfabric_result_t *result = zfabric_client_run (client, "p", "", 0, NULL);
    assert_int_equal (result->rc, ZFABRIC_BROKER_WENT_AWAY);
    assert_non_null (strstr (result->error, "no connection to "));
    assert_non_null (strstr (result->error, endpoint));
    assert_non_null (strstr (result->error, "within 100 ms"));
    zfabric_result_destroy (&result);
    close (port);
}

static void the_next_broker_is_used (void **state)
{
    char endpoints[ENDPOINT_MAX + 64];
    (void)state;
    int port = take_port (endpoints, sizeof endpoints);
    strcat (endpoints, ",");
    strcat (endpoints, broker.endpoint);
    client = zfabric_client_new (endpoints, NULL, NULL, 0);
    assert_non_null (client);
    zfabric_call_t *call = start ("p", "", NULL);
    broker_gets (PACKET_RUN);
    fake_broker_result (&broker, &cookie, ZFABRIC_OK, "", NULL);
    ends (call, ZFABRIC_OK, "");
    close (port);
}

static void calls_outlive_their_client (void **state)
{
    (void)state;
    make_client (NULL);
    zfabric_call_t *sent = start ("p", "", NULL), *fresh;
    broker_gets (PACKET_RUN);
    fresh = start ("q", "", NULL);
    zfabric_client_destroy (&client);
    assert_null (client);
    zfabric_call_cancel (sent);
    assert_int_equal (strlen (zfabric_call_cookie (fresh)), COOKIE_TEXT);
    ends (sent, ZFABRIC_BROKER_WENT_AWAY, "the client was closed");
    ends (fresh, ZFABRIC_BROKER_WENT_AWAY, "the client was closed");
    zfabric_client_destroy (&client);
    zfabric_client_destroy (NULL);
}

// So do the partials that were taken, and those that were not.
static void what_came_outlives_the_client (void **state)
{
    const zfabric_run_options_t options = {.stream = true};
    (void)state;
    make_client (NULL);
    zfabric_call_t *call = start ("p", "", &options);
    broker_gets (PACKET_RUN);
    fake_broker_partial (&broker, &cookie, 0, "\"first\"");
    fake_broker_partial (&broker, &cookie, 1, "\"second\"");
    fake_broker_result (&broker, &cookie, ZFABRIC_OK, "\"end\"", NULL);
    zfabric_partial_t *first = zfabric_call_next (call, PATIENCE_MS);
    const zfabric_result_t *result = end_of (call);
    zfabric_client_destroy (&client);
    zfabric_partial_t *second = zfabric_call_next (call, 0);
    payload_is (first->payload, first->size, "\"first\"");
    payload_is (result->payload, result->size, "\"end\"");
    zfabric_call_destroy (&call);
    payload_is (second->payload, second->size, "\"second\"");
    zfabric_partial_destroy (&first);
    zfabric_partial_destroy (&second);
}

// What was on its way when the client was closed arrives.
static void the_last_words_arrive (void **state)
{
    const zfabric_run_options_t options = {.detach = true};
    enum { MANY = 500 };
    (void)state;
    make_client (NULL);
    zfabric_call_t *first = start ("first", "", &options);
    broker_gets (PACKET_RUN); // there is a connection
    for (unsigned i = 0; i < MANY; i++) {
        zfabric_call_t *call = start ("p", "0", &options);
        zfabric_call_destroy (&call);
    }
    zfabric_call_destroy (&first);
    zfabric_client_destroy (&client);
    for (unsigned i = 0; i < MANY; i++)
        broker_gets (PACKET_RUN);
}

// ---- bad use, bad brokers

static void bad_use_has_an_answer (void **state)
{
    const zfabric_client_options_t options = {.max_open = 2, .max_payload = 10};
    (void)state;
    make_client (&options);
    assert_null (zfabric_client_start (client, "p", "12345678901", 11, NULL));
    assert_int_equal (errno, EMSGSIZE);
    assert_null (zfabric_client_start (NULL, "p", "", 0, NULL));
    assert_int_equal (errno, EINVAL);
    assert_null (zfabric_client_start (client, NULL, "", 0, NULL));
    assert_int_equal (errno, EINVAL);
    assert_null (zfabric_client_start (client, "", "", 0, NULL));
    assert_int_equal (errno, EINVAL);
    assert_null (zfabric_client_start (client, "p\n", "", 0, NULL));
    assert_null (zfabric_client_start (client, "\xff", "", 0, NULL));
    assert_null (zfabric_client_start (client, "p", NULL, 1, NULL));
    zfabric_run_options_t run = {.cookie = "no cookie"};
    assert_null (zfabric_client_start (client, "p", "", 0, &run));
    assert_int_equal (errno, EINVAL);
    run = (zfabric_run_options_t){.has_priority = true, .priority = 10};
    assert_null (zfabric_client_start (client, "p", "", 0, &run));
    run = (zfabric_run_options_t){.retries = 101};
    assert_null (zfabric_client_start (client, "p", "", 0, &run));
    run = (zfabric_run_options_t){.encoding = (zfabric_encoding_t)9};
    assert_null (zfabric_client_start (client, "p", "", 0, &run));
    assert_int_equal (errno, EINVAL);
    assert_null (zfabric_client_cancel (client, "no cookie"));
    assert_null (zfabric_client_cancel (client, NULL));
    assert_int_equal (errno, EINVAL);
    assert_int_equal (zfabric_client_open (client), 0);

    zfabric_call_t *first = start ("p", "1234567890", NULL), *second = start ("p", "", NULL);
    assert_null (zfabric_client_start (client, "p", "", 0, NULL));
    assert_int_equal (errno, EAGAIN);
    broker_gets (PACKET_RUN);
    fake_broker_result (&broker, &cookie, ZFABRIC_OK, "", NULL);
    ends (first, ZFABRIC_OK, "");
    first = start ("p", "", NULL);
    zfabric_call_destroy (&first);
    zfabric_call_destroy (&second);
    zfabric_call_t *none = NULL;
    zfabric_call_destroy (&none);
    zfabric_call_destroy (NULL);
    zfabric_result_destroy (NULL);
    zfabric_partial_destroy (NULL);
    zfabric_call_cancel (NULL);
    assert_null (zfabric_call_wait (NULL, -1));
    assert_int_equal (errno, EINVAL);
    assert_null (zfabric_call_next (NULL, -1));
    assert_int_equal (errno, EINVAL);
}

static void a_cookie_in_use_is_a_collision (void **state)
{
    const zfabric_run_options_t options = {.cookie = COOKIE};
    (void)state;
    make_client (NULL);
    zfabric_call_t *call = start ("p", "", &options), *again = start ("p", "", &options);
    ends (again, ZFABRIC_COOKIE_COLLISION, "");
    broker_gets (PACKET_RUN);
    fake_broker_result (&broker, &cookie, ZFABRIC_OK, "", NULL);
    ends (call, ZFABRIC_OK, "");
}

static void bad_options_are_named (void **state)
{
    static const struct {
        const char *endpoints;
        zfabric_client_options_t options;
        const char *words;
    } bad[] = {
        {"", {0}, "not an endpoint"},
        {"tcp://127.0.0.1:1,", {0}, "not an endpoint"},
        {"tcp://127.0.0.1:*", {0}, "a port to connect to"},
        {"tcp://127.0.0.1:1,what", {0}, "what"},
        {"tcp://127.0.0.1:1", {.codec = ZFABRIC_ENCODING_RAW}, "codec"},
        {"tcp://127.0.0.1:1", {.server_key = "short"}, "Z85"},
    };
    char problem[256];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        problem[0] = '\0';
        assert_null (zfabric_client_new (bad[i].endpoints, &bad[i].options, problem, 256));
        assert_int_equal (errno, EINVAL);
        if (!strstr (problem, bad[i].words))
            fail_msg ("%s: %s", bad[i].endpoints, problem);
    }
    assert_null (zfabric_client_new ("what", NULL, problem, 5));
    assert_string_equal (problem, "what");
    assert_null (zfabric_client_new ("what", NULL, NULL, 0));
}

// PROTOCOL 3: what a client does not know it ignores; garbage does it no harm.
static void a_bad_broker_does_no_harm (void **state)
{
    static const char *const headers[] = {
        "",
        "{",
        "garbage",
        "{}",
        "{\"packet_type\":\"NEWS\"}",
        "{\"packet_type\":5}",
        "{\"packet_type\":\"RESULT\"}",
        "{\"packet_type\":\"PARTIAL\"}",
        "{\"packet_type\":\"RESULT\",\"rc\":\"OK\",\"cookie\":\"\"}",
        "{\"packet_type\":\"REGISTER\"}",
        "{\"packet_type\":\"SHUTDOWN\"}",
        "\x80",
        "\xdf\xff\xff\xff\xff"};
    (void)state;
    make_client (NULL);
    zfabric_call_t *call = start ("p", "", NULL);
    broker_gets (PACKET_RUN);
    cookie_t own = cookie;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        fake_broker_send_octets (&broker, headers[i], strlen (headers[i]), false);
        fake_broker_send_octets (&broker, headers[i], strlen (headers[i]), true);
    }
    fake_broker_result (&broker, &own, ZFABRIC_OK, "", NULL);
    ends (call, ZFABRIC_OK, "");
}

static void a_result_that_cannot_be_read_ends_its_call (void **state)
{
    static const char header[] =
        "{\"packet_type\":\"RESULT\",\"cookie\":\"" COOKIE "\",\"rc\":\"WHATEVER\"}";
    const zfabric_run_options_t options = {.cookie = COOKIE};
    (void)state;
    make_client (NULL);
    zfabric_call_t *call = start ("p", "", &options);
    broker_gets (PACKET_RUN);
    fake_broker_send_octets (&broker, header, sizeof header - 1, true);
    ends (call, ZFABRIC_EXCEPTION, "rc");
}

// The first case: CZMQ installs its handlers when it is first used.
static void signals_are_left_alone (void **state)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    struct sigaction before[2], now;
    (void)state;
    for (unsigned i = 0; i < 2; i++)
        sigaction (numbers[i], NULL, &before[i]);
    make_client (NULL);
    for (unsigned i = 0; i < 2; i++) {
        sigaction (numbers[i], NULL, &now);
        assert_ptr_equal (now.sa_handler, before[i].sa_handler);
    }
}

TESTING_MAIN (CASE (signals_are_left_alone),
              CASE (a_lost_connection_ends_calls_and_comes_back),
              CASE (nobody_listens),
              CASE (somebody_listens_who_is_no_broker),
              CASE (the_next_broker_is_used),
              CASE (calls_outlive_their_client),
              CASE (what_came_outlives_the_client),
              CASE (the_last_words_arrive),
              CASE (bad_use_has_an_answer),
              CASE (a_cookie_in_use_is_a_collision),
              CASE (bad_options_are_named),
              CASE (a_bad_broker_does_no_harm),
              CASE (a_result_that_cannot_be_read_ends_its_call), )
