/*  Payloads as values of jansson and msgpack-c, from a client through a broker to a worker and
 * back.
 */
#include "zfabric_jansson.h"
#include "zfabric_msgpack.h"

#include <errno.h>

#include "tests/support/testing.h"
#include "zfabric_broker.h"

#define PATIENCE_MS 30000

static zfabric_broker_t *broker;
static zfabric_worker_t *worker;
static zfabric_client_t *client;

// ---- the worker: says back what it got, after a partial that counts it

static int fail_with (zfabric_task_t *task, const char *words)
{
    return zfabric_task_fail (task, ZFABRIC_PROCESSOR_EXCEPTION, words, NULL, 0);
}

static int say_back_json (zfabric_task_t *task, void *arg)
{
    json_error_t error;
    json_t *value = zfabric_task_json (task, &error);
    (void)arg;
    if (!value)
        return fail_with (task, error.text);
    json_t *count = json_integer ((json_int_t)json_object_size (value));
    int rc = zfabric_task_partial_json (task, count);
    if (rc == 0)
        rc = zfabric_task_finish_json (task, value);
    json_decref (count);
    json_decref (value);
    return rc;
}

static int say_back_msgpack (zfabric_task_t *task, void *arg)
{
    msgpack_unpacked value;
    msgpack_sbuffer out;
    msgpack_packer packer;
    char problem[128];
    (void)arg;
    msgpack_unpacked_init (&value);
    if (zfabric_task_msgpack (task, &value, problem, sizeof problem))
        return fail_with (task, problem);
    msgpack_sbuffer_init (&out);
    msgpack_packer_init (&packer, &out, msgpack_sbuffer_write);
    msgpack_pack_int (&packer, 7);
    int rc = zfabric_task_partial_msgpack (task, &out);
    msgpack_sbuffer_clear (&out);
    msgpack_pack_object (&packer, value.data);
    if (rc == 0)
        rc = zfabric_task_finish_msgpack (task, &out);
    msgpack_sbuffer_destroy (&out);
    msgpack_unpacked_destroy (&value);
    return rc;
}

static int say_nothing (zfabric_task_t *task, void *arg)
{
    (void)arg;
    return zfabric_task_finish_json (task, NULL);
}

static void open_all (zfabric_encoding_t ours, zfabric_encoding_t workers)
{
    static const char *const serve[] = {"tcp://127.0.0.1:*"}, *const listen[] = {
                                                                  "tcp://127.0.0.1:*"};
    const zfabric_client_options_t client_options = {.codec = ours};
    const zfabric_worker_options_t worker_options = {.codec = workers, .capacity = 2};
    zfabric_broker_options_t options;

    zfabric_broker_options_init (&options);
    options.serve = serve, options.serve_count = 1;
    options.listen = listen, options.listen_count = 1;
    broker = zfabric_broker_new (&options, NULL, 0);
    assert_non_null (broker);
    worker = zfabric_worker_new (zfabric_broker_listening (broker, 0), &worker_options, NULL, 0);
    assert_int_equal (zfabric_worker_serve (worker, "json", say_back_json, NULL, 0), 0);
    assert_int_equal (zfabric_worker_serve (worker, "msgpack", say_back_msgpack, NULL, 0), 0);
    assert_int_equal (zfabric_worker_serve (worker, "nothing", say_nothing, NULL, 0), 0);
    assert_int_equal (zfabric_worker_start (worker, NULL, 0), 0);
    client = zfabric_client_new (zfabric_broker_serving (broker, 0), &client_options, NULL, 0);
    assert_non_null (client);
}

static int tear_down (void **state)
{
    (void)state;
    zfabric_client_destroy (&client);
    zfabric_worker_destroy (&worker);
    zfabric_broker_destroy (&broker);
    return 0;
}

// ---- there and back

static void json_goes_there_and_back (void **state)
{
    const zfabric_run_options_t options = {.stream = true, .timeout_ms = PATIENCE_MS};
    json_error_t error;
    (void)state;
    open_all (ZFABRIC_ENCODING_JSON, ZFABRIC_ENCODING_JSON);
    for (unsigned i = 0; i < 2; i++) {
        char text[3000];
        memset (text, 'x', sizeof text);
        // Small enough for the stack, and not.
        json_t *variables =
            json_pack ("{s:s%, s:i, s:s%}", "text", text, i ? sizeof text : (size_t)1, "number", 42,
                       "zero", "a\0b", (size_t)3);
        assert_non_null (variables);
        zfabric_call_t *call = zfabric_client_start_json (client, "json", variables, &options);
        zfabric_partial_t *partial = zfabric_call_next (call, PATIENCE_MS);
        json_t *count = zfabric_partial_json (partial, &error);
        assert_int_equal (json_integer_value (count), 3);
        json_t *value = zfabric_result_json (zfabric_call_wait (call, PATIENCE_MS), &error);
        if (!value)
            fail_msg ("%s", error.text);
        assert_true (json_equal (value, variables));
        json_decref (count);
        json_decref (value);
        json_decref (variables);
        zfabric_partial_destroy (&partial);
        zfabric_call_destroy (&call);
    }
}

static void msgpack_goes_there_and_back (void **state)
{
    const zfabric_run_options_t options = {.stream = true, .timeout_ms = PATIENCE_MS};
    msgpack_sbuffer variables;
    msgpack_packer packer;
    msgpack_unpacked value;
    char problem[128] = "";
    (void)state;
    open_all (ZFABRIC_ENCODING_MSGPACK, ZFABRIC_ENCODING_MSGPACK);
    msgpack_sbuffer_init (&variables);
    msgpack_packer_init (&packer, &variables, msgpack_sbuffer_write);
    msgpack_pack_array (&packer, 2);
    msgpack_pack_str_with_body (&packer, "hello", 5);
    msgpack_pack_double (&packer, 0.5);
    zfabric_call_t *call = zfabric_client_start_msgpack (client, "msgpack", &variables, &options);
    msgpack_unpacked_init (&value);
    zfabric_partial_t *partial = zfabric_call_next (call, PATIENCE_MS);
    assert_int_equal (zfabric_partial_msgpack (partial, &value, problem, sizeof problem), 0);
    assert_int_equal (value.data.via.u64, 7);
    const zfabric_result_t *result = zfabric_call_wait (call, PATIENCE_MS);
    if (zfabric_result_msgpack (result, &value, problem, sizeof problem))
        fail_msg ("%s", problem);
    assert_int_equal (value.data.type, MSGPACK_OBJECT_ARRAY);
    assert_int_equal (value.data.via.array.size, 2);
    assert_memory_equal (value.data.via.array.ptr[0].via.str.ptr, "hello", 5);
    assert_true (value.data.via.array.ptr[1].via.f64 == 0.5);
    msgpack_unpacked_destroy (&value);
    msgpack_sbuffer_destroy (&variables);
    zfabric_partial_destroy (&partial);
    zfabric_call_destroy (&call);
}

// JSON beside msgpack headers, and the other way round: the encoding is the helpers'.
static void the_headers_codec_does_not_matter (void **state)
{
    const zfabric_run_options_t options = {.encoding = ZFABRIC_ENCODING_RAW,
                                           .timeout_ms = PATIENCE_MS};
    json_error_t error;
    char problem[128];
    msgpack_unpacked value;
    (void)state;
    open_all (ZFABRIC_ENCODING_MSGPACK, ZFABRIC_ENCODING_JSON);
    json_t *variables = json_pack ("{s:b}", "good", 1);
    // The worker gets JSON; what it says reaches this client as msgpack, by PROTOCOL 6.
    zfabric_result_t *result = zfabric_client_run_json (client, "json", variables, &options);
    assert_non_null (result);
    assert_int_equal (result->rc, ZFABRIC_OK);
    assert_null (zfabric_result_json (result, &error));
    assert_int_equal (errno, EINVAL);
    assert_string_equal (error.text, "the payload is msgpack, not JSON");
    msgpack_unpacked_init (&value);
    assert_int_equal (zfabric_result_msgpack (result, &value, problem, sizeof problem), 0);
    assert_int_equal (value.data.via.map.size, 1);
    msgpack_unpacked_destroy (&value);
    zfabric_result_destroy (&result);
    json_decref (variables);
}

// ---- what goes wrong

static void what_is_wrong_is_told (void **state)
{
    const zfabric_run_options_t raw = {.encoding = ZFABRIC_ENCODING_RAW, .timeout_ms = PATIENCE_MS};
    json_error_t error;
    msgpack_unpacked value;
    char problem[128];
    (void)state;
    open_all (ZFABRIC_ENCODING_JSON, ZFABRIC_ENCODING_MSGPACK);
    msgpack_unpacked_init (&value);

    zfabric_result_t *result = zfabric_client_run (client, "json", "\x01", 1, &raw);
    assert_int_equal (result->rc, ZFABRIC_PROCESSOR_EXCEPTION);
    assert_string_equal (result->error, "the payload is raw octets, not JSON");
    assert_null (zfabric_result_json (result, &error)); // it has none, but a reason
    assert_int_equal (errno, ENODATA);
    assert_string_equal (error.text, "PROCESSOR_EXCEPTION: the payload is raw octets, not JSON");
    assert_int_equal (zfabric_result_msgpack (result, &value, problem, sizeof problem), -1);
    assert_string_equal (problem, "PROCESSOR_EXCEPTION: the payload is raw octets, not JSON");
    zfabric_result_destroy (&result);

    result = zfabric_client_run_json (client, "nothing", NULL, NULL);
    assert_int_equal (result->rc, ZFABRIC_OK);
    assert_null (zfabric_result_json (result, &error));
    assert_int_equal (errno, ENODATA);
    assert_string_equal (error.text, "there is no payload");
    assert_null (zfabric_result_json (result, NULL));
    zfabric_result_destroy (&result);

    result = zfabric_client_run_msgpack (client, "msgpack", NULL, NULL);
    assert_string_equal (result->error, "there is no payload");
    zfabric_result_destroy (&result);

    assert_null (zfabric_result_json (NULL, &error));
    assert_int_equal (errno, EINVAL);
    assert_null (zfabric_partial_json (NULL, NULL));
    assert_int_equal (zfabric_result_msgpack (NULL, &value, problem, sizeof problem), -1);
    assert_int_equal (zfabric_partial_msgpack (NULL, &value, NULL, 0), -1);
    assert_int_equal (errno, EINVAL);
    assert_null (zfabric_client_start_json (client, "", NULL, NULL));
    assert_int_equal (errno, EINVAL);
    json_t *circle = json_array ();
    assert_int_equal (json_array_append (circle, circle), -1); // jansson sees to that
    json_decref (circle);
    msgpack_unpacked_destroy (&value);
}

static void broken_json_is_pointed_at (void **state)
{
    static const char text[] = "{\"a\": 1,\n \"b\": tru}";
    json_error_t error;
    const zfabric_result_t result = {.rc = ZFABRIC_OK,
                                     .encoding = ZFABRIC_ENCODING_JSON,
                                     .payload = text,
                                     .size = sizeof text - 1,
                                     .error = ""};
    (void)state;
    assert_null (zfabric_result_json (&result, &error));
    assert_int_equal (errno, EBADMSG);
    assert_int_equal (error.line, 2);
    assert_in_range (error.column, 6, 10);
    assert_non_null (strstr (error.text, "tru"));
    assert_null (zfabric_result_json (&result, NULL));
}

static void
reads_as (const char *octets, size_t size, const char *words, zfabric_encoding_t encoding)
{
    const zfabric_partial_t partial = {.encoding = encoding, .payload = octets, .size = size};
    msgpack_unpacked value;
    char problem[128] = "";

    msgpack_unpacked_init (&value);
    int rc = zfabric_partial_msgpack (&partial, &value, problem, sizeof problem);
    assert_string_equal (problem, words);
    assert_int_equal (rc, *words ? -1 : 0);
    msgpack_unpacked_destroy (&value);
}

#define READS(octets, words) reads_as (octets, sizeof octets - 1, words, ZFABRIC_ENCODING_MSGPACK)

static void broken_msgpack_is_pointed_at (void **state)
{
    (void)state;
    READS ("\xc0", "");
    READS ("\x7f", "");
    READS ("\xe0", "");
    READS ("\x82\xa1x\x01\xa1y\x93\x01\x02\x03", "");
    READS ("\xc4\x02zz", "");
    READS ("\xc5\x00\x02zz", "");
    READS ("\xc6\x00\x00\x00\x02zz", "");
    READS ("\xc7\x02\x01zz", "");
    READS ("\xc8\x00\x02\x01zz", "");
    READS ("\xc9\x00\x00\x00\x02\x01zz", "");
    READS ("\xca\x00\x00\x00\x00", "");
    READS ("\xcb\x00\x00\x00\x00\x00\x00\x00\x00", "");
    READS ("\xd9\x01z", "");
    READS ("\xda\x00\x01z", "");
    READS ("\xdb\x00\x00\x00\x01z", "");
    READS ("\xd4\x01z", "");
    READS ("\xd8\x01zzzzzzzzzzzzzzzz", "");
    READS ("\xdc\x00\x01\xc0", "");
    READS ("\xdd\x00\x00\x00\x01\xc0", "");
    READS ("\xde\x00\x01\xc0\xc0", "");
    READS ("\xdf\x00\x00\x00\x01\xc0\xc0", "");
    READS ("\xcf\x00\x00\x00\x00\x00\x00\x00\x00", "");
    READS ("\xd3\x00\x00\x00\x00\x00\x00\x00\x00", "");

    READS ("\xc1", "octet 0: not msgpack");
    READS ("\x91\xc1", "octet 1: not msgpack");
    READS ("\xc0\xc0", "octet 1: more than one object");
    READS ("\x92\xc0", "octet 2: it ends before what it holds");
    READS ("\xa3zz", "octet 0: more is said to follow than does");
    READS ("\xd9", "octet 0: more is said to follow than does");
    READS ("\xdb\xff\xff\xff\xffz", "octet 0: more is said to follow than does");
    // What a reader would reserve gigabytes for.
    READS ("\xdd\x0f\xff\xff\xff\xc0", "octet 6: it ends before what it holds");
    READS ("\xdf\xff\xff\xff\xff\xc0", "octet 6: it ends before what it holds");
    READS ("\x91\xdd\xff\xff\xff\xff\xc0", "octet 7: it ends before what it holds");
    reads_as ("", 0, "there is no payload", ZFABRIC_ENCODING_MSGPACK);
    reads_as ("1", 1, "the payload is JSON, not msgpack", ZFABRIC_ENCODING_JSON);
    reads_as ("1", 1, "the payload is raw octets, not msgpack", ZFABRIC_ENCODING_RAW);
}

// No proper prefix of a document is one, and msgpack-c takes whatever the check lets through.
static void every_prefix_and_every_change_is_read_or_refused (void **state)
{
    static const char whole[] = "\x83\xa1k\x92\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00\xc4\x02zz"
                                "\xa3key\xd9\x03str\xa1x\xde\x00\x01\x01\xc7\x01\x05z";
    char octets[sizeof whole - 1];
    msgpack_unpacked value;
    (void)state;
    msgpack_unpacked_init (&value);
    assert_int_equal (zfabric_msgpack_check (whole, sizeof octets, NULL, 0), 0);
    for (size_t len = 0; len < sizeof octets; len++)
        assert_int_equal (zfabric_msgpack_check (whole, len, NULL, 0), -1);
    for (size_t i = 0; i < sizeof octets; i++) {
        memcpy (octets, whole, sizeof octets);
        for (unsigned change = 1; change < 256; change++) {
            octets[i] = (char)(whole[i] ^ change);
            bool good = zfabric_msgpack_check (octets, sizeof octets, NULL, 0) == 0;
            // What msgpack-c would reserve gigabytes for.
            if (!good && (octets[i] & 0xfd) == 0xdd)
                continue;
            size_t at = 0;
            bool theirs =
                msgpack_unpack_next (&value, octets, sizeof octets, &at) == MSGPACK_UNPACK_SUCCESS
                && at == sizeof octets;
            assert_int_equal (good, theirs);
        }
    }
    msgpack_unpacked_destroy (&value);
}

TESTING_MAIN (cmocka_unit_test_teardown (json_goes_there_and_back, tear_down),
              cmocka_unit_test_teardown (msgpack_goes_there_and_back, tear_down),
              cmocka_unit_test_teardown (the_headers_codec_does_not_matter, tear_down),
              cmocka_unit_test_teardown (what_is_wrong_is_told, tear_down),
              cmocka_unit_test (broken_json_is_pointed_at),
              cmocka_unit_test (broken_msgpack_is_pointed_at),
              cmocka_unit_test (every_prefix_and_every_change_is_read_or_refused), )
