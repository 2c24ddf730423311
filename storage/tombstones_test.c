#include "storage/tombstones.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "base/varint.h"

struct stone {
    uint64_t ref;
    int64_t begin_ms;
    int64_t end_ms;
};

static size_t make_file(const struct stone *stones, size_t count, uint8_t *out)
{
    static const uint8_t header[] = {0x01, 0x30, 0xBA, 0x30, 1};
    memcpy(out, header, sizeof header);
    size_t size = sizeof header;
    for (size_t i = 0; i < count; i++) {
        size += write_uvarint(out + size, stones[i].ref);
        size += write_varint(out + size, stones[i].begin_ms);
        size += write_varint(out + size, stones[i].end_ms);
    }
    store_be32(out + size, crc32c(out + 5, size - 5));
    return size + 4;
}

START_TEST(joins_what_touches)
{
    static const struct stone stones[] = {
        {7, 50, 60},        {3, 1, 2}, {7, 10, 20}, {7, 21, 30}, {7, 15, 25},
        {9, -5, INT64_MAX}, {9, 8, 9}, {7, 9, 1}, /* a range that ends before it begins is none */
    };
    uint8_t bytes[512];
    struct err err = {0};
    struct tombstones *t = NULL;
    size_t count = 0;
    ck_assert(tombstones_parse(bytes, make_file(stones, 8, bytes), &t, &err));
    const struct time_range *found = tombstones_find(t, 7, &count);
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(found[0].begin_ms, 10);
    ck_assert_int_eq(found[0].end_ms, 30);
    ck_assert_int_eq(found[1].begin_ms, 50);
    found = tombstones_find(t, 9, &count);
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(found[0].end_ms, INT64_MAX);
    ck_assert_ptr_null(tombstones_find(t, 4, &count));
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(tombstones_count(t), 4);
    tombstones_close(t);
}
END_TEST

START_TEST(joins_with_more_and_reads_what_it_prints)
{
    static const struct stone stones[] = {{7, 50, 60}, {3, 1, 2}};
    static const struct tombstone added[] = {
        {9, {INT64_MIN, INT64_MAX}}, {7, {61, 70}}, {7, {-20, -10}}, {200000, {5, 5}}};
    uint8_t bytes[512];
    struct err err = {0};
    struct tombstones *before = NULL;
    AUTO(tombstones_close) struct tombstones *t = NULL;
    ck_assert(tombstones_parse(bytes, make_file(stones, 2, bytes), &before, &err));
    struct tombstones *joined = tombstones_with(before, added, 4);
    tombstones_close(before);
    AUTO(buf_done) struct buf file = {0};
    tombstones_print(joined, &file);
    tombstones_close(joined);
    ck_assert(tombstones_parse((const uint8_t *)file.ptr, file.len, &t, &err));

    static const struct stone expected[] = {
        {3, 1, 2}, {7, -20, -10}, {7, 50, 70}, {9, INT64_MIN, INT64_MAX}, {200000, 5, 5}};
    ck_assert_uint_eq(file.len, make_file(expected, 5, bytes));
    ck_assert_mem_eq(file.ptr, bytes, file.len);
    ck_assert_uint_eq(tombstones_count(t), 5);
}
END_TEST

START_TEST(no_file_is_no_stones)
{
    struct err err = {0};
    struct tombstones *t = NULL;
    ck_assert(tombstones_open("/missing/tombstones", &t, &err));
    ck_assert_uint_eq(tombstones_count(t), 0);
    tombstones_close(t);
}
END_TEST

/* Or what was deleted would be back. */
START_TEST(a_file_that_cannot_be_opened_is_not_none)
{
    char folder[] = "/tmp/millrace-stones-XXXXXX";
    char path[64];
    struct err err = {0};
    struct tombstones *t = NULL;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/tombstones", folder);
    ck_assert_int_eq(symlink("tombstones", path), 0); /* round and round: ELOOP */
    ck_assert(!tombstones_open(path, &t, &err));
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert(file_remove_all(folder, &err));
}
END_TEST

START_TEST(refuses_a_cut_and_a_flip)
{
    static const struct stone stones[] = {{7, 50, 60}, {8, 1, 200}};
    uint8_t bytes[512];
    size_t size = make_file(stones, 2, bytes);
    for (size_t cut = 0; cut < size; cut++) {
        struct err err = {0};
        struct tombstones *t = NULL;
        ck_assert(!tombstones_parse(bytes, cut, &t, &err));
        ck_assert_int_eq(err.kind, ERR_CORRUPT);
    }
    for (size_t bit = 0; bit < size * 8; bit++) {
        struct err err = {0};
        struct tombstones *t = NULL;
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        ck_assert(!tombstones_parse(bytes, size, &t, &err));
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}
END_TEST

/* Against one flag a millisecond. */
START_TEST(ranges_are_sets_of_times)
{
    for (unsigned round = 0; round < 2000; round++) {
        bool deleted[64] = {false};
        struct time_range ranges[16];
        size_t count = 0;
        for (unsigned i = 0; i < 12; i++) {
            int begin = rand() % 60;
            int end = begin + rand() % (i % 3 ? 4 : 20);
            end = end > 63 ? 63 : end;
            count = time_ranges_add(ranges, count, (struct time_range){begin, end});
            memset(deleted + begin, true, (size_t)(end - begin + 1));
        }
        struct samples samples = {0};
        samples_reserve(&samples, 64);
        for (int i = 0; i < 64; i++) {
            samples.times_ms[samples.count] = i;
            samples.values[samples.count++] = i;
        }
        time_ranges_cut(ranges, count, &samples, (struct samples_mark){0});
        size_t at = 0;
        for (int i = 0; i < 64; i++) {
            if (!deleted[i]) {
                ck_assert_int_eq(samples.times_ms[at], i);
                ck_assert(samples.values[at++] == i);
            }
            ck_assert_int_eq(time_ranges_cover(ranges, count, (struct time_range){i, i}),
                             deleted[i]);
        }
        ck_assert_uint_eq(at, samples.count);
        samples_done(&samples);
    }
}
END_TEST

TEST_MAIN("tombstones", joins_what_touches, joins_with_more_and_reads_what_it_prints,
          no_file_is_no_stones, a_file_that_cannot_be_opened_is_not_none, refuses_a_cut_and_a_flip,
          ranges_are_sets_of_times)
