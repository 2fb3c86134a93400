#include "cli/columns.h"
#include "cli/safe_text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define GAP 2 // spaces between columns

// The head of column `place`, without the '>' that aligns it.
static slice_t head_of (const char *heads, size_t place, bool *right)
{
    const char *at = heads;

    for (; place > 0; place--)
        at += strcspn (at, "|") + 1;
    size_t len = strcspn (at, "|");
    *right = len > 0 && at[len - 1] == '>';
    return slice_of (at, len - *right);
}

void columns_init (columns_t *self, const char *heads)
{
    *self = (columns_t){.heads = heads, .count = 1};
    buffer_init (&self->text, SIZE_MAX);
    for (const char *at = heads; *at; at++)
        self->count += *at == '|';
    assert (self->count <= COLUMNS_MAX);
    for (size_t i = 0; i < self->count; i++)
        self->widths[i] = safe_text_columns (head_of (heads, i, &self->right[i]));
}

void columns_finish (columns_t *self)
{
    buffer_finish (&self->text);
}

void columns_cell (columns_t *self, slice_t text)
{
    size_t column = self->cells++ % self->count;
    size_t start = self->text.len, len = 0;

    buffer_append (&self->text, &len, sizeof len);
    safe_text_append (text, &self->text);
    if (self->text.failed)
        return;
    len = self->text.len - start - sizeof len;
    memcpy (self->text.data + start, &len, sizeof len);
    size_t width = safe_text_columns (slice_of (self->text.data + start + sizeof len, len));
    if (width > self->widths[column])
        self->widths[column] = width;
}

void columns_put_number (uint64_t number, buffer_t *out)
{
    char digits[24];
    int len = snprintf (digits, sizeof digits, "%" PRIu64, number);

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            buffer_octet (out, ',');
        buffer_octet (out, (uint8_t)digits[i]);
    }
}

void columns_number (columns_t *self, uint64_t number)
{
    buffer_t text;

    buffer_init (&text, 32);
    columns_put_number (number, &text);
    columns_cell (self, buffer_as_slice (&text));
    buffer_finish (&text);
}

// A line that is being written: nothing goes beyond `width`.
typedef struct {
    buffer_t *out;
    size_t width, at;
    size_t owed; // spaces before the next cell; never written at a line's end
} row_t;

static void put_character (row_t *row, const uint8_t *octets, size_t len)
{
    if (row->width && row->at >= row->width)
        return;
    buffer_append (row->out, octets, len);
    row->at++;
}

static void put_cell (row_t *row, slice_t cell, size_t width, bool right)
{
    static const uint8_t space = ' ';
    size_t columns = safe_text_columns (cell);
    size_t pad = width > columns ? width - columns : 0;

    if (right)
        row->owed += pad;
    for (; cell.len > 0 && row->owed > 0; row->owed--)
        put_character (row, &space, 1);
    for (size_t i = 0; i < cell.len;) {
        size_t len = 1;
        while (i + len < cell.len && (cell.ptr[i + len] & 0xc0) == 0x80)
            len++;
        put_character (row, cell.ptr + i, len);
        i += len;
    }
    row->owed += (right ? 0 : pad) + GAP;
}

static void end_row (row_t *row)
{
    buffer_octet (row->out, '\n');
    row->at = row->owed = 0;
}

void columns_write (const columns_t *self, size_t width, buffer_t *out)
{
    row_t row = {out, width, 0, 0};
    const uint8_t *at = self->text.data;

    if (self->text.failed) {
        out->failed = self->text.failed;
        return;
    }
    for (size_t i = 0; i < self->count; i++) {
        bool right;
        slice_t head = head_of (self->heads, i, &right);
        put_cell (&row, head, self->widths[i], right);
    }
    end_row (&row);
    for (size_t i = 0; i < self->cells; i++) {
        size_t column = i % self->count, len;
        memcpy (&len, at, sizeof len);
        put_cell (&row, slice_of (at + sizeof len, len), self->widths[column], self->right[column]);
        at += sizeof len + len;
        if (column + 1 == self->count)
            end_row (&row);
    }
}
