#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/chunk_xor.h"
#include "storage/grace.h"
#include "storage/head_chunks.h"
#include "storage/live_histogram.h"
#include "storage/tombstones.h"
#include "storage/wal_record.h"

/*
 * One series of the head: full chunks, the chunk that is being filled, and what only few have (out
 * of order samples, native histograms, deleted ranges).
 *
 * Samples in order stand in the full chunks, from files or packed here, and behind them in the open
 * one: there is one for floats and one for histograms, of which one at least is empty. A chunk from
 * a file replaces the samples of its range that were packed here.
 *
 * Chunks that are taken out go through a grace, so that readers may use their bytes without
 * counting. Thread: one changes, under the head's lock; any number look, under the same.
 */

/* Samples of a full chunk, as Prometheus's head cuts them; never over a multiple of the range. */
#define LIVE_CHUNK_SAMPLES 120
#define LIVE_CHUNK_RANGE_MS ((int64_t)2 * 60 * 60 * 1000)

/* Samples out of order that wait to be packed. */
#define LIVE_OOO_SAMPLES 128

struct live_chunk {
    int64_t begin_ms;
    int64_t end_ms;
    union {
        const uint8_t *data;
        uint8_t *packed; /* without a file: ours */
    };
    struct head_chunk_file *file; /* with a reference */
    uint32_t size;
    uint8_t encoding;
};

/*
 * Samples out of order carry a mark, a number that rises with time, so that it can be said which of
 * them are in blocks: the segment of the WBL that was in work when they came, where a log is read;
 * the round of compaction, where it is written (late_samples.c).
 */
struct live_ooo_chunk {
    struct live_chunk chunk;
    uint32_t mark; /* of its last sample */
};

/* The start timestamp of floats from a time on. */
struct live_start {
    int64_t t_ms;
    int64_t start_ms;
};

struct live_extra {
    struct samples ooo;                /* sorted, not packed yet */
    uint32_t ooo_mark;                 /* of the newest of them */
    struct live_ooo_chunk *ooo_chunks; /* as they came */
    uint32_t ooo_count, ooo_cap;

    struct live_start *starts; /* of the open chunk's floats; before the first it is 0 */
    uint32_t start_count, start_cap;

    struct live_histogram *open; /* the open chunk of histograms; NULL: there was none yet */
    bool histogram_is_float;     /* the newest one is */

    struct time_range *deleted; /* sorted, do not touch */
    uint32_t deleted_count, deleted_cap;
};

struct live_series {
    uint64_t ref;
    struct live_chunk *chunks; /* in order, by begin */
    uint32_t chunk_count, chunk_cap;
    bool dead;         /* deleted as a whole: no reference leads to it */
    bool idle;         /* had no samples at the last sweep */
    bool doomed;       /* is taken out by the sweep that is going on */
    bool is_histogram; /* its newest sample is a native histogram */
    uint32_t batch;    /* the last that had it: the writer's own */
    int64_t open_begin_ms;
    struct xor_appender open; /* no bytes: nothing was ever appended */
    int64_t last_ms;          /* of the newest sample in order, also of those in files */
    struct live_extra *extra; /* or NULL */
};

struct live_series *live_series_create(uint64_t ref);
void live_series_destroy(struct live_series *series);

/* False: not after the newest, or in a file already; left out, as Prometheus does. */
bool live_series_append(struct live_series *series, int64_t t_ms, double v);

/* The same of a sample with a start timestamp, or of one behind such; 0: none is known. */
bool live_series_append_started(struct live_series *series, int64_t t_ms, int64_t start_ms,
                                double v);

/* One of both: start_ms is 0 where none was ever known. */
static inline bool live_series_take(struct live_series *series, int64_t t_ms, int64_t start_ms,
                                    double v)
{
    if (UNLIKELY(start_ms != 0 || (series->extra && series->extra->start_count)))
        return live_series_append_started(series, t_ms, start_ms, v);
    return live_series_append(series, t_ms, v);
}

/* The open chunk of floats, packed in a heap array that the caller frees. There is one. */
struct live_chunk live_series_open_chunk(const struct live_series *series);

/* As above; start_ms is 0 where none is known. */
bool live_series_append_histogram(struct live_series *series, int64_t t_ms, int64_t start_ms,
                                  const struct raw_histogram *h);

/* The open chunk of histograms; NULL: none, or it is empty. */
const struct histogram_appender *live_series_open_histogram(const struct live_series *series);

/* Takes a chunk of a file in, with a reference of its own; `mark` as in live_ooo_chunk. */
void live_series_attach(struct live_series *series, const struct head_chunk *chunk, uint32_t mark,
                        struct grace *grace);

/* Full chunks from here to the last were packed here, behind all that came from files. */
uint32_t live_series_first_packed(const struct live_series *series);

/* A chunk that was packed here is in a file now: takes a reference, and its memory goes. */
void live_series_put_out(struct live_series *series, uint32_t index, const struct head_chunk *chunk,
                         struct grace *grace);

/* False: that time waits already, and the first one stays. */
bool live_series_insert_ooo(struct live_series *series, int64_t t_ms, double v, uint32_t mark);
void live_series_insert_ooo_histogram(struct live_series *series, int64_t t_ms, int64_t start_ms,
                                      const struct raw_histogram *h, uint32_t mark);

/* Takes out those samples out of order that did not come from files: they are in one by now. */
void live_series_forget_ooo(struct live_series *series, struct grace *grace);

/* Takes out what carries a mark before this one: it is in blocks by now. */
void live_series_trim_ooo(struct live_series *series, uint32_t mark, struct grace *grace);

/* Makes a range hold the samples out of order too. */
void live_series_note_ooo(const struct live_series *series, int64_t *begin_ms, int64_t *end_ms);

void live_series_delete_range(struct live_series *series, struct time_range range);

/* Takes out samples before, but for those in chunks of files that reach over, and deleted ranges.
 */
void live_series_trim(struct live_series *series, int64_t before_ms, struct grace *grace);

/* Takes out all that is there. */
void live_series_clear(struct live_series *series, struct grace *grace);

bool live_series_is_empty(const struct live_series *series);

/* How many chunks there are, full, open and waiting to be packed. */
size_t live_series_chunk_count(const struct live_series *series);

/* Of the oldest sample in order, or of all; INT64_MAX: there is none. */
int64_t live_series_begin_ms(const struct live_series *series);
int64_t live_series_oldest_ms(const struct live_series *series);
