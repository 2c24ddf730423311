/*
 * A block's folder:
 *
 *     meta.json   what it is             tombstones  what was deleted from it
 *     index       its series             chunks/000001 ...  their samples
 *
 * A chunk segment:
 *
 *     magic u32 0x85BD40DD | version u8 1 | 3 zero bytes | chunk ...
 *     chunk: length uvarint | encoding u8 | data | crc32c u32 of encoding and data
 *
 * A chunk's reference is its segment's place in the sorted folder << 32 | its offset in the file.
 */
#include "storage/block.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file_map.h"
#include "base/mem.h"
#include "storage/checksum.h"
#include "storage/chunk.h"

#define SEGMENT_MAGIC 0x85BD40DDu
#define SEGMENT_HEADER_SIZE 8
#define SEGMENT_COUNT_MAX 65536
#define LOST_WAIT_MAX_MS 60000

struct segment {
    char *path;
    struct file_map map;
};

struct block {
    _Atomic size_t refs;
    char *dir;
    struct block_meta meta;
    struct file_map index_map;
    struct index *index;
    struct segment *segments;
    size_t segment_count;
    size_t segment_cap;
    struct tombstones *tombstones;
    struct stat tombstones_stat; /* st_ino 0: there were none */
    struct stat meta_stat;
    int64_t lost_wait_ms; /* what was lost is tried again so long behind the last time, */
    int64_t lost_next_ns; /* then; of who looks if the block is outdated */
};

static bool segment_check(const struct segment *segment, struct err *err)
{
    uint8_t header[SEGMENT_HEADER_SIZE] = {0};
    if (segment->map.size >= sizeof header)
        memcpy(header, segment->map.bytes, sizeof header);
    if (!file_map_check(segment->map.bytes, sizeof header, err))
        return false;
    if (load_be32(header) != SEGMENT_MAGIC)
        return err_set(err, ERR_CORRUPT, "%s: offset 0: not a chunk segment", segment->path);
    if (header[4] != 1)
        return err_set(err, ERR_CORRUPT, "%s: offset 4: unknown version %u", segment->path,
                       header[4]);
    return true;
}

static bool segment_add(struct block *block, const char *dir, const char *name, struct err *err)
{
    AUTO(buf_done) struct buf path = {0};
    buf_printf(&path, "%s/%s", dir, name);
    struct segment segment = {0};
    if (!file_map_open(buf_terminated(&path), &segment.map, err))
        return false;
    segment.path = mem_strdup(buf_terminated(&path));
    mem_grow(block->segments, struct segment, block->segment_count, &block->segment_cap);
    block->segments[block->segment_count++] = segment;

    return segment_check(&segment, err);
}

static int segment_is_file(const struct dirent *entry)
{
    size_t len = strspn(entry->d_name, "0123456789");
    return len > 0 && entry->d_name[len] == '\0';
}

static int segment_order(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool block_open_segments(struct block *block, struct err *err)
{
    AUTO(buf_done) struct buf dir = {0};
    buf_printf(&dir, "%s/chunks", block->dir);
    struct dirent **names = NULL;
    int count = scandir(buf_terminated(&dir), &names, segment_is_file, segment_order);
    if (count < 0)
        return err_set(err, ERR_IO, "%s: cannot list: %s", buf_terminated(&dir), strerror(errno));
    bool ok = count <= SEGMENT_COUNT_MAX || err_set(err, ERR_LIMIT, "%s: more than %d segments",
                                                    buf_terminated(&dir), SEGMENT_COUNT_MAX);
    for (int i = 0; i < count; i++) {
        ok = ok && segment_add(block, buf_terminated(&dir), names[i]->d_name, err);
        free(names[i]);
    }
    free(names);
    return ok;
}

static bool block_open_index(struct block *block, struct err *err)
{
    AUTO(buf_done) struct buf path = {0};
    buf_printf(&path, "%s/index", block->dir);
    if (!file_map_open(buf_terminated(&path), &block->index_map, err))
        return false;
    bool good = index_open(block->index_map.bytes, block->index_map.size, &block->index, err);
    file_map_forget(&block->index_map);
    return block_index_end(block, good, err);
}

static void block_stat(const struct block *block, const char *name, struct stat *ret_stat)
{
    AUTO(buf_done) struct buf path = {0};
    buf_printf(&path, "%s/%s", block->dir, name);
    if (stat(buf_terminated(&path), ret_stat) != 0)
        *ret_stat = (struct stat){0};
}

static bool block_open_tombstones(struct block *block, struct err *err)
{
    AUTO(buf_done) struct buf path = {0};
    buf_printf(&path, "%s/tombstones", block->dir);
    block_stat(block, "tombstones", &block->tombstones_stat);
    return tombstones_open(buf_terminated(&path), &block->tombstones, err);
}

bool block_open(const char *dir, struct block **ret_block, struct err *err)
{
    AUTO(block_unref) struct block *block = mem_new(struct block);
    atomic_init(&block->refs, 1);
    block->dir = mem_strdup(dir);
    block_stat(block, "meta.json", &block->meta_stat);
    if (!block_meta_read(dir, &block->meta, err) || !block_open_segments(block, err) ||
        !block_open_index(block, err) || !block_open_tombstones(block, err))
        return false;
    *ret_block = TAKE(block);
    return true;
}

struct block *block_ref(struct block *block)
{
    atomic_fetch_add(&block->refs, 1);
    return block;
}

void block_unref(struct block *block)
{
    if (!block)
        return;
    size_t before = atomic_fetch_sub(&block->refs, 1);
    assert(before > 0);
    if (before > 1)
        return;
    tombstones_close(block->tombstones);
    index_close(block->index);
    file_map_close(&block->index_map);
    for (size_t i = 0; i < block->segment_count; i++) {
        file_map_close(&block->segments[i].map);
        free(block->segments[i].path);
    }
    free(block->segments);
    block_meta_done(&block->meta);
    free(block->dir);
    free(block);
}

const char *block_dir(const struct block *block)
{
    return block->dir;
}

const struct block_meta *block_meta(const struct block *block)
{
    return &block->meta;
}

const struct index *block_index(const struct block *block)
{
    return block->index;
}

const struct tombstones *block_tombstones(const struct block *block)
{
    return block->tombstones;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool block_file_is_outdated(const struct block *block, const char *name,
                                   const struct stat *then)
{
    struct stat now;
    block_stat(block, name, &now);
    return now.st_ino != 0 /* the block is being deleted, or never had any */ &&
           !is_same_file(&now, then);
}

static bool block_is_lost(const struct block *block)
{
    bool lost = file_map_is_lost(&block->index_map);
    for (size_t i = 0; i < block->segment_count && !lost; i++)
        lost = file_map_is_lost(&block->segments[i].map);
    return lost;
}

/* May all that was lost be there in a map made anew? */
static bool block_is_back(struct block *block)
{
    int64_t now_ns = clock_monotonic_ns();
    if (!block_is_lost(block) || now_ns < block->lost_next_ns)
        return false;
    block->lost_wait_ms =
        block->lost_wait_ms < LOST_WAIT_MAX_MS / 2 ? 2 * block->lost_wait_ms + 1 : LOST_WAIT_MAX_MS;
    block->lost_next_ns = clock_deadline_ns(now_ns, block->lost_wait_ms);
    bool back = !file_map_is_lost(&block->index_map) || file_map_is_back(&block->index_map);
    for (size_t i = 0; i < block->segment_count && back; i++) {
        const struct file_map *map = &block->segments[i].map;
        back = !file_map_is_lost(map) || file_map_is_back(map);
    }
    return back;
}

bool block_is_outdated(struct block *block)
{
    return block_file_is_outdated(block, "tombstones", &block->tombstones_stat) ||
           block_file_is_outdated(block, "meta.json", &block->meta_stat) || block_is_back(block);
}

bool block_check_tombstones(const struct block *block, struct err *err)
{
    AUTO(buf_done) struct buf path = {0};
    buf_printf(&path, "%s/tombstones", block->dir);
    struct stat now;
    if (stat(buf_terminated(&path), &now) != 0) {
        if (errno == ENOENT && block->tombstones_stat.st_ino == 0)
            return true; /* there never were any */
        return err_set(err, ERR_IO, "%s: cannot look: %s", path.ptr, strerror(errno));
    }
    return is_same_file(&now, &block->tombstones_stat) ||
           err_set(err, ERR_IO, "%s: what is deleted cannot be read at the moment", path.ptr);
}

uint64_t block_size_bytes(const struct block *block)
{
    uint64_t size = block->index_map.size + (uint64_t)block->tombstones_stat.st_size +
                    (uint64_t)block->meta_stat.st_size;
    for (size_t i = 0; i < block->segment_count; i++)
        size += block->segments[i].map.size;
    return size;
}

bool block_index_end(const struct block *block, bool good, struct err *err)
{
    if (!file_map_check(block->index_map.bytes, block->index_map.size, err))
        return false;
    if (!good && err->kind == ERR_CORRUPT)
        err_wrap(err, "%s/index", block->dir);
    return good;
}

void block_forget(const struct block *block)
{
    file_map_forget(&block->index_map);
    for (size_t i = 0; i < block->segment_count; i++)
        file_map_forget(&block->segments[i].map);
}

static void block_enter(uint64_t *window, uint64_t offset, _Atomic size_t *entered)
{
    uint64_t now = offset / BLOCK_WINDOW_SIZE + 1;
    if (LIKELY(*window == now))
        return;
    *window = now;
    atomic_fetch_add_explicit(entered, 1, memory_order_relaxed);
}

void block_enter_series(const struct block *block, struct block_windows *windows, uint32_t id)
{
    block_enter(&windows->index, index_series_offset(block->index, id), windows->entered);
}

static const struct segment *block_segment(const struct block *block, uint64_t ref)
{
    uint64_t number = ref >> 32;
    return number < block->segment_count ? &block->segments[number] : NULL;
}

static bool segment_may_have(const struct segment *segment, uint64_t offset)
{
    return offset >= SEGMENT_HEADER_SIZE && offset < segment->map.size;
}

bool block_chunk(const struct block *block, struct block_windows *windows, uint64_t ref,
                 struct chunk_bytes *ret_chunk, struct err *err)
{
    const struct segment *segment = block_segment(block, ref);
    uint64_t offset = ref & UINT32_MAX;
    if (!segment)
        return err_set(err, ERR_CORRUPT, "%s/chunks: no segment %llu", block->dir,
                       (unsigned long long)(ref >> 32) + 1);
    if (!segment_may_have(segment, offset))
        return err_set(err, ERR_CORRUPT, "%s: offset %llu: no place for a chunk", segment->path,
                       (unsigned long long)offset);
    block_enter(&windows->chunks, ref, windows->entered);

    const uint8_t *begin = segment->map.bytes + offset;
    struct bytes_reader r = bytes_reader_of(begin, segment->map.size - offset);
    uint64_t size = read_uvarint(&r);
    const uint8_t *bytes = size < segment->map.size ? read_bytes(&r, size + 1) : NULL;
    uint32_t crc = read_be32(&r);
    bool whole = bytes && !r.failed;
    bool good = whole && checksum_matches(bytes, size + 1, crc);
    if (!good && !file_map_check(begin, (size_t)(r.at - begin), err))
        return false;
    if (!whole)
        return err_set(err, ERR_CORRUPT, "%s: offset %llu: chunk runs over the end", segment->path,
                       (unsigned long long)offset);
    if (!good)
        return err_set(err, ERR_CORRUPT, "%s: offset %llu: checksum of a chunk does not match",
                       segment->path, (unsigned long long)offset);
    *ret_chunk = (struct chunk_bytes){.data = bytes + 1, .size = size, .encoding = bytes[0]};
    return true;
}

bool block_chunk_is_float(const struct block *block, struct block_windows *windows, uint64_t ref)
{
    const struct segment *segment = block_segment(block, ref);
    uint64_t offset = ref & UINT32_MAX;
    if (!segment || !segment_may_have(segment, offset))
        return false;
    block_enter(&windows->chunks, ref, windows->entered);
    struct bytes_reader r =
        bytes_reader_of(segment->map.bytes + offset, segment->map.size - offset);
    read_uvarint(&r);
    const uint8_t *encoding = read_bytes(&r, 1);
    return encoding && !r.failed && chunk_encoding_is_float(*encoding);
}
