/*
 * Files and chunks are drawn in head_chunks.c. A file is mapped once, when it is begun, as long as
 * it may become; what was written through its descriptor is there in the map.
 */
#include "storage/head_chunk_writer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/varint.h"

struct head_chunk_writer {
    char *folder;
    struct head_chunks *chunks;
    uint32_t next_number;
    int fd; /* -1: the next chunk begins a file */
    struct head_chunk_file *file;
    uint32_t number;
    size_t offset;
    bool torn;      /* there may be bytes behind it */
    bool unsynced;  /* a sync has failed: what it was for must be written again */
    bool next_left; /* the next file is there, made in vain and mapped by nobody */
    struct buf waiting;
};

struct head_chunk_writer *head_chunk_writer_create(const char *folder, struct head_chunks *chunks,
                                                   uint32_t next_number)
{
    struct head_chunk_writer *writer = mem_new(struct head_chunk_writer);
    writer->folder = mem_strdup(folder);
    writer->chunks = chunks;
    writer->next_number = next_number;
    writer->fd = -1;
    return writer;
}

static bool writer_cut_back(struct head_chunk_writer *writer)
{
    writer->torn = ftruncate(writer->fd, (off_t)writer->offset) != 0;
    return !writer->torn;
}

static void writer_close(struct head_chunk_writer *writer)
{
    if (writer->fd < 0)
        return;
    if (writer->torn)
        writer_cut_back(writer);
    fdatasync(writer->fd); /* the log has it all */
    close(writer->fd);
    writer->fd = -1;
}

void head_chunk_writer_destroy(struct head_chunk_writer *writer)
{
    if (!writer)
        return;
    writer_close(writer);
    buf_done(&writer->waiting);
    free(writer->folder);
    free(writer);
}

static bool writer_failed(const struct head_chunk_writer *writer, const char *deed, struct err *err)
{
    return err_set(err, ERR_IO, "%s/%06u: cannot %s: %s", writer->folder, writer->number, deed,
                   strerror(errno));
}

static bool writer_put(struct head_chunk_writer *writer, const char *bytes, size_t size,
                       struct err *err)
{
    if (!file_write_at(writer->fd, bytes, size, writer->offset)) {
        writer_failed(writer, "write", err);
        writer_cut_back(writer);
        return false;
    }
    writer->offset += size;
    return true;
}

static void writer_path(const struct head_chunk_writer *writer, char *out, size_t size)
{
    snprintf(out, size, "%s/%06u", writer->folder, writer->number);
}

/* Behind a sync that has failed: from the pages that the kernel still has, if it has them all. */
static bool writer_write_again(const struct head_chunk_writer *writer, struct err *err)
{
    char path[4096];
    writer_path(writer, path, sizeof path);
    if (!head_chunk_file_is_whole(writer->file, writer->offset))
        return err_set(err, ERR_IO, "%s: what was not synced is gone", path);
    return file_write_again(path, err);
}

/*
 * No file comes behind one that is not on the disk: where a loss of power takes chunks from the
 * midst of a series, samples of their time are not taken from the log, for a newer one is there.
 */
static bool writer_finish_file(struct head_chunk_writer *writer, struct err *err)
{
    if (writer->torn && !writer_cut_back(writer))
        return writer_failed(writer, "cut back", err);
    if (writer->unsynced && !writer_write_again(writer, err))
        return false;
    writer->unsynced = fdatasync(writer->fd) != 0;
    if (writer->unsynced)
        return writer_failed(writer, "sync", err);
    writer_close(writer);
    return true;
}

/* The file is opened, but none of the writer's yet. */
static bool writer_begin_file(struct head_chunk_writer *writer, struct err *err)
{
    writer->offset = 0;
    writer->torn = false;
    char header[HEAD_CHUNK_FILE_HEADER_SIZE] = {0};
    store_be32((uint8_t *)header, HEAD_CHUNK_FILE_MAGIC);
    header[4] = HEAD_CHUNK_FILE_VERSION;
    return writer_put(writer, header, sizeof header, err) &&
           head_chunks_add_file(writer->chunks, writer->number, writer->fd, &writer->file, err);
}

static bool writer_open_file(struct head_chunk_writer *writer, struct err *err)
{
    if (!file_make_folder(writer->folder, err))
        return false;
    char path[4096];
    writer->number = writer->next_number;
    writer_path(writer, path, sizeof path);
    int once = writer->next_left ? O_TRUNC : O_EXCL;
    writer->fd = open(path, O_RDWR | O_CREAT | once | O_CLOEXEC, 0666);
    if (writer->fd < 0)
        return writer_failed(writer, "create", err);
    if (!file_sync_folder(writer->folder, err) || !writer_begin_file(writer, err)) {
        close(writer->fd);
        writer->fd = -1;
        writer->next_left = unlink(path) != 0;
        return false;
    }
    writer->next_left = false;
    writer->next_number++;
    return true;
}

size_t head_chunk_size(size_t size)
{
    return HEAD_CHUNK_FIXED_SIZE + VARINT_SIZE_MAX + size + HEAD_CHUNK_CRC_SIZE;
}

bool head_chunk_writer_begin(struct head_chunk_writer *writer, size_t size, struct err *err)
{
    assert(writer->waiting.len == 0);
    assert(size <= HEAD_CHUNK_FILE_SIZE_MAX - HEAD_CHUNK_FILE_HEADER_SIZE);
    if (writer->fd >= 0 && writer->offset + size > HEAD_CHUNK_FILE_SIZE_MAX &&
        !writer_finish_file(writer, err))
        return false;
    if (writer->fd < 0)
        return writer_open_file(writer, err);
    return !writer->torn || writer_cut_back(writer) || writer_failed(writer, "cut back", err);
}

void head_chunk_writer_add(struct head_chunk_writer *writer, struct head_chunk *chunk,
                           const uint8_t *data)
{
    struct buf *out = &writer->waiting;
    size_t begin = out->len;
    uint8_t *at = (uint8_t *)buf_reserve(out, head_chunk_size(chunk->size));
    store_be64(at, chunk->series_ref);
    store_be64(at + 8, (uint64_t)chunk->begin_ms);
    store_be64(at + 16, (uint64_t)chunk->end_ms);
    at[24] = (uint8_t)(chunk->encoding | (chunk->out_of_order ? HEAD_CHUNK_OUT_OF_ORDER : 0));
    size_t header = HEAD_CHUNK_FIXED_SIZE;
    header += write_uvarint(at + header, chunk->size);
    memcpy(at + header, data, chunk->size);
    size_t checked = header + chunk->size;
    store_be32(at + checked, crc32c(at, checked));
    out->len += checked + HEAD_CHUNK_CRC_SIZE;

    chunk->file = writer->file;
    chunk->place = (uint32_t)(writer->offset + begin);
    chunk->data = (uint32_t)(writer->offset + begin + header);
}

bool head_chunk_writer_flush(struct head_chunk_writer *writer, struct err *err)
{
    bool good = writer->waiting.len == 0 ||
                writer_put(writer, writer->waiting.ptr, writer->waiting.len, err);
    buf_clear(&writer->waiting);
    return good;
}

void head_chunk_writer_cut(struct head_chunk_writer *writer)
{
    struct err sync_err = {0};
    if (writer->fd >= 0 && writer->offset > HEAD_CHUNK_FILE_HEADER_SIZE &&
        !writer_finish_file(writer, &sync_err))
        err_clear(&sync_err); /* it goes on in this one */
}

uint32_t head_chunk_writer_number(const struct head_chunk_writer *writer)
{
    return writer->fd >= 0 ? writer->number : writer->next_number;
}
