/* Native histograms of blocks, beside floats and over several blocks. */
#include <string.h>

#include "base/test.h"
#include "storage/test_blocks.h"

static struct test_dir dir;
static struct err err;

static void expect_by(void (*print)(struct selection *, const struct symbols *, struct buf *),
                      const char *expected)
{
    struct test_select select;
    test_select_open(&select, &dir, "a=x", 0, 1000);
    AUTO(buf_done) struct buf text = {0};
    print(select.selection, dir.symbols, &text);
    ck_assert_str_eq(buf_terminated(&text), expected);
    test_select_close(&select);
}

static void expect(const char *expected)
{
    expect_by(test_print, expected);
}

static void expect_totals(const char *expected)
{
    expect_by(test_print_totals, expected);
}

START_TEST(knows_of_a_reset_only_inside_of_a_chunk)
{
    test_dir_init(&dir);
    test_dir_add(
        &dir, 1,
        (struct test_series){.histograms = true, .first = 5, .count = 5, .chunk_samples = 2});
    expect("{a=\"x\"} 0:?5 10:-6 20:?7 30:-8 40:?9\n");
    expect_totals("{a=\"x\"} 0:?5 10:-6 20:-7 30:-8 40:-9\n");
    test_dir_done(&dir);
}
END_TEST

START_TEST(gives_gauges)
{
    test_dir_init(&dir);
    test_dir_add(
        &dir, 1,
        (struct test_series){
            .histograms = true, .gauge = true, .first = 5, .count = 3, .chunk_samples = 2});
    expect("{a=\"x\"} 0:g5 10:g6 20:g7\n");
    expect_totals("{a=\"x\"} 0:g5 10:g6 20:g7\n");
    test_dir_done(&dir);
}
END_TEST

START_TEST(puts_floats_and_histograms_of_blocks_together)
{
    test_dir_init(&dir);
    test_dir_add(&dir, 1, (struct test_series){.histograms = true, .first = 5, .count = 2});
    test_dir_add(&dir, 2, (struct test_series){.begin_ms = 20, .first = 1, .count = 2});
    test_dir_add(&dir, 3,
                 (struct test_series){.histograms = true, .begin_ms = 40, .first = 3, .count = 2});
    expect("{a=\"x\"} 0:?5 10:-6 20:1 30:2 40:?3 50:-4\n");
    expect_totals("{a=\"x\"} 0:?5 10:-6 20:1 30:2 40:r3 50:-4\n");
    test_dir_done(&dir);
}
END_TEST

START_TEST(loses_the_hint_where_the_source_changes)
{
    test_dir_init(&dir);
    test_dir_add(&dir, 1, (struct test_series){.histograms = true, .first = 1, .count = 6});
    test_dir_add(&dir, 2,
                 (struct test_series){
                     .histograms = true, .begin_ms = 25, .step_ms = 20, .first = 50, .count = 2});
    expect("{a=\"x\"} 0:?1 10:-2 20:-3 25:?50 30:?4 40:-5 45:?51 50:?6\n");
    expect_totals("{a=\"x\"} 0:?1 10:-2 20:-3 25:-50 30:r4 40:-5 45:-51 50:r6\n");
    test_dir_done(&dir);
}
END_TEST

START_TEST(counts_equal_times_of_both_kinds_once)
{
    test_dir_init(&dir);
    test_dir_add(&dir, 1, (struct test_series){.histograms = true, .first = 1, .count = 4});
    test_dir_add(&dir, 2, (struct test_series){.begin_ms = 20, .first = 70, .count = 4});
    expect("{a=\"x\"} 0:?1 10:-2 20:70 30:71 40:72 50:73\n");
    test_dir_done(&dir);
}
END_TEST

START_TEST(leaves_deleted_histograms_out)
{
    test_dir_init(&dir);
    struct ulid ulid =
        test_dir_add(&dir, 1, (struct test_series){.histograms = true, .first = 1, .count = 6});
    test_dir_delete(&dir, ulid, 20, 30);
    expect("{a=\"x\"} 0:?1 10:-2 40:-5 50:-6\n");
    expect_totals("{a=\"x\"} 0:?1 10:-2 40:-5 50:-6\n");
    test_dir_delete(&dir, ulid, 0, 30);
    expect("{a=\"x\"} 40:-5 50:-6\n");
    /* Among several blocks a hint is trusted only behind its own neighbour. */
    test_dir_add(&dir, 2,
                 (struct test_series){.histograms = true, .begin_ms = 100, .first = 9, .count = 2});
    expect("{a=\"x\"} 40:?5 50:-6 100:?9 110:-10\n");
    expect_totals("{a=\"x\"} 40:?5 50:-6 100:-9 110:-10\n");
    test_dir_done(&dir);
}
END_TEST

START_TEST(says_that_a_reader_of_floats_cannot_read_histograms)
{
    test_dir_init(&dir);
    test_dir_add(&dir, 1, (struct test_series){.histograms = true, .first = 5, .count = 5});
    struct test_select select;
    test_select_open(&select, &dir, "a=x", 0, 1000);
    struct cursor *cursor = cursor_create(select.selection);
    struct samples floats = {0};
    bool more = true;
    cursor_open(cursor, 0);
    ck_assert(!cursor_next(cursor, &floats, &more, &err));
    ck_assert_int_eq(err.kind, ERR_UNSUPPORTED);
    cursor_destroy(cursor);
    test_select_close(&select);
    test_dir_done(&dir);
}
END_TEST

static void print_kind(struct selection *selection, const struct symbols *names, struct buf *out)
{
    ck_assert_uint_eq(selection_count(selection), 1);
    buf_text(out, selection_may_hold_histograms(selection, 0) ? "maybe" : "no");
}

START_TEST(knows_where_histograms_may_be)
{
    test_dir_init(&dir);
    test_dir_add(&dir, 1, (struct test_series){.first = 1, .count = 2});
    expect_by(print_kind, "no");
    struct test_series both[] = {
        {.labels = "a=x", .begin_ms = 50, .step_ms = 10, .first = 1, .count = 2},
        {.labels = "a=y", .histograms = true, .step_ms = 10, .first = 1, .count = 2},
    };
    test_dir_block(&dir, 2, 0, 1000, both, 2);
    expect_by(print_kind, "no");
    test_dir_add(&dir, 3,
                 (struct test_series){.histograms = true, .begin_ms = 30, .first = 1, .count = 2});
    expect_by(print_kind, "maybe");
    test_dir_done(&dir);
}
END_TEST

TEST_MAIN("db_histogram", knows_of_a_reset_only_inside_of_a_chunk, gives_gauges,
          puts_floats_and_histograms_of_blocks_together, loses_the_hint_where_the_source_changes,
          counts_equal_times_of_both_kinds_once, leaves_deleted_histograms_out,
          says_that_a_reader_of_floats_cannot_read_histograms, knows_where_histograms_may_be)
