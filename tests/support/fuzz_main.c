/*  A main () for fuzz targets where there is no libFuzzer: each file of the corpus, all of its
 *  prefixes, and each of its octets changed in a few ways. Deterministic; long files are thinned
 * out.
 */
#define _POSIX_C_SOURCE 200809L

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANGES_MAX 2048u // places of one file that are cut at and changed

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static unsigned long inputs;

// A fresh block of the exact size each time, so that AddressSanitizer sees a read beyond it.
static void run (const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc (size ? size : 1);

    if (!copy)
        abort ();
    if (size)
        memcpy (copy, data, size);
    LLVMFuzzerTestOneInput (copy, size);
    free (copy);
    inputs++;
}

static void run_with_changes (uint8_t *data, size_t size)
{
    static const uint8_t flips[] = {0x01, 0x20, 0x80, 0xff};
    size_t step = size / CHANGES_MAX + 1;

    run (data, size);
    for (size_t i = 0; i < size; i += step) {
        run (data, i);
        for (size_t j = 0; j < sizeof flips; j++) {
            data[i] ^= flips[j];
            run (data, size);
            data[i] ^= flips[j];
        }
    }
}

static int run_file (const char *path)
{
    FILE *file = fopen (path, "rb");
    uint8_t *data = NULL;
    int rc = -1;

    if (!file || fseek (file, 0, SEEK_END))
        goto error;
    long size = ftell (file);
    if (size < 0 || fseek (file, 0, SEEK_SET))
        goto error;
    data = malloc ((size_t)size + 1);
    if (!data || fread (data, 1, (size_t)size, file) != (size_t)size)
        goto error;
    run_with_changes (data, (size_t)size);
    rc = 0;
error:
    if (rc)
        perror (path);
    free (data);
    if (file)
        fclose (file);
    return rc;
}

static int run_directory (const char *path)
{
    DIR *directory = opendir (path);
    struct dirent *entry;
    unsigned files = 0;
    int rc = 0;

    if (!directory) {
        perror (path);
        return -1;
    }
    while ((entry = readdir (directory))) {
        char file[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf (file, sizeof file, "%s/%s", path, entry->d_name);
        rc |= run_file (file);
        files++;
    }
    closedir (directory);
    if (!files) {
        fprintf (stderr, "%s: no corpus\n", path);
        rc = -1;
    }
    return rc;
}

int main (int argc, char **argv)
{
    int rc = 0;

    for (int i = 1; i < argc; i++)
        rc |= run_directory (argv[i]);
    printf ("%lu inputs\n", inputs);
    return rc ? 1 : 0;
}
