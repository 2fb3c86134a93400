#include "fabric/endpoint.h"

#include "tests/support/testing.h"

#include <errno.h>

static void endpoints_fall_into_their_parts (void **state)
{
    (void)state;
    static const struct {
        const char *text;
        endpoint_kind_t kind;
        const char *host, *port, *path;
    } cases[] = {
        {"tcp://127.0.0.1:51520", ENDPOINT_TCP, "127.0.0.1", "51520", ""},
        {"tcp://*:*", ENDPOINT_TCP, "*", "*", ""},
        {"tcp://broker.example:0", ENDPOINT_TCP, "broker.example", "0", ""},
        {"tcp://[::1]:65535", ENDPOINT_TCP, "::1", "65535", ""},
        {"tcp://[fe80::1%eth0]:1", ENDPOINT_TCP, "fe80::1%eth0", "1", ""},
        {"ipc:///run/zfabric/clients", ENDPOINT_IPC, "", "", "/run/zfabric/clients"},
        {"ipc://relative", ENDPOINT_IPC, "", "", "relative"},
        {"ipc://@abstract", ENDPOINT_IPC, "", "", "@abstract"},
        {"inproc://name", ENDPOINT_INPROC, "", "", "name"},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        endpoint_t endpoint;
        fault_t fault = {""};
        if (endpoint_parse (cases[i].text, &endpoint, &fault))
            fail_msg ("%s: %s", cases[i].text, fault.text);
        assert_int_equal (endpoint.kind, cases[i].kind);
        assert_true (slice_equal (endpoint.host, slice_text (cases[i].host)));
        assert_true (slice_equal (endpoint.port, slice_text (cases[i].port)));
        assert_true (slice_equal (endpoint.path, slice_text (cases[i].path)));
        assert_string_equal (fault.text, "");
    }
}

static void refused (const char *text)
{
    endpoint_t endpoint;
    fault_t fault = {""};

    errno = 0;
    if (endpoint_parse (text, &endpoint, &fault) == 0)
        fail_msg ("taken: %s", text);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (strncmp (fault.text, text, strlen (text) < 100 ? strlen (text) : 100), 0);
    assert_int_equal (endpoint_parse (text, &endpoint, NULL), -1);
}

static void what_is_none_is_refused_by_its_name (void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "tcp",
        "tcp:",
        "tcp://",
        "tcp://:",
        "tcp://:51520",
        "tcp://host",
        "tcp://host:",
        "tcp://host:65536",
        "tcp://host:123456",
        "tcp://host:-1",
        "tcp://host:1a",
        "tcp://host: 1",
        "tcp://host:**",
        "tcp://::1:51520",
        "tcp://[]:51520",
        "tcp://[::1:51520",
        "tcp://[::1]51520",
        "TCP://host:1",
        "udp://host:1",
        "http://host:1",
        "ipc://",
        "inproc://",
        "/run/zfabric",
        "127.0.0.1:51520",
        " tcp://host:1",
    };

    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refused (wrong[i]);
}

static void endpoints_are_shorter_than_their_bound (void **state)
{
    (void)state;
    char text[ENDPOINT_MAX + 1];
    endpoint_t endpoint;

    memset (text, 'p', sizeof text);
    memcpy (text, "ipc://", 6);
    text[ENDPOINT_MAX - 1] = '\0';
    assert_int_equal (endpoint_parse (text, &endpoint, NULL), 0);
    text[ENDPOINT_MAX - 1] = 'p';
    text[ENDPOINT_MAX] = '\0';
    refused (text);
}

// PROTOCOL 1: tcp beyond loopback needs keys. In doubt it is beyond.
static void only_loopback_is_out_of_reach_of_others (void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool beyond;
    } cases[] = {
        {"tcp://127.0.0.1:1", false},
        {"tcp://127.1.2.3:1", false},
        {"tcp://127.255.255.255:*", false},
        {"tcp://localhost:1", false},
        {"tcp://lo:1", false},
        {"tcp://[::1]:1", false},
        {"ipc:///path", false},
        {"inproc://name", false},
        {"tcp://*:1", true},
        {"tcp://0.0.0.0:1", true},
        {"tcp://10.0.0.1:1", true},
        {"tcp://128.0.0.1:1", true},
        {"tcp://126.255.255.255:1", true},
        {"tcp://[::]:1", true},
        {"tcp://[::2]:1", true},
        {"tcp://[fe80::1]:1", true},
        {"tcp://eth0:1", true},
        {"tcp://localhost.example:1", true},
        {"tcp://127.0.0.1.example:1", true},
        {"tcp://127.1:1", true},
        {"tcp://lo0:1", true},
        {"tcp://[::ffff:10.0.0.1]:1", true},
        {"tcp://[::ffff:127.0.0.1]:1", false},
        {"tcp://[::127.0.0.1]:1", true},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        endpoint_t endpoint;
        assert_int_equal (endpoint_parse (cases[i].text, &endpoint, NULL), 0);
        if (endpoint_beyond_host (&endpoint) != cases[i].beyond)
            fail_msg ("%s", cases[i].text);
    }
}

static void ipv4_addresses_are_known (void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ipv4;
    } cases[] = {
        {"tcp://127.0.0.1:1", true},
        {"tcp://0.0.0.0:*", true},
        {"tcp://192.168.255.254:1", true},
        {"tcp://localhost:1", false},
        {"tcp://*:1", false},
        {"tcp://lo:1", false},
        {"tcp://[::1]:1", false},
        {"tcp://[::ffff:127.0.0.1]:1", false},
        {"tcp://a.name.that.is.longer.than.any.address.can.be.example:1", false},
        {"ipc://127.0.0.1", false},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        endpoint_t endpoint;
        assert_int_equal (endpoint_parse (cases[i].text, &endpoint, NULL), 0);
        if (endpoint_is_ipv4 (&endpoint) != cases[i].ipv4)
            fail_msg ("%s", cases[i].text);
    }
}

TESTING_MAIN (cmocka_unit_test (endpoints_fall_into_their_parts),
              cmocka_unit_test (what_is_none_is_refused_by_its_name),
              cmocka_unit_test (endpoints_are_shorter_than_their_bound),
              cmocka_unit_test (only_loopback_is_out_of_reach_of_others),
              cmocka_unit_test (ipv4_addresses_are_known), )
