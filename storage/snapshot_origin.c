/*
 *     magic u32 | version u32 | log size u32 | log crc u32 | series u64 | chunks end u64
 *     | chunks u64 | their digest u64 | last reference u64 | min valid ms u64
 *     | records of notes u64 | crc32c of all before u32
 *
 * The log in front of the place is known by the checksum of its last bytes: two logs with the same
 * 64 KiB of packed samples there are the same log.
 */
#include "storage/snapshot_origin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/varint.h"
#include "storage/wal_folder.h"

#define ORIGIN_MAGIC 0x4d525347u
#define ORIGIN_VERSION 1
#define ORIGIN_SIZE 76
#define ORIGIN_CRC_AT (ORIGIN_SIZE - 4)
#define LOG_SIZE_MAX ((size_t)64 << 10)

static void origin_path(const char *folder, char *out, size_t size)
{
    snprintf(out, size, "%s/origin", folder);
}

bool snapshot_origin_write(const char *folder, const struct snapshot_origin *origin,
                           struct err *err)
{
    uint8_t bytes[ORIGIN_SIZE];
    store_be32(bytes, ORIGIN_MAGIC);
    store_be32(bytes + 4, ORIGIN_VERSION);
    store_be32(bytes + 8, origin->log_size);
    store_be32(bytes + 12, origin->log_crc);
    store_be64(bytes + 16, origin->series_count);
    store_be64(bytes + 24, origin->chunks_end);
    store_be64(bytes + 32, origin->chunk_count);
    store_be64(bytes + 40, origin->chunk_digest);
    store_be64(bytes + 48, origin->last_ref);
    store_be64(bytes + 56, (uint64_t)origin->min_valid_ms);
    store_be64(bytes + 64, origin->note_count);
    store_be32(bytes + ORIGIN_CRC_AT, crc32c(bytes, ORIGIN_CRC_AT));
    char path[4096];
    origin_path(folder, path, sizeof path);
    return file_write_whole(path, (struct str){(const char *)bytes, sizeof bytes}, err);
}

bool snapshot_origin_read(const char *folder, bool *ret_is_there,
                          struct snapshot_origin *ret_origin, struct err *err)
{
    char path[4096];
    origin_path(folder, path, sizeof path);
    AUTO(buf_done) struct buf content = {0};
    *ret_is_there = file_read(path, 2 * ORIGIN_SIZE, &content, err);
    if (!*ret_is_there) {
        bool nothing = err->kind == ERR_NOT_FOUND;
        if (nothing)
            err_clear(err);
        return nothing;
    }
    const uint8_t *bytes = (const uint8_t *)content.ptr;
    if (content.len != ORIGIN_SIZE || load_be32(bytes) != ORIGIN_MAGIC ||
        load_be32(bytes + 4) != ORIGIN_VERSION ||
        load_be32(bytes + ORIGIN_CRC_AT) != crc32c(bytes, ORIGIN_CRC_AT))
        return err_set(err, ERR_CORRUPT, "%s: damaged", path);
    *ret_origin = (struct snapshot_origin){
        .log_size = load_be32(bytes + 8),
        .log_crc = load_be32(bytes + 12),
        .series_count = load_be64(bytes + 16),
        .chunks_end = load_be64(bytes + 24),
        .chunk_count = load_be64(bytes + 32),
        .chunk_digest = load_be64(bytes + 40),
        .last_ref = load_be64(bytes + 48),
        .min_valid_ms = (int64_t)load_be64(bytes + 56),
        .note_count = load_be64(bytes + 64),
    };
    return true;
}

/* The place, or the end of the last segment before it that has any bytes. */
static bool log_place(const char *folder, struct snapshot_place place,
                      struct snapshot_place *ret_place, struct err *err)
{
    AUTO(wal_listing_done) struct wal_listing listing = {0};
    *ret_place = place;
    if (place.offset > 0)
        return true;
    if (!wal_folder_list(folder, &listing, err))
        return false;
    for (size_t i = listing.count; i-- > 0;) {
        char path[4096];
        struct stat st;
        wal_folder_segment_path(folder, listing.segments[i], path, sizeof path);
        if (listing.segments[i] >= place.segment || stat(path, &st) != 0 || st.st_size == 0)
            continue;
        *ret_place = (struct snapshot_place){listing.segments[i], (uint64_t)st.st_size};
        return true;
    }
    return true;
}

/* Exactly so many bytes; false: errno says why, 0: the file is shorter. */
static bool read_at(const char *path, uint8_t *bytes, size_t size, uint64_t offset)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t done = 0;
    ssize_t got = 1;
    while (done < size && got > 0) {
        got = pread(fd, bytes + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            done += (size_t)got;
    }
    int error = got < 0 ? errno : 0;
    close(fd);
    errno = error;
    return done == size;
}

bool snapshot_origin_note_log(struct snapshot_origin *origin, const char *folder,
                              struct snapshot_place place, struct err *err)
{
    struct snapshot_place end;
    if (!log_place(folder, place, &end, err))
        return false;
    size_t size = end.offset < LOG_SIZE_MAX ? (size_t)end.offset : LOG_SIZE_MAX;
    AUTO(free) void *bytes = mem_new_array(uint8_t, LOG_SIZE_MAX);
    char path[4096];
    wal_folder_segment_path(folder, end.segment, path, sizeof path);
    if (size > 0 && !read_at(path, bytes, size, end.offset - size))
        return err_set(err, ERR_IO, "%s: cannot read: %s", path,
                       errno ? strerror(errno) : "it is too short");
    origin->log_size = (uint32_t)size;
    origin->log_crc = crc32c(bytes, size);
    return true;
}

/* Where the chunk is in files; 0: it is in none. */
static uint64_t chunk_place(const struct live_chunk *chunk)
{
    return chunk->file ? head_chunk_file_place(chunk->file, chunk->data) : 0;
}

static void origin_count(struct snapshot_origin *origin, const struct live_series *series,
                         const struct live_chunk *chunk, uint64_t place)
{
    origin->chunk_count++;
    origin->chunk_digest += hash_mix(hash_mix(series->ref, place), chunk->size);
}

void snapshot_origin_add_chunks(struct snapshot_origin *origin, const struct live_series *series)
{
    for (uint32_t i = 0; i < series->chunk_count; i++) {
        uint64_t place = chunk_place(&series->chunks[i]);
        origin->chunks_end = place > origin->chunks_end ? place : origin->chunks_end;
        if (place > 0)
            origin_count(origin, series, &series->chunks[i], place);
    }
}

void snapshot_origin_note_chunks(struct snapshot_origin *origin, const struct head_index *index)
{
    origin->chunk_count = origin->chunk_digest = 0;
    for (size_t i = 0; i < index->count; i++) {
        const struct live_series *series = index->series[i];
        for (uint32_t k = 0; k < series->chunk_count && !series->dead; k++) {
            uint64_t place = chunk_place(&series->chunks[k]);
            if (place > 0 && place <= origin->chunks_end)
                origin_count(origin, series, &series->chunks[k], place);
        }
    }
}
