/*
 * The folder is drawn in wal_folder.h. A running Prometheus adds a segment before it stops writing
 * to the one before, makes a checkpoint of the oldest ones, then removes these. The place is
 * therefore (segment, offset) with the file held open: a segment that is removed under us is read
 * to its end all the same. When the one behind it is gone too, or when a restart has repaired
 * (replaced) the segment in work, the place is lost, and what was made of the records must be made
 * anew.
 */
#include "storage/wal_log.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "base/file.h"
#include "base/mem.h"
#include "storage/wal.h"
#include "storage/wal_folder.h"

#define NO_SEGMENT UINT32_MAX

enum wal_phase {
    WAL_NOT_BEGUN,
    WAL_IN_CHECKPOINT,
    WAL_IN_SEGMENTS,
    WAL_DROPPED, /* behind a damage: nothing comes any more */
};

struct wal_log {
    char *folder;
    enum wal_gap gap;
    enum wal_phase phase;

    uint32_t first, last; /* segments in the folder, at the last look; first > last: none */
    bool torn;            /* there are segments behind `last`, but not the next one */
    uint32_t checkpoint;  /* the newest, or NO_SEGMENT */

    char checkpoint_folder[4096]; /* while in the checkpoint */
    uint32_t checkpoint_last;     /* segment of it */

    uint32_t number; /* the segment in work or wanted next */
    struct wal_segment *segment;
    uint64_t begin_offset; /* in the segment that is opened first */
    uint64_t record_begin; /* in it, of the record given last */
    uint64_t good_end;     /* when dropped: up to here the segment made sense */
    bool relisted;         /* since the last look */
    uint64_t damages;      /* that were not asked for yet */
};

struct wal_log *wal_log_create(const char *folder, enum wal_gap gap)
{
    struct wal_log *log = mem_new(struct wal_log);
    log->folder = mem_strdup(folder);
    log->gap = gap;
    log->first = 1;
    log->checkpoint = NO_SEGMENT;
    return log;
}

void wal_log_destroy(struct wal_log *log)
{
    if (!log)
        return;
    wal_segment_close(log->segment);
    free(log->folder);
    free(log);
}

/* Keeps what the listing says: segments in a row up to the last, or up to the first gap. */
static void wal_log_take(struct wal_log *log, const struct wal_listing *listing)
{
    log->first = 1;
    log->last = 0;
    log->torn = false;
    for (size_t i = 0; i < listing->count; i++) {
        if (i == 0)
            log->first = listing->segments[0];
        else if (listing->segments[i] > listing->segments[i - 1] + 1)
            log->torn = true;
        if (log->torn)
            break;
        log->last = listing->segments[i];
    }
}

static bool wal_log_list(struct wal_log *log, struct err *err)
{
    AUTO(wal_listing_done) struct wal_listing listing = {0};
    if (!wal_folder_list(log->folder, &listing, err))
        return false;
    wal_log_take(log, &listing);
    if (log->phase != WAL_NOT_BEGUN)
        return true;

    log->checkpoint = NO_SEGMENT;
    struct wal_checkpoint newest;
    if (!wal_folder_checkpoint(log->folder, &listing, &newest, err))
        return false;
    if (newest.is_there) {
        log->checkpoint = newest.number;
        log->checkpoint_last = newest.segment_last;
        wal_folder_checkpoint_path(log->folder, newest.number, log->checkpoint_folder,
                                   sizeof log->checkpoint_folder);
    }
    return true;
}

bool wal_log_look(struct wal_log *log, bool *ret_lost, struct err *err)
{
    *ret_lost = false;
    log->relisted = false;
    if (!wal_log_list(log, err))
        return false;

    bool there = log->first <= log->last;
    bool removed = !there || log->number < log->first;
    bool beyond = there && !log->segment && log->number > log->last + 1;
    if ((log->phase == WAL_DROPPED && removed) || (log->phase == WAL_IN_SEGMENTS && beyond)) {
        *ret_lost = true;
    } else if ((log->phase == WAL_IN_SEGMENTS || log->phase == WAL_DROPPED) && log->segment &&
               !removed) {
        char path[4096];
        wal_folder_segment_path(log->folder, log->number, path, sizeof path);
        *ret_lost = !wal_segment_is_at(log->segment, path);
    }
    return true;
}

/* Where to begin, once there is something. */
static void wal_log_begin(struct wal_log *log)
{
    bool there = log->first <= log->last;
    if (log->checkpoint != NO_SEGMENT) {
        log->phase = WAL_IN_CHECKPOINT;
        log->number = 0;
    } else if (there) {
        log->phase = WAL_IN_SEGMENTS;
        log->number = log->first;
    }
}

bool wal_log_begin_at(struct wal_log *log, uint32_t segment, uint64_t offset)
{
    assert(log->phase == WAL_NOT_BEGUN);
    bool in_checkpoint = log->checkpoint != NO_SEGMENT && log->checkpoint >= segment;
    if (log->torn || in_checkpoint || segment < log->first || segment > log->last)
        return false;
    log->phase = WAL_IN_SEGMENTS;
    log->number = segment;
    log->begin_offset = offset;
    return true;
}

static void wal_log_advance(struct wal_log *log)
{
    wal_segment_close(TAKE(log->segment));
    log->number++;
    if (log->phase == WAL_IN_CHECKPOINT && log->number > log->checkpoint_last) {
        log->phase = WAL_IN_SEGMENTS;
        log->number = log->checkpoint + 1;
    }
}

/* Opens the segment wanted next. TAIL_END: it is not there yet. */
static enum tail_read wal_log_open(struct wal_log *log, struct err *err)
{
    bool checkpoint = log->phase == WAL_IN_CHECKPOINT;
    if (!checkpoint) {
        bool there = log->first <= log->last;
        if (there && log->number < log->first && log->gap == WAL_GAP_PASSED)
            log->number = log->first;
        if (there && log->number < log->first)
            return TAIL_LOST;
        if (!there || log->number > log->last)
            return TAIL_END;
    }

    char path[4096];
    wal_folder_segment_path(checkpoint ? log->checkpoint_folder : log->folder, log->number, path,
                            sizeof path);
    if (wal_segment_open(path, &log->segment, err)) {
        wal_segment_seek(log->segment, log->begin_offset);
        log->begin_offset = 0;
        return TAIL_ITEM;
    }
    /* Removed between the look and now. */
    return err->kind == ERR_NOT_FOUND ? TAIL_LOST : TAIL_ERR;
}

/* What follows the record that was damaged or made no sense is not to be read. */
static void wal_log_stop(struct wal_log *log, uint64_t good_end)
{
    log->damages++;
    if (log->phase == WAL_IN_CHECKPOINT) {
        log->number = log->checkpoint_last;
        wal_log_advance(log);
    } else {
        log->phase = WAL_DROPPED;
        log->good_end = good_end;
    }
}

/* At the end of the last segment: has that been so since the look, and is it really the last? */
static enum tail_read wal_log_end(struct wal_log *log, struct err *err)
{
    bool torn = log->torn;
    uint32_t last = log->last;
    log->relisted = true;
    if (!wal_log_list(log, err))
        return TAIL_ERR;
    if (!torn || !log->torn || last != log->last)
        return TAIL_END;
    wal_log_stop(log, log->segment ? wal_segment_offset(log->segment) : 0);
    err_set(err, ERR_CORRUPT, "%s: segment %08u is missing", log->folder, last + 1);
    return TAIL_ERR;
}

/* Nobody writes to a segment when there is another behind it. */
static bool wal_log_is_complete(const struct wal_log *log)
{
    return log->phase == WAL_IN_CHECKPOINT || log->number < log->last;
}

static enum tail_read segment_next(struct wal_segment *segment, bool complete, bool unpacked,
                                   struct wal_packed *ret_record, struct err *err)
{
    if (!unpacked)
        return wal_segment_next_packed(segment, complete, ret_record, err);
    ret_record->packing = WAL_NOT_PACKED;
    return wal_segment_next(segment, complete, &ret_record->bytes, &ret_record->size, err);
}

/* The next record, as it stands in the log or unpacked. */
static enum tail_read wal_log_read(struct wal_log *log, bool unpacked,
                                   struct wal_packed *ret_record, struct err *err)
{
    for (;;) {
        if (log->phase == WAL_NOT_BEGUN)
            wal_log_begin(log);
        if (log->phase == WAL_NOT_BEGUN || log->phase == WAL_DROPPED)
            return TAIL_END;
        if (!log->segment) {
            enum tail_read opened = wal_log_open(log, err);
            if (opened != TAIL_ITEM)
                return opened;
        }

        bool complete = wal_log_is_complete(log);
        log->record_begin = wal_segment_offset(log->segment);
        enum tail_read got = segment_next(log->segment, complete, unpacked, ret_record, err);
        if (got == TAIL_ITEM)
            return got;
        if (got == TAIL_ERR) {
            if (err->kind == ERR_CORRUPT)
                wal_log_stop(log, wal_segment_offset(log->segment));
            return got;
        }
        if (complete) {
            wal_log_advance(log);
        } else if (!log->relisted) {
            enum tail_read end = wal_log_end(log, err);
            if (end != TAIL_END || !wal_log_is_complete(log))
                return end;
        } else {
            return TAIL_END;
        }
    }
}

enum tail_read wal_log_next(struct wal_log *log, const uint8_t **ret_bytes, size_t *ret_size,
                            struct err *err)
{
    struct wal_packed record;
    enum tail_read got = wal_log_read(log, true, &record, err);
    if (got == TAIL_ITEM) {
        *ret_bytes = record.bytes;
        *ret_size = record.size;
    }
    return got;
}

enum tail_read wal_log_next_packed(struct wal_log *log, struct wal_packed *ret_packed,
                                   struct err *err)
{
    return wal_log_read(log, false, ret_packed, err);
}

void wal_log_drop(struct wal_log *log, struct err *err)
{
    char path[4096] = "";
    if (log->segment) {
        wal_folder_segment_path(log->phase == WAL_IN_CHECKPOINT ? log->checkpoint_folder
                                                                : log->folder,
                                log->number, path, sizeof path);
        err_wrap(err, "%s: before offset %llu", path,
                 (unsigned long long)wal_segment_offset(log->segment));
    }
    wal_log_stop(log, log->record_begin);
}

uint64_t wal_log_take_damages(struct wal_log *log)
{
    uint64_t damages = log->damages;
    log->damages = 0;
    return damages;
}

bool wal_log_repair(struct wal_log *log, uint32_t *ret_next, struct err *err)
{
    if (!wal_log_list(log, err))
        return false;
    if (log->torn)
        return err_set(err, ERR_CORRUPT, "%s: segment %08u is missing: not opened for writing",
                       log->folder, log->last + 1);
    bool there = log->first <= log->last;
    uint32_t next = log->phase == WAL_NOT_BEGUN ? 0 : log->number;
    if (!log->segment) {
        *ret_next = there && log->last >= next ? log->last + 1 : next;
        return true;
    }

    for (uint32_t last = log->last; there && last > log->number; last--)
        if (!wal_folder_remove_segment(log->folder, last, err))
            return false;
    char path[4096];
    wal_folder_segment_path(log->folder, log->number, path, sizeof path);
    uint64_t good_end =
        log->phase == WAL_DROPPED ? log->good_end : wal_segment_offset(log->segment);
    if (!file_cut(path, good_end, err))
        return false;
    wal_segment_close(TAKE(log->segment)); /* or the disk keeps it when it is removed */
    *ret_next = log->number + 1;
    return true;
}

uint32_t wal_log_segment(const struct wal_log *log)
{
    return log->phase == WAL_IN_SEGMENTS ? log->number : 0;
}

uint32_t wal_log_first_segment(const struct wal_log *log)
{
    return log->first <= log->last ? log->first : 0;
}

uint32_t wal_log_last_segment(const struct wal_log *log)
{
    return log->first <= log->last ? log->last : 0;
}

bool wal_log_has_segments(const struct wal_log *log)
{
    return log->first <= log->last;
}

uint32_t wal_log_begin_segment(const struct wal_log *log)
{
    return log->checkpoint != NO_SEGMENT ? log->checkpoint : wal_log_first_segment(log);
}
