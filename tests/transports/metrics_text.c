// For tests in other languages: a document of `$metrics` from standard input becomes Prometheus'
// text on standard output.

#include "transports/prometheus.h"

#include <stdio.h>

#define MOST (1u << 20) // octets of the document

int main (void)
{
    static char document[MOST];
    size_t len = fread (document, 1, sizeof document, stdin);
    buffer_t out;
    fault_t fault;

    buffer_init (&out, 64 * MOST);
    int rc = prometheus_write (slice_of (document, len), &out, &fault);
    if (rc)
        fprintf (stderr, "%s\n", fault.text);
    else
        fwrite (out.data, 1, out.len, stdout);
    buffer_finish (&out);
    return rc ? 1 : 0;
}
