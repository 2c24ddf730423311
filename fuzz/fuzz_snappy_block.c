#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "storage/remote/snappy_block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a block announces is bounded by its own size, and what it holds by what it announces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str block = {(const char *)data, size};
    struct err err;
    size_t announced;
    if (!snappy_block_size(block, &announced, &err))
        return 0;
    if (announced > 64 * size)
        __builtin_trap();
    AUTO(free) void *out = mem_new_array(char, announced + 1);
    if (!snappy_block_unpack(block, out, announced, &err) && err.kind != ERR_BAD_DATA)
        __builtin_trap();
    return 0;
}
