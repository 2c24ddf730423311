#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/sample.h"

/*
 * Appends the samples of a histogram chunk (encodings 2, 3, 5 and 6): histograms to
 * into->histograms, which must be there, in a region of their own; stale markers to the floats.
 * Schemas above 8 are reduced to 8. Hints are HISTOGRAM_GAUGE, or UNKNOWN for the first sample and
 * NOT_RESET for the others.
 *
 * With totals_only, only the first and the last histogram of the chunk have spans, bounds and
 * buckets: what is compared with other chunks.
 *
 * ERR_CORRUPT leaves all as it was. Called by chunk_decode.
 */
bool chunk_histogram_decode(uint8_t encoding, const uint8_t *data, size_t size,
                            struct samples *into, struct err *err) MUST_CHECK;
