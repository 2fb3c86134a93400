/*  What octets are: the codec of a packet's header, and the encoding of its payload
 *  (docs/PROTOCOL.md section 2).
 */
#ifndef ZFABRIC_ENCODING_H
#define ZFABRIC_ENCODING_H

typedef enum {
    ZFABRIC_ENCODING_DEFAULT, // of a client or worker: JSON; of a payload: as its header
    ZFABRIC_ENCODING_JSON,
    ZFABRIC_ENCODING_MSGPACK,
    ZFABRIC_ENCODING_RAW // payloads only: octets that nobody between the ends looks into
} zfabric_encoding_t;

#endif
