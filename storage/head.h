#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/db.h"
#include "storage/select.h"
#include "storage/tombstones.h"

/*
 * What is not in a block yet: series and chunks out of checkpoint, WAL, WBL and chunks_head.
 *
 * Thread: select, names and stats from any; refresh from one at a time, beside the others.
 */
struct head;

/* Prepares only: the first head_refresh reads. A folder without WAL is an empty head. */
bool head_open(const char *path, const struct db_options *options, struct head **ret_head,
               struct err *err) MUST_CHECK;
void head_close(struct head *head);

/* What a thread has begun that need not be finished ends soon. Thread: any. */
void head_prepare_close(struct head *head);

/*
 * Reads what was written since the last time. What lies before `blocks_end_ms` is in blocks
 * already and need not be kept (INT64_MIN: there are no blocks).
 */
bool head_refresh(struct head *head, int64_t blocks_end_ms, struct err *err) MUST_CHECK;

/*
 * For who writes: what lies before `before_ms` is in blocks that selects use already. It goes out
 * of memory, and out of the log as far as Prometheus's rule says: the older two thirds of the
 * segments become a checkpoint. Nothing is done where that was done before. Batches go on
 * meanwhile.
 *
 * ERR_IO, ERR_CORRUPT, ERR_CANCELED (`cancel` was set, which may be NULL): the log stays as it is,
 * and the next call tries again.
 */
bool head_truncate(struct head *head, int64_t before_ms, const _Atomic bool *cancel,
                   struct err *err) MUST_CHECK;

/*
 * For who writes: full chunks go from memory into files of chunks_head. head_refresh does it once a
 * minute. ERR_IO: what could not be written stays in memory.
 */
bool head_map_chunks(struct head *head, struct err *err) MUST_CHECK;

/* Bytes that stay valid and unchanged until head_release: what chunk_decode takes. */
struct head_chunk_view {
    int64_t begin_ms;
    int64_t end_ms; /* both ends included, exact */
    const uint8_t *data;
    uint32_t size;
    uint8_t encoding;
    bool in_file; /* not believed before head_chunk_check */
};

/* Chunks in the order of their begin; those out of order behind those in order at equal begins. */
struct head_series {
    const struct labels *labels;
    const struct head_chunk_view *chunks;
    const struct time_range *deleted; /* sorted, do not touch */
    uint32_t chunk_count;
    uint32_t deleted_count;
};

struct head_series_list {
    struct head_series *items; /* in the order of their references */
    size_t count;
    void *held; /* the head's own: what head_release gives back */
};

/*
 * The series that match and have a chunk overlapping [begin_ms, end_ms], with the chunks that do.
 * Labels are symbols of request->symbols; all lives in request->arena or is held until the release.
 */
bool head_select(struct head *head, const struct select_request *request,
                 struct head_series_list *ret_list, struct err *err) MUST_CHECK;

/* The same, of samples that came in order alone, or out of order alone. */
bool head_select_in_order(struct head *head, const struct select_request *request,
                          struct head_series_list *ret_list, struct err *err) MUST_CHECK;
bool head_select_late(struct head *head, const struct select_request *request,
                      struct head_series_list *ret_list, struct err *err) MUST_CHECK;
void head_release(struct head *head, struct head_series_list *list);

/* Sorted, each once, as storage_label_names and storage_label_values. */
bool head_label_names(struct head *head, const struct names_request *request,
                      struct names *ret_names, struct err *err) MUST_CHECK;
bool head_label_values(struct head *head, const struct names_request *request, struct str name,
                       struct names *ret_names, struct err *err) MUST_CHECK;

struct head_stats {
    int64_t begin_ms, end_ms; /* begin > end: nothing is there */
    size_t series_count;
    size_t chunk_count;
    size_t label_pair_count;
    size_t histogram_series_count;
    size_t corrupt_count;                    /* chunks and records left out since the start */
    uint64_t series_created, series_removed; /* since the start */
    uint64_t chunks_created, chunks_removed;
};

void head_stats(struct head *head, struct head_stats *ret_stats);

/* Thread: any. */
struct head_counters;
void head_counters(struct head *head, struct head_counters *ret_counters);

/* The time of the newest sample, INT64_MIN: there is none. Cheap. */
int64_t head_end_ms(struct head *head);

/*
 * Of its samples in order; begin > end: there are none. Cheap. A range of the begin can be made a
 * block once the end is one and a half ranges behind it: what can still be appended is later.
 */
void head_range(struct head *head, int64_t *ret_begin_ms, int64_t *ret_end_ms);
bool head_is_ripe(struct head *head, int64_t range_ms);

/* Waits until the batch that is being put in is there whole. */
void head_settle(struct head *head);

/* As db_cardinality. */
void head_cardinality(struct head *head, size_t limit, struct arena *arena,
                      struct db_cardinality *ret_cardinality);

DEFINE_AUTO(struct head *, head_close)
