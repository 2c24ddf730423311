#include <snappy-c.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/snappy.h"
#include "storage/remote/snappy_block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Our own reader takes what the library takes, and makes the same of it. */
static void check_own(const uint8_t *data, size_t size, size_t announced)
{
    size_t own_announced, room = announced;
    AUTO(free) void *wanted = mem_new_array(char, announced + 1);
    AUTO(free) void *got = mem_new_array(char, announced + SNAPPY_SLACK);
    bool good = snappy_uncompress((const char *)data, size, wanted, &room) == SNAPPY_OK;
    if (!snappy_size(data, size, &own_announced) || own_announced != announced)
        __builtin_trap();
    if (snappy_unpack(data, size, got, announced) != good)
        __builtin_trap();
    if (good && memcmp(got, wanted, announced) != 0)
        __builtin_trap();
}

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
    check_own(data, size, announced);
    return 0;
}
