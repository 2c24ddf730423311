#include "base/mem.h"

#include <stdio.h>
#include <string.h>

static void mem_exhausted(void)
{
    fputs("out of memory\n", stderr);
    abort();
}

void *mem_new_(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    if (!p)
        mem_exhausted();
    return p;
}

void *mem_resize_(void *array, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        mem_exhausted();
    void *p = realloc(array, bytes ? bytes : 1);
    if (!p)
        mem_exhausted();
    return p;
}

char *mem_strdup(const char *s)
{
    size_t size = strlen(s) + 1;
    return memcpy(mem_new_array(char, size), s, size);
}
