/*  Values of options as text: numbers, spans of time, sizes, words.
 *
 *  Threads: pure functions, any thread.
 */
#ifndef CLI_OPTION_VALUE_H
#define CLI_OPTION_VALUE_H

#include "cli/options.h"

/*  Checks a value against its row and says which number it stands for (0 for TEXT). 0, or -1
 *  (EINVAL) with words that say what is wrong, without the option's name.
 */
int option_value_read (const option_t *row, const char *text, uint64_t *number, fault_t *fault);

// Writes a number as the row's type spells it: 64MiB, 30000.
void option_value_write (const option_t *row, uint64_t number, buffer_t *out);

// The word at `place` of "json|msgpack"; an empty slice beyond the last.
slice_t option_value_choice (const char *choices, size_t place);

#endif
