/*  Tables for people: rows of cells, aligned into columns.
 *
 *      columns_t table;
 *      columns_init (&table, "name|capacity>|pipelines");
 *      columns_cell (&table, slice_text ("w1")); ...    // cell by cell, row by row
 *      columns_write (&table, width, &out);
 *      columns_finish (&table);
 *
 *  Cells are made safe for a terminal. Owns: copies of the cells.
 */
#ifndef CLI_COLUMNS_H
#define CLI_COLUMNS_H

#include "fabric/buffer.h"

#define COLUMNS_MAX 16

typedef struct {
    const char *heads;          // borrowed
    size_t count;               // columns
    size_t widths[COLUMNS_MAX]; // the widest cell, in terminal columns
    bool right[COLUMNS_MAX];    // aligned right: numbers
    size_t cells;               // that are there
    buffer_t text;              // of all cells, each after its length as a size_t
} columns_t;

// `heads`: names of the columns with '|' between them; a '>' at the end of one aligns it right.
void columns_init (columns_t *self, const char *heads);
void columns_finish (columns_t *self);

void columns_cell (columns_t *self, slice_t text);
void columns_number (columns_t *self, uint64_t number);

/*  Writes the heads and the rows, two spaces between columns; lines are cut at `width` (0: never).
 *  A failure (ENOMEM) is in out->failed.
 */
void columns_write (const columns_t *self, size_t width, buffer_t *out);

// A number with commas between thousands: 1,234,567.
void columns_put_number (uint64_t number, buffer_t *out);

#endif
