// Where doors are: what is one, and what a host or path it names.

#include "tests/support/testing.h"

#include "transports/address.h"

#include <errno.h>

static void assert_slice (slice_t slice, const char *text)
{
    assert_true (slice_equal (slice, slice_text (text)));
}

static void takes_them_apart (void **state)
{
    static const struct {
        const char *text, *carrier, *host, *port, *path;
    } rows[] = {
        {"json+tcp://127.0.0.1:51500", "tcp", "127.0.0.1", "51500", NULL},
        {"json+tls://[::1]:*", "tls", "::1", "*", NULL},
        {"json+tcp://*:1", "tcp", "*", "1", NULL},
        {"json+unix:///tmp/a", "unix", NULL, NULL, "/tmp/a"},
        {"socket:///tmp/a b", "unix", NULL, NULL, "/tmp/a b"},
    };
    address_t address;
    fault_t fault;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true (address_is_door (rows[i].text));
        assert_int_equal (address_parse (rows[i].text, &address, &fault), 0);
        assert_slice (address.door, "json");
        assert_slice (address.carrier, rows[i].carrier);
        if (rows[i].path) {
            assert_slice (address.at.path, rows[i].path);
        } else {
            assert_slice (address.at.host, rows[i].host);
            assert_slice (address.at.port, rows[i].port);
        }
    }
}

static void refuses_what_names_no_place (void **state)
{
    static const char *const texts[] = {
        "json+tcp://",
        "json+tcp://127.0.0.1",
        "json+tcp://127.0.0.1:65536",
        "json+tcp://:1",
        "json+tls://[::1:1",
        "json+tcp://127.0.0.1:1 ",
        "json+unix://a",
        "socket://",
        "socket:///",
        "socket://tmp/a",
        "json+tcp://127.0.0.1:port",
    };
    address_t address;
    fault_t fault;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_true (address_is_door (texts[i]));
        assert_int_equal (address_parse (texts[i], &address, &fault), -1);
        assert_int_equal (errno, EINVAL);
        assert_non_null (strstr (fault.text, texts[i]));
    }
}

static void leaves_the_brokers_own_to_it (void **state)
{
    (void)state;
    assert_false (address_is_door ("tcp://127.0.0.1:1"));
    assert_false (address_is_door ("ipc:///tmp/a"));
    assert_false (address_is_door ("JSON+tcp://127.0.0.1:1"));
    assert_false (address_is_door (""));
}

static void knows_what_other_hosts_reach (void **state)
{
    static const struct {
        const char *text;
        bool beyond;
    } rows[] = {
        {"json+tcp://127.0.0.1:1", false}, {"json+tcp://[::1]:1", false},
        {"json+tcp://0.0.0.0:1", true},    {"json+tls://*:1", true},
        {"json+tcp://10.0.0.1:1", true},   {"socket:///tmp/a", false},
    };
    address_t address;
    fault_t fault;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal (address_parse (rows[i].text, &address, &fault), 0);
        assert_int_equal (address_beyond_host (&address), rows[i].beyond);
    }
}

TESTING_MAIN (cmocka_unit_test (takes_them_apart),
              cmocka_unit_test (refuses_what_names_no_place),
              cmocka_unit_test (leaves_the_brokers_own_to_it),
              cmocka_unit_test (knows_what_other_hosts_reach), )
