/*
 * A segment is pages of 32 KiB, a page is fragments of records:
 *
 *     flags u8 | length u16 | crc32c of the data u32 | data
 *
 *     flags: bits 0-2   0 the rest of the page is zero   1 full   2 first   3 middle   4 last
 *            bit 3      packed with snappy    bit 4      packed with zstd   (of the whole record)
 *
 * Read with pread, never mapped: a file that shrinks under us must not be able to kill us. The
 * position only moves over whole records; what was read of one that is not finished yet is read
 * again when the file has grown.
 *
 * Broken or unfinished? In a segment that is still written, bytes that are missing at the very end
 * (or zero from the break up to the end, as a file system leaves them after a crash) are not
 * written yet. A break with other bytes behind it is damage.
 */
#include "storage/wal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "base/varint.h"
#include "storage/wal_fragment.h"

#define FRAGMENT_SIZE_MAX (WAL_PAGE_SIZE - FRAGMENT_HEADER_SIZE)
#define WINDOW_SIZE ((size_t)8 * WAL_PAGE_SIZE)

struct wal_segment {
    char *path;
    int fd;
    dev_t device;
    ino_t inode;
    uint64_t offset; /* behind the last whole record */
    uint64_t begin;  /* of that record */
    uint64_t size;   /* of the file, when it was last asked */
    bool waiting;    /* at `size` bytes there was no further record */

    uint8_t *window; /* bytes of the file from window_begin on */
    uint64_t window_begin;
    size_t window_size;

    struct buf packed; /* the fragments of a record put together */
    struct wal_unpacker unpacker;
};

bool wal_segment_open(const char *path, struct wal_segment **ret_segment, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: cannot open: %s", path,
                strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    struct wal_segment *segment = mem_new(struct wal_segment);
    segment->path = mem_strdup(path);
    segment->fd = fd;
    segment->device = st.st_dev;
    segment->inode = st.st_ino;
    segment->window = mem_new_array(uint8_t, WINDOW_SIZE);
    *ret_segment = segment;
    return true;
}

void wal_segment_close(struct wal_segment *segment)
{
    if (!segment)
        return;
    close(segment->fd);
    free(segment->path);
    free(segment->window);
    buf_done(&segment->packed);
    wal_unpacker_done(&segment->unpacker);
    free(segment);
}

void wal_segment_seek(struct wal_segment *segment, uint64_t offset)
{
    segment->offset = offset;
}

uint64_t wal_segment_offset(const struct wal_segment *segment)
{
    return segment->offset;
}

bool wal_segment_is_at(const struct wal_segment *segment, const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && st.st_dev == segment->device && st.st_ino == segment->inode &&
           (uint64_t)st.st_size >= segment->offset;
}

static enum tail_read wal_corrupt(struct wal_segment *segment, uint64_t at, const char *what,
                                  struct err *err)
{
    err_set(err, ERR_CORRUPT, "%s: offset %llu: %s", segment->path, (unsigned long long)at, what);
    return TAIL_ERR;
}

/* Brings [at, at + len) into the window; len is at most a page. False: the file could not be read.
 */
static bool wal_fill(struct wal_segment *segment, uint64_t at, size_t len, struct err *err)
{
    uint64_t end = segment->window_begin + segment->window_size;
    if (at >= segment->window_begin && at + len <= end)
        return true;

    segment->window_begin = at - at % WAL_PAGE_SIZE;
    segment->window_size = 0;
    size_t want = WINDOW_SIZE;
    if (segment->size - segment->window_begin < want)
        want = (size_t)(segment->size - segment->window_begin);
    while (segment->window_size < want) {
        ssize_t got =
            pread(segment->fd, segment->window + segment->window_size, want - segment->window_size,
                  (off_t)(segment->window_begin + segment->window_size));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set(err, ERR_IO, "%s: cannot read: %s", segment->path, strerror(errno));
        if (got == 0)
            return err_set(err, ERR_IO, "%s: has become shorter", segment->path);
        segment->window_size += (size_t)got;
    }
    return true;
}

static const uint8_t *wal_bytes(const struct wal_segment *segment, uint64_t at)
{
    return segment->window + (at - segment->window_begin);
}

/* Is the file zero from `at` to its end? */
static bool wal_rest_is_zero(struct wal_segment *segment, uint64_t at, bool *ret_zero,
                             struct err *err)
{
    *ret_zero = true;
    while (at < segment->size && *ret_zero) {
        size_t len = WAL_PAGE_SIZE - (size_t)(at % WAL_PAGE_SIZE);
        if (segment->size - at < len)
            len = (size_t)(segment->size - at);
        if (!wal_fill(segment, at, len, err))
            return false;
        for (size_t i = 0; i < len && *ret_zero; i++)
            *ret_zero = wal_bytes(segment, at)[i] == 0;
        at += len;
    }
    return true;
}

/* The bytes stop making sense at `at`; what lies from `behind` on says whether they are written. */
static enum tail_read wal_broken(struct wal_segment *segment, bool complete, uint64_t at,
                                 uint64_t behind, const char *what, struct err *err)
{
    bool zero = false;
    if (!complete && !wal_rest_is_zero(segment, behind, &zero, err))
        return TAIL_ERR;
    return zero ? TAIL_END : wal_corrupt(segment, at, what, err);
}

/* Passes the zeros up to the end of a page. */
static enum tail_read wal_skip_page(struct wal_segment *segment, bool complete, uint64_t *at,
                                    struct err *err)
{
    size_t len = WAL_PAGE_SIZE - (size_t)(*at % WAL_PAGE_SIZE);
    if (segment->size - *at < len) {
        if (!complete)
            return TAIL_END;
        len = (size_t)(segment->size - *at);
    }
    if (!wal_fill(segment, *at, len, err))
        return TAIL_ERR;
    /* The first byte may have flags beside the type. */
    for (size_t i = 1; i < len; i++)
        if (wal_bytes(segment, *at)[i] != 0)
            return wal_corrupt(segment, *at, "bytes that are not zero at the end of a page", err);
    *at += len;
    return TAIL_ITEM;
}

/* Does a fragment of this type follow, where `begun` says that the record has some already? */
static bool fragment_fits(unsigned type, bool begun)
{
    if (type == FRAGMENT_FULL || type == FRAGMENT_FIRST)
        return !begun;
    return (type == FRAGMENT_MIDDLE || type == FRAGMENT_LAST) && begun;
}

struct fragment {
    uint8_t flags;
    const uint8_t *data; /* in the window */
    size_t size;
};

/* The fragment at *at, checked; *at moves behind it. */
static enum tail_read wal_fragment(struct wal_segment *segment, bool complete, uint64_t *at,
                                   struct fragment *ret_fragment, struct err *err)
{
    uint64_t left = segment->size - *at;
    if (left < FRAGMENT_HEADER_SIZE)
        return complete ? wal_corrupt(segment, *at, "the segment ends in a record", err) : TAIL_END;
    if (!wal_fill(segment, *at, FRAGMENT_HEADER_SIZE, err))
        return TAIL_ERR;

    const uint8_t *header = wal_bytes(segment, *at);
    struct fragment fragment = {.flags = header[0], .size = load_be16(header + 1)};
    uint32_t crc = load_be32(header + 3);
    if (fragment.size > FRAGMENT_SIZE_MAX)
        return wal_corrupt(segment, *at, "a fragment larger than a page", err);
    if (left < FRAGMENT_HEADER_SIZE + fragment.size)
        return complete ? wal_corrupt(segment, *at, "the segment ends in a record", err) : TAIL_END;
    if (!wal_fill(segment, *at, FRAGMENT_HEADER_SIZE + fragment.size, err))
        return TAIL_ERR;

    fragment.data = wal_bytes(segment, *at) + FRAGMENT_HEADER_SIZE;
    uint64_t behind = *at + FRAGMENT_HEADER_SIZE + fragment.size;
    if (crc32c(fragment.data, fragment.size) != crc)
        return wal_broken(segment, complete, *at, behind, "wrong checksum", err);
    *at = behind;
    *ret_fragment = fragment;
    return TAIL_ITEM;
}

/* What the flags of the first fragment say; both marks: as snappy, which stands first. */
static enum wal_packing fragment_packing(uint8_t flags)
{
    if (flags & FRAGMENT_SNAPPY)
        return WAL_PACKED_SNAPPY;
    return flags & FRAGMENT_ZSTD ? WAL_PACKED_ZSTD : WAL_NOT_PACKED;
}

/* From segment->offset up to a whole record. */
static enum tail_read wal_assemble(struct wal_segment *segment, bool complete,
                                   struct wal_packed *ret_packed, struct err *err)
{
    uint64_t at = segment->offset;
    uint64_t begin = at;
    bool begun = false;
    buf_clear(&segment->packed);
    for (;;) {
        if (at >= segment->size)
            return begun && complete ? wal_corrupt(segment, begin, "the last record is torn", err)
                                     : TAIL_END;
        if (!wal_fill(segment, at, 1, err))
            return TAIL_ERR;
        if ((*wal_bytes(segment, at) & FRAGMENT_TYPE_MASK) == FRAGMENT_PAGE_END) {
            enum tail_read got = wal_skip_page(segment, complete, &at, err);
            if (got != TAIL_ITEM)
                return got;
            if (!begun)
                segment->offset = begin = at;
            continue;
        }

        uint64_t fragment_at = at;
        struct fragment fragment;
        enum tail_read got = wal_fragment(segment, complete, &at, &fragment, err);
        if (got != TAIL_ITEM)
            return got;
        unsigned type = fragment.flags & FRAGMENT_TYPE_MASK;
        if (!fragment_fits(type, begun))
            return wal_corrupt(segment, fragment_at, "fragments in a wrong order", err);
        if (type != FRAGMENT_FULL) {
            buf_append(&segment->packed, fragment.data, fragment.size);
            fragment.data = (const uint8_t *)segment->packed.ptr;
            fragment.size = segment->packed.len;
        }
        if (fragment.size > WAL_RECORD_SIZE_MAX)
            return wal_corrupt(segment, begin, "a record beyond the size limit", err);
        begun = true;
        if (type == FRAGMENT_FULL || type == FRAGMENT_LAST) {
            *ret_packed = (struct wal_packed){
                .bytes = fragment.data,
                .size = fragment.size,
                .packing = fragment_packing(fragment.flags),
            };
            segment->begin = begin;
            segment->offset = at;
            return TAIL_ITEM;
        }
    }
}

enum tail_read wal_segment_next_packed(struct wal_segment *segment, bool complete,
                                       struct wal_packed *ret_packed, struct err *err)
{
    if (segment->offset >= segment->size || segment->waiting) {
        struct stat st;
        if (fstat(segment->fd, &st) != 0) {
            err_set(err, ERR_IO, "%s: cannot read: %s", segment->path, strerror(errno));
            return TAIL_ERR;
        }
        bool grown = (uint64_t)st.st_size != segment->size;
        if (!grown && !complete)
            return TAIL_END;
        segment->size = (uint64_t)st.st_size;
        segment->window_size = 0; /* what was there may have been half written */
        segment->waiting = false;
        if (segment->size < segment->offset) {
            err_set(err, ERR_IO, "%s: has become shorter", segment->path);
            return TAIL_ERR;
        }
    }

    enum tail_read got = wal_assemble(segment, complete, ret_packed, err);
    segment->waiting = got == TAIL_END;
    return got;
}

enum tail_read wal_segment_next(struct wal_segment *segment, bool complete,
                                const uint8_t **ret_bytes, size_t *ret_size, struct err *err)
{
    struct wal_packed packed;
    enum tail_read got = wal_segment_next_packed(segment, complete, &packed, err);
    if (got != TAIL_ITEM || wal_unpack(&segment->unpacker, packed, ret_bytes, ret_size))
        return got;
    segment->offset = segment->begin;
    return wal_corrupt(segment, segment->begin, "a record that cannot be unpacked", err);
}
