/*  Payloads as jansson's values: for clients and workers that speak JSON.
 *
 *      #include <zfabric.h>
 *      #include <zfabric_jansson.h>     // and link jansson: `pkg-config --libs libzfabric jansson`
 *
 *      json_t *variables = json_pack ("{s:s}", "text", "hello");
 *      zfabric_result_t *result = zfabric_client_run_json (client, "shout", variables, NULL);
 *      json_t *value = zfabric_result_json (result, &error);
 *
 *  Nothing of it is in the library: who does not include this header needs no jansson. What is
 *  written may meet any codec; what is read is JSON where options.codec of the client or worker is
 *  JSON, the default, for the broker translates what it hands over.
 *
 *  A reader gives a new reference, or NULL with errno and words in `error` (which may be NULL),
 * with line and column if there are some: EBADMSG (it is no JSON), EINVAL (it is msgpack or raw, or
 * there was no result), ENODATA (there is no payload), ENOMEM. A writer borrows the value; NULL is
 * no payload. If it can't be written, which is for want of memory or because it contains itself,
 * errno is ENOMEM; what else goes wrong is said as by the function that the writer stands for.
 *
 *  Threads: as the functions that they stand for; a value belongs to one thread at a time.
 */
#ifndef ZFABRIC_JANSSON_H
#define ZFABRIC_JANSSON_H

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zfabric_client.h"
#include "zfabric_worker.h"

// What the functions below are made of.

static inline json_t *zfabric_json_fail (json_error_t *error, int problem, const char *words)
{
    if (error) {
        memset (error, 0, sizeof *error);
        error->line = error->column = -1;
        size_t len = strlen (words);
        if (len >= sizeof error->text)
            len = sizeof error->text - 1;
        memcpy (error->text, words, len);
    }
    errno = problem;
    return NULL;
}

static inline json_t *zfabric_json_read (const void *octets,
                                         size_t size,
                                         zfabric_encoding_t encoding,
                                         json_error_t *error)
{
    json_error_t own;

    if (size == 0)
        return zfabric_json_fail (error, ENODATA, "there is no payload");
    if (encoding != ZFABRIC_ENCODING_JSON)
        return zfabric_json_fail (error, EINVAL,
                                  encoding == ZFABRIC_ENCODING_MSGPACK
                                      ? "the payload is msgpack, not JSON"
                                      : "the payload is raw octets, not JSON");
    error = error ? error : &own;
    json_t *value =
        json_loadb ((const char *)octets, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, error);
    if (!value)
        errno = json_error_code (error) == json_error_out_of_memory ? ENOMEM : EBADMSG;
    return value;
}

// The text of a value, for zfabric_json_free (); NULL (ENOMEM) or, of no value, empty.
static inline char *zfabric_json_write (const json_t *value)
{
    static char nothing[1];
    char *text = value ? json_dumps (value, JSON_ENCODE_ANY | JSON_COMPACT) : nothing;

    if (!text)
        errno = ENOMEM;
    return text;
}

static inline void zfabric_json_free (const json_t *value, char *text)
{
    json_free_t release;
    int problem = errno;

    if (value && text) {
        json_get_alloc_funcs (NULL, &release);
        release (text);
    }
    errno = problem;
}

static inline zfabric_run_options_t zfabric_json_options (const zfabric_run_options_t *options)
{
    zfabric_run_options_t own;

    memset (&own, 0, sizeof own);
    if (options)
        own = *options;
    own.encoding = ZFABRIC_ENCODING_JSON;
    return own;
}

// ---- clients

// As zfabric_client_start ().
static inline zfabric_call_t *zfabric_client_start_json (zfabric_client_t *client,
                                                         const char *pipeline,
                                                         const json_t *variables,
                                                         const zfabric_run_options_t *options)
{
    zfabric_run_options_t own = zfabric_json_options (options);
    zfabric_call_t *call = NULL;
    char *text = zfabric_json_write (variables);

    if (text)
        call = zfabric_client_start (client, pipeline, text, strlen (text), &own);
    zfabric_json_free (variables, text);
    return call;
}

// As zfabric_client_run ().
static inline zfabric_result_t *zfabric_client_run_json (zfabric_client_t *client,
                                                         const char *pipeline,
                                                         const json_t *variables,
                                                         const zfabric_run_options_t *options)
{
    zfabric_run_options_t own = zfabric_json_options (options);
    zfabric_result_t *result = NULL;
    char *text = zfabric_json_write (variables);

    if (text)
        result = zfabric_client_run (client, pipeline, text, strlen (text), &own);
    zfabric_json_free (variables, text);
    return result;
}

// The payload of a result, whatever its code is. If there is none, the words say how it ended.
static inline json_t *zfabric_result_json (const zfabric_result_t *result, json_error_t *error)
{
    char words[JSON_ERROR_TEXT_LENGTH];

    if (!result)
        return zfabric_json_fail (error, EINVAL, "there is no result");
    if (result->size || result->rc == ZFABRIC_OK)
        return zfabric_json_read (result->payload, result->size, result->encoding, error);
    snprintf (words, sizeof words, "%s%s%s", zfabric_rc_name (result->rc),
              *result->error ? ": " : "", result->error);
    return zfabric_json_fail (error, ENODATA, words);
}

// What a partial brought.
static inline json_t *zfabric_partial_json (const zfabric_partial_t *partial, json_error_t *error)
{
    if (!partial)
        return zfabric_json_fail (error, EINVAL, "there is no partial");
    return zfabric_json_read (partial->payload, partial->size, partial->encoding, error);
}

// ---- workers

// The variables of a task.
static inline json_t *zfabric_task_json (const zfabric_task_t *task, json_error_t *error)
{
    size_t size = 0;
    const void *octets = zfabric_task_payload (task, &size);

    return zfabric_json_read (octets, size, zfabric_task_encoding (task), error);
}

// As zfabric_task_finish ().
static inline int zfabric_task_finish_json (zfabric_task_t *task, const json_t *value)
{
    char *text = zfabric_json_write (value);
    int rc = text ? zfabric_task_finish (task, text, strlen (text), ZFABRIC_ENCODING_JSON) : -1;

    zfabric_json_free (value, text);
    return rc;
}

// As zfabric_task_partial ().
static inline int zfabric_task_partial_json (zfabric_task_t *task, const json_t *value)
{
    char *text = zfabric_json_write (value);
    int rc = text ? zfabric_task_partial (task, text, strlen (text), ZFABRIC_ENCODING_JSON) : -1;

    zfabric_json_free (value, text);
    return rc;
}

#endif
