/*  What is checked is what was opened: fstat (), never stat (), so nobody can put another file in
 *  its place between the two. Files are opened without blocking: a FIFO must not hold up a broker.
 */
#define _GNU_SOURCE

#include "fabric/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fabric/rights.h"

#define SECRET_MODE     0600
#define PUBLIC_MODE     0644
#define NAME_MAX_OCTETS 4096

key_pair_t *key_pair_new (void)
{
    return sodium_init () < 0 ? NULL : (key_pair_t *)sodium_malloc (sizeof (key_pair_t));
}

void key_pair_destroy (key_pair_t **self_p)
{
    if (*self_p)
        sodium_free (*self_p); // which wipes it
    *self_p = NULL;
}

static int fail (fault_t *fault, const char *path, const char *words, int error)
{
    fault_set (fault, "%s: %s", path, words);
    errno = error;
    return -1;
}

// ---- reading

static int open_file (int directory, const char *name, struct stat *status)
{
    int file = openat (directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (file < 0)
        return -1;
    if (fstat (file, status) == 0) {
        if (S_ISREG (status->st_mode))
            return file;
        errno = EINVAL;
    }
    int saved = errno;
    close (file);
    errno = saved;
    return -1;
}

// Up to `size` octets; -1 if it can't be read.
static ssize_t read_file (int file, uint8_t *octets, size_t size)
{
    size_t len = 0;
    ssize_t got = 1;

    while (len < size && got > 0) {
        got = read (file, octets + len, size - len);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            len += (size_t)got;
    }
    return got < 0 ? -1 : (ssize_t)len;
}

int key_file_read_at (int directory, const char *name, buffer_t *octets)
{
    struct stat status;
    int file = open_file (directory, name, &status);
    ssize_t len = -1;

    if (file < 0)
        return -1;
    uint8_t *place = buffer_reserve (octets, CERTIFICATE_OCTETS_MAX + 1);
    if (status.st_mode & S_IWOTH)
        errno = EPERM;
    else if (!place)
        errno = ENOMEM;
    else
        len = read_file (file, place, CERTIFICATE_OCTETS_MAX + 1);
    if (len > (ssize_t)CERTIFICATE_OCTETS_MAX) {
        errno = EMSGSIZE;
        len = -1;
    }
    int saved = errno;
    close (file);
    errno = saved;
    if (len < 0)
        return -1;
    octets->len += (size_t)len;
    return 0;
}

static int check_pair (const certificate_t *certificate, const char *path, fault_t *fault)
{
    uint8_t public_key[KEY_OCTETS];

    if (!certificate->has_secret)
        return fail (fault, path, "has no secret-key: it is not the secret certificate", EINVAL);
    if (crypto_scalarmult_base (public_key, certificate->secret_key.octets)
        || sodium_memcmp (public_key, certificate->public_key.octets, KEY_OCTETS) != 0)
        return fail (fault, path, "its public-key and secret-key don't belong together", EINVAL);
    return 0;
}

// Reads the file into `octets`, which have room for one octet more than a certificate has.
static int
load (const char *path, bool secret, uint8_t *octets, certificate_t *certificate, fault_t *fault)
{
    struct stat status;
    fault_t why;
    int file = open_file (AT_FDCWD, path, &status);
    ssize_t len = -1;

    if (file < 0)
        return fail (fault, path, errno == EINVAL ? "not a file" : strerror (errno), errno);
    if (!secret || !(status.st_mode & (S_IRWXG | S_IRWXO)))
        len = read_file (file, octets, CERTIFICATE_OCTETS_MAX + 1);
    int saved = errno;
    close (file);
    if (secret && status.st_mode & (S_IRWXG | S_IRWXO))
        return fail (fault, path, "others than its owner may read or write it: chmod 600", EPERM);
    if (len < 0)
        return fail (fault, path, strerror (saved), saved);
    if (certificate_read (slice_of (octets, (size_t)len), certificate, &why))
        return fail (fault, path, why.text, EINVAL);
    return secret ? check_pair (certificate, path, fault) : 0;
}

static int read_keys (const char *path, key_pair_t *pair, char *public_key, fault_t *fault)
{
    // One piece of locked memory for all in between.
    struct {
        certificate_t certificate;
        uint8_t octets[CERTIFICATE_OCTETS_MAX + 1];
    } *store = NULL;
    int rc = -1;

    if (sodium_init () >= 0)
        store = sodium_malloc (sizeof *store);
    if (!store)
        return fail (fault, path, "out of memory", ENOMEM);
    if (load (path, pair != NULL, store->octets, &store->certificate, fault) == 0) {
        key_print (&store->certificate.public_key, public_key);
        if (pair)
            key_print (&store->certificate.secret_key, pair->secret_key);
        rc = 0;
    }
    int saved = errno;
    sodium_free (store);
    errno = saved;
    return rc;
}

int key_file_read_pair (const char *path, key_pair_t *pair, fault_t *fault)
{
    return read_keys (path, pair, pair->public_key, fault);
}

int key_file_read_public (const char *path, char public_key[static KEY_TEXT + 1], fault_t *fault)
{
    return read_keys (path, NULL, public_key, fault);
}

// ---- making

static int write_all (int file, slice_t octets)
{
    while (octets.len > 0) {
        ssize_t written = write (file, octets.ptr, octets.len);
        if (written < 0 && errno != EINTR)
            return -1;
        if (written > 0)
            octets = slice_of (octets.ptr + written, octets.len - (size_t)written);
    }
    return fsync (file);
}

static int create (const char *path, mode_t mode, fault_t *fault)
{
    int file = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

    if (file < 0)
        (void)fail (fault, path, errno == EEXIST ? "is there already" : strerror (errno), errno);
    return file;
}

static int write_certificate (int file, const certificate_t *certificate, const char *comment)
{
    buffer_t text;
    int rc = -1;

    buffer_init (&text, 2 * CERTIFICATE_OCTETS_MAX);
    // At once: memory that it grew out of would keep the secret.
    if (buffer_reserve (&text, certificate->role.len + certificate->pipelines.len + 1024)) {
        certificate_write (certificate, comment, &text);
        if (!text.failed)
            rc = write_all (file, buffer_as_slice (&text));
        else
            errno = text.failed;
    }
    int saved = errno;
    if (text.data)
        sodium_memzero (text.data, text.len);
    buffer_finish (&text);
    errno = saved;
    return rc;
}

// So that the names are as lasting as what is in the files.
static void sync_folder (const char *path)
{
    const char *slash = strrchr (path, '/');
    char folder[NAME_MAX_OCTETS];

    snprintf (folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
              slash ? path : ".");
    int directory = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        (void)fsync (directory); // not every file system can
        close (directory);
    }
}

static int write_pair (int public_file, int secret_file, const certificate_t *plan)
{
    certificate_t *certificate = (certificate_t *)sodium_malloc (sizeof *certificate);
    int rc = -1;

    if (!certificate)
        return -1;
    *certificate = *plan;
    (void)crypto_box_keypair (certificate->public_key.octets, certificate->secret_key.octets);
    // Whatever the umask took away.
    if (fchmod (secret_file, SECRET_MODE) == 0 && fchmod (public_file, PUBLIC_MODE) == 0
        && write_certificate (public_file, certificate, "zfabric public certificate") == 0) {
        certificate->has_secret = true;
        rc = write_certificate (secret_file, certificate,
                                "zfabric SECRET certificate: keep it to yourself");
    }
    int saved = errno;
    sodium_free (certificate);
    errno = saved;
    return rc;
}

static int make_files (const char *public_path,
                       const char *secret_path,
                       const certificate_t *plan,
                       fault_t *fault)
{
    int secret_file = create (secret_path, SECRET_MODE, fault);
    int public_file = secret_file < 0 ? -1 : create (public_path, PUBLIC_MODE, fault);
    int rc = -1;

    if (public_file >= 0) {
        rc = write_pair (public_file, secret_file, plan);
        if (rc)
            (void)fail (fault, secret_path, strerror (errno), errno);
    }
    int saved = errno;
    if (public_file >= 0) {
        close (public_file);
        if (rc)
            (void)unlink (public_path);
    }
    if (secret_file >= 0) {
        close (secret_file);
        if (rc)
            (void)unlink (secret_path);
    }
    if (rc == 0)
        sync_folder (public_path);
    errno = saved;
    return rc;
}

// The metadata as a broker would read it.
static int check_plan (const certificate_t *plan, fault_t *fault)
{
    rights_t rights;

    if (plan->role.len + plan->pipelines.len > CERTIFICATE_OCTETS_MAX - 1024)
        return fail (fault, "pipelines", "too long for a certificate", EINVAL);
    if ((plan->role.len && memchr (plan->role.ptr, '"', plan->role.len))
        || (plan->pipelines.len && memchr (plan->pipelines.ptr, '"', plan->pipelines.len)))
        return fail (fault, "pipelines", "a quote can't stand in a certificate", EINVAL);
    if (rights_read (&rights, plan->has_role ? &plan->role : NULL,
                     plan->has_pipelines ? &plan->pipelines : NULL, fault))
        return -1;
    rights_finish (&rights);
    return 0;
}

int key_file_make (const char *name, const char *role, const char *pipelines, fault_t *fault)
{
    char public_path[NAME_MAX_OCTETS], secret_path[NAME_MAX_OCTETS];
    certificate_t plan = {.has_role = role != NULL, .has_pipelines = pipelines != NULL};

    if (role)
        plan.role = slice_text (role);
    if (pipelines)
        plan.pipelines = slice_text (pipelines);
    if (check_plan (&plan, fault))
        return -1;
    if (strlen (name) > NAME_MAX_OCTETS - 32)
        return fail (fault, "the name", strerror (ENAMETOOLONG), ENAMETOOLONG);
    if (sodium_init () < 0)
        return fail (fault, name, "no random numbers", ENOSYS);
    snprintf (public_path, sizeof public_path, "%s.cert", name);
    snprintf (secret_path, sizeof secret_path, "%s.cert_secret", name);
    return make_files (public_path, secret_path, &plan, fault);
}
