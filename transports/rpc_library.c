#define _GNU_SOURCE // RTLD_NODELETE

#include "transports/rpc_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

static rpc_library_t library;
static const char *missing = RPC_LIBRARY; // what was not found; NULL: nothing
static pthread_once_t once = PTHREAD_ONCE_INIT;

// What it has to say of its insides is no business of the log's.
static void drop (gpr_log_func_args *args)
{
    (void)args;
}

static void load (void)
{
    // Its threads may end after everything of ours has: it is never taken out again.
    void *handle = dlopen (RPC_LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

    if (!handle)
        return;
#define X(name)                                                                                    \
    missing = #name;                                                                               \
    *(void **)&library.name = dlsym (handle, #name);                                               \
    if (!library.name)                                                                             \
        return;
    RPC_FUNCTIONS (X)
#undef X
    missing = NULL;
    library.gpr_set_log_function (drop);
}

const rpc_library_t *rpc_library (fault_t *fault)
{
    (void)pthread_once (&once, load);
    if (!missing)
        return &library;
    fault_set (fault, "the door for gRPC needs %s (Debian: libgrpc29): %s", RPC_LIBRARY,
               missing[0] == 'l' ? "it is not installed" : "it is another version");
    errno = ENOENT;
    return NULL;
}
