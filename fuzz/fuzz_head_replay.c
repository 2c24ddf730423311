/*
 * Records as a head's log: each behind a byte that says whose it is (WAL, checkpoint, WBL, head
 * snapshot, head chunks) and one that is its length, with checksums that are right. What is read of
 * them does not depend on the number of threads, and its chunks decode or are refused.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/varint.h"
#include "model/histogram_samples.h"
#include "storage/chunk.h"
#include "storage/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD_CHUNKS 5
#define FULL_RECORD 1
#define SIZE_MAX_ALL 8192 /* one page of a log holds it all */

static const char *const dirs[] = {"wal", "wal/checkpoint.00000000", "wbl",
                                   "chunk_snapshot.000001.0000000000", "chunks_head"};
static const char *const files[] = {"wal/checkpoint.00000000/00000000",
                                    "wal/00000001",
                                    "wal/00000002",
                                    "wbl/00000000",
                                    "chunk_snapshot.000001.0000000000/00000000",
                                    "chunks_head/000001"};

static char folder[64];

static const char *path_of(const char *name)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void folder_remove(void)
{
    for (size_t i = 0; i < ARRAY_COUNT(files); i++)
        unlink(path_of(files[i]));
    for (size_t i = ARRAY_COUNT(dirs); i-- > 0;)
        rmdir(path_of(dirs[i]));
    rmdir(folder);
}

static void folder_make(void)
{
    snprintf(folder, sizeof folder, "/tmp/millrace-fuzz-XXXXXX");
    if (!mkdtemp(folder))
        abort();
    atexit(folder_remove);
}

static void write_file(const char *name, const struct buf *bytes)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, bytes->ptr, bytes->len) != (ssize_t)bytes->len)
        abort();
    close(fd);
}

static void add_be32(struct buf *out, uint32_t v)
{
    uint8_t bytes[4];
    store_be32(bytes, v);
    buf_append(out, bytes, sizeof bytes);
}

static void add_record(struct buf *out, const uint8_t *bytes, size_t size)
{
    buf_byte(out, FULL_RECORD);
    buf_byte(out, (char)(size >> 8));
    buf_byte(out, (char)size);
    add_be32(out, crc32c(bytes, size));
    buf_append(out, bytes, size);
}

static void add_chunk(struct buf *out, const uint8_t *bytes, size_t size)
{
    if (out->len == 0) {
        static const uint8_t header[] = {0x01, 0x30, 0xBC, 0x91, 1, 0, 0, 0};
        buf_append(out, header, sizeof header);
    }
    buf_append(out, bytes, size);
    add_be32(out, crc32c(bytes, size));
}

/* A file for which nothing was given is not there, nor are the folders of such. */
static void write_all(const uint8_t *data, size_t size)
{
    struct buf contents[ARRAY_COUNT(files)] = {0};
    while (size >= 2) {
        size_t file = data[0] % ARRAY_COUNT(files);
        size_t len = data[1] < size - 2 ? data[1] : size - 2;
        if (file == HEAD_CHUNKS)
            add_chunk(&contents[file], data + 2, len);
        else
            add_record(&contents[file], data + 2, len);
        data += 2 + len;
        size -= 2 + len;
    }
    for (size_t i = 0; i < ARRAY_COUNT(dirs); i++)
        mkdir(path_of(dirs[i]), 0700);
    for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
        unlink(path_of(files[i]));
        if (contents[i].len > 0)
            write_file(files[i], &contents[i]);
        buf_done(&contents[i]);
    }
    for (size_t i = ARRAY_COUNT(dirs); i-- > 0;)
        rmdir(path_of(dirs[i]));
}

static void take_series(const struct head_series *series, const struct symbols *symbols,
                        struct buf *out)
{
    static struct err err;
    struct histogram_samples histograms = {0};
    struct samples samples = {.histograms = &histograms};
    labels_print(symbols, series->labels, out);
    for (uint32_t i = 0; i < series->chunk_count; i++) {
        const struct head_chunk_view *chunk = &series->chunks[i];
        buf_append(out, &chunk->begin_ms, sizeof chunk->begin_ms);
        buf_append(out, &chunk->end_ms, sizeof chunk->end_ms);
        buf_append(out, chunk->data, chunk->size);
        if (!chunk_decode(chunk->encoding, chunk->data, chunk->size, &samples, &err) &&
            err.kind != ERR_CORRUPT)
            abort();
    }
    for (uint32_t i = 0; i < series->deleted_count; i++)
        buf_append(out, &series->deleted[i], sizeof series->deleted[i]);
    histogram_samples_done(&histograms);
    samples_done(&samples);
}

/* All that the head shows. */
static void read_head(size_t threads, struct buf *out)
{
    static struct err err;
    struct db_options options = {.read_only = true, .replay_threads = threads};
    AUTO(head_close) struct head *head = NULL;
    if (!head_open(folder, &options, &head, &err) || !head_refresh(head, INT64_MIN, &err)) {
        buf_printf(out, "%d", (int)err.kind);
        return;
    }
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct symbols *symbols = symbols_new(arena);
    struct select_request request = {
        .begin_ms = INT64_MIN, .end_ms = INT64_MAX, .arena = arena, .symbols = symbols};
    struct head_series_list list;
    if (!head_select(head, &request, &list, &err))
        abort();
    for (size_t i = 0; i < list.count; i++)
        take_series(&list.items[i], symbols, out);
    head_release(head, &list);
    symbols_done(symbols);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > SIZE_MAX_ALL)
        return 0;
    if (!folder[0])
        folder_make();
    write_all(data, size);
    AUTO(buf_done) struct buf one = {0};
    AUTO(buf_done) struct buf many = {0};
    read_head(1, &one);
    read_head(3, &many);
    if (!str_eq(buf_view(&one), buf_view(&many)))
        abort();
    return 0;
}
