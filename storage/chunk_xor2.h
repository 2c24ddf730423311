#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/sample.h"

/*
 * Appends the samples of an XOR2 chunk (encoding 4) to `into`, with start times if it
 * wants them. ERR_CORRUPT leaves `into` as it was. Called by chunk_decode.
 */
bool chunk_xor2_decode(const uint8_t *data, size_t size, struct samples *into, struct err *err)
    MUST_CHECK;
