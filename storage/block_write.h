#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"
#include "base/err.h"
#include "model/labels.h"
#include "storage/block.h"
#include "storage/ulid.h"

/*
 * Writes one block, as Prometheus would: index v2, chunk segments, tombstones, meta.json. Two
 * passes: first every label set is told, so that the symbols can be sorted; then the series come
 * one at a time in label order, each with its chunks, which go to disk at once. Held in memory are
 * symbols, postings, and where the chunks of one series are; never chunks.
 *
 *     block_writer_create
 *     block_writer_declare         once a series, any order
 *     block_writer_begin_series    once a series, rising label order
 *       block_writer_chunk         once a chunk, rising in time
 *     block_writer_end_series
 *     block_writer_finish     syncs, and renames the folder to its ULID: there whole or not at all
 *     block_writer_close      always; removes what was not finished
 *
 * Thread: one at a time.
 */
struct block_writer;

struct block_write_options {
    const struct symbols *symbols; /* of the label sets; borrowed until close */
    int64_t begin_ms;              /* the block's range, end excluded; no sample lies outside */
    int64_t end_ms;
    struct ulid ulid;           /* of the block */
    uint64_t level;             /* of compaction; 0 stands for 1: fresh from a head */
    const struct ulid *sources; /* NULL: the block itself */
    size_t source_count;
    const struct block_desc *parents; /* blocks that this one replaces */
    size_t parent_count;
    unsigned hints;           /* of enum block_hint */
    char *const *other_hints; /* as in struct block_meta */
    size_t other_hint_count;
    size_t segment_size_max; /* 0 stands for 512 MiB */
    struct budget *budget;   /* charged with what grows with the series; NULL: nobody is */
};

/* A chunk's bytes: what stands between encoding byte and CRC. */
struct block_write_chunk {
    int64_t begin_ms;
    int64_t end_ms; /* time of the last sample */
    const uint8_t *data;
    size_t size;
    uint8_t encoding;
};

/* `dir` is the data directory, and must be there. */
bool block_writer_create(const char *dir, const struct block_write_options *options,
                         struct block_writer **ret_writer, struct err *err) MUST_CHECK;
void block_writer_close(struct block_writer *writer);

void block_writer_declare(struct block_writer *writer, const struct labels *labels);

/*
 * ERR_BAD_DATA: series out of order, labels that were not declared, a chunk outside of the block's
 * range, or not behind the one before. ERR_LIMIT: the budget.
 */
bool block_writer_begin_series(struct block_writer *writer, const struct labels *labels,
                               struct err *err) MUST_CHECK;
bool block_writer_chunk(struct block_writer *writer, const struct block_write_chunk *chunk,
                        struct err *err) MUST_CHECK;
bool block_writer_end_series(struct block_writer *writer, struct err *err) MUST_CHECK;

/* All three, for who has the chunks side by side. */
bool block_writer_series(struct block_writer *writer, const struct labels *labels,
                         const struct block_write_chunk *chunks, size_t chunk_count,
                         struct err *err) MUST_CHECK;

/* What was written so far: the counts of the meta. */
const struct block_meta *block_writer_meta(const struct block_writer *writer);

bool block_writer_finish(struct block_writer *writer, struct err *err) MUST_CHECK;

DEFINE_AUTO(struct block_writer *, block_writer_close)
