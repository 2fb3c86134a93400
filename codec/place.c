#include "codec/place.h"

#include <stdio.h>

#define WORD_MAX 32 // octets of a key that are shown

static void append (place_t *self, const char *text, size_t len)
{
    static const char dots[] = "...";

    if (self->cut)
        return;
    if (len > sizeof self->text - self->len - sizeof dots) {
        self->cut = true;
        text = dots;
        len = sizeof dots - 1;
    }
    memcpy (self->text + self->len, text, len);
    self->len += len;
    self->text[self->len] = '\0';
}

// Cut between characters; a NUL, which would end the fault's text, is a question mark.
static void append_word (place_t *self, slice_t word)
{
    char text[WORD_MAX] = {0};
    size_t len = word.len;

    if (len > WORD_MAX) {
        len = WORD_MAX;
        while (len > 0 && (word.ptr[len] & 0xc0) == 0x80)
            len--;
    }
    for (size_t i = 0; i < len; i++)
        text[i] = word.ptr[i] ? (char)word.ptr[i] : '?';
    append (self, text, len);
    if (len < word.len)
        append (self, "~", 1);
}

void place_init (place_t *self, slice_t root)
{
    self->len = 0;
    self->cut = false;
    self->text[0] = '\0';
    append_word (self, root);
}

void place_key (place_t *self, slice_t key)
{
    append (self, ".", 1);
    append_word (self, key);
}

void place_index (place_t *self, uint32_t index)
{
    char text[16];
    int len = snprintf (text, sizeof text, "[%u]", (unsigned)index);

    append (self, text, (size_t)len);
}
