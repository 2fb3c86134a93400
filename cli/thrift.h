/*  Thrift: memory that was needed once is given back.
 *
 *  After a storm of connections or tasks nearly all of the heap is free, but what little is in use
 *  lies all over it, so the C library keeps it: 150 MiB after 5,000 connections, twice that after
 *  four such storms, and 11 MiB once malloc_trim () was called.
 */
#ifndef CLI_THRIFT_H
#define CLI_THRIFT_H

// Gives memory back if for some looks in a row more was free than in use, and it is worth it. As a
// rule it only looks at how much the process holds. To be called now and then, on one thread.
void thrift_look (void);

#endif
