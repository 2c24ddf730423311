/*
 * A file of head chunks, named by its number (000001, ...):
 *
 *     magic u32 | version u8 | 3 zero bytes | chunk ... | zeros, where it was made larger ahead
 *
 *     chunk: series ref u64 | begin ms u64 | end ms u64 | encoding u8 | size uvarint | data
 *            | crc32c of all before u32
 *     encoding: bit 7 marks a chunk of out-of-order samples
 *
 * New chunks are read and checked through pread, and only then looked at through the map: a file
 * may be cut behind the last chunk when Prometheus closes it, and a mapped page that is gone reads
 * as zeros and is noted as lost. The map is as long as the largest file, so that it need not move
 * while the file grows; nothing behind the last good chunk is ever touched in it.
 *
 * Torn or damaged? Chunks are written front to back, so a chunk that does not check in the newest
 * file is half written when only zeros follow it, and damaged when something else does.
 */
#include "storage/head_chunks.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "base/file_map.h"
#include "base/mem.h"
#include "base/varint.h"

#define CHUNK_HEADER_MAX (HEAD_CHUNK_FIXED_SIZE + 5)
#define WINDOW_SIZE ((size_t)256 << 10)

struct head_chunk_file {
    _Atomic size_t refs;
    uint32_t number;
    struct file_map map;
};

/* A file in the folder. */
struct chunks_entry {
    uint32_t number;
    int fd;
    dev_t device;
    ino_t inode;
    struct head_chunk_file *file; /* NULL: nothing of it was read yet */
    size_t offset;                /* behind the last good chunk */
    size_t size;                  /* when it was last asked */
    bool listed;
};

struct head_chunks {
    char *folder;
    struct chunks_entry *entries; /* by number */
    size_t count, cap;
    size_t at;    /* entry in work, since the last look */
    bool dropped; /* behind a damage in the file numbered: */
    uint32_t dropped_number;
    uint64_t damages; /* that were not asked for yet */
    uint64_t newest;

    struct buf window; /* of the entry in work, from window_begin on */
    size_t window_begin;
};

void head_chunk_file_ref(struct head_chunk_file *file)
{
    atomic_fetch_add(&file->refs, 1);
}

void head_chunk_file_unref(struct head_chunk_file *file)
{
    if (!file)
        return;
    size_t before = atomic_fetch_sub(&file->refs, 1);
    assert(before > 0);
    if (before > 1)
        return;
    file_map_close(&file->map);
    free(file);
}

static void chunks_path(const struct head_chunks *chunks, uint32_t number, char *out, size_t size)
{
    snprintf(out, size, "%s/%06u", chunks->folder, number);
}

/* NULL: errno says why. */
static struct head_chunk_file *head_chunk_file_map(const struct head_chunks *chunks, int fd,
                                                   uint32_t number)
{
    char path[4096];
    struct file_map map;
    chunks_path(chunks, number, path, sizeof path);
    if (!file_map_open_fd(fd, path, HEAD_CHUNK_FILE_SIZE_MAX, &map))
        return NULL;
    struct head_chunk_file *file = mem_new(struct head_chunk_file);
    atomic_init(&file->refs, 1);
    file->number = number;
    file->map = map;
    return file;
}

const uint8_t *head_chunk_bytes(const struct head_chunk *chunk)
{
    return chunk->file->map.bytes + chunk->data;
}

bool head_chunk_check(const uint8_t *data, size_t size, struct err *err)
{
    uint8_t size_bytes[VARINT_SIZE_MAX];
    size_t header = HEAD_CHUNK_FIXED_SIZE + write_uvarint(size_bytes, size);
    const uint8_t *begin = data - header;
    if (LIKELY(crc32c(begin, header + size) == load_be32(data + size)))
        return true;
    return file_map_check(begin, header + size + HEAD_CHUNK_CRC_SIZE, err) &&
           file_map_corrupt(begin, "checksum of a chunk does not match", err);
}

uint64_t head_chunks_newest(const struct head_chunks *chunks)
{
    return chunks->newest;
}

struct head_chunks *head_chunks_create(const char *folder)
{
    struct head_chunks *chunks = mem_new(struct head_chunks);
    chunks->folder = mem_strdup(folder);
    return chunks;
}

static void chunks_entry_done(struct chunks_entry *entry)
{
    if (entry->fd >= 0)
        close(entry->fd);
    entry->fd = -1;
    head_chunk_file_unref(TAKE(entry->file));
}

void head_chunks_destroy(struct head_chunks *chunks)
{
    if (!chunks)
        return;
    for (size_t i = 0; i < chunks->count; i++)
        chunks_entry_done(&chunks->entries[i]);
    free(chunks->entries);
    free(chunks->folder);
    buf_done(&chunks->window);
    free(chunks);
}

/* Takes a file that is listed: known already, new, or another one under a known number. */
static void chunks_take(struct head_chunks *chunks, uint32_t number, const struct stat *st)
{
    size_t at = 0;
    while (at < chunks->count && chunks->entries[at].number < number)
        at++;
    struct chunks_entry *entry = at < chunks->count ? &chunks->entries[at] : NULL;
    if (entry && entry->number == number) {
        if (entry->device == st->st_dev && entry->inode == st->st_ino) {
            entry->listed = true;
            return;
        }
        chunks_entry_done(entry);
    } else {
        mem_grow(chunks->entries, struct chunks_entry, chunks->count, &chunks->cap);
        entry = &chunks->entries[at];
        memmove(entry + 1, entry, (chunks->count - at) * sizeof *entry);
        chunks->count++;
    }
    *entry = (struct chunks_entry){
        .number = number,
        .fd = -1,
        .device = st->st_dev,
        .inode = st->st_ino,
        .listed = true,
    };
}

static bool chunks_file_number(const char *name, uint32_t *ret_number)
{
    uint64_t number = 0;
    if (!*name)
        return false;
    for (; *name; name++) {
        if (*name < '0' || *name > '9')
            return false;
        number = number * 10 + (uint64_t)(*name - '0');
        if (number >= UINT32_MAX)
            return false;
    }
    *ret_number = (uint32_t)number;
    return true;
}

/* What is not listed any more is closed; its chunks stay as long as they are referenced. */
static void chunks_forget_unlisted(struct head_chunks *chunks)
{
    size_t kept = 0;
    for (size_t i = 0; i < chunks->count; i++) {
        if (chunks->entries[i].listed)
            chunks->entries[kept++] = chunks->entries[i];
        else
            chunks_entry_done(&chunks->entries[i]);
    }
    chunks->count = kept;
}

/* False: it is there, or may be, and nothing is known of it. */
static bool chunks_take_name(struct head_chunks *chunks, const char *name, struct err *err)
{
    uint32_t number;
    struct stat st;
    char path[4096];
    if (!chunks_file_number(name, &number))
        return true;
    snprintf(path, sizeof path, "%s/%s", chunks->folder, name);
    if (stat(path, &st) != 0)
        return errno == ENOENT ||
               err_set(err, ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    if (S_ISREG(st.st_mode))
        chunks_take(chunks, number, &st);
    return true;
}

static bool chunks_list(struct head_chunks *chunks, struct err *err)
{
    AUTO(file_names_done) struct file_names names = {0};
    if (!file_names_read(chunks->folder, &names, err) && err->kind != ERR_NOT_FOUND)
        return false;
    err_clear(err);
    for (size_t i = 0; i < names.count; i++)
        if (!chunks_take_name(chunks, names.items[i], err))
            return false;
    return true;
}

bool head_chunks_look(struct head_chunks *chunks, struct err *err)
{
    chunks->at = 0;
    buf_clear(&chunks->window);
    for (size_t i = 0; i < chunks->count; i++)
        chunks->entries[i].listed = false;
    if (!chunks_list(chunks, err))
        return false;
    chunks_forget_unlisted(chunks);

    bool damaged_is_there = false;
    for (size_t i = 0; i < chunks->count; i++)
        damaged_is_there |= chunks->entries[i].number == chunks->dropped_number;
    if (!damaged_is_there)
        chunks->dropped = false;
    return true;
}

static enum tail_read chunks_io(struct head_chunks *chunks, const struct chunks_entry *entry,
                                const char *what, struct err *err)
{
    err_set(err, ERR_IO, "%s/%06u: %s", chunks->folder, entry->number, what);
    return TAIL_ERR;
}

static enum tail_read chunks_corrupt(struct head_chunks *chunks, const struct chunks_entry *entry,
                                     const char *what, struct err *err)
{
    chunks->dropped = true;
    chunks->dropped_number = entry->number;
    chunks->damages++;
    err_set(err, ERR_CORRUPT, "%s/%06u: offset %zu: %s", chunks->folder, entry->number,
            entry->offset, what);
    return TAIL_ERR;
}

uint64_t head_chunks_take_damages(struct head_chunks *chunks)
{
    uint64_t damages = chunks->damages;
    chunks->damages = 0;
    return damages;
}

/* [entry->offset, + len) in the window. TAIL_END: the file does not reach so far. */
static enum tail_read chunks_fill(struct head_chunks *chunks, const struct chunks_entry *entry,
                                  size_t len, const uint8_t **ret_bytes, struct err *err)
{
    if (entry->size - entry->offset < len)
        return TAIL_END;
    struct buf *window = &chunks->window;
    size_t end = chunks->window_begin + window->len;
    if (entry->offset < chunks->window_begin || entry->offset + len > end) {
        size_t want = len > WINDOW_SIZE ? len : WINDOW_SIZE;
        if (entry->size - entry->offset < want)
            want = entry->size - entry->offset;
        buf_clear(window);
        buf_reserve(window, want);
        chunks->window_begin = entry->offset;
        while (window->len < want) {
            ssize_t got = pread(entry->fd, window->ptr + window->len, want - window->len,
                                (off_t)(entry->offset + window->len));
            if (got < 0 && errno == EINTR)
                continue;
            if (got < 0)
                return chunks_io(chunks, entry, "cannot read", err);
            if (got == 0)
                break; /* cut since its size was asked */
            window->len += (size_t)got;
        }
        if (window->len < len)
            return TAIL_END;
    }
    *ret_bytes = (const uint8_t *)window->ptr + (entry->offset - chunks->window_begin);
    return TAIL_ITEM;
}

/* Has the file anything but zeros from `at` on? What looks at it again asks the file anew. */
static bool chunks_written_behind(const struct chunks_entry *entry, size_t at)
{
    uint8_t piece[4096];
    while (at < entry->size) {
        size_t want = entry->size - at < sizeof piece ? entry->size - at : sizeof piece;
        ssize_t got = pread(entry->fd, piece, want, (off_t)at);
        if (got <= 0)
            return false;
        for (ssize_t i = 0; i < got; i++)
            if (piece[i] != 0)
                return true;
        at += (size_t)got;
    }
    return false;
}

/* The chunk at entry->offset does not check; `len` bytes of it were there. */
static enum tail_read chunks_broken(struct head_chunks *chunks, const struct chunks_entry *entry,
                                    size_t len, const char *what, struct err *err)
{
    bool newest = entry == &chunks->entries[chunks->count - 1];
    buf_clear(&chunks->window);
    if (newest && !chunks_written_behind(entry, entry->offset + len))
        return TAIL_END;
    return chunks_corrupt(chunks, entry, what, err);
}

struct chunk_span {
    size_t header; /* bytes before the data */
    size_t whole;
};

/* How long the chunk is that begins with these bytes; false: longer than any, or told at length. */
static bool chunk_span_of(const uint8_t *bytes, size_t size, struct chunk_span *ret_span)
{
    struct bytes_reader r =
        bytes_reader_of(bytes + HEAD_CHUNK_FIXED_SIZE, size - HEAD_CHUNK_FIXED_SIZE);
    uint64_t data_size = read_uvarint(&r);
    if (r.failed || data_size > HEAD_CHUNK_SIZE_MAX)
        return false;
    uint8_t shortest[VARINT_SIZE_MAX];
    ret_span->header = (size_t)(r.at - bytes);
    if (ret_span->header != HEAD_CHUNK_FIXED_SIZE + write_uvarint(shortest, data_size))
        return false;
    ret_span->whole = ret_span->header + (size_t)data_size + HEAD_CHUNK_CRC_SIZE;
    return true;
}

static bool bytes_are_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* The chunk at entry->offset. TAIL_END: the entry has no more now. */
static enum tail_read chunks_parse(struct head_chunks *chunks, struct chunks_entry *entry,
                                   struct head_chunk *ret_chunk, struct err *err)
{
    size_t left = entry->size - entry->offset;
    size_t header = left < CHUNK_HEADER_MAX ? left : CHUNK_HEADER_MAX;
    const uint8_t *bytes;
    if (left == 0)
        return TAIL_END;
    enum tail_read got = chunks_fill(chunks, entry, header, &bytes, err);
    if (got != TAIL_ITEM)
        return got;
    if (bytes_are_zero(bytes, header < 24 ? header : 24))
        return TAIL_END;
    if (header < CHUNK_HEADER_MAX)
        return chunks_broken(chunks, entry, header, "a chunk breaks off", err);

    struct chunk_span span;
    if (!chunk_span_of(bytes, header, &span))
        return chunks_broken(chunks, entry, header, "a chunk beyond the size limit", err);
    got = chunks_fill(chunks, entry, span.whole, &bytes, err);
    if (got == TAIL_END)
        return chunks_broken(chunks, entry, left, "a chunk breaks off", err);
    if (got != TAIL_ITEM)
        return got;
    size_t checked = span.whole - HEAD_CHUNK_CRC_SIZE;
    if (crc32c(bytes, checked) != load_be32(bytes + checked))
        return chunks_broken(chunks, entry, span.whole, "wrong checksum", err);

    *ret_chunk = (struct head_chunk){
        .series_ref = load_be64(bytes),
        .begin_ms = (int64_t)load_be64(bytes + 8),
        .end_ms = (int64_t)load_be64(bytes + 16),
        .file = entry->file,
        .place = (uint32_t)entry->offset,
        .data = (uint32_t)(entry->offset + span.header),
        .size = (uint32_t)(checked - span.header),
        .encoding = bytes[24] & (uint8_t)~HEAD_CHUNK_OUT_OF_ORDER,
        .out_of_order = bytes[24] & HEAD_CHUNK_OUT_OF_ORDER,
    };
    entry->offset += span.whole;
    return TAIL_ITEM;
}

/* Opens, checks the head of the file, maps it. TAIL_END: not begun yet, or gone again. */
static enum tail_read chunks_begin(struct head_chunks *chunks, struct chunks_entry *entry,
                                   struct err *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%06u", chunks->folder, entry->number);
    if (entry->fd < 0)
        entry->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (entry->fd < 0)
        return errno == ENOENT ? TAIL_END : chunks_io(chunks, entry, strerror(errno), err);

    uint8_t header[HEAD_CHUNK_FILE_HEADER_SIZE];
    ssize_t got = pread(entry->fd, header, sizeof header, 0);
    if (got < 0)
        return chunks_io(chunks, entry, "cannot read", err);
    bool newest = entry == &chunks->entries[chunks->count - 1];
    if (newest && (got < HEAD_CHUNK_FILE_HEADER_SIZE || bytes_are_zero(header, 4)))
        return TAIL_END;
    if (got < HEAD_CHUNK_FILE_HEADER_SIZE || load_be32(header) != HEAD_CHUNK_FILE_MAGIC ||
        header[4] != HEAD_CHUNK_FILE_VERSION)
        return chunks_corrupt(chunks, entry, "no head chunk file", err);

    entry->file = head_chunk_file_map(chunks, entry->fd, entry->number);
    if (!entry->file)
        return chunks_io(chunks, entry, "cannot map", err);
    entry->offset = HEAD_CHUNK_FILE_HEADER_SIZE;
    return TAIL_ITEM;
}

static enum tail_read chunks_entry_next(struct head_chunks *chunks, struct chunks_entry *entry,
                                        struct head_chunk *ret_chunk, struct err *err)
{
    if (!entry->file) {
        enum tail_read begun = chunks_begin(chunks, entry, err);
        if (begun != TAIL_ITEM)
            return begun;
    }
    if (entry->offset >= entry->size || chunks->window.len == 0) {
        struct stat st;
        if (fstat(entry->fd, &st) != 0)
            return chunks_io(chunks, entry, strerror(errno), err);
        entry->size = (size_t)st.st_size;
        if (entry->size > HEAD_CHUNK_FILE_SIZE_MAX)
            entry->size = HEAD_CHUNK_FILE_SIZE_MAX;
        if (entry->size < entry->offset)
            return TAIL_END;
    }
    return chunks_parse(chunks, entry, ret_chunk, err);
}

enum tail_read head_chunks_next(struct head_chunks *chunks, struct head_chunk *ret_chunk,
                                struct err *err)
{
    for (; chunks->at < chunks->count && !chunks->dropped; chunks->at++) {
        struct chunks_entry *entry = &chunks->entries[chunks->at];
        enum tail_read got = chunks_entry_next(chunks, entry, ret_chunk, err);
        if (got == TAIL_ITEM)
            chunks->newest = head_chunk_place(entry->number, ret_chunk->place);
        if (got != TAIL_END)
            return got;
        buf_clear(&chunks->window);
    }
    return TAIL_END;
}

uint64_t head_chunk_file_place(const struct head_chunk_file *file, const uint8_t *data)
{
    return head_chunk_place(file->number, (uint32_t)(data - file->map.bytes));
}

bool head_chunks_are_torn(const struct head_chunks *chunks)
{
    if (chunks->dropped || chunks->count == 0)
        return chunks->dropped;
    const struct chunks_entry *last = &chunks->entries[chunks->count - 1];
    return !last->file || chunks_written_behind(last, last->offset);
}

static bool chunks_remove(const struct head_chunks *chunks, struct chunks_entry *entry,
                          struct err *err)
{
    char path[4096];
    chunks_path(chunks, entry->number, path, sizeof path);
    if (unlink(path) != 0 && errno != ENOENT)
        return err_set(err, ERR_IO, "%s: cannot remove: %s", path, strerror(errno));
    chunks_entry_done(entry);
    return file_sync_folder(chunks->folder, err); /* so that a loss of power leaves no gap */
}

bool head_chunks_repair(struct head_chunks *chunks, uint32_t *ret_next, struct err *err)
{
    /* From the last on, so that a crash leaves no gap. */
    while (chunks->count > 0) {
        struct chunks_entry *last = &chunks->entries[chunks->count - 1];
        bool beyond = chunks->dropped && last->number > chunks->dropped_number;
        if (!beyond && last->file)
            break;
        if (!chunks_remove(chunks, last, err))
            return false;
        chunks->count--;
    }
    chunks->dropped = false;
    *ret_next = 1;
    if (chunks->count == 0)
        return true;
    const struct chunks_entry *last = &chunks->entries[chunks->count - 1];
    *ret_next = last->number + 1;
    char path[4096];
    chunks_path(chunks, last->number, path, sizeof path);
    return file_cut(path, last->offset, err);
}

bool head_chunks_write_last_again(struct head_chunks *chunks, struct err *err)
{
    char path[4096];
    if (chunks->count == 0)
        return true;
    chunks_path(chunks, chunks->entries[chunks->count - 1].number, path, sizeof path);
    return file_write_again(path, err);
}

bool head_chunk_file_is_whole(const struct head_chunk_file *file, size_t size)
{
    for (size_t at = HEAD_CHUNK_FILE_HEADER_SIZE; at < size;) {
        const uint8_t *bytes = file->map.bytes + at;
        struct chunk_span span;
        if (size - at < HEAD_CHUNK_FIXED_SIZE || !chunk_span_of(bytes, size - at, &span) ||
            size - at < span.whole)
            return false;
        size_t checked = span.whole - HEAD_CHUNK_CRC_SIZE;
        if (crc32c(bytes, checked) != load_be32(bytes + checked))
            return false;
        at += span.whole;
    }
    return true;
}

bool head_chunks_add_file(struct head_chunks *chunks, uint32_t number, int fd,
                          struct head_chunk_file **ret_file, struct err *err)
{
    assert(chunks->count == 0 || chunks->entries[chunks->count - 1].number < number);
    struct head_chunk_file *file = head_chunk_file_map(chunks, fd, number);
    if (!file)
        return err_set(err, ERR_IO, "%s/%06u: cannot map: %s", chunks->folder, number,
                       strerror(errno));
    mem_grow(chunks->entries, struct chunks_entry, chunks->count, &chunks->cap);
    chunks->entries[chunks->count++] =
        (struct chunks_entry){.number = number, .fd = -1, .file = file};
    *ret_file = file;
    return true;
}

bool head_chunks_remove_unused(struct head_chunks *chunks, uint32_t end, struct err *err)
{
    size_t gone = 0;
    bool good = true;
    for (; gone < chunks->count; gone++) {
        struct chunks_entry *entry = &chunks->entries[gone];
        bool used = entry->file && atomic_load(&entry->file->refs) > 1;
        if (used || entry->number >= end)
            break;
        good = chunks_remove(chunks, entry, err);
        if (!good)
            break;
    }
    chunks->count -= gone;
    if (gone > 0)
        memmove(chunks->entries, chunks->entries + gone, chunks->count * sizeof *chunks->entries);
    return good;
}
