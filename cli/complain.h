/*  One line on stderr for a person: "zfabric: ...".
 *
 *  Control characters in it become '?', so that a value from outside can't play with the terminal.
 */
#ifndef CLI_COMPLAIN_H
#define CLI_COMPLAIN_H

void complain (const char *format, ...) __attribute__ ((format (printf, 1, 2)));

// As above, and returns STATUS_USAGE, STATUS_FAILED.
int complain_usage (const char *format, ...) __attribute__ ((format (printf, 1, 2)));
int complain_failed (const char *format, ...) __attribute__ ((format (printf, 1, 2)));

// Flushes stdout. STATUS_OK, or complains and returns STATUS_FAILED if not all of it was written.
int complain_unwritten (void);

#endif
