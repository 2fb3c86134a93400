#define _POSIX_C_SOURCE 200809L

#include "transports/http_token.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN_MIN 16u // octets: a shorter one could be guessed
#define TOKEN_MAX 512u

struct http_token {
    char *file;
    pthread_mutex_t lock;
    uint8_t hash[crypto_generichash_BYTES];
};

static void hash_of (slice_t text, uint8_t hash[static crypto_generichash_BYTES])
{
    crypto_generichash (hash, crypto_generichash_BYTES, text.ptr, text.len, NULL, 0);
}

static int refuse (const char *file, const char *words, fault_t *fault)
{
    fault_set (fault, "%s: %s", file, words);
    errno = EINVAL;
    return -1;
}

static int check (const char *file, slice_t token, fault_t *fault)
{
    if (token.len < TOKEN_MIN || token.len > TOKEN_MAX)
        return refuse (file, "a token has 16 to 512 octets", fault);
    for (size_t i = 0; i < token.len; i++) {
        if (token.ptr[i] <= ' ' || token.ptr[i] > '~')
            return refuse (file, "a token has printable ASCII and no spaces", fault);
    }
    return 0;
}

static int read_fd (const char *file, int fd, uint8_t *hash, fault_t *fault)
{
    uint8_t octets[TOKEN_MAX + 2];
    struct stat status;

    if (fstat (fd, &status) == 0 && (status.st_mode & (S_IRWXG | S_IRWXO))
        && S_ISREG (status.st_mode))
        return refuse (file, "others can read it: chmod 600", fault);
    ssize_t len = read (fd, octets, sizeof octets);
    if (len < 0) {
        fault_set (fault, "%s: %s", file, strerror (errno));
        return -1;
    }
    slice_t token = slice_of (octets, (size_t)len);
    while (token.len && (token.ptr[token.len - 1] == '\n' || token.ptr[token.len - 1] == '\r'))
        token.len--;
    int rc = check (file, token, fault);
    if (rc == 0)
        hash_of (token, hash);
    sodium_memzero (octets, sizeof octets);
    return rc;
}

static int read_file (const char *file, uint8_t *hash, fault_t *fault)
{
    int fd = open (file, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        fault_set (fault, "%s: %s", file, strerror (errno));
        return -1;
    }
    int rc = read_fd (file, fd, hash, fault);
    int problem = errno;
    close (fd);
    errno = problem;
    return rc;
}

http_token_t *http_token_new (const char *file, fault_t *fault)
{
    http_token_t *self = (http_token_t *)calloc (1, sizeof *self);

    fault_set (fault, "out of memory");
    if (!self)
        return NULL;
    (void)pthread_mutex_init (&self->lock, NULL);
    self->file = strdup (file);
    if (!self->file || read_file (file, self->hash, fault))
        http_token_destroy (&self);
    return self;
}

void http_token_destroy (http_token_t **self_p)
{
    http_token_t *self = *self_p;
    int problem = errno;

    if (!self)
        return;
    (void)pthread_mutex_destroy (&self->lock);
    free (self->file);
    free (self);
    *self_p = NULL;
    errno = problem;
}

int http_token_reload (http_token_t *self, fault_t *fault)
{
    uint8_t hash[crypto_generichash_BYTES];

    if (read_file (self->file, hash, fault))
        return -1;
    pthread_mutex_lock (&self->lock);
    memcpy (self->hash, hash, sizeof hash);
    pthread_mutex_unlock (&self->lock);
    return 0;
}

bool http_token_fits (http_token_t *self, slice_t authorization)
{
    static const char scheme[] = "Bearer ";
    uint8_t hash[crypto_generichash_BYTES];
    size_t skip = sizeof scheme - 1;

    if (authorization.len <= skip
        || strncasecmp ((const char *)authorization.ptr, scheme, skip) != 0)
        return false;
    while (skip < authorization.len && authorization.ptr[skip] == ' ')
        skip++;
    hash_of (slice_of (authorization.ptr + skip, authorization.len - skip), hash);
    pthread_mutex_lock (&self->lock);
    bool fits = sodium_memcmp (hash, self->hash, sizeof hash) == 0;
    pthread_mutex_unlock (&self->lock);
    return fits;
}
