/*  Admission: connections are refused before the process runs out of descriptors.
 *
 *  Without a descriptor for a connection libzmq 4.3 ends the process (its listener for ipc asserts
 *  that accept () never fails with EMFILE) or asks again at once for ever (that for tcp). So the
 *  command has an accept () and an accept4 () of its own, which go before the C library's in every
 *  library it uses: they close a connection that would take one of the last ADMISSION_RESERVE
 *  descriptors, and the listener goes on as after a peer that left while it waited. Who is refused
 *  sees its connection closed, and dials again by and by.
 *
 *  A library can't do that to the process it is in: a program that embeds a broker should have a
 *  limit that is high enough, or serve tcp only.
 *
 *  Threads: any.
 */
#ifndef CLI_ADMISSION_H
#define CLI_ADMISSION_H

#include <stdint.h>

// Descriptors that no connection gets: for recordings and other files, and a few connections that
// are accepted at the same moment.
#define ADMISSION_RESERVE 16u

// Connections refused since the process began.
uint64_t admission_refused (void);

// How many descriptors the process may have; 0: nobody knows.
uint64_t admission_limit (void);

#endif
