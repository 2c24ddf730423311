#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/*
 * Unpacks gzip or deflate as its bytes come, never more at once than the reader has room for:
 * however much a few bytes unpack to, nothing grows.
 *
 * Thread: one at a time.
 */
struct unpacker;

struct unpacker *unpacker_create(void);
void unpacker_destroy(struct unpacker *unpacker);

/*
 * Takes what it can from the front of *bytes, and fills `out` with `cap` bytes at most. *ret_got is
 * 0 only where all of *bytes is taken and more is needed. ERR_IO: these are no packed bytes.
 */
bool unpacker_read(struct unpacker *unpacker, struct str *bytes, void *out, size_t cap,
                   size_t *ret_got, struct err *err) MUST_CHECK;

/* Were the bytes taken so far whole? Also where there were none. */
bool unpacker_complete(const struct unpacker *unpacker);

DEFINE_AUTO(struct unpacker *, unpacker_destroy)
