#define _POSIX_C_SOURCE 200809L

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/connection.h"
#include "cli/interrupt.h"
#include "cli/status_text.h"
#include "cli/terminal.h"

#include <czmq.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WATCH_MS 1000
#define SLICE_MS 100 // how soon a Ctrl-C is seen

static const option_t rows[] = {
    {.name = "json",
     .letter = 'j',
     .type = OPTION_FLAG,
     .group = "Output",
     .help = "Print one JSON document with the keys status, workers and tasks; with --watch one a "
             "line."},
    {.name = "watch",
     .letter = 'w',
     .type = OPTION_FLAG,
     .help = "Print it anew every second, until Ctrl-C."},
    {.name = NULL},
};
static const option_t *const tables[] = {CONNECTION_OPTIONS, rows, NULL};

static const char *const pipelines[] = {"$status", "$workers", "$tasks"};
#define DOCUMENTS (sizeof pipelines / sizeof *pipelines)

// The call's end; NULL with errno: EINTR after a Ctrl-C.
static const zfabric_result_t *wait_for (zfabric_call_t *call)
{
    const zfabric_result_t *result;

    do {
        result = zfabric_call_wait (call, SLICE_MS);
        if (!result && interrupt_count () > 0)
            errno = EINTR;
    } while (!result && errno == ETIMEDOUT);
    return result;
}

/*  Takes one answer. NULL if there is no document: the status says why then, and a complaint was
 *  made; a key that may not see it is no reason to fail.
 */
static json_t *take_document (zfabric_call_t *call, const char *pipeline, int *status)
{
    const zfabric_result_t *result = call ? wait_for (call) : NULL;
    json_error_t error;

    if (!result && errno == EINTR) {
        *status = STATUS_INTERRUPTED;
        return NULL;
    }
    if (!result) {
        *status = complain_failed ("%s: %s", pipeline, strerror (errno));
        return NULL;
    }
    if (result->rc == ZFABRIC_FORBIDDEN && strcmp (pipeline, "$status") != 0)
        return NULL;
    if (result->rc != ZFABRIC_OK) {
        // Three times the same is no news.
        *status = *status == STATUS_OK ? connection_report (result) : *status;
        return NULL;
    }
    json_t *document =
        json_loadb ((const char *)result->payload, result->size, JSON_REJECT_DUPLICATES, &error);
    if (!document)
        *status = complain_failed ("%s: the answer is not JSON: %s", pipeline, error.text);
    return document;
}

// The exit status; the documents are the caller's to let go of.
static int ask (zfabric_client_t *client, json_t *documents[static DOCUMENTS])
{
    zfabric_call_t *calls[DOCUMENTS];
    int status = STATUS_OK;

    for (size_t i = 0; i < DOCUMENTS; i++)
        calls[i] = zfabric_client_start (client, pipelines[i], NULL, 0, NULL);
    for (size_t i = 0; i < DOCUMENTS; i++) {
        documents[i] = take_document (calls[i], pipelines[i], &status);
        zfabric_call_destroy (&calls[i]);
    }
    return status;
}

static void print_json (json_t *const documents[static DOCUMENTS], bool line)
{
    json_t *object = json_object ();

    for (size_t i = 0; i < DOCUMENTS; i++)
        json_object_set (object, pipelines[i] + 1, documents[i] ? documents[i] : json_null ());
    size_t flags = JSON_REAL_PRECISION (9) | (line ? JSON_COMPACT : JSON_INDENT (2));
    (void)json_dumpf (object, stdout, flags); // ferror () tells
    putchar ('\n');
    json_decref (object);
}

// The first `lines` lines of the text: what a terminal has room for.
static size_t cut_lines (slice_t text, size_t lines)
{
    size_t len = 0;

    while (len < text.len && lines > 0)
        lines -= text.ptr[len++] == '\n';
    return len;
}

static void print_text (json_t *const documents[static DOCUMENTS], bool watch)
{
    status_documents_t texts = {documents[0], documents[1], documents[2]};
    size_t width = 0, height = SIZE_MAX;
    buffer_t text;

    if (terminal_is (STDOUT_FILENO)) {
        terminal_size (STDOUT_FILENO, &width, &height);
        if (watch)
            fputs (TERMINAL_CLEAR_SCREEN, stdout);
        else
            width = 0; // lines may wrap where nothing is drawn over
    }
    buffer_init (&text, SIZE_MAX);
    status_text_write (&texts, width, &text);
    size_t len = watch ? cut_lines (buffer_as_slice (&text), height - 1) : text.len;
    fwrite (text.data, 1, len, stdout);
    if (watch && height == SIZE_MAX)
        putchar ('\n');
    buffer_finish (&text);
}

static int show (zfabric_client_t *client, const options_t *options)
{
    json_t *documents[DOCUMENTS];
    bool watch = options_flag (options, "watch");
    int status = ask (client, documents);

    if (status == STATUS_OK && options_flag (options, "json"))
        print_json (documents, watch);
    else if (status == STATUS_OK)
        print_text (documents, watch);
    for (size_t i = 0; i < DOCUMENTS; i++)
        json_decref (documents[i]);
    int written = complain_unwritten ();
    return written == STATUS_OK ? status : written;
}

// Goes on when the broker is away: it may come back, and that is what one watches for.
static int watch_broker (zfabric_client_t *client, const options_t *options, int interrupts)
{
    struct pollfd item = {.fd = interrupts, .events = POLLIN};

    for (;;) {
        int status = show (client, options);
        if (status == STATUS_INTERRUPTED)
            return STATUS_OK;
        if (status == STATUS_FAILED)
            return status;
        if (poll (&item, 1, WATCH_MS) != 0 && interrupt_count () > 0)
            return STATUS_OK;
    }
}

static int run (options_t *options)
{
    bool watch = options_flag (options, "watch");
    int interrupts = -1;

    zsys_handler_set (NULL); // a Ctrl-C ends the command, as it would without CZMQ
    if (watch && (interrupts = interrupt_start (true)) < 0)
        return complain_failed ("no signals: %s", strerror (errno));
    int status = STATUS_OK;
    zfabric_client_t *client = connection_open (options, NULL, &status);
    if (client)
        status = watch ? watch_broker (client, options, interrupts) : show (client, options);
    zfabric_client_destroy (&client);
    return status;
}

const command_t command_status = {
    .name = "status",
    .summary = "show what a broker, its workers and its tasks are at",
    .arguments = "",
    .description =
        "Shows the broker's counts, a table of its workers, and one of its tasks, the first 1,000 "
        "at the most. Where keys are in force, workers and tasks are shown to keys with the role "
        "admin only.\n"
        "The exit status is that of a task: 17 (BROKER_WENT_AWAY) if there is no broker.",
    .example = "zfabric status --watch\n"
               "zfabric status --json | jq .status.queue",
    .options = tables,
    .run = run,
};
