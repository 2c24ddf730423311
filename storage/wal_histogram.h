#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/varint.h"
#include "storage/raw_histogram.h"

/*
 * The body of a native histogram in a record of the WAL. What it needs lives in the arena. The
 * reader has failed where the bytes break off. False: of a schema that nobody knows, or with
 * buckets that cannot be: to be left out. Schemas above 8 are reduced to 8.
 */
bool wal_histogram_decode(struct bytes_reader *r, bool is_float, struct arena *arena,
                          struct raw_histogram *ret);
