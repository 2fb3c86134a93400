/*  The page to watch the fleet by: one file without a request to anybody but its own server,
 *  transports/page.html, which the build puts in here.
 *
 *  Threads: any.
 */
#ifndef TRANSPORTS_PAGE_H
#define TRANSPORTS_PAGE_H

#include "fabric/slice.h"

// For page_text ().
extern const uint8_t page_octets[];
extern const size_t page_size;

#define PAGE_MEDIA      "text/html; charset=utf-8"
#define PAGE_POLICY_MAX 512 // octets, the final NUL among them

static inline slice_t page_text (void)
{
    return slice_of (page_octets, page_size);
}

/*  The Content-Security-Policy of a page: nothing from elsewhere, no markup that runs, but for the
 *  one <style> and the one <script> that it has, by their hashes. "" if it has not one of each.
 */
void page_policy (slice_t page, char policy[static PAGE_POLICY_MAX]);

#endif
