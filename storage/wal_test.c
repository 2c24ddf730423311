#include "storage/wal.h"

#include <stdio.h>

#include "base/test.h"
#include "storage/test_log.h"

static char folder[256];
static char path[300];
static struct err err;
static const uint8_t *bytes;
static size_t size;

static struct wal_segment *open_segment(const struct buf *content)
{
    test_folder(folder, sizeof folder);
    test_file(folder, "00000000", content);
    snprintf(path, sizeof path, "%s/00000000", folder);
    struct wal_segment *segment = NULL;
    ck_assert(wal_segment_open(path, &segment, &err));
    return segment;
}

static void fill(struct buf *record, size_t len, unsigned seed)
{
    buf_clear(record);
    for (size_t i = 0; i < len; i++)
        buf_byte(record, (char)((i * 31 + seed) >> (i % 7)));
}

START_TEST(reads_records_over_many_pages_in_every_packing)
{
    static const size_t sizes[] = {1, 100, 32761, 32762, 70000, 5, 200000, 0, 17};
    static const enum test_packing packings[] = {TEST_PLAIN, TEST_SNAPPY, TEST_ZSTD};
    AUTO(buf_done) struct buf content = {0};
    AUTO(buf_done) struct buf record = {0};
    for (unsigned i = 0; i < 27; i++) {
        fill(&record, sizes[i % 9], i);
        test_segment_add(&content, &record, packings[i / 9]);
    }
    AUTO(wal_segment_close) struct wal_segment *segment = open_segment(&content);
    for (unsigned i = 0; i < 27; i++) {
        fill(&record, sizes[i % 9], i);
        ck_assert_int_eq(wal_segment_next(segment, false, &bytes, &size, &err), TAIL_ITEM);
        ck_assert_uint_eq(size, record.len);
        ck_assert(size == 0 || memcmp(bytes, record.ptr, size) == 0);
    }
    ck_assert_int_eq(wal_segment_next(segment, false, &bytes, &size, &err), TAIL_END);
    ck_assert_int_eq(wal_segment_next(segment, true, &bytes, &size, &err), TAIL_END);
    ck_assert_uint_eq(wal_segment_offset(segment), content.len);
    test_folder_remove(folder);
}
END_TEST

/* Written a few bytes at a time, each record comes once, as soon as it is whole. */
START_TEST(waits_for_what_is_not_written_yet)
{
    AUTO(buf_done) struct buf content = {0};
    AUTO(buf_done) struct buf record = {0};
    AUTO(buf_done) struct buf none = {0};
    for (unsigned i = 0; i < 9; i++) {
        fill(&record, 40000 * (i % 3) + 10, i);
        test_segment_add(&content, &record, i % 2 ? TEST_SNAPPY : TEST_PLAIN);
    }
    test_segment_pad(&content);
    AUTO(wal_segment_close) struct wal_segment *segment = open_segment(&none);
    unsigned seen = 0;
    for (size_t at = 0; at < content.len;) {
        size_t len = 1 + at * 7 % 5003;
        len = len < content.len - at ? len : content.len - at;
        test_file_append(folder, "00000000", content.ptr + at, len);
        at += len;
        enum tail_read got;
        while ((got = wal_segment_next(segment, false, &bytes, &size, &err)) == TAIL_ITEM) {
            fill(&record, 40000 * (seen % 3) + 10, seen);
            ck_assert_uint_eq(size, record.len);
            ck_assert(memcmp(bytes, record.ptr, size) == 0);
            seen++;
        }
        ck_assert_int_eq(got, TAIL_END);
    }
    ck_assert_uint_eq(seen, 9);
    test_folder_remove(folder);
}
END_TEST

START_TEST(takes_a_torn_end_for_damage_only_where_nobody_writes)
{
    AUTO(buf_done) struct buf content = {0};
    AUTO(buf_done) struct buf record = {0};
    fill(&record, 50, 1);
    test_segment_add(&content, &record, TEST_PLAIN);
    size_t first = content.len;
    test_segment_add(&content, &record, TEST_PLAIN);
    content.len -= 3;
    AUTO(wal_segment_close) struct wal_segment *segment = open_segment(&content);
    ck_assert_int_eq(wal_segment_next(segment, false, &bytes, &size, &err), TAIL_ITEM);
    ck_assert_int_eq(wal_segment_next(segment, false, &bytes, &size, &err), TAIL_END);
    ck_assert_int_eq(wal_segment_next(segment, true, &bytes, &size, &err), TAIL_ERR);
    ck_assert_int_eq(err.kind, ERR_CORRUPT);
    char offset[32];
    snprintf(offset, sizeof offset, "offset %zu:", first);
    ck_assert_ptr_nonnull(strstr(err.msg, offset));
    ck_assert_ptr_nonnull(strstr(err.msg, path));
    test_folder_remove(folder);
}
END_TEST

START_TEST(takes_zeros_behind_a_break_for_not_written_yet)
{
    AUTO(buf_done) struct buf content = {0};
    AUTO(buf_done) struct buf record = {0};
    fill(&record, 50, 1);
    test_segment_add(&content, &record, TEST_PLAIN);
    memset(content.ptr + 20, 0, content.len - 20);
    test_segment_pad(&content);
    AUTO(wal_segment_close) struct wal_segment *segment = open_segment(&content);
    ck_assert_int_eq(wal_segment_next(segment, false, &bytes, &size, &err), TAIL_END);
    test_file_append(folder, "00000000", "more", 4);
    ck_assert_int_eq(wal_segment_next(segment, false, &bytes, &size, &err), TAIL_ERR);
    ck_assert_int_eq(err.kind, ERR_CORRUPT);
    test_folder_remove(folder);
}
END_TEST

START_TEST(refuses_what_unpacks_beyond_the_limit)
{
    AUTO(buf_done) struct buf content = {0};
    AUTO(buf_done) struct buf bomb = {0};
    /* A snappy stream that claims 2 GiB. */
    buf_append(&bomb, "\x80\x80\x80\x80\x08zzzz", 9);
    test_segment_add(&content, &bomb, TEST_PLAIN);
    content.ptr[0] |= TEST_SNAPPY;
    AUTO(wal_segment_close) struct wal_segment *segment = open_segment(&content);
    ck_assert_int_eq(wal_segment_next(segment, false, &bytes, &size, &err), TAIL_ERR);
    ck_assert_int_eq(err.kind, ERR_CORRUPT);
    test_folder_remove(folder);
}
END_TEST

START_TEST(refuses_fragments_in_a_wrong_order)
{
    AUTO(buf_done) struct buf content = {0};
    AUTO(buf_done) struct buf record = {0};
    fill(&record, 50, 1);
    test_segment_add(&content, &record, TEST_PLAIN);
    content.ptr[0] = 3;
    AUTO(wal_segment_close) struct wal_segment *segment = open_segment(&content);
    ck_assert_int_eq(wal_segment_next(segment, false, &bytes, &size, &err), TAIL_ERR);
    ck_assert_int_eq(err.kind, ERR_CORRUPT);
    test_folder_remove(folder);
}
END_TEST

START_TEST(says_when_there_is_no_segment)
{
    struct wal_segment *segment = NULL;
    ck_assert(!wal_segment_open("/missing/00000000", &segment, &err));
    ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
}
END_TEST

TEST_MAIN("wal", reads_records_over_many_pages_in_every_packing, waits_for_what_is_not_written_yet,
          takes_a_torn_end_for_damage_only_where_nobody_writes,
          takes_zeros_behind_a_break_for_not_written_yet, refuses_what_unpacks_beyond_the_limit,
          refuses_fragments_in_a_wrong_order, says_when_there_is_no_segment)
