#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * CRC-32C (Castagnoli), as Prometheus's files carry it. `crc32c_extend(crc32c(a), b)` is the sum of
 * a followed by b. Uses the CPU's instruction where there is one.
 */
uint32_t crc32c(const void *bytes, size_t len);
uint32_t crc32c_extend(uint32_t crc, const void *bytes, size_t len);
