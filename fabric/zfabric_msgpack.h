/*  Payloads as msgpack-c's objects: for clients and workers that speak msgpack.
 *
 *      #include <zfabric.h>
 *      #include <zfabric_msgpack.h>     // and link msgpack-c: `pkg-config --libs libzfabric
 * msgpack`
 *
 *      msgpack_sbuffer variables;       // packed by msgpack_packer as usual
 *      zfabric_result_t *result = zfabric_client_run_msgpack (client, "shout", &variables, NULL);
 *      msgpack_unpacked value;
 *      msgpack_unpacked_init (&value);
 *      if (zfabric_result_msgpack (result, &value, problem, sizeof problem) == 0)
 *          msgpack_object_print (stdout, value.data);
 *      msgpack_unpacked_destroy (&value);
 *
 *  Nothing of it is in the library: who does not include this header needs no msgpack-c. What is
 *  written may meet any codec; what is read is msgpack where options.codec of the client or worker
 *  is MSGPACK, for the broker translates what it hands over.
 *
 *  A reader fills `value`, which was initialised, and whose texts point into what was read: it must
 *  live as long. 0, or -1 with errno and words in `problem`, up to `size` octets with the NUL (it
 * may be NULL): EBADMSG (it is not one msgpack object), EINVAL (it is JSON or raw, or there was no
 *  result), ENODATA (there is no payload), ENOMEM (or it nests deeper than msgpack-c reads). What a
 *  payload claims to hold is checked against its size before msgpack-c reserves memory for it. A
 *  writer borrows the buffer; NULL is no payload.
 *
 *  Threads: as the functions that they stand for; a value belongs to one thread at a time.
 */
#ifndef ZFABRIC_MSGPACK_H
#define ZFABRIC_MSGPACK_H

#include <errno.h>
#include <msgpack.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "zfabric_client.h"
#include "zfabric_worker.h"

// What the functions below are made of.

#define ZFABRIC_MSGPACK_WHOLE SIZE_MAX // no place of it, all of it

static inline int
zfabric_msgpack_fail (char *problem, size_t size, int number, size_t at, const char *words)
{
    if (problem && size) {
        if (at == ZFABRIC_MSGPACK_WHOLE)
            snprintf (problem, size, "%s", words);
        else
            snprintf (problem, size, "octet %zu: %s", at, words);
    }
    errno = number;
    return -1;
}

/*  What follows a head: how many octets of it are a count, how many come besides, and how many
 *  objects (not octets) each of the count stands for.
 */
struct zfabric_msgpack_head {
    uint8_t count_octets, octets, objects;
};

static inline struct zfabric_msgpack_head zfabric_msgpack_head (uint8_t head)
{
    // From 0xc0, which is nil.
    static const struct zfabric_msgpack_head heads[32] = {
        {0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0},             // nil, never used, false, true
        {1, 0, 0}, {2, 0, 0}, {4, 0, 0},                        // bin
        {1, 1, 0}, {2, 1, 0}, {4, 1, 0},                        // ext
        {0, 4, 0}, {0, 8, 0},                                   // float
        {0, 1, 0}, {0, 2, 0}, {0, 4, 0}, {0, 8, 0},             // uint
        {0, 1, 0}, {0, 2, 0}, {0, 4, 0}, {0, 8, 0},             // int
        {0, 2, 0}, {0, 3, 0}, {0, 5, 0}, {0, 9, 0}, {0, 17, 0}, // fixext
        {1, 0, 0}, {2, 0, 0}, {4, 0, 0},                        // str
        {2, 0, 1}, {4, 0, 1},                                   // array
        {2, 0, 2}, {4, 0, 2},                                   // map
    };
    static const struct zfabric_msgpack_head nothing = {0, 0, 0};

    return head >= 0xc0 && head <= 0xdf ? heads[head - 0xc0] : nothing;
}

// How many objects, or octets, a head that holds its count itself says.
static inline uint64_t zfabric_msgpack_short (uint8_t head, uint64_t *octets)
{
    if (head >= 0xa0 && head <= 0xbf)
        *octets += head & 0x1fu;
    if (head >= 0x80 && head <= 0x8f)
        return 2u * (head & 0x0fu);
    return head >= 0x90 && head <= 0x9f ? head & 0x0fu : 0;
}

// Whether the octets are one object and no more, which holds what it says.
static inline int
zfabric_msgpack_check (const void *payload, size_t size, char *problem, size_t problem_size)
{
    const uint8_t *octets = (const uint8_t *)payload;
    uint64_t pending = 1; // objects that have still to come
    size_t at = 0;

    for (; pending; pending--) {
        size_t from = at;
        if (at == size || pending > size - at)
            return zfabric_msgpack_fail (problem, problem_size, EBADMSG, size,
                                         "it ends before what it holds");
        uint8_t head = octets[at++];
        if (head == 0xc1)
            return zfabric_msgpack_fail (problem, problem_size, EBADMSG, from, "not msgpack");
        struct zfabric_msgpack_head what = zfabric_msgpack_head (head);
        uint64_t count = 0, skip = what.octets;
        for (unsigned i = 0; i < what.count_octets; i++)
            count = count << 8 | (at < size ? octets[at++] : 0xffu);
        if (what.objects == 0)
            skip += count;
        pending += count * what.objects + zfabric_msgpack_short (head, &skip);
        if (skip > size - at)
            return zfabric_msgpack_fail (problem, problem_size, EBADMSG, from,
                                         "more is said to follow than does");
        at += (size_t)skip;
    }
    if (at < size)
        return zfabric_msgpack_fail (problem, problem_size, EBADMSG, at, "more than one object");
    return 0;
}

static inline int zfabric_msgpack_read (const void *octets,
                                        size_t size,
                                        zfabric_encoding_t encoding,
                                        msgpack_unpacked *value,
                                        char *problem,
                                        size_t problem_size)
{
    size_t at = 0;

    if (size == 0)
        return zfabric_msgpack_fail (problem, problem_size, ENODATA, ZFABRIC_MSGPACK_WHOLE,
                                     "there is no payload");
    if (encoding != ZFABRIC_ENCODING_MSGPACK)
        return zfabric_msgpack_fail (problem, problem_size, EINVAL, ZFABRIC_MSGPACK_WHOLE,
                                     encoding == ZFABRIC_ENCODING_JSON
                                         ? "the payload is JSON, not msgpack"
                                         : "the payload is raw octets, not msgpack");
    if (zfabric_msgpack_check (octets, size, problem, problem_size))
        return -1;
    if (msgpack_unpack_next (value, (const char *)octets, size, &at) == MSGPACK_UNPACK_SUCCESS)
        return 0;
    return zfabric_msgpack_fail (problem, problem_size, ENOMEM, ZFABRIC_MSGPACK_WHOLE,
                                 "out of memory, or it nests too deep");
}

static inline zfabric_run_options_t zfabric_msgpack_options (const zfabric_run_options_t *options)
{
    zfabric_run_options_t own;

    memset (&own, 0, sizeof own);
    if (options)
        own = *options;
    own.encoding = ZFABRIC_ENCODING_MSGPACK;
    return own;
}

// ---- clients

// As zfabric_client_start ().
static inline zfabric_call_t *zfabric_client_start_msgpack (zfabric_client_t *client,
                                                            const char *pipeline,
                                                            const msgpack_sbuffer *variables,
                                                            const zfabric_run_options_t *options)
{
    zfabric_run_options_t own = zfabric_msgpack_options (options);

    return zfabric_client_start (client, pipeline, variables ? variables->data : NULL,
                                 variables ? variables->size : 0, &own);
}

// As zfabric_client_run ().
static inline zfabric_result_t *zfabric_client_run_msgpack (zfabric_client_t *client,
                                                            const char *pipeline,
                                                            const msgpack_sbuffer *variables,
                                                            const zfabric_run_options_t *options)
{
    zfabric_run_options_t own = zfabric_msgpack_options (options);

    return zfabric_client_run (client, pipeline, variables ? variables->data : NULL,
                               variables ? variables->size : 0, &own);
}

// The payload of a result, whatever its code is. If there is none, the words say how it ended.
static inline int zfabric_result_msgpack (const zfabric_result_t *result,
                                          msgpack_unpacked *value,
                                          char *problem,
                                          size_t size)
{
    if (!result)
        return zfabric_msgpack_fail (problem, size, EINVAL, ZFABRIC_MSGPACK_WHOLE,
                                     "there is no result");
    if (result->size || result->rc == ZFABRIC_OK)
        return zfabric_msgpack_read (result->payload, result->size, result->encoding, value,
                                     problem, size);
    if (problem && size)
        snprintf (problem, size, "%s%s%s", zfabric_rc_name (result->rc), *result->error ? ": " : "",
                  result->error);
    errno = ENODATA;
    return -1;
}

// What a partial brought.
static inline int zfabric_partial_msgpack (const zfabric_partial_t *partial,
                                           msgpack_unpacked *value,
                                           char *problem,
                                           size_t size)
{
    if (!partial)
        return zfabric_msgpack_fail (problem, size, EINVAL, ZFABRIC_MSGPACK_WHOLE,
                                     "there is no partial");
    return zfabric_msgpack_read (partial->payload, partial->size, partial->encoding, value, problem,
                                 size);
}

// ---- workers

// The variables of a task.
static inline int zfabric_task_msgpack (const zfabric_task_t *task,
                                        msgpack_unpacked *value,
                                        char *problem,
                                        size_t size)
{
    size_t octets_size = 0;
    const void *octets = zfabric_task_payload (task, &octets_size);

    return zfabric_msgpack_read (octets, octets_size, zfabric_task_encoding (task), value, problem,
                                 size);
}

// As zfabric_task_finish ().
static inline int zfabric_task_finish_msgpack (zfabric_task_t *task, const msgpack_sbuffer *value)
{
    return zfabric_task_finish (task, value ? value->data : NULL, value ? value->size : 0,
                                ZFABRIC_ENCODING_MSGPACK);
}

// As zfabric_task_partial ().
static inline int zfabric_task_partial_msgpack (zfabric_task_t *task, const msgpack_sbuffer *value)
{
    return zfabric_task_partial (task, value ? value->data : NULL, value ? value->size : 0,
                                 ZFABRIC_ENCODING_MSGPACK);
}

#endif
