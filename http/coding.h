#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/* How an answer's bytes are packed on the way. */
enum coding { CODING_NONE, CODING_GZIP, CODING_DEFLATE };

/*
 * The first of the tokens of an Accept-Encoding header that we have, compared whole: "gzip;q=1.0"
 * is none of them, as in Prometheus.
 */
enum coding coding_choose(struct str accept_encoding);

/* "gzip", "deflate"; NULL for none. */
const char *coding_name(enum coding coding);

/*
 * Packs bytes as they come. Fast rather than small: the answer is computed meanwhile.
 *
 * Thread: one at a time.
 */
struct packer;

/* NULL for CODING_NONE: then packer_append copies, and packer_destroy does nothing. */
struct packer *packer_create(enum coding coding);
void packer_destroy(struct packer *packer);

/* Appends what `bytes` becomes; `last` ends the packing. */
void packer_append(struct packer *packer, struct str bytes, bool last, struct buf *out);

DEFINE_AUTO(struct packer *, packer_destroy)
