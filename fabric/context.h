/*  The process's ZeroMQ context, which CZMQ keeps: what is bound to inproc:// by one class of the
 *  library can be reached by the others.
 *
 *  Threads: any.
 */
#ifndef FABRIC_CONTEXT_H
#define FABRIC_CONTEXT_H

// Not to be terminated: CZMQ does that at exit. NULL if there is none to be had (EMFILE, ENOMEM).
void *context_of_process (void);

#endif
