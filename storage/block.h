#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/chunk.h"
#include "storage/index_read.h"
#include "storage/tombstones.h"
#include "storage/ulid.h"

/* A block as another one's parent. */
struct block_desc {
    struct ulid ulid;
    int64_t begin_ms;
    int64_t end_ms; /* excluded */
};

/*
 * Bits: what only a part of the samples of a time was chosen by; and one that is ours alone, and
 * that a Prometheus passes over: all that the head had in order before the block's end is in
 * blocks.
 */
enum block_hint {
    BLOCK_FROM_OUT_OF_ORDER = 1,
    BLOCK_FROM_STALE_SERIES = 2,
    BLOCK_FROM_SELECTED_SERIES = 4,
    BLOCK_ENDS_HEAD = 8,
};

/* meta.json: what is said of a block. */
struct block_meta {
    struct ulid ulid;
    int64_t begin_ms;
    int64_t end_ms; /* excluded */
    uint64_t sample_count;
    uint64_t float_count;
    uint64_t histogram_count;
    uint64_t series_count;
    uint64_t chunk_count;
    uint64_t tombstone_count;
    bool floats_only; /* there is no native histogram; else there may be */
    uint64_t level;
    bool deletable;     /* all of it was deleted */
    bool failed;        /* could not be compacted: is left as it is */
    unsigned hints;     /* of enum block_hint */
    char **other_hints; /* those that nobody knows here, kept for who does */
    size_t other_hint_count;
    bool beside_head;     /* is but a part: says nothing of the head's begin */
    bool ends_head;       /* is known to be as BLOCK_ENDS_HEAD says; else that is not known */
    struct ulid *sources; /* blocks from a head that it was made of, in the end */
    size_t source_count;
    struct block_desc *parents; /* blocks that this one replaces */
    size_t parent_count;
};

#define BLOCK_META_SIZE_MAX (16u << 20)

/* ERR_CORRUPT: it is no meta.json of version 1. The caller gives what it got to block_meta_done. */
bool block_meta_parse(struct str json, struct block_meta *ret_meta, struct err *err) MUST_CHECK;
void block_meta_done(struct block_meta *meta);

/* The same of a block's file, which errors name; also ERR_NOT_FOUND, ERR_IO, and ERR_LIMIT. */
bool block_meta_read(const char *dir, struct block_meta *ret_meta, struct err *err) MUST_CHECK;

/* As Prometheus prints it; the other way, to the last byte. */
void block_meta_print(const struct block_meta *meta, struct buf *out);

/* Puts a new meta.json into the place of the old one, in one step. */
bool block_meta_write(const char *dir, const struct block_meta *meta, struct err *err) MUST_CHECK;

/* Changes what meta.json says of a block: true adds to it, false leaves it. */
bool block_meta_mark(const char *dir, bool failed, bool deletable, struct err *err) MUST_CHECK;

/*
 * A block: the series of one time range, on disk and never changed again.
 *
 * Its files are mapped while anyone holds a reference, so what it hands out (texts, chunk bytes) is
 * borrowed until block_unref, even if the files are deleted.
 *
 * Thread: any. References are counted atomically; the rest is read-only.
 */
struct block;

/*
 * ERR_CORRUPT and ERR_IO name the file, and the offset where there is one; so do ERR_NOT_FOUND (a
 * file is missing) and ERR_LIMIT (it has more than can be).
 */
bool block_open(const char *dir, struct block **ret_block, struct err *err) MUST_CHECK;
struct block *block_ref(struct block *block);
void block_unref(struct block *block);

const char *block_dir(const struct block *block);
const struct block_meta *block_meta(const struct block *block);
const struct index *block_index(const struct block *block);
const struct tombstones *block_tombstones(const struct block *block);

/*
 * Would it be another one if it were opened anew? meta.json or the tombstones on disk have been
 * replaced since; or a part of its files was lost (file_map.h), and can be read again. That is
 * tried less and less often, a minute apart in the end.
 *
 * Thread: one at a time.
 */
bool block_is_outdated(struct block *block);

/*
 * Are its tombstones those on the disk? False, ERR_IO: others were written, and the block could not
 * be opened anew since, or it cannot be known. Who makes other tombstones or another block of it
 * must not go on then: what was deleted would come back.
 */
bool block_check_tombstones(const struct block *block, struct err *err) MUST_CHECK;

/* Of its files, as they were when the block was opened. */
uint64_t block_size_bytes(const struct block *block);

/*
 * To be asked behind all reading of the index, whether it was good or not: is what came of it to be
 * believed? Puts the file before an error of the index; ERR_IO where some of the index is lost.
 */
bool block_index_end(const struct block *block, bool good, struct err *err) MUST_CHECK;

/*
 * Pages of a mapped file that were read count as memory until they are let go of. So readers count
 * the windows they enter, of the size that a page fault brings in, and whoever started them calls
 * block_forget when it has been many.
 */
#define BLOCK_WINDOW_SIZE (64u << 10)

struct block_windows {
    uint64_t index; /* where the reader is now; 0: nowhere */
    uint64_t chunks;
    _Atomic size_t *entered; /* shared among readers */
};

/* Says that the series is about to be read. */
void block_enter_series(const struct block *block, struct block_windows *windows, uint32_t id);

/* Lets go of all pages; they come back when they are read. */
void block_forget(const struct block *block);

/*
 * The bytes at chunk_meta.ref, checked. Valid until the block's files are closed, but they may get
 * lost while they are read: file_map_check tells behind it.
 */
bool block_chunk(const struct block *block, struct block_windows *windows, uint64_t ref,
                 struct chunk_bytes *ret_chunk, struct err *err) MUST_CHECK;

/* Is it a chunk of floats? False where that cannot be told: block_chunk tells why. */
bool block_chunk_is_float(const struct block *block, struct block_windows *windows, uint64_t ref);

static inline void block_meta_done_auto(struct block_meta *meta)
{
    block_meta_done(meta);
}

DEFINE_AUTO(struct block *, block_unref)
