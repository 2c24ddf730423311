#include "storage/remote/snappy_block.h"

#include <snappy-c.h>

/* The densest piece: a copy of 64 bytes, written in 3. */
#define COPY_SIZE 64
#define COPY_PACKED_SIZE 3

static bool snappy_corrupt(struct err *err)
{
    return err_set(err, ERR_BAD_DATA, "snappy: corrupt input");
}

bool snappy_block_size(struct str block, size_t *ret_size, struct err *err)
{
    size_t size;
    if (snappy_uncompressed_length(block.ptr, block.len, &size) != SNAPPY_OK)
        return snappy_corrupt(err);
    if (size / COPY_SIZE > block.len / COPY_PACKED_SIZE)
        return snappy_corrupt(err);
    *ret_size = size;
    return true;
}

bool snappy_block_unpack(struct str block, char *out, size_t size, struct err *err)
{
    size_t room = size;
    if (snappy_uncompress(block.ptr, block.len, out, &room) != SNAPPY_OK || room != size)
        return snappy_corrupt(err);
    return true;
}
