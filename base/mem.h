#pragma once

#include <stddef.h>
#include <stdlib.h>

#include "base/attr.h"

/* Zeroed heap memory, or the process ends: there is no NULL to check. */
void *mem_new_(size_t count, size_t size);

/* The array moved to `count` members of `size` bytes; what is added is not zeroed. */
void *mem_resize_(void *array, size_t count, size_t size);
char *mem_strdup(const char *s);

#define mem_new(T) ((T *)mem_new_(1, sizeof(T)))
#define mem_new_array(T, count) ((T *)mem_new_((count), sizeof(T)))
#define mem_resize(array, T, count) ((T *)mem_resize_((array), (count), sizeof(T)))

/* Room for one more member behind `count`: doubles `*cap` when it is used up. */
#define mem_grow(array, T, count, cap) \
    do { \
        if ((count) == *(cap)) { \
            *(cap) = *(cap) ? *(cap)*2 : 8; \
            (array) = mem_resize((array), T, *(cap)); \
        } \
    } while (0)

DEFINE_AUTO(void *, free)
