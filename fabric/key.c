#include "fabric/key.h"

#include <errno.h>

// RFC 32: five characters say four octets, most significant first.
static const char alphabet[86] =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

#define GROUPS (KEY_TEXT / 5)

// The character's place in the alphabet, 85 if it is not in it. Looks at all of it in any case: the
// key may be a secret.
static uint32_t digit_of (uint8_t character)
{
    uint32_t digit = 85;

    for (uint32_t i = 0; i < 85; i++) {
        uint32_t differs = (uint32_t)(uint8_t)alphabet[i] ^ character;
        uint32_t same = (differs - 1) >> 31; // 1 if they are the same
        digit ^= (digit ^ i) & (0 - same);
    }
    return digit;
}

int key_parse (slice_t text, fabric_key_t *key)
{
    fabric_key_t found;
    bool bad = false;

    if (text.len != KEY_TEXT) {
        errno = EINVAL;
        return -1;
    }
    for (unsigned group = 0; group < GROUPS; group++) {
        uint64_t value = 0;
        for (unsigned i = 0; i < 5; i++) {
            uint32_t digit = digit_of (text.ptr[group * 5 + i]);
            bad |= digit > 84;
            value = value * 85 + digit;
        }
        bad |= value > UINT32_MAX;
        for (unsigned i = 0; i < 4; i++)
            found.octets[group * 4 + i] = (uint8_t)(value >> (24 - 8 * i));
    }
    if (bad) {
        errno = EINVAL;
        return -1;
    }
    *key = found;
    return 0;
}

void key_print (const fabric_key_t *key, char text[static KEY_TEXT + 1])
{
    for (unsigned group = 0; group < GROUPS; group++) {
        uint32_t value = 0;
        for (unsigned i = 0; i < 4; i++)
            value = value << 8 | key->octets[group * 4 + i];
        for (unsigned i = 5; i > 0; i--) {
            text[group * 5 + i - 1] = alphabet[value % 85];
            value /= 85;
        }
    }
    text[KEY_TEXT] = '\0';
}
