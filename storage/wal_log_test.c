#include "storage/wal_log.h"

#include <stdio.h>

#include "base/test.h"
#include "storage/test_log.h"

static char folder[256];
static struct err err;
static struct wal_log *wal;

/* Segments hold records of one letter each. */
static void put(const char *name, const char *letters)
{
    AUTO(buf_done) struct buf segment = {0};
    for (; *letters; letters++) {
        AUTO(buf_done) struct buf record = {0};
        buf_byte(&record, *letters);
        test_segment_add(&segment, &record, TEST_PLAIN);
    }
    test_file(folder, name, &segment);
}

static void put_more(const char *name, char letter)
{
    AUTO(buf_done) struct buf segment = {0};
    AUTO(buf_done) struct buf record = {0};
    buf_byte(&record, letter);
    test_segment_add(&segment, &record, TEST_PLAIN);
    test_file_append(folder, name, segment.ptr, segment.len);
}

static void begin(enum wal_gap gap)
{
    test_folder(folder, sizeof folder);
    wal = wal_log_create(folder, gap);
}

static void end(void)
{
    wal_log_destroy(wal);
    test_folder_remove(folder);
}

static bool look(void)
{
    bool lost = false;
    ck_assert(wal_log_look(wal, &lost, &err));
    return lost;
}

/* What comes until something else than a record does. */
static enum tail_read read_all(char *out)
{
    const uint8_t *bytes;
    size_t size;
    enum tail_read got;
    while ((got = wal_log_next(wal, &bytes, &size, &err)) == TAIL_ITEM)
        *out++ = (char)bytes[0];
    *out = '\0';
    return got;
}

static void expect(const char *letters)
{
    char got[100];
    ck_assert(!look());
    ck_assert_int_eq(read_all(got), TAIL_END);
    ck_assert_str_eq(got, letters);
}

START_TEST(is_empty_without_a_folder)
{
    begin(WAL_GAP_LOST);
    expect("");
    put("00000000", "ab");
    expect("ab");
    end();
}
END_TEST

START_TEST(reads_the_newest_checkpoint_and_what_is_behind_it)
{
    begin(WAL_GAP_LOST);
    put("checkpoint.00000001/00000000", "xx");
    put("checkpoint.00000003/00000000", "c");
    put("checkpoint.00000003/00000001", "d");
    put("checkpoint.00000009.tmp/00000000", "y");
    put("00000003", "zz");
    put("00000004", "e");
    put("00000005", "f");
    expect("cdef");
    end();
}
END_TEST

START_TEST(goes_on_into_new_segments)
{
    begin(WAL_GAP_LOST);
    put("00000000", "a");
    expect("a");
    expect("");
    put_more("00000000", 'b');
    put("00000001", "c");
    put("00000002", "d");
    expect("bcd");
    put_more("00000002", 'e');
    expect("e");
    end();
}
END_TEST

START_TEST(finds_segments_begun_while_it_reads)
{
    begin(WAL_GAP_LOST);
    put("00000000", "a");
    ck_assert(!look());
    put_more("00000000", 'b');
    put("00000001", "c");
    char got[100];
    ck_assert_int_eq(read_all(got), TAIL_END);
    ck_assert_str_eq(got, "abc");
    end();
}
END_TEST

START_TEST(reads_a_removed_segment_to_its_end)
{
    begin(WAL_GAP_LOST);
    put("00000000", "a");
    expect("a");
    put_more("00000000", 'b');
    put("00000001", "c");
    test_file_remove(folder, "00000000");
    expect("bc");
    end();
}
END_TEST

START_TEST(loses_its_place_where_segments_are_gone)
{
    begin(WAL_GAP_LOST);
    put("00000000", "a");
    expect("a");
    test_file_remove(folder, "00000000");
    put("00000002", "c");
    char got[100];
    ck_assert(!look());
    ck_assert_int_eq(read_all(got), TAIL_LOST);
    end();
}
END_TEST

START_TEST(passes_a_gap_where_it_may)
{
    begin(WAL_GAP_PASSED);
    put("00000000", "a");
    expect("a");
    test_file_remove(folder, "00000000");
    put("00000002", "c");
    expect("c");
    end();
}
END_TEST

START_TEST(loses_its_place_where_a_restart_repaired_the_segment)
{
    begin(WAL_GAP_LOST);
    put("00000000", "ab");
    expect("ab");
    put("00000000", "a");
    put("00000001", "");
    ck_assert(look());
    end();
}
END_TEST

static void damage(const char *name)
{
    AUTO(buf_done) struct buf segment = {0};
    AUTO(buf_done) struct buf record = {0};
    buf_byte(&record, 'a');
    for (int i = 0; i < 3; i++)
        test_segment_add(&segment, &record, TEST_PLAIN);
    segment.ptr[15] ^= 1; /* of the second record: data */
    test_file(folder, name, &segment);
}

START_TEST(drops_all_behind_a_damaged_record)
{
    begin(WAL_GAP_LOST);
    damage("00000000");
    put("00000001", "b");
    char got[100];
    ck_assert(!look());
    ck_assert_int_eq(read_all(got), TAIL_ERR);
    ck_assert_int_eq(err.kind, ERR_CORRUPT);
    ck_assert_str_eq(got, "a");
    ck_assert_int_eq(read_all(got), TAIL_END);
    expect("");
    /* A restart repairs it. */
    put("00000000", "a");
    ck_assert(look());
    end();
}
END_TEST

START_TEST(goes_on_behind_a_damaged_checkpoint)
{
    begin(WAL_GAP_LOST);
    damage("checkpoint.00000001/00000000");
    put("checkpoint.00000001/00000001", "x");
    put("00000002", "b");
    char got[100];
    ck_assert(!look());
    ck_assert_int_eq(read_all(got), TAIL_ERR);
    ck_assert_str_eq(got, "a");
    ck_assert_int_eq(read_all(got), TAIL_END);
    ck_assert_str_eq(got, "b");
    end();
}
END_TEST

START_TEST(names_the_place_of_a_record_that_makes_no_sense)
{
    begin(WAL_GAP_LOST);
    put("00000000", "ab");
    put("00000001", "c");
    const uint8_t *bytes;
    size_t size;
    ck_assert(!look());
    ck_assert_int_eq(wal_log_next(wal, &bytes, &size, &err), TAIL_ITEM);
    err_set(&err, ERR_CORRUPT, "no sense");
    wal_log_drop(wal, &err);
    ck_assert_ptr_nonnull(strstr(err.msg, "/00000000: before offset 8: no sense"));
    ck_assert_int_eq(wal_log_next(wal, &bytes, &size, &err), TAIL_END);
    end();
}
END_TEST

START_TEST(says_when_a_segment_in_the_middle_is_missing)
{
    begin(WAL_GAP_LOST);
    put("00000000", "a");
    put("00000002", "c");
    char got[100];
    ck_assert(!look());
    ck_assert_int_eq(read_all(got), TAIL_ERR);
    ck_assert_str_eq(got, "a");
    ck_assert_ptr_nonnull(strstr(err.msg, "00000001 is missing"));
    end();
}
END_TEST

TEST_MAIN("wal_log", is_empty_without_a_folder, reads_the_newest_checkpoint_and_what_is_behind_it,
          goes_on_into_new_segments, finds_segments_begun_while_it_reads,
          reads_a_removed_segment_to_its_end, loses_its_place_where_segments_are_gone,
          passes_a_gap_where_it_may, loses_its_place_where_a_restart_repaired_the_segment,
          drops_all_behind_a_damaged_record, goes_on_behind_a_damaged_checkpoint,
          names_the_place_of_a_record_that_makes_no_sense,
          says_when_a_segment_in_the_middle_is_missing)
