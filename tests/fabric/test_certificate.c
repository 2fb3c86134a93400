// Certificates: what CZMQ and pyzmq write is read, and nothing that could be read differently.

#define _POSIX_C_SOURCE 200809L

#include "fabric/certificate.h"

#include "tests/support/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <czmq.h>

#define KEY    "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define SECRET "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
#define CURVE  "curve\n    public-key = \"" KEY "\"\n"

static certificate_t read_well (const char *text)
{
    certificate_t certificate;
    fault_t fault;

    if (certificate_read (slice_text (text), &certificate, &fault))
        fail_msg ("%s", fault.text);
    return certificate;
}

static void refuses (const char *text, const char *word)
{
    certificate_t certificate;
    fault_t fault;

    assert_int_equal (certificate_read (slice_text (text), &certificate, &fault), -1);
    if (!strstr (fault.text, word))
        fail_msg ("\"%s\" is not about %s", fault.text, word);
}

static void a_certificate_is_read (void **state)
{
    (void)state;
    certificate_t one =
        read_well ("# words\n\nmetadata\n    name = x\n    role = \"client, admin\"\n"
                   "    pipelines = 'a*,b' # these\n        deeper = 1\n"
                   "other = 5\n    role = \"admin\"\n" CURVE "    secret-key = \"" SECRET "\"\r\n");
    char text[KEY_TEXT + 1];

    assert_true (slice_equal (one.role, slice_text ("client, admin")));
    assert_true (slice_equal (one.pipelines, slice_text ("a*,b")));
    assert_true (one.has_role && one.has_pipelines && one.has_secret);
    key_print (&one.public_key, text);
    assert_string_equal (text, KEY);
    key_print (&one.secret_key, text);
    assert_string_equal (text, SECRET);
    one = read_well (CURVE);
    assert_false (one.has_role || one.has_pipelines || one.has_secret);
    one = read_well ("metadata\n    role = client\ncurve\n    public-key = " KEY);
    assert_true (slice_equal (one.role, slice_text ("client")));
}

static void what_two_readers_could_read_differently_is_refused (void **state)
{
    (void)state;
    refuses ("", "no public-key");
    refuses ("metadata\n    role = client\n", "no public-key");
    refuses (CURVE "    public-key = \"" KEY "\"\n", "twice");
    refuses (CURVE CURVE, "twice");
    refuses ("metadata\n    role = client\n    role = admin\n" CURVE, "line 3");
    refuses ("metadata\n    pipelines = a\n    pipelines = b\n" CURVE, "twice");
    refuses ("metadata\n    role = client\nmetadata\n    role = admin\n" CURVE, "twice");
    refuses ("curve\n  public-key = \"" KEY "\"\n", "indented");
    refuses ("curve\n\tpublic-key = \"" KEY "\"\n", "indented");
    refuses ("    public-key = \"" KEY "\"\n", "below no section");
    refuses ("curve\n    public-key = \"" KEY "\n", "quote");
    refuses ("curve\n    public-key = \"" KEY "\" x\n", "follows");
    refuses ("curve\n    public-key = \"short\"\n", "40");
    refuses ("curve\n    public-key\n", "40");
    refuses ("curve\n    public-key = " SECRET "#\n", "quoted");
    refuses ("metadata\n    role client\n" CURVE, "name = value");
    refuses ("metadata\n    role = \"cli\x01"
             "ent\"\n" CURVE,
             "control");
    refuses ("what is this\n" CURVE, "section");
}

static void a_zero_octet_is_no_text (void **state)
{
    (void)state;
    static const char text[] = "metadata\n    role = \"client\0admin\"\n" CURVE;
    certificate_t certificate;

    assert_int_equal (certificate_read (slice_of (text, sizeof text - 1), &certificate, NULL), -1);
}

static void of_any_length_it_is_safe (void **state)
{
    (void)state;
    size_t lengths[] = {100, 511, 512, 590, 4096, 60000, CERTIFICATE_OCTETS_MAX, 1000000};
    static const char start[] = CURVE "metadata\n    pipelines = \"";
    char *text = (char *)malloc (1100000);
    certificate_t certificate;

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t len = sizeof start - 1;
        memcpy (text, start, len);
        memset (text + len, 'x', lengths[i]);
        len += lengths[i];
        text[len++] = '"';
        int rc = certificate_read (slice_of (text, len), &certificate, NULL);
        assert_int_equal (rc, len > CERTIFICATE_OCTETS_MAX ? -1 : 0);
        if (rc == 0)
            assert_int_equal (certificate.pipelines.len, lengths[i]);
    }
    free (text);
}

static const char example[] = "# c\nmetadata\n    role = \"client\"\n    pipelines = 'a,b*'\n" CURVE
                              "    secret-key = \"" SECRET "\"\n";

// In memory of its own, so that a reader that goes beyond is seen by sanitizers.
static int read_copy (const char *text, size_t len, size_t at, uint8_t octet)
{
    uint8_t *copy = (uint8_t *)malloc (len ? len : 1);
    certificate_t certificate;

    memcpy (copy, text, len);
    if (at < len)
        copy[at] = octet;
    int rc = certificate_read (slice_of (copy, len), &certificate, NULL);
    free (copy);
    return rc;
}

static void all_prefixes_and_changed_octets_are_read_or_refused (void **state)
{
    (void)state;
    size_t len = sizeof example - 1, well = 0;

    for (size_t cut = 0; cut <= len; cut++)
        well += read_copy (example, cut, len, 0) == 0;
    assert_true (well > 0 && well < len);
    for (size_t at = 0; at < len; at++) {
        for (unsigned octet = 0; octet < 256; octet++)
            (void)read_copy (example, len, at, (uint8_t)octet);
    }
}

static void what_it_writes_it_reads_and_so_does_czmq (void **state)
{
    (void)state;
    certificate_t one = read_well (example), back;
    char folder[] = "/tmp/zf-certificate-XXXXXX", path[64];
    buffer_t text;

    buffer_init (&text, CERTIFICATE_OCTETS_MAX);
    certificate_write (&one, "words", &text);
    assert_int_equal (certificate_read (buffer_as_slice (&text), &back, NULL), 0);
    assert_true (slice_equal (back.role, one.role) && slice_equal (back.pipelines, one.pipelines));
    assert_memory_equal (&back.public_key, &one.public_key, KEY_OCTETS);
    assert_memory_equal (&back.secret_key, &one.secret_key, KEY_OCTETS);
    assert_non_null (mkdtemp (folder));
    snprintf (path, sizeof path, "%s/x", folder);
    FILE *file = fopen (path, "w");
    fwrite (text.data, 1, text.len, file);
    fclose (file);
    zcert_t *theirs = zcert_load (path);
    assert_non_null (theirs);
    assert_string_equal (zcert_public_txt (theirs), KEY);
    assert_string_equal (zcert_secret_txt (theirs), SECRET);
    assert_string_equal (zcert_meta (theirs, "role"), "client");
    assert_string_equal (zcert_meta (theirs, "pipelines"), "a,b*");
    zcert_destroy (&theirs);
    unlink (path);
    rmdir (folder);
    buffer_finish (&text);
}

static void what_czmq_writes_it_reads (void **state)
{
    (void)state;
    char folder[] = "/tmp/zf-certificate-XXXXXX", path[64], text[2][4096], key[KEY_TEXT + 1];
    static const char *const names[] = {"x", "x_secret"};
    zcert_t *theirs = zcert_new ();

    assert_non_null (mkdtemp (folder));
    snprintf (path, sizeof path, "%s/x", folder);
    zcert_set_meta (theirs, "role", "%s", "worker");
    zcert_set_meta (theirs, "pipelines", "%s", "p,q*");
    zcert_set_meta (theirs, "email", "%s", "a@b");
    assert_int_equal (zcert_save (theirs, path), 0);
    for (int i = 0; i < 2; i++) {
        snprintf (path, sizeof path, "%s/%s", folder, names[i]);
        FILE *file = fopen (path, "r");
        text[i][fread (text[i], 1, sizeof text[i] - 1, file)] = '\0';
        fclose (file);
        unlink (path);
        certificate_t one = read_well (text[i]);
        key_print (&one.public_key, key);
        assert_string_equal (key, zcert_public_txt (theirs));
        assert_int_equal (one.has_secret, i == 1);
        assert_true (slice_equal (one.role, slice_text ("worker")));
        assert_true (slice_equal (one.pipelines, slice_text ("p,q*")));
    }
    rmdir (folder);
    zcert_destroy (&theirs);
}

TESTING_MAIN (cmocka_unit_test (a_certificate_is_read),
              cmocka_unit_test (what_two_readers_could_read_differently_is_refused),
              cmocka_unit_test (a_zero_octet_is_no_text),
              cmocka_unit_test (of_any_length_it_is_safe),
              cmocka_unit_test (all_prefixes_and_changed_octets_are_read_or_refused),
              cmocka_unit_test (what_it_writes_it_reads_and_so_does_czmq),
              cmocka_unit_test (what_czmq_writes_it_reads), )
