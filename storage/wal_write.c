/*
 * Pages and fragments are drawn in wal.c. Records are cut into fragments only when they are
 * flushed, for the place in the page is known then: if all that waits does not go into the segment,
 * it begins the next one.
 *
 * What is written to the file goes there with one pwrite behind the last whole record, so that
 * readers that follow the log see records come in order, and a failed write is undone by cutting
 * the file where it began.
 */
#include "storage/wal_write.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <snappy-c.h>
#include <stdio.h>
#include <unistd.h>
#include <zstd.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/recent_times.h"
#include "base/varint.h"
#include "storage/wal.h"
#include "storage/wal_folder.h"
#include "storage/wal_fragment.h"
#include "storage/wal_unsynced.h"

/* Records are written once and read once: speed counts more than size. */
#define ZSTD_LEVEL 1

struct waiting_record {
    size_t begin; /* in wal_writer.packed */
    size_t size;
    size_t saved; /* by packing it */
    uint8_t flags;
};

struct wal_writer {
    char *folder;
    struct wal_writer_options options;
    uint64_t offset; /* of the file: behind the last whole record */
    bool torn;       /* there may be bytes behind it, to be cut off before anything is written */
    bool next_left;  /* the file of the next segment is there, made in vain and empty */

    ZSTD_CCtx *zstd; /* NULL: not needed yet */
    struct buf packed;
    struct waiting_record *waiting;
    size_t waiting_count, waiting_cap;
    struct buf out; /* their fragments */
    size_t out_count;

    /* What sync and counters look at. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int fd;
    int fd_before; /* of the segment before, where nobody waits for a sync; -1: none */
    uint32_t segment;
    uint64_t position; /* changed by the flush, which alone reads it without the lock */
    uint64_t synced_position;
    bool syncing; /* somebody syncs `fd` */
    int sync_errno;
    struct wal_unsynced unsynced; /* with `recovers` */
    struct wal_counters counters; /* but for the segment */
    struct recent_times sync_times;
};

const double wal_sync_quantiles[WAL_SYNC_QUANTILE_COUNT] = {.5, .9, .99};

static void writer_path(const struct wal_writer *writer, uint32_t segment, char *out, size_t size)
{
    snprintf(out, size, "%s/%08u", writer->folder, segment);
}

static bool writer_failed(const struct wal_writer *writer, const char *deed, int error,
                          struct err *err)
{
    return err_set(err, ERR_IO, "%s/%08u: cannot %s: %s", writer->folder, writer->segment, deed,
                   strerror(error));
}

/*
 * Makes the file of a segment; its name is on the disk, whether its records will be or not: a log
 * in which one of the middle is missing would not be opened again.
 */
static bool segment_create(struct wal_writer *writer, uint32_t segment, int *ret_fd,
                           struct err *err)
{
    char path[4096];
    writer_path(writer, segment, path, sizeof path);
    int once = writer->next_left ? 0 : O_EXCL;
    int fd = open(path, O_WRONLY | O_CREAT | once | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_set(err, ERR_IO, "%s: cannot create: %s", path, strerror(errno));
    if (!file_sync_folder(writer->folder, err)) {
        close(fd);
        writer->next_left = unlink(path) != 0;
        return false;
    }
    writer->next_left = false;
    *ret_fd = fd;
    return true;
}

bool wal_writer_open(const char *folder, const struct wal_writer_options *options,
                     struct wal_writer **ret_writer, struct err *err)
{
    AUTO(wal_writer_close) struct wal_writer *writer = mem_new(struct wal_writer);
    writer->folder = mem_strdup(folder);
    writer->options = *options;
    writer->segment = options->segment;
    writer->fd = writer->fd_before = -1;
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->changed, NULL);
    recent_times_init(&writer->sync_times);

    /* Behind a segment that a loss of power has torn nothing is read, synced or not. */
    if (options->recovers && !wal_folder_write_last_again(folder, err))
        return false;
    if (options->synced && !wal_folder_sync_segments(folder, err))
        return false;
    if (!segment_create(writer, writer->segment, &writer->fd, err))
        return false;
    *ret_writer = TAKE(writer);
    return true;
}

/* Writes at the end; the offset stays. False: errno says why, and the file may be torn. */
static bool segment_write(struct wal_writer *writer, const char *bytes, size_t size)
{
    return file_write_at(writer->fd, bytes, size, writer->offset);
}

/* Cuts off what a failed write has left. */
static bool segment_cut(struct wal_writer *writer)
{
    writer->torn = ftruncate(writer->fd, (off_t)writer->offset) != 0;
    return !writer->torn;
}

static size_t page_left(uint64_t offset)
{
    return WAL_PAGE_SIZE - (size_t)(offset % WAL_PAGE_SIZE);
}

/* So many bytes behind the offset are written. */
static void segment_advance(struct wal_writer *writer, size_t size)
{
    uint64_t first = writer->offset / WAL_PAGE_SIZE;
    writer->offset += size;
    pthread_mutex_lock(&writer->lock);
    writer->counters.pages_full += writer->offset / WAL_PAGE_SIZE - first;
    writer->counters.pages_written += (writer->offset + WAL_PAGE_SIZE - 1) / WAL_PAGE_SIZE - first;
    pthread_mutex_unlock(&writer->lock);
}

/* Zeros up to the end of the page, if it was begun. */
static bool segment_pad(struct wal_writer *writer)
{
    static const char zeros[WAL_PAGE_SIZE];
    size_t left = page_left(writer->offset);
    if (left == WAL_PAGE_SIZE)
        return true;
    if (!segment_write(writer, zeros, left)) {
        int error = errno;
        segment_cut(writer);
        errno = error;
        return false;
    }
    segment_advance(writer, left);
    return true;
}

/* The segment is closed, and on the disk if it can be: nobody was promised that it is. */
static void segment_settle(struct wal_writer *writer, int fd)
{
    if (fd < 0)
        return;
    writer->counters.writes_failed += fdatasync(fd) != 0;
    close(fd);
}

/* Counts a sync. With the lock. */
static void writer_count_sync(struct wal_writer *writer, int64_t begin_ns, bool good)
{
    int64_t now_ns = clock_monotonic_ns();
    writer->counters.syncs++;
    writer->counters.sync_ns += (uint64_t)(now_ns - begin_ns);
    writer->counters.writes_failed += !good;
    recent_times_note(&writer->sync_times, now_ns, now_ns - begin_ns);
}

/*
 * Syncs the segment. With the lock, which is given away meanwhile; nobody else syncs. Behind a sync
 * that has failed it is the flush that comes here, and nothing is added to what was not synced.
 */
static void writer_sync_segment(struct wal_writer *writer)
{
    int fd = writer->fd;
    uint64_t goal = writer->position;
    bool again = writer->sync_errno != 0;
    writer->syncing = true;
    pthread_mutex_unlock(&writer->lock);
    int64_t begin_ns = clock_monotonic_ns();
    bool good = (!again || wal_unsynced_write(&writer->unsynced, fd)) && fdatasync(fd) == 0;
    int error = good ? 0 : errno;
    pthread_mutex_lock(&writer->lock);
    writer_count_sync(writer, begin_ns, good);
    writer->syncing = false;
    writer->sync_errno = error;
    if (good) {
        writer->synced_position = goal;
        if (writer->options.recovers)
            wal_unsynced_settle(&writer->unsynced, (size_t)(writer->position - goal));
    }
    pthread_cond_broadcast(&writer->changed);
}

/* What has failed before and may be in the way. */
static bool writer_recover(struct wal_writer *writer, struct err *err)
{
    pthread_mutex_lock(&writer->lock);
    if (writer->sync_errno && writer->options.recovers)
        writer_sync_segment(writer);
    int sync_errno = writer->sync_errno;
    pthread_mutex_unlock(&writer->lock);
    if (sync_errno)
        return writer_failed(writer, "sync", sync_errno, err);
    if (writer->torn && !segment_cut(writer))
        return writer_failed(writer, "cut back", errno, err);
    return true;
}

bool wal_writer_finish(struct wal_writer *writer, struct err *err)
{
    if (!segment_pad(writer))
        return writer_failed(writer, "write", errno, err);
    return fdatasync(writer->fd) == 0 || writer_failed(writer, "sync", errno, err);
}

void wal_writer_close(struct wal_writer *writer)
{
    if (!writer)
        return;
    segment_settle(writer, writer->fd_before);
    if (writer->fd >= 0) {
        struct err recover_err = {0};
        if (writer_recover(writer, &recover_err))
            segment_pad(writer);
        else
            err_clear(&recover_err);
        segment_settle(writer, writer->fd);
    }
    /* A process that was killed may have left others. */
    struct err sync_err = {0};
    if (!wal_folder_sync_segments(writer->folder, &sync_err))
        err_clear(&sync_err);
    pthread_cond_destroy(&writer->changed);
    pthread_mutex_destroy(&writer->lock);
    recent_times_done(&writer->sync_times);
    ZSTD_freeCCtx(writer->zstd);
    wal_unsynced_done(&writer->unsynced);
    buf_done(&writer->packed);
    buf_done(&writer->out);
    free(writer->waiting);
    free(writer->folder);
    free(writer);
}

static uint8_t writer_pack_snappy(struct wal_writer *writer, const void *record, size_t size)
{
    size_t packed_size = snappy_max_compressed_length(size);
    char *packed = buf_reserve(&writer->packed, packed_size);
    if (snappy_compress(record, size, packed, &packed_size) != SNAPPY_OK || packed_size >= size)
        return 0;
    writer->packed.len += packed_size;
    return FRAGMENT_SNAPPY;
}

static uint8_t writer_pack_zstd(struct wal_writer *writer, const void *record, size_t size)
{
    if (!writer->zstd)
        writer->zstd = ZSTD_createCCtx();
    size_t room = ZSTD_compressBound(size);
    char *packed = buf_reserve(&writer->packed, room);
    size_t packed_size = ZSTD_compressCCtx(writer->zstd, packed, room, record, size, ZSTD_LEVEL);
    if (ZSTD_isError(packed_size) || packed_size >= size)
        return 0;
    writer->packed.len += packed_size;
    return FRAGMENT_ZSTD;
}

/* The mark of how the record was packed, behind what waits; 0: it was not. */
static uint8_t writer_pack(struct wal_writer *writer, const void *record, size_t size)
{
    switch (writer->options.packing) {
    case WAL_PACKED_SNAPPY:
        return writer_pack_snappy(writer, record, size);
    case WAL_PACKED_ZSTD:
        return writer_pack_zstd(writer, record, size);
    case WAL_NOT_PACKED:
        break;
    }
    return 0;
}

void wal_writer_add(struct wal_writer *writer, const void *record, size_t size)
{
    assert(size > 0 && size <= WAL_RECORD_SIZE_MAX);
    struct waiting_record waiting = {.begin = writer->packed.len};
    waiting.flags = writer_pack(writer, record, size);
    if (waiting.flags == 0)
        buf_append(&writer->packed, record, size);
    waiting.size = writer->packed.len - waiting.begin;
    waiting.saved = size - waiting.size;
    mem_grow(writer->waiting, struct waiting_record, writer->waiting_count, &writer->waiting_cap);
    writer->waiting[writer->waiting_count++] = waiting;
}

static uint8_t fragment_type(bool first, bool last)
{
    if (first)
        return last ? FRAGMENT_FULL : FRAGMENT_FIRST;
    return last ? FRAGMENT_LAST : FRAGMENT_MIDDLE;
}

/* One record as fragments, of which the first lies at `offset` of the segment; how many. */
static size_t fragments_put(struct buf *out, uint64_t offset, const char *bytes, size_t size,
                            uint8_t flags)
{
    size_t count = 0;
    bool last = false;
    for (bool first = true; !last; first = false) {
        size_t room = page_left(offset) - FRAGMENT_HEADER_SIZE;
        size_t len = size < room ? size : room;
        last = len == size;
        uint8_t *at = (uint8_t *)buf_reserve(out, WAL_PAGE_SIZE);
        at[0] = (uint8_t)(fragment_type(first, last) | flags);
        at[1] = (uint8_t)(len >> 8);
        at[2] = (uint8_t)len;
        store_be32(at + 3, crc32c(bytes, len));
        if (len > 0)
            memcpy(at + FRAGMENT_HEADER_SIZE, bytes, len);
        size_t put = FRAGMENT_HEADER_SIZE + len;

        /* No further header goes into the page. */
        size_t left = page_left(offset + put);
        if (left < FRAGMENT_HEADER_SIZE) {
            memset(at + put, 0, left);
            put += left;
        }
        out->len += put;
        offset += put;
        bytes += len;
        size -= len;
        count++;
    }
    return count;
}

static void writer_fragment(struct wal_writer *writer, uint64_t offset)
{
    buf_clear(&writer->out);
    writer->out_count = 0;
    for (size_t i = 0; i < writer->waiting_count; i++) {
        const struct waiting_record *record = &writer->waiting[i];
        writer->out_count +=
            fragments_put(&writer->out, offset + writer->out.len,
                          writer->packed.ptr + record->begin, record->size, record->flags);
    }
}

/* Counts what was flushed. With the lock. */
static void writer_count_records(struct wal_writer *writer)
{
    struct wal_counters *counters = &writer->counters;
    counters->parts += writer->out_count;
    counters->part_bytes += writer->out_count * FRAGMENT_HEADER_SIZE;
    for (size_t i = 0; i < writer->waiting_count; i++) {
        counters->part_bytes += writer->waiting[i].size;
        counters->saved_bytes += writer->waiting[i].saved;
    }
}

/* With `synced`, all of the segment is on the disk before another one comes behind it. */
static bool segment_finish(struct wal_writer *writer, struct err *err)
{
    if (!segment_pad(writer))
        return writer_failed(writer, "write", errno, err);
    if (!writer->options.synced)
        return true;
    pthread_mutex_lock(&writer->lock);
    while (writer->syncing)
        pthread_cond_wait(&writer->changed, &writer->lock);
    if (!writer->sync_errno)
        writer_sync_segment(writer);
    int sync_errno = writer->sync_errno;
    pthread_mutex_unlock(&writer->lock);
    return !sync_errno || writer_failed(writer, "sync", sync_errno, err);
}

/*
 * Closes the segment that another one comes behind. Where nobody waits for its sync the kernel may
 * begin, and it is closed with the next one, when there is little left to wait for: a loss of power
 * takes no more than the last two segments. With the lock.
 */
static void segment_leave(struct wal_writer *writer)
{
    wal_unsynced_forget(&writer->unsynced);
    if (writer->options.synced) {
        close(writer->fd);
        return;
    }
    segment_settle(writer, writer->fd_before);
    sync_file_range(writer->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    writer->fd_before = writer->fd;
}

static bool writer_next_segment(struct wal_writer *writer, struct err *err)
{
    int fd;
    if (!segment_finish(writer, err) || !segment_create(writer, writer->segment + 1, &fd, err))
        return false;
    pthread_mutex_lock(&writer->lock);
    segment_leave(writer);
    writer->fd = fd;
    writer->segment++;
    writer->offset = 0;
    pthread_mutex_unlock(&writer->lock);
    return true;
}

static bool writer_flush_waiting(struct wal_writer *writer, struct err *err)
{
    if (!writer_recover(writer, err))
        return false;
    writer_fragment(writer, writer->offset);
    if (writer->offset > 0 && writer->offset + writer->out.len > writer->options.segment_size) {
        if (!writer_next_segment(writer, err))
            return false;
        writer_fragment(writer, writer->offset);
    }
    if (!segment_write(writer, writer->out.ptr, writer->out.len)) {
        int error = errno;
        segment_cut(writer);
        return writer_failed(writer, "write", error, err);
    }
    pthread_mutex_lock(&writer->lock);
    writer->position += writer->out.len;
    writer_count_records(writer);
    if (writer->options.recovers)
        wal_unsynced_add(&writer->unsynced, writer->offset, writer->out.ptr, writer->out.len);
    pthread_mutex_unlock(&writer->lock);
    segment_advance(writer, writer->out.len);
    return true;
}

/* A batch that was out of all proportion does not keep its memory. */
#define KEPT_SIZE_MAX ((size_t)4 << 20)

static void buf_shrink(struct buf *buf)
{
    if (buf->cap > KEPT_SIZE_MAX) {
        buf_done(buf);
        *buf = (struct buf){0};
    }
}

bool wal_writer_flush(struct wal_writer *writer, struct err *err)
{
    bool good = writer->waiting_count == 0 || writer_flush_waiting(writer, err);
    if (!good) {
        pthread_mutex_lock(&writer->lock);
        writer->counters.writes_failed++;
        pthread_mutex_unlock(&writer->lock);
    }
    writer->waiting_count = 0;
    buf_clear(&writer->packed);
    buf_shrink(&writer->packed);
    buf_shrink(&writer->out);
    return good;
}

bool wal_writer_cut(struct wal_writer *writer, struct err *err)
{
    assert(writer->waiting_count == 0);
    if (!writer_recover(writer, err))
        return false;
    return writer->offset == 0 || writer_next_segment(writer, err);
}

void wal_writer_counters(struct wal_writer *writer, struct wal_counters *ret_counters)
{
    pthread_mutex_lock(&writer->lock);
    *ret_counters = writer->counters;
    ret_counters->is_open = true;
    ret_counters->segment = writer->segment;
    ret_counters->packing = writer->options.packing;
    pthread_mutex_unlock(&writer->lock);
    recent_times_quantiles(&writer->sync_times, clock_monotonic_ns(), wal_sync_quantiles,
                           WAL_SYNC_QUANTILE_COUNT, ret_counters->sync_seconds);
}

uint32_t wal_writer_segment(const struct wal_writer *writer)
{
    return writer->segment;
}

uint64_t wal_writer_offset(const struct wal_writer *writer)
{
    return writer->offset;
}

uint64_t wal_writer_position(const struct wal_writer *writer)
{
    return writer->position;
}

bool wal_writer_sync(struct wal_writer *writer, uint64_t position, struct err *err)
{
    pthread_mutex_lock(&writer->lock);
    while (writer->synced_position < position && !writer->sync_errno) {
        if (writer->syncing)
            pthread_cond_wait(&writer->changed, &writer->lock);
        else
            writer_sync_segment(writer);
    }
    bool good = writer->synced_position >= position;
    if (!good)
        writer_failed(writer, "sync", writer->sync_errno, err);
    pthread_mutex_unlock(&writer->lock);
    return good;
}
