#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/db.h"
#include "storage/grace.h"
#include "storage/head_chunks.h"
#include "storage/head_index.h"
#include "storage/snapshot_folder.h"
#include "storage/wal_expiry.h"
#include "storage/wal_log.h"
#include "storage/wal_record.h"

/* The newest snapshot that a start would begin with: Millrace's own, of blocks as they are. */
struct snapshot_known {
    bool is_there;
    struct snapshot_place place;
    int64_t min_valid_ms; /* the state's, then */
    uint64_t size;        /* in bytes */
};

/* Tells the program what was left out, each thing once; counts it. */
struct head_report {
    const struct db_options *options;
    uint64_t *told; /* hashes of messages */
    size_t told_count, told_cap;
    _Atomic size_t corrupt_count;
};

/* Later ones are only counted. */
#define HEAD_REPORTS_MAX 1000

void head_report_corrupt(struct head_report *report, const char *message);
void head_report_done(struct head_report *report);

/* Chunks of files that came before the record of their series. */
struct pending_chunk {
    struct head_chunk chunk; /* with a reference to its file; NULL: taken */
    uint32_t next;           /* of the same series; UINT32_MAX: none */
    uint32_t last;           /* in the first one of a series */
};

struct pending_chunks {
    struct pending_chunk *items;
    size_t count, cap;
    size_t taken_count;
    struct map by_ref; /* the first of a series */
};

/*
 * All that was made of one reading of checkpoint, WAL, WBL and chunks_head, and how far it was
 * read. When a place is lost, the head makes a new state and puts it into the place of this one.
 *
 * Thread: refresh from one; it alone changes anything, and takes `lock` for writing to do so.
 * Others look at `index` and what hangs on it with the lock for reading.
 */
struct head_state {
    pthread_rwlock_t *lock; /* NULL: nobody else sees the state yet */
    struct grace *grace;
    struct head_report *report;

    struct head_index *index;
    struct head_chunks *chunks;
    struct wal_log *wal;
    struct wal_log *wbl;
    struct unknown_refs *wal_unknown, *wbl_unknown;
    struct wal_record record;
    struct pending_chunks pending;
    struct wal_expiries expiries; /* of series swept out, where we write the log */

    int64_t begin_ms, end_ms;  /* of all samples; begin > end: there are none */
    int64_t min_valid_ms;      /* what is before is in blocks */
    int64_t swept_ms;          /* min_valid_ms of the last sweep */
    bool begun;                /* was refreshed before */
    const char *snapshot_root; /* data directory: a snapshot may be read at the start; or NULL */
    bool snapshot_is_bad;      /* it was read in vain: begin anew, without it */
    bool snapshot_is_broken;   /* because it is damaged, or cannot be read */
    struct snapshot_known snapshot;
    bool has_notes;          /* the log has exemplars or metadata */
    bool has_dead;           /* series were deleted since the last sweep */
    uint32_t wbl_first;      /* first segment at the last look: what came before it is in blocks */
    uint32_t wbl_trimmed;    /* as far as that was done */
    bool is_ours;            /* we write the files: they are not read again */
    uint32_t segment;        /* that we write to */
    uint32_t late_mark;      /* of samples out of order that come now, where they are taken */
    uint64_t last_ref;       /* the largest reference of a series that the files speak of */
    size_t thread_count;     /* that may read what nobody sees yet */
    bool wants_serial;       /* the log has what several threads cannot read: see replay.h */
    uint64_t sample_count;   /* read since the beginning */
    uint64_t unknown_count;  /* of series nobody knows */
    uint64_t series_removed; /* by sweeps, with the lock */
    uint64_t chunks_removed;
};

struct head_state *head_state_create(const char *path, struct grace *grace,
                                     struct head_report *report);

/* Nobody may see it any more, nor use bytes of its chunks. */
void head_state_destroy(struct head_state *state);

/* As head_refresh. *ret_lost: a place was lost; make a new state. */
bool head_state_refresh(struct head_state *state, int64_t blocks_end_ms, bool *ret_lost,
                        struct err *err) MUST_CHECK;

/*
 * One of several threads that put samples into series: its series are those of runs of slots. It
 * counts for itself what is merged into the state afterwards.
 */
struct replay_share {
    uint32_t number, count; /* this one of so many, a power of two */
    int64_t begin_ms, end_ms;
    uint64_t unknown_count;
    uint64_t last_ref;
};

#define REPLAY_SHARE_SLOTS 64

void replay_share_init(struct replay_share *share, uint32_t number, uint32_t count);

/* A sample without a start timestamp, whose series is known by its slot, and not deleted. */
struct slot_sample {
    uint32_t slot;
    int64_t t_ms;
    double v;
};

/* Samples and histograms of the share's series; nobody else changes them, nor the index. */
void head_state_apply_share(const struct head_state *state, const struct wal_record *record,
                            struct replay_share *share);
void head_state_apply_slots(const struct head_state *state, const struct slot_sample *samples,
                            size_t count, struct replay_share *share);
void head_state_merge_share(struct head_state *state, struct replay_share *share);

/*
 * Puts the record's series into the index, each reference once; their chunks of files come after.
 * False: one of them was there before, under another reference.
 */
bool head_state_add_series(struct head_state *state, const struct wal_record *record) MUST_CHECK;
void head_state_attach_series(struct head_state *state, const struct wal_record *record);

/* What the record holds, put into the series. */
void head_state_apply_notes(struct head_state *state, const struct wal_record *record);
void head_state_apply_wal(struct head_state *state, const struct wal_record *record);
void head_state_apply_wbl(struct head_state *state, const struct wal_record *record);

/* A sample was put into a series, which counts for the range of all. */
void head_state_note(struct head_state *state, int64_t begin_ms, int64_t end_ms);

/* A series of the files, with its chunks of files that came before. */
struct live_series *head_state_take_series(struct head_state *state, uint64_t ref,
                                           const struct wal_label *labels, size_t count);

/* No reference is given twice, also where what it led to is gone. */
void head_state_note_ref(struct head_state *state, uint64_t ref);

/* Takes a chunk of a file in, at once or when its series comes. */
void head_state_take_chunk(struct head_state *state, const struct head_chunk *chunk);

void head_state_lock(struct head_state *state);
void head_state_unlock(struct head_state *state);

void pending_chunks_done(struct pending_chunks *pending);
void pending_chunks_add(struct pending_chunks *pending, const struct head_chunk *chunk);
void pending_chunks_attach(struct pending_chunks *pending, uint64_t ref, struct live_series *series,
                           uint32_t segment, struct grace *grace);

/* Lets go of those that are taken, and of those that end before. */
void pending_chunks_trim(struct pending_chunks *pending, int64_t before_ms);

DEFINE_AUTO(struct head_state *, head_state_destroy)
