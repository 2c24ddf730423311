#include "base/hash.h"

#include <xxhash.h>

uint64_t hash_bytes(const void *bytes, size_t len)
{
    return XXH3_64bits(bytes, len);
}

uint64_t hash_bytes_xx64(const void *bytes, size_t len)
{
    return XXH64(bytes, len, 0);
}
