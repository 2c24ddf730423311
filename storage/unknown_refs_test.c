#include "storage/unknown_refs.h"

#include "base/test.h"
#include "storage/head.h"
#include "storage/test_log.h"

START_TEST(counts_a_series_once)
{
    struct unknown_refs *unknown = unknown_refs_create();
    uint64_t counts[UNKNOWN_KIND_COUNT] = {0};
    unknown_refs_note(unknown, UNKNOWN_SAMPLES, 7);
    unknown_refs_note(unknown, UNKNOWN_SAMPLES, 7);
    unknown_refs_note(unknown, UNKNOWN_METADATA, 0);
    unknown_refs_take(unknown, counts);
    unknown_refs_note(unknown, UNKNOWN_EXEMPLARS, 7);
    unknown_refs_take(unknown, counts);
    unknown_refs_take(unknown, counts); /* what was taken does not come again */
    ck_assert_uint_eq(counts[UNKNOWN_SERIES], 2);
    ck_assert_uint_eq(counts[UNKNOWN_SAMPLES], 2);
    ck_assert_uint_eq(counts[UNKNOWN_METADATA], 1);
    ck_assert_uint_eq(counts[UNKNOWN_EXEMPLARS], 1);
    ck_assert_uint_eq(counts[UNKNOWN_TOMBSTONES], 0);
    unknown_refs_destroy(unknown);
}
END_TEST

static void check_unknown(const uint64_t found[UNKNOWN_KIND_COUNT],
                          const uint64_t expected[UNKNOWN_KIND_COUNT])
{
    for (size_t i = 0; i < UNKNOWN_KIND_COUNT; i++)
        ck_assert_uint_eq(found[i], expected[i]);
}

/* Series 1 is told of; 2 to 4 are not. */
START_TEST(counts_what_is_of_series_that_nobody_told_of)
{
    static const struct test_sample samples[] = {{1, 10, 1}, {2, 10, 1}, {2, 20, 1}, {3, 10, 1}};
    static const uint64_t in_wal[UNKNOWN_KIND_COUNT] = {[UNKNOWN_SERIES] = 3,
                                                        [UNKNOWN_SAMPLES] = 3,
                                                        [UNKNOWN_HISTOGRAMS] = 1,
                                                        [UNKNOWN_TOMBSTONES] = 1};
    static const uint64_t in_wbl[UNKNOWN_KIND_COUNT] = {
        [UNKNOWN_SERIES] = 2, [UNKNOWN_SAMPLES] = 3, [UNKNOWN_MARKERS] = 1};
    AUTO(buf_done) struct buf record = {0};
    AUTO(buf_done) struct buf wal = {0};
    AUTO(buf_done) struct buf wbl = {0};
    AUTO(buf_done) struct buf chunks = {0};
    TEST_SERIES(&record, 1, "__name__", "a");
    test_segment_take(&wal, &record);
    test_samples(&record, samples, ARRAY_COUNT(samples));
    test_segment_take(&wal, &record);
    test_histogram(&record, 3, 30, false);
    test_segment_take(&wal, &record);
    test_tombstone(&record, 4, 0, 50);
    test_segment_take(&wal, &record);
    test_samples(&record, samples, ARRAY_COUNT(samples));
    test_segment_take(&wbl, &record);
    test_marker(&record, 3, UINT64_C(1) << 32 | 8);
    test_segment_take(&wbl, &record);
    test_chunks_begin(&chunks);
    test_chunks_add(&chunks,
                    (struct test_chunk){.ref = 1, .begin_ms = 1, .step_ms = 1, .count = 2});

    char folder[256];
    struct err err;
    struct head *head = NULL;
    struct head_counters counters;
    test_folder(folder, sizeof folder);
    test_file(folder, "wal/00000000", &wal);
    test_file(folder, "wbl/00000000", &wbl);
    test_file(folder, "chunks_head/000001", &chunks);
    ck_assert(head_open(folder, &(struct db_options){.read_only = true}, &head, &err));
    ck_assert_msg(head_refresh(head, 5, &err), "%s", err.msg);
    head_counters(head, &counters);
    check_unknown(counters.wal_unknown, in_wal);
    check_unknown(counters.wbl_unknown, in_wbl);

    test_samples(&record, samples, ARRAY_COUNT(samples));
    buf_clear(&wal);
    test_segment_take(&wal, &record);
    test_file(folder, "wal/00000001", &wal);
    ck_assert(head_refresh(head, 15, &err));
    head_counters(head, &counters);
    ck_assert_uint_eq(counters.wal_unknown[UNKNOWN_SAMPLES],
                      4); /* what is in blocks counts no more */
    ck_assert_uint_eq(counters.wal_unknown[UNKNOWN_SERIES], 3); /* it is none of another series */
    head_close(head);
    test_folder_remove(folder);
}
END_TEST

TEST_MAIN("unknown_refs", counts_a_series_once, counts_what_is_of_series_that_nobody_told_of)
