#define _GNU_SOURCE

#include "worker/runner.h"

#include "tests/support/testing.h"
#include "tests/worker/children.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fabric/container.h"
#include "worker/worker_task.h"

// A runner and one task for it, without a worker around them.
typedef struct {
    runner_t *runner;
    worker_task_home_t home;
    handler_t handler;
    zfabric_task_t *task;
    list_t partials;
} stage_t;

typedef struct {
    const char *command;
    document_mode_t output, input;
    encoding_t codec;
    encoding_t encoding; // of the payload
    const char *payload;
    size_t max_payload; // 0: a million
    bool stream;        // the runner's
    bool wanted;        // by the client
} scene_t;

static void open_stage (stage_t *self, const scene_t *scene)
{
    runner_options_t options = {scene->command, scene->output, scene->input, scene->stream, NULL};
    packet_t run;
    frame_t payload;

    memset (self, 0, sizeof *self);
    list_init (&self->partials);
    self->runner = runner_new (&options);
    self->home.codec = scene->codec;
    self->home.max_payload = scene->max_payload ? scene->max_payload : 1000000;
    self->home.mail = mailbox_new ();
    self->handler = (handler_t){runner_handle, self->runner, 0};
    packet_init (&run, scene->codec);
    run.keys = PACKET_BIT (COOKIE) | PACKET_BIT (PIPELINE) | PACKET_BIT (STREAM);
    run.cookie = (cookie_t){.octets = {0xab}};
    run.pipeline = slice_text ("some/pipeline");
    run.stream = scene->wanted;
    run.encoding = scene->encoding;
    assert_int_equal (frame_copy (&payload, slice_text (scene->payload ? scene->payload : "")), 0);
    self->task = worker_task_new (&self->home, &run, &payload, &self->handler, 0);
    assert_non_null (self->task);
}

static void play (stage_t *self, const scene_t *scene)
{
    open_stage (self, scene);
    worker_task_run (self->task);
    assert_true (self->task->said);
    mailbox_take (self->home.mail, &self->partials);
}

static void close_stage (stage_t *self)
{
    list_node_t *node;

    while ((node = list_first (&self->partials))) {
        letter_t *letter = container_of (node, letter_t, place);
        list_remove (node);
        worker_task_posted (&letter);
    }
    assert_int_equal (self->task->unsent, 0);
    worker_task_destroy (&self->task);
    mailbox_destroy (&self->home.mail);
    runner_destroy (&self->runner);
    children_expect_none ();
}

static void expect_result (const stage_t *self, encoding_t encoding, const char *payload)
{
    const letter_t *letter = &self->task->letter;
    slice_t octets = frame_slice (&letter->payload);

    if (letter->rc != ZFABRIC_OK)
        fail_msg ("%s: %s", zfabric_rc_name (letter->rc), letter->error);
    if (!slice_equal (octets, slice_text (payload)))
        fail_msg ("the result is %.*s", (int)octets.len, (const char *)octets.ptr);
    assert_int_equal (letter->encoding, encoding);
}

static void expect_failure (const stage_t *self, zfabric_rc_t rc, const char *error)
{
    const letter_t *letter = &self->task->letter;

    assert_string_equal (zfabric_rc_name (letter->rc), zfabric_rc_name (rc));
    if (!letter->error || !strstr (letter->error, error))
        fail_msg ("the error is %s", letter->error);
    assert_int_equal (frame_size (&letter->payload), 0);
}

static void expect_next_partial (stage_t *self, uint64_t seq, const char *payload)
{
    list_node_t *node = list_first (&self->partials);

    assert_non_null (node);
    letter_t *letter = container_of (node, letter_t, place);
    assert_int_equal (letter->seq, seq);
    slice_t octets = frame_slice (&letter->payload);
    if (!slice_equal (octets, slice_text (payload)))
        fail_msg ("partial %d is %.*s", (int)seq, (int)octets.len, (const char *)octets.ptr);
    list_remove (node);
    worker_task_posted (&letter);
}

static void expect_result_of (const scene_t *scene, encoding_t encoding, const char *payload)
{
    stage_t stage;

    play (&stage, scene);
    expect_result (&stage, encoding, payload);
    close_stage (&stage);
}

static void expect_failure_of (const scene_t *scene, zfabric_rc_t rc, const char *error)
{
    stage_t stage;

    play (&stage, scene);
    expect_failure (&stage, rc, error);
    close_stage (&stage);
}

#define SCENE(...)                                                                                 \
    &(const scene_t)                                                                               \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static void output_is_the_result (void **state)
{
    const encoding_t json = ENCODING_JSON, msgpack = ENCODING_MSGPACK;

    (void)state;
    expect_result_of (SCENE (.command = "echo hello"), json, "\"hello\\n\"");
    expect_result_of (SCENE (.command = "echo '{\"a\":1}'"), json, "{\"a\":1}\n");
    expect_result_of (SCENE (.command = "true"), json, "\"\"");
    expect_result_of (SCENE (.command = "cat", .payload = "[1, 2]"), json, "[1, 2]");
    expect_result_of (SCENE (.command = "echo 1", .output = DOCUMENT_TEXT), json, "\"1\\n\"");
    expect_result_of (SCENE (.command = "echo 1", .output = DOCUMENT_RAW), ENCODING_RAW, "1\n");
    expect_result_of (SCENE (.command = "cat", .codec = msgpack, .encoding = msgpack,
                             .payload = "\x92\x01\xa1"
                                        "a"),
                      msgpack,
                      "\x92\x01\xa1"
                      "a");
    expect_result_of (SCENE (.command = "cat", .codec = msgpack, .encoding = msgpack,
                             .output = DOCUMENT_TEXT,
                             .payload = "\x92\x01\xa1"
                                        "a"),
                      msgpack, "\xa7[1,\"a\"]");
    expect_result_of (SCENE (.command = "cat", .payload = "\"a\\tb\"", .input = DOCUMENT_TEXT),
                      json, "\"a\\tb\"");
    expect_result_of (SCENE (.command = "wc -c", .payload = "\"a\\tb\"", .input = DOCUMENT_TEXT),
                      json, "3\n");
}

static void a_task_is_named_in_the_environment (void **state)
{
    (void)state;
    setenv ("ZFABRIC_COOKIE", "somebody else's", 1);
    setenv ("RUNNER_TEST", "handed on", 1);
    expect_result_of (SCENE (.command = "echo $ZFABRIC_COOKIE $ZFABRIC_PIPELINE $RUNNER_TEST; "
                                        "env | grep -c ZFABRIC_COOKIE",
                             .output = DOCUMENT_RAW),
                      ENCODING_RAW,
                      "ab000000-0000-0000-0000-000000000000 some/pipeline handed on\n1\n");
    unsetenv ("ZFABRIC_COOKIE");
    unsetenv ("RUNNER_TEST");
}

static void failures_have_their_status_and_last_words (void **state)
{
    stage_t stage;

    (void)state;
    play (&stage, SCENE (.command = "echo out; seq 1 100 >&2; exit 3"));
    expect_failure (&stage, ZFABRIC_PROCESSOR_EXCEPTION, "exit status 3");
    slice_t lines = buffer_as_slice (&stage.task->letter.lines);
    assert_int_equal (lines.len, 19 * 3 + 4);
    assert_memory_equal (lines.ptr, "81\0", 3);
    close_stage (&stage);
    expect_failure_of (SCENE (.command = "kill -9 $$"), ZFABRIC_PROCESSOR_EXCEPTION,
                       "killed by signal 9 (Killed)");
    expect_failure_of (SCENE (.command = "no-such-command-at-all"), ZFABRIC_PROCESSOR_EXCEPTION,
                       "exit status 127");
    expect_failure_of (SCENE (.command = "echo no", .output = DOCUMENT_JSON), ZFABRIC_EXCEPTION,
                       "output: malformed JSON");
    expect_failure_of (SCENE (.command = "cat", .codec = ENCODING_MSGPACK,
                              .encoding = ENCODING_MSGPACK, .payload = "\x81\x01\x02"),
                       ZFABRIC_EXCEPTION, "variables");
}

static void output_is_bounded (void **state)
{
    (void)state;
    expect_failure_of (SCENE (.command = "yes", .max_payload = 1000), ZFABRIC_EXCEPTION,
                       "more than 1000 octets");
    expect_failure_of (SCENE (.command = "head -c 500 /dev/zero", .max_payload = 1000),
                       ZFABRIC_EXCEPTION, "more than 1000 octets as a payload");
    expect_failure_of (
        SCENE (.command = "yes | tr -d '\\n'", .max_payload = 1000, .stream = true, .wanted = true),
        ZFABRIC_EXCEPTION, "more than 1000 octets");
}

static void lines_are_partials (void **state)
{
    stage_t stage;

    (void)state;
    play (&stage,
          SCENE (.command = "printf 'one\\n\\n{\"a\": 1}\\nlast'", .stream = true, .wanted = true));
    expect_next_partial (&stage, 0, "\"one\"");
    expect_next_partial (&stage, 1, "\"\"");
    expect_next_partial (&stage, 2, "{\"a\": 1}");
    expect_next_partial (&stage, 3, "\"last\"");
    assert_true (list_empty (&stage.partials));
    expect_result (&stage, ENCODING_JSON, "");
    close_stage (&stage);

    // Lines that come in pieces.
    play (&stage, SCENE (.command = "printf a; sleep 0.05; printf b; sleep 0.05; echo c; echo d",
                         .stream = true, .wanted = true, .output = DOCUMENT_RAW));
    expect_next_partial (&stage, 0, "abc");
    expect_next_partial (&stage, 1, "d");
    expect_result (&stage, ENCODING_JSON, "");
    close_stage (&stage);

    // A client that wants none has all of it in the result.
    play (&stage, SCENE (.command = "echo one; echo two", .stream = true));
    assert_true (list_empty (&stage.partials));
    expect_result (&stage, ENCODING_JSON, "\"one\\ntwo\\n\"");
    close_stage (&stage);

    play (&stage, SCENE (.command = "echo one; exit 1", .stream = true, .wanted = true));
    expect_next_partial (&stage, 0, "\"one\"");
    expect_failure (&stage, ZFABRIC_PROCESSOR_EXCEPTION, "exit status 1");
    close_stage (&stage);

    play (&stage, SCENE (.command = "echo 1; echo no", .stream = true, .wanted = true,
                         .output = DOCUMENT_JSON));
    expect_next_partial (&stage, 0, "1");
    expect_failure (&stage, ZFABRIC_EXCEPTION, "malformed JSON");
    close_stage (&stage);
}

static void *run_task (void *arg)
{
    worker_task_run ((zfabric_task_t *)arg);
    return NULL;
}

// Nobody takes the lines: the command waits in its write, and the cancel reaches it nevertheless.
static void cancel_ends_a_command_that_waits_for_room (void **state)
{
    stage_t stage;
    pthread_t thread;
    bool full = false;

    (void)state;
    open_stage (&stage, SCENE (.command = "yes", .stream = true, .wanted = true));
    assert_int_equal (pthread_create (&thread, NULL, run_task, stage.task), 0);
    while (!full) {
        pthread_mutex_lock (&stage.task->lock);
        full = stage.task->unsent >= 64;
        pthread_mutex_unlock (&stage.task->lock);
    }
    worker_task_cancel (stage.task);
    assert_int_equal (pthread_join (thread, NULL), 0);
    expect_failure (&stage, ZFABRIC_CANCELLED, "ended");
    mailbox_take (stage.home.mail, &stage.partials);
    close_stage (&stage);
}

static void a_task_that_was_cancelled_before_is_not_run_long (void **state)
{
    stage_t stage;

    (void)state;
    open_stage (&stage, SCENE (.command = "sleep 60"));
    worker_task_cancel (stage.task);
    worker_task_run (stage.task);
    expect_failure (&stage, ZFABRIC_CANCELLED, "ended");
    close_stage (&stage);
}

static void two_hundred_leave_nothing_behind (void **state)
{
    unsigned before = children_count_descriptors ();

    (void)state;
    for (unsigned i = 0; i < 200; i++)
        expect_result_of (SCENE (.command = "cat", .payload = "\"x\""), ENCODING_JSON, "\"x\"");
    assert_int_equal (children_count_descriptors (), before);
}

TESTING_MAIN (cmocka_unit_test (output_is_the_result),
              cmocka_unit_test (a_task_is_named_in_the_environment),
              cmocka_unit_test (failures_have_their_status_and_last_words),
              cmocka_unit_test (output_is_bounded),
              cmocka_unit_test (lines_are_partials),
              cmocka_unit_test (cancel_ends_a_command_that_waits_for_room),
              cmocka_unit_test (a_task_that_was_cancelled_before_is_not_run_long),
              cmocka_unit_test (two_hundred_leave_nothing_behind), )
