/*  Floats as decimal text and back, without loss and whatever the program's locale: the host of
 *  this library may have called setlocale (), which moves strtod ()'s and printf ()'s point.
 *
 *  Threads: pure functions, any thread.
 */
#ifndef CODEC_DECIMAL_H
#define CODEC_DECIMAL_H

#include "fabric/slice.h"

#define DECIMAL_TEXT 32 // octets of the longest text, and some

/*  The float nearest to a number as JSON writes it: `token` must be one. 0, or -1 (ERANGE) if only
 *  an infinity is near.
 */
int decimal_read (slice_t token, double *real);

/*  Writes a finite float so that decimal_read () gives it back, with a point or an exponent, so
 * that it stays a float; with few digits if few are enough. Returns how many octets.
 */
size_t decimal_print (double real, char text[static DECIMAL_TEXT]);

#endif
