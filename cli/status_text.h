/*  The broker's own documents as text for people.
 *
 *  Threads: pure functions, any thread.
 */
#ifndef CLI_STATUS_TEXT_H
#define CLI_STATUS_TEXT_H

#include <jansson.h>

#include "fabric/buffer.h"

// What `$status`, `$workers` and `$tasks` brought; NULL: it may not be seen.
typedef struct {
    json_t *status, *workers, *tasks;
} status_documents_t;

/*  Writes a summary and two tables, lines cut at `width` (0: never). What is missing in a document,
 *  or is of another type, is left out: a broker of another version may say other things.
 */
void status_text_write (const status_documents_t *documents, size_t width, buffer_t *out);

#endif
