// What the holder of a key may do: PROTOCOL 8. Answers are compared with the plain definition, over
// all small sets of patterns.

#include "fabric/rights.h"

#include "tests/support/failing_alloc.h"
#include "tests/support/testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static rights_t rights_of (const char *role, const char *pipelines)
{
    rights_t rights;
    fault_t fault;
    slice_t roles = slice_text (role ? role : ""),
            patterns = slice_text (pipelines ? pipelines : "");

    if (rights_read (&rights, role ? &roles : NULL, pipelines ? &patterns : NULL, &fault))
        fail_msg ("%s", fault.text);
    return rights;
}

static void refuses (const char *role, const char *pipelines, const char *word)
{
    rights_t rights;
    fault_t fault;
    slice_t roles = slice_text (role), patterns = slice_text (pipelines);

    errno = 0;
    assert_int_equal (rights_read (&rights, &roles, &patterns, &fault), -1);
    assert_int_equal (errno, EINVAL);
    assert_non_null (strstr (fault.text, word));
    assert_int_equal (rights.roles, 0);
    assert_int_equal (rights.count, 0);
}

static bool covers (const rights_t *rights, const char *pipeline)
{
    return rights_cover (rights, slice_text (pipeline));
}

static void roles_are_read (void **state)
{
    (void)state;
    rights_t rights = rights_of ("client", NULL);
    assert_int_equal (rights.roles, RIGHTS_CLIENT);
    rights_finish (&rights);
    rights = rights_of (" worker ,\tadmin", NULL);
    assert_int_equal (rights.roles, RIGHTS_WORKER | RIGHTS_ADMIN);
    assert_true (rights_have (&rights, RIGHTS_ADMIN | RIGHTS_CLIENT));
    assert_false (rights_have (&rights, RIGHTS_CLIENT));
    rights_finish (&rights);
    rights = rights_of (NULL, "a");
    assert_int_equal (rights.roles, 0);
    rights_finish (&rights);
}

static void what_is_not_understood_is_no_right (void **state)
{
    (void)state;
    static const char *const bad_roles[] = {
        "",        "Client", "clients",       "client,",        ",client",
        "client;", "root",   "client worker", "client,,worker", "*"};
    static const char *const bad_patterns[] = {"",      " ",        "a,",       ",a",
                                               "a,,b",  "$status",  "a,$*",     "\x01",
                                               "a\x7f", "\xc0\xaf", "\xc2\x85", "\xff"};

    for (size_t i = 0; i < sizeof bad_roles / sizeof *bad_roles; i++)
        refuses (bad_roles[i], "*", "role");
    for (size_t i = 0; i < sizeof bad_patterns / sizeof *bad_patterns; i++)
        refuses ("client", bad_patterns[i], "pipelines");
}

static void names_are_exact_and_prefixes_are_not (void **state)
{
    (void)state;
    rights_t rights = rights_of ("client", "sum, text.*, a*b");

    assert_true (covers (&rights, "sum"));
    assert_true (covers (&rights, "text."));
    assert_true (covers (&rights, "text.upper"));
    assert_true (covers (&rights, "a*b"));
    static const char *const none[] = {"su",  "sum2", "summ", "Sum", "text",    "text",
                                       "tex", "axb",  "a*",   "",    "$status", "*"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false (covers (&rights, none[i]));
    rights_finish (&rights);
}

// Look-alikes: octets decide, nothing is folded or cut at a NUL.
static void look_alikes_are_others (void **state)
{
    (void)state;
    rights_t rights = rights_of ("client", "caf\xc3\xa9.*,pay");

    assert_true (covers (&rights, "caf\xc3\xa9.x"));
    assert_false (covers (&rights, "cafe\xcc\x81.x"));
    assert_false (rights_cover (&rights, slice_of ("pay\0x", 5)));
    assert_false (rights_cover (&rights, slice_of ("pay\0", 4)));
    assert_false (covers (&rights, "p\xd0\xb0y"));
    rights_finish (&rights);
}

static void without_pipelines_all_are_covered_but_the_brokers_own (void **state)
{
    (void)state;
    rights_t rights = rights_of ("client", NULL);

    assert_true (rights_cover_all (&rights));
    assert_true (covers (&rights, "whatever"));
    assert_false (covers (&rights, "$tasks"));
    rights_finish (&rights);
    rights = rights_of ("client", "a,*,b");
    assert_true (rights_cover_all (&rights));
    rights_finish (&rights);
    rights = rights_of ("client", "a*");
    assert_false (rights_cover_all (&rights));
    rights_finish (&rights);
    rights_init (&rights);
    assert_false (rights_cover_all (&rights));
    assert_false (covers (&rights, "a"));
}

static void the_text_says_the_same (void **state)
{
    (void)state;
    static const char *const given[][2] = {
        {"client", "*"}, {"admin,client", "b,a*,ab"}, {"worker", "x"}};
    static const char *const wanted[] = {"client\n*", "client,admin\na*,b", "worker\nx"};

    for (size_t i = 0; i < 3; i++) {
        rights_t rights = rights_of (given[i][0], given[i][1]), back;
        buffer_t text;
        buffer_init (&text, RIGHTS_TEXT_MAX);
        rights_write (&rights, &text);
        assert_true (slice_equal (buffer_as_slice (&text), slice_text (wanted[i])));
        assert_int_equal (rights_read_text (&back, buffer_as_slice (&text), NULL), 0);
        assert_int_equal (back.roles, rights.roles);
        assert_int_equal (back.count, rights.count);
        buffer_finish (&text);
        rights_finish (&rights);
        rights_finish (&back);
    }
    rights_t none;
    buffer_t text;
    assert_int_equal (rights_read_text (&none, slice_text (""), NULL), 0);
    assert_int_equal (none.roles, 0);
    buffer_init (&text, 10);
    rights_write (&none, &text);
    assert_int_equal (text.len, 0);
    rights_finish (&none);
    assert_int_equal (rights_read_text (&none, slice_text ("client"), NULL), -1);
    assert_int_equal (rights_read_text (&none, slice_text ("\n*"), NULL), -1);
}

// ---- overlap

#define PARTS 4096

typedef struct {
    char parts[PARTS][280];
    size_t count;
} told_t;

static void visit (const rights_pattern_t *part, void *arg)
{
    told_t *told = (told_t *)arg;

    assert_true (told->count < PARTS);
    snprintf (told->parts[told->count++], sizeof told->parts[0], "%.*s%s", (int)part->text.len,
              part->text.len ? (const char *)part->text.ptr : "", part->prefix ? "*" : "");
}

static void overlap (const char *allowed, const char *registered, told_t *told)
{
    static rights_pattern_t patterns[2 * LIMIT_PATTERNS];
    rights_t rights = rights_of ("worker", allowed);
    size_t count = 0;

    for (const char *at = registered; *at;) {
        size_t len = strcspn (at, ",");
        patterns[count++] = rights_pattern (slice_of (at, len));
        at += len + (at[len] == ',');
    }
    told->count = 0;
    rights_overlap (&rights, patterns, count, visit, told);
    rights_finish (&rights);
}

static void overlaps (const char *allowed, const char *registered, const char *wanted)
{
    static told_t told;
    char found[1024] = "";

    overlap (allowed, registered, &told);
    for (size_t i = 0; i < told.count; i++) {
        strcat (found, i ? "," : "");
        strcat (found, told.parts[i]);
    }
    assert_string_equal (found, wanted);
}

static void the_overlap_is_what_both_cover (void **state)
{
    (void)state;
    overlaps ("*", "*", "*");
    overlaps ("*", "a,b*", "a,b*");
    overlaps ("a,b*", "*", "a,b*");
    overlaps ("a*", "ab*", "ab*");
    overlaps ("ab*", "a*", "ab*");
    overlaps ("ab*", "abc", "abc");
    overlaps ("abc", "ab*", "abc");
    overlaps ("abc", "abc*", "abc");
    overlaps ("abc*", "abc", "abc");
    overlaps ("a", "b", "");
    overlaps ("a*", "b*", "");
    overlaps ("a", "ab*", "");
    overlaps ("a!x,a!y", "a*,a!*", "a!x,a!y");
    overlaps ("a,ab,abc,b", "ab*,b", "ab,abc,b");
    overlaps ("text.*,sum", "text.up,sum,text.*,other", "sum,text.*");
}

// All sets of up to two patterns on each side, over names of two letters, and every name.
static const char *const all[] = {"*",   "a",   "b",  "a*",  "b*", "aa", "ab",
                                  "aa*", "ab*", "ba", "ba*", "!a", "a!*"};
static const char *const names[] = {"a",   "b",  "aa", "ab",  "ba", "bb",  "aab",
                                    "aba", "!a", "a!", "a!b", "!",  "baa", "a*"};

#define ALL   (sizeof all / sizeof *all)
#define NAMES (sizeof names / sizeof *names)

static bool fits (const char *pattern, const char *name)
{
    size_t len = strlen (pattern);

    return pattern[len - 1] == '*' ? strncmp (pattern, name, len - 1) == 0
                                   : strcmp (pattern, name) == 0;
}

static void join (char *text, size_t a, size_t b)
{
    sprintf (text, "%s,%s", all[a], all[b]);
}

static void check_sets (size_t a, size_t b, size_t c, size_t d)
{
    static told_t told;
    char allowed[32], registered[32];

    join (allowed, a, b);
    join (registered, c, d);
    rights_t rights = rights_of ("worker", allowed);
    overlap (allowed, registered, &told);
    for (size_t n = 0; n < NAMES; n++) {
        bool may = fits (all[a], names[n]) || fits (all[b], names[n]);
        bool serves = fits (all[c], names[n]) || fits (all[d], names[n]);
        unsigned found = 0;
        assert_int_equal (rights_cover (&rights, slice_text (names[n])), may);
        for (size_t i = 0; i < told.count; i++)
            found += fits (told.parts[i], names[n]);
        if (found != (may && serves))
            fail_msg ("%s and %s: %s is covered %u times", allowed, registered, names[n], found);
    }
    rights_finish (&rights);
}

static void of_all_small_sets_the_overlap_covers_what_both_do_and_once (void **state)
{
    (void)state;
    for (size_t a = 0; a < ALL; a++)
        for (size_t b = 0; b < ALL; b++)
            for (size_t c = 0; c < ALL; c++)
                for (size_t d = 0; d < ALL; d++)
                    check_sets (a, b, c, d);
}

static char *many (unsigned count, const char *format)
{
    char *text = (char *)calloc (count, 300);
    size_t len = 0;

    for (unsigned i = 0; i < count; i++)
        len += (size_t)sprintf (text + len, format, i ? "," : "", i);
    return text;
}

static void there_are_as_many_patterns_as_a_worker_may_register (void **state)
{
    (void)state;
    static told_t told;
    char *most = many (LIMIT_PATTERNS, "%sp%u."), *over = many (LIMIT_PATTERNS + 1, "%sp%u.");
    char *prefixes = many (LIMIT_PATTERNS, "%sp%u*");

    overlap (most, most, &told);
    assert_int_equal (told.count, LIMIT_PATTERNS);
    overlap (most, prefixes, &told);
    assert_int_equal (told.count, LIMIT_PATTERNS);
    overlap (prefixes, "p*", &told);
    assert_int_equal (told.count, 9 + 1);
    refuses ("client", over, "too many");
    free (most);
    free (over);
    free (prefixes);
}

static void names_may_be_as_long_as_a_pipelines (void **state)
{
    (void)state;
    char name[LIMIT_PIPELINE_OCTETS + 2];

    memset (name, 'x', sizeof name);
    name[LIMIT_PIPELINE_OCTETS] = '\0';
    rights_t rights = rights_of ("client", name);
    assert_true (covers (&rights, name));
    rights_finish (&rights);
    name[LIMIT_PIPELINE_OCTETS] = 'x';
    name[LIMIT_PIPELINE_OCTETS + 1] = '\0';
    refuses ("client", name, "pipelines");
}

static void memory_may_be_out (void **state)
{
    (void)state;
    slice_t role = slice_text ("client"), pipelines = slice_text ("a,b,c*");

    for (unsigned long n = 0;; n++) {
        rights_t rights;
        alloc_fail_at (n);
        int rc = rights_read (&rights, &role, &pipelines, NULL);
        if (!alloc_failed ()) {
            assert_int_equal (rc, 0);
            rights_finish (&rights);
            break;
        }
        assert_int_equal (rc, -1);
        assert_int_equal (errno, ENOMEM);
        assert_int_equal (rights.roles, 0);
    }
    alloc_fail_never ();
}

TESTING_MAIN (cmocka_unit_test (roles_are_read),
              cmocka_unit_test (what_is_not_understood_is_no_right),
              cmocka_unit_test (names_are_exact_and_prefixes_are_not),
              cmocka_unit_test (look_alikes_are_others),
              cmocka_unit_test (without_pipelines_all_are_covered_but_the_brokers_own),
              cmocka_unit_test (the_text_says_the_same),
              cmocka_unit_test (the_overlap_is_what_both_cover),
              cmocka_unit_test (of_all_small_sets_the_overlap_covers_what_both_do_and_once),
              cmocka_unit_test (there_are_as_many_patterns_as_a_worker_may_register),
              cmocka_unit_test (names_may_be_as_long_as_a_pipelines),
              cmocka_unit_test (memory_may_be_out), )
