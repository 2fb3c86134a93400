/*  Every bound and default of the fabric, with its unit and its reason.
 */
#ifndef FABRIC_LIMITS_H
#define FABRIC_LIMITS_H

// PROTOCOL 2
#define LIMIT_HEADER_OCTETS    65536u // a header frame
#define LIMIT_HEADER_DEPTH     16u // nesting of maps and arrays in a header, the header itself is 1
#define LIMIT_PIPELINE_OCTETS  255u   // a pipeline's name
#define LIMIT_PATTERNS         1024u  // pipelines that one worker registers
#define LIMIT_CAPACITY         65535u // tasks that one worker runs at once
#define LIMIT_PRIORITY         9u     // the most urgent
#define LIMIT_RETRIES          100u   // of one task
#define LIMIT_HEARTBEAT_MIN_MS 100u   // shortest interval that a worker may promise

// Payloads that cross codecs: how deep they may nest. Four times what Python's json reads.
#define LIMIT_DOCUMENT_DEPTH 4096u

#define DEFAULT_SERVE           "tcp://127.0.0.1:51520"
#define DEFAULT_LISTEN          "tcp://127.0.0.1:51530"
#define DEFAULT_PRIORITY        5u
#define DEFAULT_MAX_PAYLOAD     (64u * 1024 * 1024) // octets
#define DEFAULT_QUEUE           10000u              // waiting tasks
#define DEFAULT_QUEUE_WAIT_MS   30000u
#define DEFAULT_CLIENT_TASKS    10000u // open tasks of one client
#define DEFAULT_CANCEL_GRACE_MS 5000u
#define DEFAULT_DRAIN_MS        30000u
#define DEFAULT_OUTBOX          (16u * 1024 * 1024) // octets held for one peer that does not read

// Clients and workers (DESIGN 4.8, 4.10)
#define LINGER_MS               2000 // last packets at exit
#define RECONNECT_MIN_MS        100  // first pause before dialling again
#define RECONNECT_MAX_MS        5000 // longest pause
#define RECONNECT_ABSENT_MS     800  // the same while nobody is there
#define PEER_HEARTBEAT_MS       1000 // how often a client or worker asks whether its broker lives
#define PEER_SILENCE_MS         5000 // no word from the broker for so long: it went away
#define REGISTERED_HEARTBEAT_MS 2000 // what our own workers promise in REGISTER

#endif
