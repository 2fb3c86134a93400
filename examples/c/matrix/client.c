/*  A client for any pipeline, as examples/README.md wants it of each language:
 *
 *      client BROKER run|stream|cancel|many PIPELINE VARIABLES
 *
 *  VARIABLES is JSON, or "-": standard input. Payloads go through as they are, so every number
 *  keeps its digits; jansson writes what a failed task said.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <zfabric.h>

typedef struct {
    const char *octets;
    size_t size;
} text_t;

static void show (const void *payload, size_t size)
{
    printf ("%.*s\n", size ? (int)size : 4, size ? (const char *)payload : "null");
    fflush (stdout);
}

// Prints how a task ended if it did not end well.
static bool failed (const zfabric_result_t *result)
{
    if (result->rc == ZFABRIC_OK)
        return false;
    json_t *lines = json_array ();
    for (size_t i = 0; i < result->stacktrace_count; i++)
        json_array_append_new (lines, json_string (result->stacktrace[i]));
    json_t *end = json_pack ("{s:s, s:s, s:o}", "rc", zfabric_rc_name (result->rc), "error",
                             result->error, "stacktrace", lines);
    char *line = json_dumps (end, JSON_COMPACT);
    puts (line ? line : "null");
    free (line);
    json_decref (end);
    return true;
}

// The pieces, if the verb wants any, and the result.
static int run (zfabric_client_t *client, const char *verb, const char *pipeline, text_t text)
{
    const zfabric_run_options_t options = {.stream = strcmp (verb, "run") != 0};
    zfabric_call_t *call =
        zfabric_client_start (client, pipeline, text.octets, text.size, &options);
    zfabric_partial_t *piece;

    if (!call)
        return perror ("client"), 1;
    while ((piece = zfabric_call_next (call, -1))) { // until the task has ended
        show (piece->payload, piece->size);
        zfabric_partial_destroy (&piece);
        if (strcmp (verb, "cancel") == 0)
            zfabric_call_cancel (call);
    }
    const zfabric_result_t *result = zfabric_call_wait (call, -1);
    bool wrong = failed (result);
    if (!wrong)
        show (result->payload, result->size);
    zfabric_call_destroy (&call);
    return wrong;
}

// Takes the next value, as it is written, off what is left of an array; false if there is none.
static bool next_value (text_t *rest, text_t *value)
{
    const char *at = rest->octets, *end = at + rest->size;
    int depth = 0;
    bool quoted = false;

    for (; at < end && (quoted || depth > 0 || (*at != ',' && *at != ']')); at++) {
        if (quoted && *at == '\\' && at + 1 < end)
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if (!quoted)
            depth += (*at == '[' || *at == '{') - (*at == ']' || *at == '}');
    }
    *value = (text_t){rest->octets, (size_t)(at - rest->octets)};
    *rest = at < end && *at == ',' ? (text_t){at + 1, (size_t)(end - at - 1)} : (text_t){at, 0};
    return strspn (value->octets, " \t\r\n") < value->size;
}

static int many (zfabric_client_t *client, const char *pipeline, text_t text)
{
    zfabric_call_t *calls[1000]; // at once
    size_t count = 0;
    bool more;
    int status = 0;
    text_t value, rest = text;
    const char *array = memchr (text.octets, '[', text.size);

    rest.size -= array ? (size_t)(array + 1 - text.octets) : text.size;
    rest.octets = array ? array + 1 : "";
    while ((more = next_value (&rest, &value)) && count < 1000) {
        calls[count] = zfabric_client_start (client, pipeline, value.octets, value.size, NULL);
        if (!calls[count])
            break;
        count++;
    }
    if (!array || more)
        status = fprintf (stderr, "client: an array of at most 1,000 is wanted\n");
    for (size_t i = 0; i < count; i++) {
        const zfabric_result_t *result = zfabric_call_wait (calls[i], -1);
        if (!status && failed (result))
            status = 1;
        else if (!status)
            printf ("%s%.*s", i ? "," : "[", (int)result->size, (const char *)result->payload);
        zfabric_call_destroy (&calls[i]);
    }
    if (!status)
        puts (count ? "]" : "[]");
    return status != 0;
}

int main (int argc, char **argv)
{
    zfabric_client_options_t options = {.server_key = getenv ("ZFABRIC_SERVER_KEY"),
                                        .public_key = getenv ("ZFABRIC_PUBLIC_KEY"),
                                        .secret_key = getenv ("ZFABRIC_SECRET_KEY")};
    char problem[200], *input = NULL;
    size_t room = 0;
    int status;

    if (argc != 5)
        return fprintf (stderr, "client BROKER run|stream|cancel|many PIPELINE VARIABLES\n"), 2;
    if (strcmp (argv[4], "-") == 0 && getdelim (&input, &room, '\0', stdin) < 0)
        return perror ("client"), 1;
    const char *variables = input ? input : argv[4];
    text_t text = {variables, strlen (variables)};
    zfabric_client_t *client = zfabric_client_new (argv[1], &options, problem, sizeof problem);
    if (!client)
        return fprintf (stderr, "client: %s\n", problem), 1;
    status = strcmp (argv[2], "many") == 0 ? many (client, argv[3], text)
                                           : run (client, argv[2], argv[3], text);
    zfabric_client_destroy (&client);
    free (input);
    return status;
}
