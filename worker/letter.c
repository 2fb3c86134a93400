#define _POSIX_C_SOURCE 200809L

#include "worker/letter.h"

#include <errno.h>
#include <stdlib.h>

#include "fabric/limits.h"
#include "worker/report.h"

letter_t *letter_new (const cookie_t *cookie)
{
    letter_t *self = (letter_t *)malloc (sizeof *self);

    if (self)
        letter_init (self, cookie);
    return self;
}

void letter_destroy (letter_t **self_p)
{
    if (!*self_p)
        return;
    letter_finish (*self_p);
    free (*self_p);
    *self_p = NULL;
}

void letter_init (letter_t *self, const cookie_t *cookie)
{
    *self = (letter_t){.cookie = *cookie};
    // Twice a header: when a line finds no room, there are more already than a header has.
    buffer_init (&self->lines, 2 * LIMIT_HEADER_OCTETS);
    frame_init (&self->payload);
}

void letter_finish (letter_t *self)
{
    frame_close (&self->payload);
    buffer_finish (&self->lines);
    free (self->error);
    self->error = NULL;
}

static size_t bounded (const char *text)
{
    return strnlen (text, LIMIT_HEADER_OCTETS);
}

int letter_say (letter_t *self, const char *error, const char *const *lines, size_t count)
{
    if (error) {
        size_t len = bounded (error);
        self->error = (char *)malloc (len + 1);
        if (!self->error)
            return -1;
        memcpy (self->error, error, len);
        self->error[len] = '\0';
    }
    for (size_t i = 0; i < count && !self->lines.failed; i++) {
        if (!lines[i])
            continue;
        size_t len = bounded (lines[i]);
        uint8_t *room = buffer_reserve (&self->lines, len + 1);
        if (room) {
            memcpy (room, lines[i], len);
            room[len] = '\0';
            self->lines.len += len + 1;
        }
    }
    if (self->lines.failed == ENOMEM) {
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

void letter_write (const letter_t *self, encoding_t codec, buffer_t *out)
{
    if (self->partial) {
        report_partial (codec, &self->cookie, self->seq, self->encoding, out);
        return;
    }
    report_words_t words = {slice_of (NULL, 0), buffer_as_slice (&self->lines)};
    if (self->error)
        words.error = slice_text (self->error);
    report_result (codec, &self->cookie, self->rc, self->encoding, &words, out);
}
