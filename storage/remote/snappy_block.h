#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

/*
 * Blocks of snappy's plain format: the size of what was packed, and then its pieces.
 *
 * The size that a block announces, before anything is unpacked. ERR_BAD_DATA, in the words of Go's
 * library: it is no block, or announces more than its bytes can be.
 */
bool snappy_block_size(struct str block, size_t *ret_size, struct err *err) MUST_CHECK;

/* Unpacks to `out`, which has room for the size announced. ERR_BAD_DATA. */
bool snappy_block_unpack(struct str block, char *out, size_t size, struct err *err) MUST_CHECK;
