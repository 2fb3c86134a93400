/*  What there is to know about the terminal behind a descriptor.
 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

// Whether it is a terminal that can go back to the beginning of a line and clear it.
bool terminal_is (int file);

// Its size now; 80 by 24 if it doesn't say. Either may be NULL.
void terminal_size (int file, size_t *width, size_t *height);

#define TERMINAL_CLEAR_LINE   "\r\033[K"
#define TERMINAL_CLEAR_SCREEN "\033[H\033[2J"

#endif
