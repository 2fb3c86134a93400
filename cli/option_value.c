#include "cli/option_value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

typedef struct {
    const char *suffix;
    uint64_t factor;
} unit_t;

static const unit_t spans[] = {{"", 1},      {"ms", 1},      {"s", 1000},
                               {"m", 60000}, {"h", 3600000}, {NULL, 0}};

static const unit_t sizes[] = {
    {"", 1},           {"B", 1},    {"KiB", 1024},      {"MiB", 1024 * 1024},
    {"GiB", 1u << 30}, {"K", 1024}, {"M", 1024 * 1024}, {"G", 1u << 30},
    {NULL, 0}};

static const unit_t plain[] = {{"", 1}, {NULL, 0}};

static const struct {
    const unit_t *units;
    const char *what;
} kinds[] = {
    [OPTION_NUMBER] = {plain, "a number"},
    [OPTION_MILLISECONDS] = {spans, "milliseconds (or 500ms, 2s, 5m, 1h)"},
    [OPTION_OCTETS] = {sizes, "a number of octets (or 64KiB, 64MiB, 1GiB)"},
};

// Digits and a unit. 0; -1 if it is none; 1 if it is beyond 2^64-1.
static int read_number (const unit_t *units, const char *text, uint64_t *number)
{
    uint64_t value = 0;
    bool beyond = false;
    const char *at = text;

    for (; *at >= '0' && *at <= '9'; at++)
        beyond |= __builtin_mul_overflow (value, UINT64_C (10), &value)
                  || __builtin_add_overflow (value, (uint64_t)(*at - '0'), &value);
    if (at == text)
        return -1;
    while (units->suffix && strcmp (units->suffix, at) != 0)
        units++;
    if (!units->suffix)
        return -1;
    beyond |= __builtin_mul_overflow (value, units->factor, &value);
    if (beyond)
        return 1;
    *number = value;
    return 0;
}

static int refuse_range (const option_t *row, const char *text, bool less, fault_t *fault)
{
    buffer_t bound;

    buffer_init (&bound, 64);
    option_value_write (row, less ? row->low : row->high, &bound);
    buffer_octet (&bound, '\0');
    fault_set (fault, "\"%.80s\" is %s than %s", text, less ? "less" : "more",
               bound.failed ? "allowed" : (const char *)bound.data);
    buffer_finish (&bound);
    errno = EINVAL;
    return -1;
}

static int read_ranged (const option_t *row, const char *text, uint64_t *number, fault_t *fault)
{
    uint64_t value = 0;
    int rc = read_number (kinds[row->type].units, text, &value);

    if (rc < 0) {
        fault_set (fault, "\"%.80s\" is not %s", text, kinds[row->type].what);
        errno = EINVAL;
        return -1;
    }
    if (rc > 0 || value < row->low || value > row->high)
        return refuse_range (row, text, rc == 0 && value < row->low, fault);
    *number = value;
    return 0;
}

slice_t option_value_choice (const char *choices, size_t place)
{
    const char *at = choices;

    for (; place > 0; place--) {
        at = strchr (at, '|');
        if (!at)
            return slice_of (NULL, 0);
        at++;
    }
    return slice_of (at, strcspn (at, "|"));
}

static int read_choice (const option_t *row, const char *text, uint64_t *number, fault_t *fault)
{
    slice_t word;

    for (size_t place = 0; (word = option_value_choice (row->choices, place)).len > 0; place++) {
        if (slice_equal (word, slice_text (text))) {
            *number = place;
            return 0;
        }
    }
    fault_set (fault, "\"%.80s\" is none of %s", text, row->choices);
    errno = EINVAL;
    return -1;
}

static int read_flag (const char *text, uint64_t *number, fault_t *fault)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp (text, words[i]) == 0) {
            *number = i % 2;
            return 0;
        }
    }
    fault_set (fault, "\"%.80s\" is neither yes nor no", text);
    errno = EINVAL;
    return -1;
}

int option_value_read (const option_t *row, const char *text, uint64_t *number, fault_t *fault)
{
    switch (row->type) {
    case OPTION_FLAG:
        return read_flag (text, number, fault);
    case OPTION_CHOICE:
        return read_choice (row, text, number, fault);
    case OPTION_NUMBER:
    case OPTION_MILLISECONDS:
    case OPTION_OCTETS:
        return read_ranged (row, text, number, fault);
    case OPTION_TEXT:
        break;
    }
    if (!*text) {
        fault_set (fault, "the value is empty");
        errno = EINVAL;
        return -1;
    }
    *number = 0;
    return 0;
}

void option_value_write (const option_t *row, uint64_t number, buffer_t *out)
{
    static const char *const units[] = {"", "KiB", "MiB", "GiB"};
    char text[32];
    unsigned unit = 0;

    if (row->type == OPTION_OCTETS) {
        while (number && number % 1024 == 0 && unit < 3) {
            number /= 1024;
            unit++;
        }
    }
    snprintf (text, sizeof text, "%" PRIu64 "%s", number, units[unit]);
    buffer_text (out, text);
}
