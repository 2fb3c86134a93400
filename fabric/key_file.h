/*  Key files: certificates (fabric/certificate.h) on disk, made and read.
 *
 *  A pair of keys is two files: NAME.cert for others, NAME.cert_secret for its holder alone. That
 * is how CZMQ has them: zcert_load ("NAME.cert") reads them.
 *
 *  Secrets are held in locked memory where the system gives any, and wiped when they are let go.
 */
#ifndef FABRIC_KEY_FILE_H
#define FABRIC_KEY_FILE_H

#include "fabric/certificate.h"

// As libzmq takes them: Z85 with its NUL.
typedef struct {
    char public_key[KEY_TEXT + 1];
    char secret_key[KEY_TEXT + 1];
} key_pair_t;

// A pair in memory that is locked, and wiped by key_pair_destroy (). NULL: ENOMEM.
key_pair_t *key_pair_new (void);
void key_pair_destroy (key_pair_t **self_p);

/*  Reads the pair from a secret certificate. A file that is not its owner's alone is refused, and
 *  keys that don't belong together. 0, or -1 (EPERM, EINVAL, ENOMEM, those of open ()) with a fault
 *  that names the file.
 */
int key_file_read_pair (const char *path, key_pair_t *pair, fault_t *fault);

// Reads the public key from a certificate of either kind.
int key_file_read_public (const char *path, char public_key[static KEY_TEXT + 1], fault_t *fault);

/*  Reads a file of an open directory into `octets`, whatever is in it: for certificate_read (). The
 *  name of nothing but a file is refused (EINVAL), and one that everybody may write to (EPERM). 0
 *  or -1 with errno; EMSGSIZE if it is longer than a certificate.
 */
int key_file_read_at (int directory, const char *name, buffer_t *octets);

/*  Makes a pair of keys and writes NAME.cert and NAME.cert_secret, neither of which may exist.
 *  `role` and `pipelines` are as in a certificate, or NULL. 0, or -1 (EEXIST, EINVAL, those of open
 *  () and write ()) with a fault; neither is there then.
 */
int key_file_make (const char *name, const char *role, const char *pipelines, fault_t *fault);

#endif
