#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/labels.h"
#include "storage/ulid.h"

/*
 * Writes one block, as Prometheus would: index v2, chunk segments, tombstones, meta.json. Two
 * passes: first every label set is told, so that the symbols can be sorted; then the series come
 * one at a time in label order, each with its chunks, which go to disk at once. Held in memory are
 * symbols and postings, never chunks.
 *
 *     block_writer_create
 *     block_writer_declare    once a series, any order
 *     block_writer_series     once a series, rising label order
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
    uint32_t level;             /* of compaction; 0 stands for 1: fresh from a head */
    const struct ulid *sources; /* NULL: the block itself */
    size_t source_count;
    size_t segment_size_max; /* 0 stands for 512 MiB */
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
 * The chunks must be sorted and not overlap. ERR_BAD_DATA: series out of order, labels that were
 * not declared, a chunk outside of the block's range.
 */
bool block_writer_series(struct block_writer *writer, const struct labels *labels,
                         const struct block_write_chunk *chunks, size_t chunk_count,
                         struct err *err) MUST_CHECK;
bool block_writer_finish(struct block_writer *writer, struct err *err) MUST_CHECK;

DEFINE_AUTO(struct block_writer *, block_writer_close)
