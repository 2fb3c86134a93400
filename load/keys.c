#define _GNU_SOURCE // mkdtemp

#include "load/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BROKER "broker"
#define PEER   "peer"

#define PATH_OCTETS 160

static void in_folder (const keys_t *self, const char *name, char path[static PATH_OCTETS])
{
    (void)snprintf (path, PATH_OCTETS, "%s/%s", self->folder, name);
}

static int make_pair (const keys_t *self, const char *name, const char *role, fault_t *fault)
{
    char path[PATH_OCTETS];

    in_folder (self, name, path);
    return key_file_make (path, role, NULL, fault);
}

// Only certificates that open something are in that folder.
static int authorize (const keys_t *self)
{
    char from[PATH_OCTETS], to[PATH_OCTETS];

    in_folder (self, PEER ".cert", from);
    in_folder (self, "authorized/" PEER ".cert", to);
    return mkdir (self->authorized, 0700) || rename (from, to) ? -1 : 0;
}

int keys_make (keys_t *self, fault_t *fault)
{
    char peer[PATH_OCTETS];

    *self = (keys_t){.folder = "/tmp/zfabric-bench-XXXXXX"};
    if (!mkdtemp (self->folder)) {
        self->folder[0] = '\0';
        fault_set (fault, "no folder for keys: %s", strerror (errno));
        return -1;
    }
    (void)snprintf (self->broker, sizeof self->broker, "%s/" BROKER ".cert_secret", self->folder);
    (void)snprintf (self->authorized, sizeof self->authorized, "%s/authorized", self->folder);
    in_folder (self, PEER ".cert_secret", peer);
    self->pair = key_pair_new ();
    if (!self->pair) {
        fault_set (fault, "out of memory");
        return -1;
    }
    if (make_pair (self, BROKER, NULL, fault) || make_pair (self, PEER, "client,worker", fault)
        || key_file_read_public (self->broker, self->server_key, fault)
        || key_file_read_pair (peer, self->pair, fault))
        return -1;
    if (authorize (self) == 0)
        return 0;
    fault_set (fault, "no folder for keys: %s", strerror (errno));
    return -1;
}

void keys_remove (keys_t *self)
{
    static const char *const names[] = {BROKER ".cert", BROKER ".cert_secret", PEER ".cert",
                                        PEER ".cert_secret", "authorized/" PEER ".cert"};
    char path[PATH_OCTETS];

    for (size_t i = 0; self->folder[0] && i < sizeof names / sizeof *names; i++) {
        in_folder (self, names[i], path);
        (void)unlink (path);
    }
    if (self->folder[0]) {
        (void)rmdir (self->authorized);
        (void)rmdir (self->folder);
    }
    key_pair_destroy (&self->pair);
    self->folder[0] = '\0';
}
