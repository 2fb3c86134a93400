/*  Documents are built with jansson, as JSON text, and said in the client's codec. jansson makes
 *  values of memory that may be out: a NULL goes through its setters unharmed and ends in a text
 *  that can't be made, which is one answer for all of these places.
 */
#include "broker/own_inner.h"

#include <stdlib.h>

#include "codec/transcode.h"
#include "fabric/container.h"

#define TASKS_SHOWN 1000 // PROTOCOL 7, $tasks

// Milliseconds left until `at`, or null if there is no such point.
static json_t *time_left (const switchboard_t *self, moment_t at)
{
    return at == MOMENT_NEVER ? json_null () : own_number (moment_until (self->now, at));
}

// ---- $workers

static json_t *patterns_of (const worker_t *worker)
{
    json_t *array = json_array ();
    slice_t rest = worker->group->key, pattern;

    while (groups_key_next (&rest, &pattern))
        json_array_append_new (array, json_stringn ((const char *)pattern.ptr, pattern.len));
    return array;
}

static json_t *worker_row (const switchboard_t *self, const worker_t *worker)
{
    double heard = (double)moment_until (worker->heard, self->now) / 1000;

    return json_pack ("{s:o, s:s, s:s, s:s, s:o, s:i, s:i, s:b, s:f, s:o, s:o}", "id",
                      own_number (worker->number), "name", worker->name, "address", worker->address,
                      "codec", encoding_name (worker->codec), "pipelines", patterns_of (worker),
                      "capacity", (int)worker->capacity, "busy", (int)worker->busy, "draining",
                      worker->draining, "heard", heard, "done", own_number (worker->done), "failed",
                      own_number (worker->failed));
}

static json_t *workers (const switchboard_t *self)
{
    json_t *array = json_array ();

    for (list_node_t *node = list_first (&self->roster.workers); node;
         node = list_next (&self->roster.workers, node))
        json_array_append_new (array, worker_row (self, container_of (node, worker_t, in_roster)));
    return array;
}

// ---- $tasks and $explain

static json_t *task_row (const switchboard_t *self, const task_t *task)
{
    char cookie[COOKIE_TEXT + 1];
    slice_t pipeline = task_pipeline (task);

    cookie_print (&task->cookie, cookie);
    return json_pack ("{s:s, s:s%, s:s, s:o, s:o, s:o, s:i}", "cookie", cookie, "pipeline",
                      (const char *)pipeline.ptr, pipeline.len, "state",
                      task_state_name (task->state), "age", own_number (self->now - task->since),
                      "client", own_number (task->client->number), "worker",
                      task->worker ? own_number (task->worker->number) : json_null (), "attempt",
                      (int)task->attempt);
}

static json_t *tasks (const switchboard_t *self)
{
    json_t *array = json_array ();

    for (list_node_t *node = list_first (&self->tasks);
         node && json_array_size (array) < TASKS_SHOWN; node = list_next (&self->tasks, node)) {
        const task_t *task = container_of (node, const task_t, in_all);
        if (task->state != TASK_LINGERING)
            json_array_append_new (array, task_row (self, task));
    }
    return array;
}

static bool serves (const worker_t *worker, slice_t pipeline)
{
    for (size_t i = 0; i < worker->group->count; i++) {
        if (pattern_fits (worker->group->members[i].pattern, pipeline))
            return true;
    }
    return false;
}

// What a waiting task waits for, in numbers and in words.
static json_t *waits_for (const switchboard_t *self, const task_t *task)
{
    uint64_t serving = 0, full = 0, draining = 0, paused = 0;
    const char *words = "a worker with a free slot: those that serve its pipeline have none";

    for (list_node_t *node = list_first (&self->roster.workers); node;
         node = list_next (&self->roster.workers, node)) {
        const worker_t *worker = container_of (node, const worker_t, in_roster);
        if (!serves (worker, task_pipeline (task)))
            continue;
        serving++;
        if (worker->draining)
            draining++;
        else if (worker->capacity == 0)
            paused++;
        else if (worker->busy >= worker->capacity)
            full++;
    }
    if (task->state == TASK_PARKED)
        words = "the worker that still holds an earlier task with this cookie";
    else if (serving == 0)
        words = "a worker that serves its pipeline: there is none";
    return json_pack ("{s:s, s:o, s:o, s:o, s:o}", "words", words, "workers", own_number (serving),
                      "full", own_number (full), "draining", own_number (draining), "paused",
                      own_number (paused));
}

static json_t *explain (const switchboard_t *self, const task_t *task)
{
    json_t *object = task_row (self, task);
    bool waits = !task->worker;
    bool placed = task->state == TASK_QUEUED;

    json_object_set_new (object, "place",
                         placed ? own_number (waiting_place (task)) : json_null ());
    json_object_set_new (object, "waits_for", waits ? waits_for (self, task) : json_null ());
    json_object_set_new (object, "deadline", time_left (self, task->expires));
    json_object_set_new (object, "wait_left", time_left (self, task->wait_until));
    json_object_set_new (object, "grace_left", time_left (self, task->grace_until));
    json_object_set_new (object, "priority", json_integer (task->priority));
    json_object_set_new (object, "retries", json_integer (task->retries));
    return object;
}

/*  Reads the document that the RUN brought, of either codec. NULL if it is not one.
 */
static json_t *document_of (const packet_t *packet, const frame_t *payload)
{
    json_t *document = NULL;
    slice_t octets = frame_slice (payload);
    buffer_t text;

    if (packet->encoding == ENCODING_RAW || octets.len > LIMIT_HEADER_OCTETS)
        return NULL;
    buffer_init (&text, 4 * LIMIT_HEADER_OCTETS);
    if (packet->encoding == ENCODING_JSON)
        buffer_slice (&text, octets);
    else if (transcode_document (octets, ENCODING_MSGPACK, ENCODING_JSON, "variables", &text, NULL))
        buffer_reset (&text);
    if (!text.failed && text.len > 0)
        document = json_loadb ((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    buffer_finish (&text);
    return document;
}

// ---- the answer

static void
answer_json (switchboard_t *self, client_t *client, const packet_t *packet, json_t *document)
{
    char *text = json_dumps (document, JSON_COMPACT | JSON_REAL_PRECISION (9));
    buffer_t out;
    frame_t payload;
    fault_t fault = {"out of memory"};

    json_decref (document);
    buffer_init (&out, SIZE_MAX);
    if (text && packet->codec == ENCODING_JSON)
        buffer_text (&out, text);
    else if (text)
        (void)transcode_document (slice_text (text), ENCODING_JSON, ENCODING_MSGPACK, "result",
                                  &out, &fault);
    if (out.len == 0 || frame_take (&payload, &out)) {
        answer_refusal (self, client->peer, packet, ZFABRIC_EXCEPTION, fault.text);
    } else {
        answer_document (self, client->peer, packet->codec, &packet->cookie, &payload);
        frame_close (&payload);
    }
    free (text);
    buffer_finish (&out);
}

static void
run_explain (switchboard_t *self, client_t *client, const packet_t *packet, const frame_t *payload)
{
    json_t *document = document_of (packet, payload);
    json_t *wanted = json_object_get (document, "cookie");
    cookie_t cookie;
    const char *text = json_string_value (wanted);

    if (!text || cookie_parse (slice_of (text, json_string_length (wanted)), &cookie)) {
        json_decref (document);
        answer_refusal (self, client->peer, packet, ZFABRIC_BAD_PACKET,
                        "variables: not an object with the cookie of a task");
        return;
    }
    json_decref (document);
    const task_t *task = life_find (self, &cookie);
    if (!client_may_see (client, task))
        answer_forbidden (self, client->peer, client->holder, packet, "this key has no such task",
                          "may not explain a task");
    else if (task)
        answer_json (self, client, packet, explain (self, task));
    else
        answer_refusal (self, client->peer, packet, ZFABRIC_COOKIE_NOT_FOUND, "no such task");
}

void own_pipelines_run (switchboard_t *self,
                        client_t *client,
                        const packet_t *packet,
                        const frame_t *payload)
{
    static const struct {
        const char *name;
        json_t *(*make) (const switchboard_t *self);
        bool admin; // where keys are in force, for admins only
    } documents[] = {{"$ping", own_ping, false},
                     {"$status", own_status, false},
                     {"$workers", workers, true},
                     {"$tasks", tasks, true},
                     {"$metrics", own_metrics, true}};

    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        if (slice_equal (packet->pipeline, slice_text (documents[i].name))) {
            if (documents[i].admin && !holder_may (client->holder, RIGHTS_ADMIN))
                answer_forbidden (self, client->peer, client->holder, packet,
                                  "this key may not see that",
                                  "may not see workers, tasks and metrics");
            else if (!packet->detach)
                answer_json (self, client, packet, documents[i].make (self));
            return;
        }
    }
    if (slice_equal (packet->pipeline, slice_text ("$explain")))
        run_explain (self, client, packet, payload);
    else
        answer_refusal (self, client->peer, packet, ZFABRIC_BAD_PACKET,
                        "pipeline: names that start with $ are the broker's own, "
                        "and this is none of them");
}
