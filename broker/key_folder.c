/*  The thread reads the names and what the file system says of them; if that is what it was,
 * nothing is opened. A file that changes twice within the clock's grain looks as if it had changed
 * once: so what is young is read again at the next look, whatever it looks like.
 */
#define _GNU_SOURCE

#include "broker/key_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fabric/key_file.h"
#include "fabric/rights.h"

#define YOUNG_MS 1000

struct key_folder {
    char *path;
    pthread_t thread;
    bool started;
    int news; // eventfds
    int stop;
    _Atomic (key_reading_t *) reading; // that nobody has taken yet
    uint8_t secret[TABLE_KEY_OCTETS];
    // The thread's own, after the first reading.
    uint64_t print;     // of all names and what is known of them
    bool young;         // something had changed only just before
    bool put_off;       // the last reading was left undone for a young file
    fault_t last_fault; // of a folder that could not be read
};

// The folder, while it is being read.
typedef struct {
    int directory;
    char **names;
    size_t count;
    uint64_t print;
    bool young;
} names_t;

void key_reading_destroy (key_reading_t **self_p)
{
    if (*self_p)
        key_list_finish (&(*self_p)->keys);
    free (*self_p);
    *self_p = NULL;
}

// ---- names

static bool is_passed_over (const char *name)
{
    static const char secret[] = "_secret";
    size_t len = strlen (name);

    return name[0] == '.' || name[len - 1] == '~'
           || (len >= sizeof secret - 1 && strcmp (name + len - (sizeof secret - 1), secret) == 0);
}

static bool is_young (const struct stat *status)
{
    struct timespec now;

    clock_gettime (CLOCK_REALTIME, &now);
    int64_t age_ms = (int64_t)(now.tv_sec - status->st_ctim.tv_sec) * 1000
                     + (now.tv_nsec - status->st_ctim.tv_nsec) / 1000000;
    return age_ms < YOUNG_MS;
}

// Says the same for the same files in any order.
static void
add_print (key_folder_t *self, names_t *names, const char *name, const struct stat *status)
{
    struct {
        uint64_t facts[8];
        char name[NAME_MAX + 1];
    } one = {{status->st_ino, (uint64_t)status->st_size, (uint64_t)status->st_mtim.tv_sec,
              (uint64_t)status->st_mtim.tv_nsec, (uint64_t)status->st_ctim.tv_sec,
              (uint64_t)status->st_ctim.tv_nsec, status->st_mode, status->st_dev},
             ""};

    size_t len = strlen (name);
    memcpy (one.name, name, len < NAME_MAX ? len : NAME_MAX);
    names->print += table_hash (self->secret, slice_of (&one, sizeof one));
    names->young |= is_young (status);
}

static int add_name (names_t *names, const char *name)
{
    if (names->count == KEY_FOLDER_KEYS_MAX) {
        errno = E2BIG;
        return -1;
    }
    if ((names->count & (names->count - 1)) == 0) {
        size_t size = names->count ? names->count * 2 : 1;
        char **grown = (char **)realloc (names->names, size * sizeof *grown);
        if (!grown)
            return -1;
        names->names = grown;
    }
    names->names[names->count] = strdup (name);
    return names->names[names->count] ? (names->count++, 0) : -1;
}

static int compare_names (const void *a, const void *b)
{
    return strcmp (*(char *const *)a, *(char *const *)b);
}

static void names_finish (names_t *names)
{
    for (size_t i = 0; i < names->count; i++)
        free (names->names[i]);
    free (names->names);
    if (names->directory >= 0)
        close (names->directory);
}

static int read_names (key_folder_t *self, names_t *names, DIR *stream)
{
    struct dirent *entry;
    struct stat status;

    while (errno = 0, (entry = readdir (stream))) {
        if (is_passed_over (entry->d_name))
            continue;
        if (fstatat (names->directory, entry->d_name, &status, 0)) {
            if (errno == ENOENT)
                continue; // gone already, or a link to nothing
            return -1;
        }
        add_print (self, names, entry->d_name, &status);
        if (!S_ISDIR (status.st_mode) && add_name (names, entry->d_name))
            return -1;
    }
    if (errno)
        return -1;
    if (names->count)
        qsort (names->names, names->count, sizeof *names->names, compare_names);
    return 0;
}

// 0, or -1 with errno and a fault.
static int open_names (key_folder_t *self, names_t *names, fault_t *fault)
{
    struct stat status;
    DIR *stream = NULL;
    int rc = -1;

    *names = (names_t){.directory = open (self->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (names->directory < 0 || fstat (names->directory, &status))
        goto error;
    if (status.st_mode & S_IWOTH) {
        fault_set (fault, "%s: everybody may write to it, and let in whom they like: chmod o-w",
                   self->path);
        errno = EPERM;
        return -1;
    }
    stream = opendir (self->path);
    if (stream)
        rc = read_names (self, names, stream);
error:
    if (rc)
        fault_set (fault, "%s: %s", self->path,
                   errno == E2BIG ? "more certificates than a broker takes" : strerror (errno));
    int saved = errno;
    if (stream)
        closedir (stream);
    errno = saved;
    return rc;
}

// ---- certificates

static void complain (key_reading_t *reading, const char *name, const char *words)
{
    if (reading->complained < KEY_FOLDER_COMPLAINTS)
        fault_set (&reading->complaints[reading->complained], "%s opens nothing: %s", name, words);
    reading->complained++;
}

static int add_entry (key_reading_t *reading,
                      const char *name,
                      const certificate_t *certificate,
                      const rights_t *rights)
{
    key_entry_t *entry = &reading->keys.entries[reading->keys.count];
    buffer_t text;
    fault_t shown;

    buffer_init (&text, RIGHTS_TEXT_MAX);
    rights_write (rights, &text);
    *entry = (key_entry_t){.key = certificate->public_key, .roles = rights->roles};
    entry->rights.ptr = buffer_take (&text, &entry->rights.len);
    buffer_finish (&text);
    if (!entry->rights.ptr) {
        errno = ENOMEM;
        return -1;
    }
    size_t len = strlen (name);
    if (len > 5 && strcmp (name + len - 5, ".cert") == 0)
        len -= 5;
    fault_set (&shown, "%.*s", (int)(len < KEY_NAME_MAX ? len : KEY_NAME_MAX - 1), name);
    memcpy (entry->name, shown.text, KEY_NAME_MAX);
    entry->name[KEY_NAME_MAX - 1] = '\0';
    reading->keys.count++;
    return 0;
}

static int take_certificate (key_reading_t *reading, const char *name, slice_t octets, fault_t *why)
{
    certificate_t certificate;
    rights_t rights;
    int rc = certificate_read (octets, &certificate, why);

    sodium_memzero (&certificate.secret_key, sizeof certificate.secret_key);
    if (rc
        || rights_read (&rights, certificate.has_role ? &certificate.role : NULL,
                        certificate.has_pipelines ? &certificate.pipelines : NULL, why))
        return -1;
    if (rights.roles) {
        rc = add_entry (reading, name, &certificate, &rights);
    } else {
        fault_set (why, "its metadata has no role");
        errno = EINVAL;
        rc = -1;
    }
    rights_finish (&rights);
    return rc;
}

// What has nothing to do with the file, but with us: to be tried again.
static bool is_passing (int error)
{
    return error == ENOMEM || error == EMFILE || error == ENFILE || error == EIO;
}

// 0, also for a file that is bad; -1 with errno: the reading can't be trusted.
static int
read_one (key_folder_t *self, const names_t *names, const char *name, key_reading_t *reading)
{
    buffer_t octets;
    fault_t why = {""};
    struct stat status;

    buffer_init (&octets, CERTIFICATE_OCTETS_MAX + 1);
    int rc = key_file_read_at (names->directory, name, &octets);
    if (rc == 0)
        rc = take_certificate (reading, name, buffer_as_slice (&octets), &why);
    int error = rc ? errno : 0;
    if (octets.data)
        sodium_memzero (octets.data, octets.size);
    buffer_finish (&octets);
    if (rc == 0 || error == ENOENT)
        return 0;
    if (!is_passing (error) && !self->put_off && fstatat (names->directory, name, &status, 0) == 0
        && is_young (&status))
        error = EAGAIN;
    if (is_passing (error) || error == EAGAIN) {
        errno = error;
        return -1;
    }
    if (error == EPERM)
        complain (reading, name, "everybody may write to it: chmod o-w");
    else if (error == EMSGSIZE)
        complain (reading, name, "too long for a certificate");
    else
        complain (reading, name, why.text[0] ? why.text : strerror (error));
    return 0;
}

static int compare_entries (const void *a, const void *b)
{
    const key_entry_t *one = *(const key_entry_t *const *)a, *two = *(const key_entry_t *const *)b;
    int order = memcmp (one->key.octets, two->key.octets, KEY_OCTETS);

    return order ? order : (one > two) - (one < two);
}

// The list stays in the order of names, so that the first of two counts.
static int complain_of_twins (key_reading_t *reading)
{
    size_t count = reading->keys.count;
    const key_entry_t **sorted = (const key_entry_t **)calloc (count + 1, sizeof *sorted);

    if (!sorted)
        return -1;
    for (size_t i = 0; i < count; i++)
        sorted[i] = &reading->keys.entries[i];
    qsort (sorted, count, sizeof *sorted, compare_entries);
    for (size_t i = 1; i < count; i++) {
        if (memcmp (sorted[i]->key.octets, sorted[i - 1]->key.octets, KEY_OCTETS) == 0)
            complain (reading, sorted[i]->name, "another certificate has the same key, and counts");
    }
    free (sorted);
    return 0;
}

static int read_all (key_folder_t *self, const names_t *names, key_reading_t *reading)
{
    reading->keys.entries = (key_entry_t *)calloc (names->count + 1, sizeof (key_entry_t));
    if (!reading->keys.entries)
        return -1;
    for (size_t i = 0; i < names->count; i++) {
        if (read_one (self, names, names->names[i], reading))
            return -1;
    }
    return complain_of_twins (reading);
}

// ---- the thread

static void publish (key_folder_t *self, key_reading_t *reading)
{
    key_reading_t *before = atomic_exchange (&self->reading, reading);
    uint64_t once = 1;

    key_reading_destroy (&before);
    (void)!write (self->news, &once, sizeof once); // full means that it is readable
}

// A folder that can't be read is told once, until it is something else.
static void publish_failure (key_folder_t *self, const fault_t *fault)
{
    key_reading_t *reading = (key_reading_t *)calloc (1, sizeof *reading);

    if (!reading || strcmp (fault->text, self->last_fault.text) == 0) {
        free (reading);
        return;
    }
    self->last_fault = *fault;
    reading->failed = true;
    reading->complained = 1;
    reading->complaints[0] = *fault;
    publish (self, reading);
}

static bool is_gone (int error)
{
    return error == ENOENT || error == ENOTDIR;
}

// One look: a new reading, or NULL: there is nothing new (errno 0), or it failed and `fault` says
// how.
static key_reading_t *look (key_folder_t *self, bool first, fault_t *fault)
{
    names_t names;
    int opened = open_names (self, &names, fault);
    key_reading_t *reading = NULL;
    int error = 0;

    if (opened && (first || !is_gone (errno))) {
        error = errno;
        goto end;
    }
    if (opened)
        names.print = 0;
    if (!first && names.print == self->print && !self->young)
        goto end;
    reading = (key_reading_t *)calloc (1, sizeof *reading);
    if (!reading || read_all (self, &names, reading)) {
        error = errno;
        self->put_off = error == EAGAIN;
        fault_set (fault, "%s: %s", self->path, strerror (error));
        key_reading_destroy (&reading);
        goto end;
    }
    self->put_off = false;
    self->print = names.print;
    self->young = names.young;
end:
    names_finish (&names);
    errno = error;
    return reading;
}

static void *watch (void *arg)
{
    key_folder_t *self = (key_folder_t *)arg;
    struct pollfd item = {.fd = self->stop, .events = POLLIN};
    fault_t fault;

    while (poll (&item, 1, KEY_FOLDER_LOOK_MS) == 0 || !item.revents) {
        key_reading_t *reading = look (self, false, &fault);
        if (reading) {
            self->last_fault.text[0] = '\0';
            publish (self, reading);
        } else if (errno && errno != EAGAIN) {
            publish_failure (self, &fault);
        }
    }
    return NULL;
}

static int start (key_folder_t *self)
{
    sigset_t all, before;

    // Signals are for the program's own threads.
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    int error = pthread_create (&self->thread, NULL, watch, self);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    self->started = error == 0;
    errno = error;
    return error ? -1 : 0;
}

key_folder_t *key_folder_new (const char *path, fault_t *fault)
{
    key_folder_t *self = (key_folder_t *)calloc (1, sizeof *self);

    fault_set (fault, "out of memory or descriptors");
    if (!self)
        return NULL;
    randombytes_buf (self->secret, sizeof self->secret);
    self->put_off = true; // the first reading has to be one
    self->path = strdup (path);
    self->news = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->stop = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!self->path || self->news < 0 || self->stop < 0)
        goto error;
    key_reading_t *reading = look (self, true, fault);
    if (!reading)
        goto error;
    publish (self, reading);
    if (start (self)) {
        fault_set (fault, "no thread for %s", path);
        goto error;
    }
    return self;
error:;
    int saved = errno;
    key_folder_destroy (&self);
    errno = saved;
    return NULL;
}

void key_folder_destroy (key_folder_t **self_p)
{
    key_folder_t *self = *self_p;
    uint64_t once = 1;

    if (!self)
        return;
    if (self->started) {
        (void)!write (self->stop, &once, sizeof once); // can't be full: written once
        pthread_join (self->thread, NULL);
    }
    key_reading_t *reading = atomic_load (&self->reading);
    key_reading_destroy (&reading);
    if (self->news >= 0)
        close (self->news);
    if (self->stop >= 0)
        close (self->stop);
    free (self->path);
    free (self);
    *self_p = NULL;
}

int key_folder_descriptor (const key_folder_t *self)
{
    return self->news;
}

key_reading_t *key_folder_take (key_folder_t *self)
{
    uint64_t rings;

    (void)!read (self->news, &rings, sizeof rings); // only to lower it
    return atomic_exchange (&self->reading, NULL);
}
