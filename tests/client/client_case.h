/*  What the tests of the client share: a client, a broker that does as it is told, and words for
 * what goes between them.
 */
#ifndef TESTS_CLIENT_CLIENT_CASE_H
#define TESTS_CLIENT_CLIENT_CASE_H

#include "tests/client/fake_broker.h"
#include "zfabric_client.h"

#define COOKIE "01234567-89AB-4cde-8f01-23456789abcd"

extern fake_broker_t broker;
extern zfabric_client_t *client;
extern cookie_t cookie; // of the last packet that the broker got

int case_begin (void **state);
int case_end (void **state);

#define CASE(name) cmocka_unit_test_setup_teardown (name, case_begin, case_end)

// Of `broker`.
void make_client (const zfabric_client_options_t *options);

zfabric_call_t *
start (const char *pipeline, const char *payload, const zfabric_run_options_t *options);
void broker_gets (packet_type_t type);

// The result of a call that ends by itself.
const zfabric_result_t *end_of (zfabric_call_t *call);

// The same; it has this code and, in its error, these words. The call is destroyed.
void ends (zfabric_call_t *call, zfabric_rc_t rc, const char *words);

void payload_is (const void *payload, size_t size, const char *expected);

#endif
