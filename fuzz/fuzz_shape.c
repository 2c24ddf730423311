/* Any text as a query: a shape is printable, bounded, and its own shape's form stays valid. */
#include <stdint.h>
#include <stdlib.h>

#include "query-tee/shape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str query = {(const char *)data, size};
    AUTO(buf_done) struct buf shape = {0};
    shape_append(query, &shape);
    if (shape.len == 0 || shape.len > SHAPE_SIZE_MAX)
        abort();
    for (size_t i = 0; i < shape.len; i++)
        if (shape.ptr[i] < ' ' || shape.ptr[i] > '~')
            abort();
    return (int)shape_order(query) > SHAPE_ORDER_LABEL;
}
