/*  gRPC's core library, loaded when it is first needed: a process without a door for gRPC has none
 *  of its memory and threads.
 *
 *  Threads: any.
 */
#ifndef TRANSPORTS_RPC_LIBRARY_H
#define TRANSPORTS_RPC_LIBRARY_H

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>

#include "fabric/fault.h"

#define RPC_FUNCTIONS(X)                                                                           \
    X (gpr_inf_future)                                                                             \
    X (gpr_now)                                                                                    \
    X (gpr_set_log_function)                                                                       \
    X (gpr_time_sub)                                                                               \
    X (gpr_time_to_millis)                                                                         \
    X (grpc_byte_buffer_destroy)                                                                   \
    X (grpc_byte_buffer_reader_destroy)                                                            \
    X (grpc_byte_buffer_reader_init)                                                               \
    X (grpc_byte_buffer_reader_readall)                                                            \
    X (grpc_call_cancel_with_status)                                                               \
    X (grpc_call_details_destroy)                                                                  \
    X (grpc_call_details_init)                                                                     \
    X (grpc_call_start_batch)                                                                      \
    X (grpc_call_unref)                                                                            \
    X (grpc_completion_queue_create_for_next)                                                      \
    X (grpc_completion_queue_destroy)                                                              \
    X (grpc_completion_queue_next)                                                                 \
    X (grpc_completion_queue_shutdown)                                                             \
    X (grpc_init)                                                                                  \
    X (grpc_insecure_server_credentials_create)                                                    \
    X (grpc_metadata_array_destroy)                                                                \
    X (grpc_metadata_array_init)                                                                   \
    X (grpc_raw_byte_buffer_create)                                                                \
    X (grpc_resource_quota_arg_vtable)                                                             \
    X (grpc_resource_quota_create)                                                                 \
    X (grpc_resource_quota_resize)                                                                 \
    X (grpc_resource_quota_unref)                                                                  \
    X (grpc_server_add_channel_from_fd)                                                            \
    X (grpc_server_cancel_all_calls)                                                               \
    X (grpc_server_create)                                                                         \
    X (grpc_server_credentials_release)                                                            \
    X (grpc_server_destroy)                                                                        \
    X (grpc_server_register_completion_queue)                                                      \
    X (grpc_server_request_call)                                                                   \
    X (grpc_server_shutdown_and_notify)                                                            \
    X (grpc_server_start)                                                                          \
    X (grpc_shutdown_blocking)                                                                     \
    X (grpc_slice_from_copied_buffer)                                                              \
    X (grpc_slice_new)                                                                             \
    X (grpc_slice_unref)

// Its functions by their names: `lib->grpc_init ()`.
typedef struct {
#define X(name) __typeof__ (name) *name;
    RPC_FUNCTIONS (X)
#undef X
} rpc_library_t;

// NULL with errno (ENOENT) and a fault if it is not there. It stays loaded.
const rpc_library_t *rpc_library (fault_t *fault);

#endif
