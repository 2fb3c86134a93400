#define _GNU_SOURCE

#include "transports/page.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define HASH_TEXT                                                                                  \
    sodium_base64_ENCODED_LEN (crypto_hash_sha256_BYTES, sodium_base64_VARIANT_ORIGINAL)

// Where `words` begin in the text; its end if they don't.
static size_t find (slice_t text, const char *words)
{
    const uint8_t *at = memmem (text.ptr, text.len, words, strlen (words));

    return at ? (size_t)(at - text.ptr) : text.len;
}

static slice_t behind (slice_t text, size_t at)
{
    return slice_of (text.ptr + at, text.len - at);
}

// The hash of what is between two tags, the only ones of their kind. False: there is no such pair.
static bool hash_between (slice_t page, const char *open, const char *close, char hash[HASH_TEXT])
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    size_t at = find (page, open);

    if (at == page.len)
        return false;
    slice_t rest = behind (page, at + strlen (open));
    size_t len = find (rest, close);
    if (len == rest.len || find (behind (rest, len), open) < rest.len - len)
        return false;
    (void)crypto_hash_sha256 (digest, rest.ptr, len);
    (void)sodium_bin2base64 (hash, HASH_TEXT, digest, sizeof digest,
                             sodium_base64_VARIANT_ORIGINAL);
    return true;
}

void page_policy (slice_t page, char policy[static PAGE_POLICY_MAX])
{
    char style[HASH_TEXT], script[HASH_TEXT];

    policy[0] = '\0';
    if (!hash_between (page, "<style>", "</style>", style)
        || !hash_between (page, "<script>", "</script>", script))
        return;
    (void)snprintf (policy, PAGE_POLICY_MAX,
                    "default-src 'none'; connect-src 'self'; img-src data:; "
                    "style-src 'sha256-%s'; script-src 'sha256-%s'; "
                    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
                    style, script);
}
