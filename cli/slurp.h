/*  A whole file, or standard input, into memory.
 */
#ifndef CLI_SLURP_H
#define CLI_SLURP_H

#include "fabric/buffer.h"

/*  Appends the octets of the file `name`, "-" for standard input. 0, or -1 with errno: what open ()
 *  and read () say, EMSGSIZE if there are more than out's limit, ENOMEM.
 */
int slurp (const char *name, buffer_t *out);

// Opens a file for reading, "-" for standard input. The descriptor, or -1 with errno.
int slurp_open (const char *name);

#endif
