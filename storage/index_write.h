#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "model/labels.h"
#include "storage/index_read.h"

/*
 * Writes an index of version 2, in the order of the file: symbols, series, postings, table. Symbols
 * here are numbers of the file: the place of a text among all, sorted.
 *
 * ERR_IO, which may come late: what was written is only sure once finish has said so. ERR_LIMIT: it
 * would be larger than the format can say. A file that was not finished is the caller's to remove.
 *
 * Thread: one at a time.
 */
struct index_writer;

bool index_writer_create(const char *path, const struct str *symbols, size_t symbol_count,
                         struct index_writer **ret_writer, struct err *err) MUST_CHECK;
void index_writer_destroy(struct index_writer *writer);

/* Label names rise; series rise too. */
bool index_writer_series(struct index_writer *writer, const struct label *pairs, size_t pair_count,
                         const struct chunk_meta *chunks, size_t chunk_count, struct err *err)
    MUST_CHECK;

/* What the writer holds, and will hold while it finishes. */
size_t index_writer_memory(const struct index_writer *writer);
bool index_writer_finish(struct index_writer *writer, struct err *err) MUST_CHECK;

DEFINE_AUTO(struct index_writer *, index_writer_destroy)
