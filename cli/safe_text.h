/*  Text from elsewhere, made fit for a terminal and for one line: control characters become
 *  visible (\n, \t, \x1b), and so do octets that are not UTF-8. A backslash stays as it is.
 *
 *  Threads: pure functions, any thread.
 */
#ifndef CLI_SAFE_TEXT_H
#define CLI_SAFE_TEXT_H

#include "fabric/buffer.h"

void safe_text_append (slice_t text, buffer_t *out);

// How many columns of a terminal the text takes: its characters are counted, wide ones as one.
size_t safe_text_columns (slice_t text);

#endif
