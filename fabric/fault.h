/*  A fault: words for a person about what went wrong, in memory of the caller.
 *
 *  Library code never prints: a function that can fail in more ways than errno tells takes a
 *  `fault_t *`, which may be NULL, and fills it when it fails.
 */
#ifndef FABRIC_FAULT_H
#define FABRIC_FAULT_H

#define FAULT_TEXT_MAX 256 // octets, the final NUL among them

typedef struct {
    char text[FAULT_TEXT_MAX];
} fault_t;

/*  Writes the text, cut to FAULT_TEXT_MAX at a UTF-8 boundary; control characters become '?'.
 *  Keeps errno. `fault` may be NULL.
 */
void fault_set (fault_t *fault, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

#endif
