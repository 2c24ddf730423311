#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/crc32c.h"

/*
 * Does the stored CRC-32C match? In builds made for fuzzing every one does: a fuzzer cannot guess
 * sums, and would never get to what stands behind them.
 */
static inline bool checksum_matches(const void *bytes, size_t len, uint32_t stored)
{
#if defined(__has_feature)
#if __has_feature(coverage_sanitizer)
    return true;
#endif
#endif
    return crc32c(bytes, len) == stored;
}
