/* Native histograms of blocks, beside floats and over several blocks. */
#include <string.h>

#include "base/test.h"
#include "storage/db.h"
#include "storage/test_blocks.h"

static struct test_dir dir;
static struct arena *arena;
static struct symbols *symbols;
static struct err err;

static void begin(void)
{
    test_dir_init(&dir);
    arena = arena_create(NULL);
    symbols = symbols_new(arena);
}

static void end(void)
{
    symbols_done(symbols);
    arena_destroy(arena);
    test_dir_done(&dir);
}

static void expect_by(void (*print)(struct selection *, const struct symbols *, struct buf *),
                      const char *expected)
{
    struct db *db = NULL;
    struct db_options options = {.read_only = true};
    ck_assert_msg(db_open(dir.path, &options, &db, &err), "%s", err.msg);
    struct matcher *matcher = test_matcher(&dir, "a=x");
    struct select_request request = {.matchers = &matcher,
                                     .matcher_count = 1,
                                     .end_ms = 1000,
                                     .arena = arena,
                                     .symbols = symbols};
    struct selection *selection = NULL;
    ck_assert_msg(storage_select(db_storage(db), &request, &selection, &err), "%s", err.msg);
    AUTO(buf_done) struct buf text = {0};
    print(selection, symbols, &text);
    ck_assert_str_eq(buf_terminated(&text), expected);
    selection_close(selection);
    matcher_done(matcher);
    db_close(db);
}

static void expect(const char *expected)
{
    expect_by(test_print, expected);
}

static void expect_totals(const char *expected)
{
    expect_by(test_print_totals, expected);
}

static struct ulid add(unsigned number, struct test_series series)
{
    series.labels = "a=x";
    series.step_ms = series.step_ms ? series.step_ms : 10;
    return test_dir_block(&dir, number, 0, 1000, &series, 1);
}

START_TEST(knows_of_a_reset_only_inside_of_a_chunk)
{
    begin();
    add(1, (struct test_series){.histograms = true, .first = 5, .count = 5, .chunk_samples = 2});
    expect("{a=\"x\"} 0:?5 10:-6 20:?7 30:-8 40:?9\n");
    expect_totals("{a=\"x\"} 0:?5 10:-6 20:-7 30:-8 40:-9\n");
    end();
}
END_TEST

START_TEST(gives_gauges)
{
    begin();
    add(1, (struct test_series){
               .histograms = true, .gauge = true, .first = 5, .count = 3, .chunk_samples = 2});
    expect("{a=\"x\"} 0:g5 10:g6 20:g7\n");
    expect_totals("{a=\"x\"} 0:g5 10:g6 20:g7\n");
    end();
}
END_TEST

START_TEST(puts_floats_and_histograms_of_blocks_together)
{
    begin();
    add(1, (struct test_series){.histograms = true, .first = 5, .count = 2});
    add(2, (struct test_series){.begin_ms = 20, .first = 1, .count = 2});
    add(3, (struct test_series){.histograms = true, .begin_ms = 40, .first = 3, .count = 2});
    expect("{a=\"x\"} 0:?5 10:-6 20:1 30:2 40:?3 50:-4\n");
    expect_totals("{a=\"x\"} 0:?5 10:-6 20:1 30:2 40:r3 50:-4\n");
    end();
}
END_TEST

START_TEST(loses_the_hint_where_the_source_changes)
{
    begin();
    add(1, (struct test_series){.histograms = true, .first = 1, .count = 6});
    add(2, (struct test_series){
               .histograms = true, .begin_ms = 25, .step_ms = 20, .first = 50, .count = 2});
    expect("{a=\"x\"} 0:?1 10:-2 20:-3 25:?50 30:?4 40:-5 45:?51 50:?6\n");
    expect_totals("{a=\"x\"} 0:?1 10:-2 20:-3 25:-50 30:r4 40:-5 45:-51 50:r6\n");
    end();
}
END_TEST

START_TEST(counts_equal_times_of_both_kinds_once)
{
    begin();
    add(1, (struct test_series){.histograms = true, .first = 1, .count = 4});
    add(2, (struct test_series){.begin_ms = 20, .first = 70, .count = 4});
    expect("{a=\"x\"} 0:?1 10:-2 20:70 30:71 40:72 50:73\n");
    end();
}
END_TEST

START_TEST(leaves_deleted_histograms_out)
{
    begin();
    struct ulid ulid = add(1, (struct test_series){.histograms = true, .first = 1, .count = 6});
    test_dir_delete(&dir, ulid, 20, 30);
    expect("{a=\"x\"} 0:?1 10:-2 40:-5 50:-6\n");
    expect_totals("{a=\"x\"} 0:?1 10:-2 40:-5 50:-6\n");
    test_dir_delete(&dir, ulid, 0, 30);
    expect("{a=\"x\"} 40:-5 50:-6\n");
    /* Among several blocks a hint is trusted only behind its own neighbour. */
    add(2, (struct test_series){.histograms = true, .begin_ms = 100, .first = 9, .count = 2});
    expect("{a=\"x\"} 40:?5 50:-6 100:?9 110:-10\n");
    expect_totals("{a=\"x\"} 40:?5 50:-6 100:-9 110:-10\n");
    end();
}
END_TEST

START_TEST(says_that_a_reader_of_floats_cannot_read_histograms)
{
    begin();
    add(1, (struct test_series){.histograms = true, .first = 5, .count = 5});
    struct db *db = NULL;
    struct db_options options = {.read_only = true};
    ck_assert(db_open(dir.path, &options, &db, &err));
    struct select_request request = {.end_ms = 1000, .arena = arena, .symbols = symbols};
    struct selection *selection = NULL;
    ck_assert(storage_select(db_storage(db), &request, &selection, &err));
    struct cursor *cursor = cursor_create(selection);
    struct samples floats = {0};
    bool more = true;
    cursor_open(cursor, 0);
    ck_assert(!cursor_next(cursor, &floats, &more, &err));
    ck_assert_int_eq(err.kind, ERR_UNSUPPORTED);
    cursor_destroy(cursor);
    selection_close(selection);
    db_close(db);
    end();
}
END_TEST

static void print_kind(struct selection *selection, const struct symbols *names, struct buf *out)
{
    ck_assert_uint_eq(selection_count(selection), 1);
    buf_text(out, selection_may_hold_histograms(selection, 0) ? "maybe" : "no");
}

START_TEST(knows_where_histograms_may_be)
{
    begin();
    add(1, (struct test_series){.first = 1, .count = 2});
    expect_by(print_kind, "no");
    struct test_series both[] = {
        {.labels = "a=x", .begin_ms = 50, .step_ms = 10, .first = 1, .count = 2},
        {.labels = "a=y", .histograms = true, .step_ms = 10, .first = 1, .count = 2},
    };
    test_dir_block(&dir, 2, 0, 1000, both, 2);
    expect_by(print_kind, "no");
    add(3, (struct test_series){.histograms = true, .begin_ms = 30, .first = 1, .count = 2});
    expect_by(print_kind, "maybe");
    end();
}
END_TEST

TEST_MAIN("db_histogram", knows_of_a_reset_only_inside_of_a_chunk, gives_gauges,
          puts_floats_and_histograms_of_blocks_together, loses_the_hint_where_the_source_changes,
          counts_equal_times_of_both_kinds_once, leaves_deleted_histograms_out,
          says_that_a_reader_of_floats_cannot_read_histograms, knows_where_histograms_may_be)
