#pragma once

#include <stddef.h>

#include "model/sample.h"
#include "storage/bit_writer.h"

/*
 * Packs the samples of [from, to), one at least and 65535 at most, with their start timestamps if
 * there are any, as an XOR2 chunk (encoding 4): behind what `out` holds, which ends at a byte.
 */
void chunk_xor2_encode(const struct samples *samples, size_t from, size_t to,
                       struct bit_writer *out);
