/*  Keys that do not fit, of real CURVE servers: the client says why, and gets in once they fit.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>
#include <zmq.h>

#include "tests/client/client_case.h"
#include "tests/support/testing.h"

// ---- who lets them in (RFC 27)

static atomic_int zap_status; // what it answers
static void *zap;
static pthread_t zap_thread;
static int zap_stop[2];

static void answer_zap (void)
{
    char version[8], number[256], skipped[256], status[8];
    int got = zmq_recv (zap, version, sizeof version, 0);
    int number_len = zmq_recv (zap, number, sizeof number, 0);
    int more = 1;
    size_t size = sizeof more;

    while (more && got >= 0) {
        got = zmq_recv (zap, skipped, sizeof skipped, 0);
        zmq_getsockopt (zap, ZMQ_RCVMORE, &more, &size);
    }
    snprintf (status, sizeof status, "%d", atomic_load (&zap_status));
    zmq_send (zap, "1.0", 3, ZMQ_SNDMORE);
    zmq_send (zap, number, number_len > 0 ? (size_t)number_len : 0, ZMQ_SNDMORE);
    zmq_send (zap, status, strlen (status), ZMQ_SNDMORE);
    zmq_send (zap, "", 0, ZMQ_SNDMORE);
    zmq_send (zap, "somebody", 8, ZMQ_SNDMORE);
    zmq_send (zap, "", 0, 0);
}

static void *serve_zap (void *arg)
{
    zmq_pollitem_t items[] = {{.socket = zap, .events = ZMQ_POLLIN},
                              {.fd = zap_stop[0], .events = ZMQ_POLLIN}};

    while (zmq_poll (items, 2, -1) >= 0 && !items[1].revents) {
        if (items[0].revents)
            answer_zap ();
    }
    zmq_close (zap);
    return arg;
}

static void start_zap (int status)
{
    int off = 0;

    atomic_store (&zap_status, status);
    zap = zmq_socket (broker.context, ZMQ_REP);
    zmq_setsockopt (zap, ZMQ_LINGER, &off, sizeof off);
    assert_int_equal (zmq_bind (zap, "inproc://zeromq.zap.01"), 0);
    assert_int_equal (pipe (zap_stop), 0);
    assert_int_equal (pthread_create (&zap_thread, NULL, serve_zap, NULL), 0);
}

static void stop_zap (void)
{
    assert_int_equal (write (zap_stop[1], "", 1), 1);
    pthread_join (zap_thread, NULL);
    close (zap_stop[0]);
    close (zap_stop[1]);
}

// ---- the client

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned failures;
static char words[512];

static void hear (zfabric_client_event_t event, const char *text, void *arg)
{
    (void)arg;
    if (event != ZFABRIC_CLIENT_EVENT_FAILED)
        return;
    pthread_mutex_lock (&lock);
    failures++;
    snprintf (words, sizeof words, "%s", text);
    pthread_cond_broadcast (&changed);
    pthread_mutex_unlock (&lock);
}

static void make_with_key (const char *server_key)
{
    const zfabric_client_options_t options = {
        .server_key = server_key, .connect_timeout_ms = 100, .on_event = hear};

    failures = 0;
    make_client (&options);
}

// It tries, and an attempt fails for this reason; so do the event, the question and the calls.
static void fails_for (const char *reason)
{
    char text[512];

    pthread_mutex_lock (&lock);
    for (unsigned seen = failures; failures == seen;)
        pthread_cond_wait (&changed, &lock);
    if (!strstr (words, reason) || !strstr (words, broker.endpoint))
        fail_msg ("%s", words);
    pthread_mutex_unlock (&lock);
    assert_false (zfabric_client_connected (client, text, sizeof text));
    if (!strstr (text, reason))
        fail_msg ("%s", text);
    zfabric_call_t *call = start ("p", "", NULL);
    const zfabric_result_t *result = end_of (call);
    assert_int_equal (result->rc, ZFABRIC_BROKER_WENT_AWAY);
    if (!strstr (result->error, reason) || !strstr (result->error, "within 100 ms"))
        fail_msg ("%s", result->error);
    zfabric_call_destroy (&call);
}

static void gets_in (void)
{
    zfabric_result_t *result = NULL;
    const zfabric_run_options_t options = {.retries = 100};

    fake_broker_serve (&broker);
    do { // an attempt may be under way that fails yet
        zfabric_result_destroy (&result);
        result = zfabric_client_run (client, "echo", "1", 1, &options);
        assert_non_null (result);
    } while (result->rc == ZFABRIC_BROKER_WENT_AWAY);
    assert_int_equal (result->rc, ZFABRIC_OK);
    zfabric_result_destroy (&result);
    fake_broker_stop (&broker);
}

static void reopen_with (const char *secret_key)
{
    fake_broker_close (&broker);
    snprintf (broker.secret_key, sizeof broker.secret_key, "%s", secret_key);
    fake_broker_reopen (&broker);
}

// ---- what does not fit

// A refused key leaves a socket of libzmq's dead for good.
static void a_refused_key_is_told_and_let_in_later (void **state)
{
    static const struct {
        int status;
        const char *reason;
    } refusals[] = {{400, "the key was refused by "}, {500, "could not check the key (500)"}};
    char key[41], secret[41];
    (void)state;
    zmq_curve_keypair (key, secret);
    for (unsigned i = 0; i < 2; i++) {
        reopen_with (secret);
        start_zap (refusals[i].status);
        make_with_key (key);
        fails_for (refusals[i].reason);
        atomic_store (&zap_status, 200);
        gets_in ();
        zfabric_client_destroy (&client);
        stop_zap ();
    }
}

static void another_server_key_is_told (void **state)
{
    char key[41], secret[41], other[41], others_secret[41];
    (void)state;
    zmq_curve_keypair (key, secret);
    zmq_curve_keypair (other, others_secret);
    reopen_with (others_secret);
    make_with_key (key);
    fails_for ("another server key");
    reopen_with (secret);
    gets_in ();
}

static void a_broker_without_keys_is_told (void **state)
{
    char key[41], secret[41];
    (void)state;
    zmq_curve_keypair (key, secret);
    make_with_key (key);
    fails_for ("key"); // which of the two ends finds it out first is a race of libzmq's
    reopen_with (secret);
    gets_in ();
}

static void a_broker_that_wants_a_key_is_told (void **state)
{
    char key[41], secret[41];
    (void)state;
    zmq_curve_keypair (key, secret);
    reopen_with (secret);
    make_with_key (NULL);
    fails_for ("want");
    reopen_with ("");
    gets_in ();
}

// Before anything is dialled.
static void bad_keys_are_named (void **state)
{
    char key[41], secret[41], problem[256];
    (void)state;
    zmq_curve_keypair (key, secret);
    zfabric_client_options_t options = {.server_key = key, .public_key = key};
    assert_null (zfabric_client_new (broker.endpoint, &options, problem, sizeof problem));
    assert_int_equal (errno, EINVAL);
    assert_non_null (strstr (problem, "belong together"));
    options.secret_key = "short";
    assert_null (zfabric_client_new (broker.endpoint, &options, problem, sizeof problem));
    assert_non_null (strstr (problem, "the secret key is not 40 characters of Z85"));
}

TESTING_MAIN (CASE (a_refused_key_is_told_and_let_in_later),
              CASE (another_server_key_is_told),
              CASE (a_broker_without_keys_is_told),
              CASE (a_broker_that_wants_a_key_is_told),
              CASE (bad_keys_are_named), )
