#include "storage/test_log.h"

#include <fcntl.h>
#include <snappy-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/crc32c.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "base/varint.h"
#include "model/sample.h"
#include "storage/chunk_xor.h"
#include "storage/wal.h"
#include "storage/wal_record.h"

static void put_be64(struct buf *out, uint64_t v)
{
    uint8_t bytes[8];
    store_be64(bytes, v);
    buf_append(out, bytes, sizeof bytes);
}

static void put_uvarint(struct buf *out, uint64_t v)
{
    uint8_t bytes[VARINT_SIZE_MAX];
    buf_append(out, bytes, write_uvarint(bytes, v));
}

static void put_varint(struct buf *out, int64_t v)
{
    uint8_t bytes[VARINT_SIZE_MAX];
    buf_append(out, bytes, write_varint(bytes, v));
}

/* Entries of one type share a record: its byte is written once. */
static void put_type(struct buf *record, uint8_t type)
{
    if (record->len == 0)
        buf_byte(record, (char)type);
}

void test_series(struct buf *record, uint64_t ref, const char *const *texts)
{
    put_type(record, WAL_SERIES);
    put_be64(record, ref);
    size_t count = 0;
    while (texts[count])
        count++;
    put_uvarint(record, count / 2);
    for (size_t i = 0; i < count; i++) {
        put_uvarint(record, strlen(texts[i]));
        buf_text(record, texts[i]);
    }
}

void test_samples(struct buf *record, const struct test_sample *samples, size_t count)
{
    put_type(record, WAL_SAMPLES);
    put_be64(record, samples[0].ref);
    put_be64(record, (uint64_t)samples[0].t_ms);
    for (size_t i = 0; i < count; i++) {
        put_varint(record, (int64_t)(samples[i].ref - samples[0].ref));
        put_varint(record, samples[i].t_ms - samples[0].t_ms);
        put_be64(record, value_bits(samples[i].v));
    }
}

void test_samples_v2(struct buf *record, const struct test_sample *samples, size_t count)
{
    put_type(record, WAL_SAMPLES_V2);
    for (size_t i = 0; i < count; i++) {
        if (i == 0) {
            put_varint(record, (int64_t)samples[0].ref);
            put_varint(record, samples[0].t_ms);
            put_varint(record, samples[0].t_ms - 1000);
        } else {
            put_varint(record, (int64_t)(samples[i].ref - samples[i - 1].ref));
            put_varint(record, samples[i].t_ms - samples[0].t_ms);
            buf_byte(record, (char)(i % 3)); /* no start, the same, another one */
            if (i % 3 == 2)
                put_varint(record, -5);
        }
        put_be64(record, value_bits(samples[i].v));
    }
}

void test_tombstone(struct buf *record, uint64_t ref, int64_t begin_ms, int64_t end_ms)
{
    put_type(record, WAL_TOMBSTONES);
    put_be64(record, ref);
    put_varint(record, begin_ms);
    put_varint(record, end_ms);
}

void test_marker(struct buf *record, uint64_t ref, uint64_t place)
{
    put_type(record, WAL_MMAP_MARKERS);
    put_be64(record, ref);
    put_be64(record, place);
}

void test_histogram(struct buf *record, uint64_t ref, int64_t t_ms, int is_float)
{
    put_type(record, is_float ? WAL_FLOAT_HISTOGRAMS : WAL_HISTOGRAMS);
    put_be64(record, ref);
    put_be64(record, (uint64_t)t_ms);
    put_varint(record, 0);
    put_varint(record, 0);
    buf_byte(record, 0);
    put_varint(record, 3);
    put_be64(record, value_bits(0.001));
    for (int i = 0; i < 2; i++)
        if (is_float)
            put_be64(record, value_bits(7));
        else
            put_uvarint(record, 7);
    put_be64(record, value_bits(12.5));
    put_uvarint(record, 1); /* one positive span: offset, length */
    put_varint(record, -2);
    put_uvarint(record, 2);
    put_uvarint(record, 0);
    put_uvarint(record, 2); /* two positive buckets */
    for (int i = 0; i < 2; i++)
        if (is_float)
            put_be64(record, value_bits(i));
        else
            put_varint(record, i);
    put_uvarint(record, 0);
}

void test_segment_pad(struct buf *segment)
{
    while (segment->len % WAL_PAGE_SIZE != 0)
        buf_byte(segment, 0);
}

static void pack(const struct buf *record, enum test_packing packing, struct buf *out)
{
    if (packing == TEST_SNAPPY) {
        size_t len = snappy_max_compressed_length(record->len);
        if (snappy_compress(record->ptr, record->len, buf_reserve(out, len), &len) != SNAPPY_OK)
            abort();
        out->len = len;
    } else if (packing == TEST_ZSTD) {
        size_t room = ZSTD_compressBound(record->len);
        out->len = ZSTD_compress(buf_reserve(out, room), room, record->ptr, record->len, 1);
    } else {
        buf_append(out, record->ptr, record->len);
    }
}

void test_segment_add(struct buf *segment, const struct buf *record, enum test_packing packing)
{
    AUTO(buf_done) struct buf packed = {0};
    pack(record, packing, &packed);
    const char *at = packed.ptr;
    size_t left = packed.len;
    for (bool first = true; first || left > 0; first = false) {
        size_t room = WAL_PAGE_SIZE - segment->len % WAL_PAGE_SIZE;
        if (room <= 7) {
            test_segment_pad(segment);
            room = WAL_PAGE_SIZE;
        }
        size_t len = left < room - 7 ? left : room - 7;
        bool last = len == left;
        uint8_t type = first ? (last ? 1 : 2) : (last ? 4 : 3);
        uint8_t header[7] = {(uint8_t)(type | packing), (uint8_t)(len >> 8), (uint8_t)len};
        store_be32(header + 3, crc32c(at, len));
        buf_append(segment, header, sizeof header);
        buf_append(segment, at, len);
        at += len;
        left -= len;
    }
}

void test_segment_take(struct buf *segment, struct buf *record)
{
    test_segment_add(segment, record, TEST_SNAPPY);
    buf_clear(record);
}

void test_chunks_begin(struct buf *file)
{
    static const uint8_t header[8] = {0x01, 0x30, 0xBC, 0x91, 1};
    buf_append(file, header, sizeof header);
}

void test_chunks_add(struct buf *file, struct test_chunk chunk)
{
    struct xor_appender samples;
    xor_appender_init(&samples);
    for (size_t i = 0; i < chunk.count; i++)
        xor_appender_append(&samples, chunk.begin_ms + (int64_t)i * chunk.step_ms, (double)i);
    size_t begin = file->len;
    put_be64(file, chunk.ref);
    put_be64(file, (uint64_t)chunk.begin_ms);
    put_be64(file, (uint64_t)samples.t_ms);
    buf_byte(file, (char)(1 | (chunk.out_of_order ? 0x80 : 0)));
    put_uvarint(file, samples.size);
    buf_append(file, samples.bytes, samples.size);
    uint8_t crc[4];
    store_be32(crc, crc32c(file->ptr + begin, file->len - begin));
    buf_append(file, crc, sizeof crc);
    xor_appender_done(&samples);
}

void test_folder(char *out, size_t size)
{
    const char *base = getenv("TMPDIR");
    snprintf(out, size, "%s/millrace-head-XXXXXX", base ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(out));
}

static void test_path(const char *folder, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", folder, name);
    for (char *slash = out + strlen(folder) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(out, 0755);
        *slash = '/';
    }
}

static void write_all(int fd, const char *at, size_t len)
{
    ck_assert_int_ge(fd, 0);
    while (len > 0) {
        ssize_t put = write(fd, at, len);
        ck_assert_int_gt(put, 0);
        at += put;
        len -= (size_t)put;
    }
    close(fd);
}

void test_file(const char *folder, const char *name, const struct buf *bytes)
{
    char path[4096];
    test_path(folder, name, path, sizeof path);
    unlink(path); /* a new file, as a repair makes it */
    write_all(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644), bytes->ptr, bytes->len);
}

void test_file_append(const char *folder, const char *name, const void *bytes, size_t len)
{
    char path[4096];
    test_path(folder, name, path, sizeof path);
    write_all(open(path, O_WRONLY | O_CREAT | O_APPEND, 0644), bytes, len);
}

void test_file_remove(const char *folder, const char *name)
{
    char path[4096];
    test_path(folder, name, path, sizeof path);
    struct err err = {0};
    ck_assert(file_remove_all(path, &err));
}

void test_folder_remove(const char *folder)
{
    struct err err = {0};
    ck_assert(file_remove_all(folder, &err));
}
