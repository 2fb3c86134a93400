// Certificates of any octets, and the rights that they give: read, and the same when read again.

#include <stdlib.h>

#include "fabric/certificate.h"
#include "fabric/rights.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void check (bool holds)
{
    if (!holds)
        abort ();
}

static void check_rights (const rights_t *rights)
{
    rights_t again;
    buffer_t text, twice;

    buffer_init (&text, RIGHTS_TEXT_MAX);
    buffer_init (&twice, RIGHTS_TEXT_MAX);
    rights_write (rights, &text);
    check (!text.failed);
    check (rights_read_text (&again, buffer_as_slice (&text), NULL) == 0);
    rights_write (&again, &twice);
    check (slice_equal (buffer_as_slice (&text), buffer_as_slice (&twice)));
    for (size_t i = 0; i < rights->count; i++) {
        slice_t name = rights->patterns[i].text;
        check (name.len == 0 || rights_cover (rights, name));
    }
    rights_finish (&again);
    buffer_finish (&text);
    buffer_finish (&twice);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    certificate_t certificate;
    rights_t rights;
    fault_t fault;

    if (rights_read_text (&rights, slice_of (data, size), &fault) == 0) {
        check_rights (&rights);
        rights_finish (&rights);
    }
    if (certificate_read (slice_of (data, size), &certificate, &fault))
        return 0;
    if (rights_read (&rights, certificate.has_role ? &certificate.role : NULL,
                     certificate.has_pipelines ? &certificate.pipelines : NULL, &fault))
        return 0;
    check_rights (&rights);
    rights_finish (&rights);
    return 0;
}
