#pragma once

#include <stddef.h>
#include <stdint.h>

/* A 64-bit hash of bytes (XXH3); its value may differ between versions, so it is never stored. */
uint64_t hash_bytes(const void *bytes, size_t len);

/* XXH64: the same in every version, where others must come to the same value. */
uint64_t hash_bytes_xx64(const void *bytes, size_t len);

/* One more word into a running hash. */
static inline uint64_t hash_mix(uint64_t hash, uint64_t word)
{
    hash ^= word;
    hash *= 0x9E3779B97F4A7C15u;
    return hash ^ (hash >> 29);
}
