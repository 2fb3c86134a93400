/*  Which symbols of libzfabric are public.
 */
#ifndef ZFABRIC_EXPORT_H
#define ZFABRIC_EXPORT_H

#define ZFABRIC_EXPORT __attribute__ ((visibility ("default")))

#endif
