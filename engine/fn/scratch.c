#include <stdlib.h>

#include "base/mem.h"
#include "engine/fn/window.h"

void *scratch_take(struct scratch *scratch, size_t bytes)
{
    if (scratch->size_bytes < bytes) {
        size_t size = scratch->size_bytes ? scratch->size_bytes : 4096;
        while (size < bytes)
            size *= 2;
        free(scratch->ptr);
        scratch->ptr = mem_new_array(char, size);
        scratch->size_bytes = size;
    }
    return scratch->ptr;
}

void scratch_done(struct scratch *scratch)
{
    free(scratch->ptr);
    *scratch = (struct scratch){0};
}
