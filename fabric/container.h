/*  From an embedded node back to the struct that holds it.
 */
#ifndef FABRIC_CONTAINER_H
#define FABRIC_CONTAINER_H

#include <stddef.h>

#define container_of(node, type, member) ((type *)((char *)(node)-offsetof (type, member)))

#endif
