/*  Each connection is a descriptor: a server wants as many as it may have, not the usual 1,024.
 */
#ifndef CLI_DESCRIPTORS_H
#define CLI_DESCRIPTORS_H

// Raises the limit of this process as far as it may. Refused: it stays as it was.
void descriptors_raise (void);

#endif
