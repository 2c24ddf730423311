#include "storage/db.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "base/test.h"
#include "base/varint.h"
#include "storage/db_internal.h"
#include "storage/test_blocks.h"
#include "storage/test_disk.h"

struct fixture {
    struct test_dir dir;
    struct db *db;
    struct arena *arena; /* of the query */
    struct symbols *symbols;
    struct budget budget;
    char warnings[4096];
};

static void warn(void *context, const char *message)
{
    struct fixture *f = context;
    size_t len = strlen(f->warnings);
    snprintf(f->warnings + len, sizeof f->warnings - len, "%s\n", message);
}

static void setup(struct fixture *f)
{
    *f = (struct fixture){0};
    test_dir_init(&f->dir);
    budget_init(&f->budget, NULL, "--query.memory-limit", 0);
    f->arena = arena_create(&f->budget);
    f->symbols = symbols_new(f->arena);
}

static void open_db(struct fixture *f)
{
    struct err err = {0};
    struct db_options options = {.read_only = true, .warn = warn, .context = f};
    ck_assert_msg(db_open(f->dir.path, &options, &f->db, &err), "%s", err.msg);
}

static void teardown(struct fixture *f)
{
    db_close(f->db);
    symbols_done(f->symbols);
    arena_destroy(f->arena);
    ck_assert_uint_eq(f->budget.used_bytes, 0);
    test_dir_done(&f->dir);
}

static struct selection *select_range(struct fixture *f, const char *matcher, int64_t begin_ms,
                                      int64_t end_ms)
{
    struct err err = {0};
    struct selection *selection = NULL;
    struct matcher *m = test_matcher(&f->dir, matcher);
    struct select_request request = {.matchers = &m,
                                     .matcher_count = 1,
                                     .begin_ms = begin_ms,
                                     .end_ms = end_ms,
                                     .arena = f->arena,
                                     .symbols = f->symbols,
                                     .budget = &f->budget};
    ck_assert_msg(storage_select(db_storage(f->db), &request, &selection, &err), "%s", err.msg);
    matcher_done(m);
    return selection;
}

static void assert_selects(struct fixture *f, const char *matcher, int64_t begin_ms, int64_t end_ms,
                           const char *expected)
{
    AUTO(buf_done) struct buf text = {0};
    struct selection *selection = select_range(f, matcher, begin_ms, end_ms);
    test_print(selection, f->symbols, &text);
    ck_assert_str_eq(buf_terminated(&text), expected);
    selection_close(selection);
}

START_TEST(merges_series_of_blocks_in_label_order)
{
    struct fixture f;
    setup(&f);
    static const struct test_series first[] = {
        {.labels = "__name__=up,job=a", .begin_ms = 10, .step_ms = 10, .count = 3},
        {.labels = "__name__=up,job=c", .begin_ms = 10, .step_ms = 10, .count = 1, .first = 7},
    };
    static const struct test_series second[] = {
        {.labels = "__name__=up,job=b", .begin_ms = 110, .step_ms = 10, .count = 1, .first = 5},
        {.labels = "__name__=up,job=a", .begin_ms = 110, .step_ms = 10, .count = 2, .first = 9},
        {.labels = "__name__=up", .begin_ms = 120, .step_ms = 10, .count = 1, .first = 3},
        {.labels = "__name__=up,job=d", .begin_ms = 120, .step_ms = 10, .count = 1, .first = 4},
    };
    test_dir_block(&f.dir, 2, 100, 200, second, 4);
    test_dir_block(&f.dir, 1, 0, 100, first, 2);
    open_db(&f);
    assert_selects(&f, "__name__=up", 0, 1000,
                   "{__name__=\"up\"} 120:3\n"
                   "{__name__=\"up\", job=\"a\"} 10:0 20:1 30:2 110:9 120:10\n"
                   "{__name__=\"up\", job=\"b\"} 110:5\n"
                   "{__name__=\"up\", job=\"c\"} 10:7\n"
                   "{__name__=\"up\", job=\"d\"} 120:4\n");
    assert_selects(&f, "job=~a|b", 0, 99, "{__name__=\"up\", job=\"a\"} 10:0 20:1 30:2\n");
    assert_selects(&f, "job=a", 31, 109, "");
    assert_selects(&f, "job=c", 10, 10, "{__name__=\"up\", job=\"c\"} 10:7\n");
    assert_selects(&f, "job=none", 0, 1000, "");
    teardown(&f);
}
END_TEST

START_TEST(reads_only_chunks_that_overlap_the_range)
{
    struct fixture f;
    setup(&f);
    static const struct test_series series = {
        .labels = "a=x", .begin_ms = 0, .step_ms = 10, .count = 9, .chunk_samples = 3};
    test_dir_block(&f.dir, 1, 0, 100, &series, 1);
    open_db(&f);
    assert_selects(&f, "a=x", 20, 30, "{a=\"x\"} 0:0 10:1 20:2 30:3 40:4 50:5\n");
    assert_selects(&f, "a=x", 21, 29, "");
    assert_selects(&f, "a=x", 80, 500, "{a=\"x\"} 60:6 70:7 80:8\n");
    teardown(&f);
}
END_TEST

START_TEST(counts_equal_times_of_overlapping_blocks_once)
{
    struct fixture f;
    setup(&f);
    static const struct test_series first = {
        .labels = "a=x", .begin_ms = 0, .step_ms = 10, .count = 6, .chunk_samples = 2};
    static const struct test_series second = {
        .labels = "a=x", .begin_ms = 20, .step_ms = 5, .count = 5, .first = 2};
    static const struct test_series third = {
        .labels = "a=x", .begin_ms = 300, .step_ms = 5, .count = 2, .first = 70};
    test_dir_block(&f.dir, 1, 0, 100, &first, 1);
    test_dir_block(&f.dir, 2, 10, 110, &second, 1);
    test_dir_block(&f.dir, 3, 0, 400, &third, 1);
    open_db(&f);
    AUTO(buf_done) struct buf text = {0};
    struct selection *selection = select_range(&f, "a=x", 0, 1000);
    test_print(selection, f.symbols, &text);
    /* Which of two at one time is left, Prometheus's heap decides; so here. */
    ck_assert_str_eq(buf_terminated(&text),
                     "{a=\"x\"} 0:0 10:1 20:2 25:3 30:3 35:5 40:4 50:5 300:70 305:71\n");
    selection_close(selection);
    teardown(&f);
}
END_TEST

/* Checked with promtool: the source that had to wait keeps its turn over the chunks' borders. */
START_TEST(equal_times_are_left_to_the_source_that_waits)
{
    struct fixture f;
    setup(&f);
    static const struct test_series first = {
        .labels = "a=x", .begin_ms = 40, .step_ms = 10, .count = 3};
    static const struct test_series second = {.labels = "a=x",
                                              .begin_ms = 0,
                                              .step_ms = 10,
                                              .count = 8,
                                              .first = 100,
                                              .chunk_samples = 4};
    test_dir_block(&f.dir, 1, 0, 100, &first, 1);
    test_dir_block(&f.dir, 2, 0, 110, &second, 1);
    open_db(&f);
    assert_selects(&f, "a=x", 0, 1000,
                   "{a=\"x\"} 0:100 10:101 20:102 30:103 40:0 50:1 60:2 70:107\n");
    teardown(&f);
}
END_TEST

/* Random overlaps of four sources, whose values are functions of time, against one flag a time. */
START_TEST(merges_any_overlap)
{
    for (unsigned round = 0; round < 25; round++) {
        struct fixture f;
        setup(&f);
        bool there[400] = {false};
        for (unsigned block = 0; block < 4; block++) {
            struct test_series series = {.labels = "a=x", .step_ms = 1 + rand() % 9};
            series.begin_ms = rand() % 100;
            series.count = 1 + (size_t)rand() % (size_t)(299 / series.step_ms);
            series.chunk_samples = 1 + (size_t)rand() % 40 + series.count / 32;
            for (size_t i = 0; i < series.count; i++)
                there[series.begin_ms + (int64_t)i * series.step_ms] = true;
            test_dir_block(&f.dir, block, series.begin_ms, 400, &series, 1);
        }
        open_db(&f);
        struct err err = {0};
        struct samples samples = {0};
        bool more = true;
        struct selection *selection = select_range(&f, "a=x", 0, 1000);
        struct cursor *cursor = cursor_create(selection);
        cursor_open(cursor, 0);
        while (more)
            ck_assert_msg(cursor_next(cursor, &samples, &more, &err), "%s", err.msg);
        size_t at = 0;
        for (int64_t t = 0; t < 400; t++)
            if (there[t])
                ck_assert_int_eq(samples.times_ms[at++], t);
        ck_assert_uint_eq(at, samples.count);
        samples_done(&samples);
        cursor_destroy(cursor);
        selection_close(selection);
        teardown(&f);
    }
}
END_TEST

/* Long enough to be decoded four chunks at a time; the damaged one is the sixth of seven. */
START_TEST(gives_what_is_before_a_damaged_chunk)
{
    struct fixture f;
    setup(&f);
    static const struct test_series series = {
        .labels = "a=x", .step_ms = 10, .count = 420, .chunk_samples = 60};
    struct ulid ulid = test_dir_block(&f.dir, 1, 0, 4200, &series, 1);
    const char *path = arena_printf(f.arena, "%s/%s/chunks/000001", f.dir.path, ulid.text);
    AUTO(buf_done) struct buf bytes = {0};
    test_read_file(path, &bytes);

    for (size_t good = 300; good <= series.count; good += 120) {
        if (good < series.count)
            bytes.ptr[bytes.len * 6 / 7 - 10] ^= 1;
        test_write_file(path, buf_view(&bytes));
        bytes.ptr[bytes.len * 6 / 7 - 10] ^= 1;
        open_db(&f);
        struct selection *selection = select_range(&f, "a=x", 0, 10000);
        struct cursor *cursor = cursor_create(selection);
        struct samples samples = {0};
        struct err err = {0};
        bool more = true;
        bool ok = true;
        cursor_open(cursor, 0);
        while (ok && more)
            ok = cursor_next(cursor, &samples, &more, &err);
        ck_assert_int_eq(err.kind, good < series.count ? ERR_CORRUPT : ERR_NONE);
        ck_assert_uint_eq(samples.count, good);
        for (size_t i = 0; i < good; i++) {
            ck_assert_int_eq(samples.times_ms[i], (int64_t)i * 10);
            ck_assert(samples.values[i] == (double)i);
        }
        samples_done(&samples);
        cursor_destroy(cursor);
        selection_close(selection);
        db_close(f.db);
        f.db = NULL;
    }
    teardown(&f);
}
END_TEST

static void write_tombstones(struct fixture *f, struct ulid ulid, uint32_t ref, int64_t begin_ms,
                             int64_t end_ms)
{
    uint8_t bytes[64] = {0x01, 0x30, 0xBA, 0x30, 1};
    size_t size = 5;
    size += write_uvarint(bytes + size, ref);
    size += write_varint(bytes + size, begin_ms);
    size += write_varint(bytes + size, end_ms);
    store_be32(bytes + size, crc32c(bytes + 5, size - 5));
    test_write_file(arena_printf(f->arena, "%s/%s/tombstones", f->dir.path, ulid.text),
                    (struct str){(char *)bytes, size + 4});
}

START_TEST(leaves_deleted_ranges_out)
{
    struct fixture f;
    struct err err = {0};
    setup(&f);
    static const struct test_series series = {
        .labels = "a=x", .begin_ms = 0, .step_ms = 10, .count = 9, .chunk_samples = 3};
    struct ulid ulid = test_dir_block(&f.dir, 1, 0, 100, &series, 1);
    struct block *block = test_dir_open(&f.dir, ulid);
    struct postings_view all;
    ck_assert(index_postings_all(block_index(block), &all, &err));
    uint32_t ref = postings_at(all, 0);
    block_unref(block);

    open_db(&f);
    write_tombstones(&f, ulid, ref, 20, 60);
    ck_assert(db_refresh(f.db, &err));
    assert_selects(&f, "a=x", 0, 1000, "{a=\"x\"} 0:0 10:1 70:7 80:8\n");
    write_tombstones(&f, ulid, ref, INT64_MIN, INT64_MAX);
    ck_assert(db_refresh(f.db, &err));
    assert_selects(&f, "a=x", 0, 1000, "");
    teardown(&f);
}
END_TEST

START_TEST(keeps_a_block_that_cannot_be_opened_anew)
{
    struct fixture f;
    struct err err = {0};
    setup(&f);
    static const struct test_series series = {
        .labels = "a=x", .begin_ms = 0, .step_ms = 10, .count = 3};
    struct ulid ulid = test_dir_block(&f.dir, 1, 0, 100, &series, 1);
    open_db(&f);
    write_tombstones(&f, ulid, 1, 20, 60); /* of no series: the block is another one now */
    test_disk_fail(TEST_DISK_MAP, 0, 1);
    ck_assert(db_refresh(f.db, &err));
    assert_selects(&f, "a=x", 0, 1000, "{a=\"x\"} 0:0 10:1 20:2\n");
    ck_assert_str_eq(f.warnings, "");
    ck_assert(db_refresh(f.db, &err));
    assert_selects(&f, "a=x", 0, 1000, "{a=\"x\"} 0:0 10:1 20:2\n");
    ck_assert_uint_eq(tombstones_count(block_tombstones(f.db->blocks.items[0])), 1);
    teardown(&f);
}
END_TEST

START_TEST(sees_blocks_come_and_go)
{
    struct fixture f;
    struct err err = {0};
    setup(&f);
    static const struct test_series first = {
        .labels = "a=x", .begin_ms = 0, .step_ms = 10, .count = 2};
    static const struct test_series second = {
        .labels = "a=x", .begin_ms = 100, .step_ms = 10, .count = 2};
    struct ulid ulid = test_dir_block(&f.dir, 1, 0, 100, &first, 1);
    open_db(&f);
    struct selection *before = select_range(&f, "a=x", 0, 1000);

    test_dir_block(&f.dir, 2, 100, 200, &second, 1);
    ck_assert(db_refresh(f.db, &err));
    assert_selects(&f, "a=x", 0, 1000, "{a=\"x\"} 0:0 10:1 100:0 110:1\n");
    ck_assert(file_remove_all(arena_printf(f.arena, "%s/%s", f.dir.path, ulid.text), &err));
    ck_assert(db_refresh(f.db, &err));
    assert_selects(&f, "a=x", 0, 1000, "{a=\"x\"} 100:0 110:1\n");

    /* A selection goes on with what it began with. */
    AUTO(buf_done) struct buf text = {0};
    test_print(before, f.symbols, &text);
    ck_assert_str_eq(buf_terminated(&text), "{a=\"x\"} 0:0 10:1\n");
    selection_close(before);
    struct db_stats stats;
    db_stats(f.db, &stats);
    ck_assert_uint_eq(stats.block_count, 1);
    ck_assert_int_eq(stats.begin_ms, 100);
    ck_assert_int_eq(stats.end_ms, 199);
    ck_assert_str_eq(f.warnings, "");
    teardown(&f);
}
END_TEST

START_TEST(leaves_damaged_blocks_out_and_says_so_once)
{
    struct fixture f;
    struct err err = {0};
    setup(&f);
    static const struct test_series series = {
        .labels = "a=x", .begin_ms = 0, .step_ms = 10, .count = 2};
    test_dir_block(&f.dir, 1, 0, 100, &series, 1);
    struct ulid bad = test_dir_block(&f.dir, 2, 0, 100, &series, 1);
    const char *index = arena_printf(f.arena, "%s/%s/index", f.dir.path, bad.text);
    AUTO(buf_done) struct buf bytes = {0};
    test_read_file(index, &bytes);
    bytes.ptr[9] ^= 1;
    test_write_file(index, buf_view(&bytes));
    open_db(&f);
    ck_assert(db_refresh(f.db, &err));
    assert_selects(&f, "a=x", 0, 1000, "{a=\"x\"} 0:0 10:1\n");
    ck_assert_str_eq(
        f.warnings,
        arena_printf(f.arena, "block left out: %s: symbols: offset 5: checksum does not match\n",
                     index));
    struct db_stats stats;
    db_stats(f.db, &stats);
    ck_assert_uint_eq(stats.block_count, 1);
    ck_assert_uint_eq(stats.corrupt_count, 1);
    teardown(&f);
}
END_TEST

START_TEST(counts_a_compacted_block_instead_of_its_parents)
{
    struct fixture f;
    setup(&f);
    static const struct test_series parent = {
        .labels = "a=x", .begin_ms = 0, .step_ms = 10, .count = 2, .first = 50};
    static const struct test_series child = {
        .labels = "a=x", .begin_ms = 0, .step_ms = 10, .count = 1};
    struct ulid old = test_dir_block(&f.dir, 1, 0, 100, &parent, 1);
    struct ulid new = test_dir_block(&f.dir, 2, 0, 200, &child, 1);
    const char *meta = arena_printf(
        f.arena,
        "{\"ulid\":\"%s\",\"minTime\":0,\"maxTime\":200,\"version\":1,\"compaction\":{\"level\":2,"
        "\"parents\":[{\"ulid\":\"%s\",\"minTime\":0,\"maxTime\":100}]}}",
        new.text, old.text);
    test_write_file(arena_printf(f.arena, "%s/%s/meta.json", f.dir.path, new.text), str_of(meta));
    open_db(&f);
    assert_selects(&f, "a=x", 0, 1000, "{a=\"x\"} 0:0\n");
    teardown(&f);
}
END_TEST

static void assert_names(const struct names *names, const char *expected)
{
    AUTO(buf_done) struct buf text = {0};
    for (size_t i = 0; i < names->count; i++)
        buf_printf(&text, "%s%.*s", i ? " " : "", STR_ARGS(names->items[i]));
    ck_assert_str_eq(buf_terminated(&text), expected);
}

static void assert_lists(struct fixture *f, const char *matcher, int64_t end_ms, const char *names,
                         const char *values_of_b)
{
    struct err err = {0};
    struct names got = {0};
    struct matcher *m = matcher ? test_matcher(&f->dir, matcher) : NULL;
    struct matcher *const *set = &m;
    size_t count = 1;
    struct names_request request = {.matcher_sets = &set,
                                    .matcher_counts = &count,
                                    .set_count = m ? 1 : 0,
                                    .end_ms = end_ms,
                                    .arena = f->arena};
    ck_assert(storage_label_names(db_storage(f->db), &request, &got, &err));
    assert_names(&got, names);
    ck_assert(storage_label_values(db_storage(f->db), &request, STR("b"), &got, &err));
    assert_names(&got, values_of_b);
    matcher_done(m);
}

START_TEST(lists_label_names_and_values)
{
    struct fixture f;
    setup(&f);
    static const struct test_series first[] = {
        {.labels = "a=x,b=1", .begin_ms = 0, .step_ms = 1, .count = 1},
        {.labels = "a=y,b=2", .begin_ms = 0, .step_ms = 1, .count = 1},
        {.labels = "b=3,c=z", .begin_ms = 0, .step_ms = 1, .count = 1},
    };
    static const struct test_series second[] = {
        {.labels = "a=x,b=0,d=1", .begin_ms = 100, .step_ms = 1, .count = 1},
        {.labels = "a=x,b=1", .begin_ms = 100, .step_ms = 1, .count = 1},
    };
    test_dir_block(&f.dir, 1, 0, 100, first, 3);
    test_dir_block(&f.dir, 2, 100, 200, second, 2);
    open_db(&f);
    assert_lists(&f, NULL, 1000, "a b c d", "0 1 2 3");
    assert_lists(&f, NULL, 50, "a b c", "1 2 3");
    assert_lists(&f, "a=x", 1000, "a b d", "0 1");
    assert_lists(&f, "b=~2|3", 1000, "a b c", "2 3");
    assert_lists(&f, "c=", 50, "a b", "1 2");
    assert_lists(&f, "b=none", 50, "", "");
    teardown(&f);
}
END_TEST

/* What is looked through may be much more than what is told. */
START_TEST(series_that_are_looked_at_for_names_are_charged)
{
    struct fixture f;
    setup(&f);
    struct test_series series[300];
    char labels[300][16];
    for (size_t i = 0; i < ARRAY_COUNT(series); i++) {
        snprintf(labels[i], sizeof labels[i], "a=%03zu,b=x", i);
        series[i] = (struct test_series){.labels = labels[i], .step_ms = 1, .count = 1};
    }
    test_dir_block(&f.dir, 1, 0, 1000, series, ARRAY_COUNT(series));
    open_db(&f);
    struct err err = {0};
    struct names got = {0};
    struct matcher *m = test_matcher(&f.dir, "a=~.+");
    struct matcher *const *set = &m;
    struct budget budget;
    budget_init(&budget, NULL, "--query.memory-limit", 1000);
    struct names_request request = {.matcher_sets = &set,
                                    .matcher_counts = (const size_t[]){1},
                                    .set_count = 1,
                                    .end_ms = 1000,
                                    .arena = f.arena,
                                    .budget = &budget};
    ck_assert(!storage_label_names(db_storage(f.db), &request, &got, &err));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    ck_assert(!storage_label_values(db_storage(f.db), &request, STR("b"), &got, &err));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    request.set_count = 0; /* no series are looked at, but there are 300 values */
    ck_assert(!storage_label_values(db_storage(f.db), &request, STR("a"), &got, &err));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    ck_assert(storage_label_values(db_storage(f.db), &request, STR("b"), &got, &err));
    assert_names(&got, "x");
    request.set_count = 1;
    ck_assert_uint_eq(budget.used_bytes, 0);
    budget.limit_bytes = 20000;
    ck_assert(storage_label_names(db_storage(f.db), &request, &got, &err));
    assert_names(&got, "a b");
    ck_assert(storage_label_values(db_storage(f.db), &request, STR("b"), &got, &err));
    assert_names(&got, "x");
    ck_assert_uint_eq(budget.used_bytes, 0);
    matcher_done(m);
    teardown(&f);
}
END_TEST

START_TEST(counts_labels_of_the_newest_block)
{
    struct fixture f;
    setup(&f);
    static const struct test_series series[] = {
        {.labels = "__name__=m,b=1", .begin_ms = 0, .step_ms = 1, .count = 1},
        {.labels = "__name__=m,b=2", .begin_ms = 0, .step_ms = 1, .count = 1},
        {.labels = "__name__=n,b=2", .begin_ms = 0, .step_ms = 1, .count = 1},
    };
    test_dir_block(&f.dir, 1, 0, 100, series, 3);
    open_db(&f);
    struct db_cardinality c;
    db_cardinality(f.db, 2, f.arena, &c);
    ck_assert_uint_eq(c.series_by_metric_count, 2);
    ck_assert(str_eq(c.series_by_metric[0].name, STR("m")));
    ck_assert_uint_eq(c.series_by_metric[0].count, 2);
    ck_assert_uint_eq(c.values_by_label_count, 2);
    ck_assert(str_eq(c.values_by_label[0].name, STR("__name__")));
    ck_assert_uint_eq(c.series_by_pair_count, 2);
    ck_assert(str_eq(c.series_by_pair[0].name, STR("__name__=m")));
    ck_assert(str_eq(c.bytes_by_label[0].name, STR("__name__")));
    teardown(&f);
}
END_TEST

START_TEST(a_query_over_its_budget_ends_with_the_limit)
{
    struct fixture f;
    struct err err = {0};
    setup(&f);
    static struct test_series series[2000];
    for (size_t i = 0; i < ARRAY_COUNT(series); i++)
        series[i] = (struct test_series){
            .labels = arena_printf(f.dir.arena, "a=x,b=%zu", i), .step_ms = 1, .count = 1};
    test_dir_block(&f.dir, 1, 0, 100, series, ARRAY_COUNT(series));
    open_db(&f);
    struct matcher *m = test_matcher(&f.dir, "a=x");
    f.budget.limit_bytes = f.budget.used_bytes + 100000;
    struct select_request request = {.matchers = &m,
                                     .matcher_count = 1,
                                     .end_ms = 1000,
                                     .arena = f.arena,
                                     .symbols = f.symbols,
                                     .budget = &f.budget};
    struct selection *selection = NULL;
    ck_assert(!storage_select(db_storage(f.db), &request, &selection, &err));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    ck_assert_ptr_nonnull(strstr(err.msg, "--query.memory-limit"));
    matcher_done(m);
    teardown(&f);
}
END_TEST

START_TEST(a_canceled_query_ends)
{
    struct fixture f;
    struct err err = {0};
    setup(&f);
    static const struct test_series series = {.labels = "a=x", .step_ms = 1, .count = 1};
    test_dir_block(&f.dir, 1, 0, 100, &series, 1);
    open_db(&f);
    struct matcher *m = test_matcher(&f.dir, "a=x");
    _Atomic bool cancel = true;
    struct select_request request = {.matchers = &m,
                                     .matcher_count = 1,
                                     .end_ms = 1000,
                                     .arena = f.arena,
                                     .symbols = f.symbols,
                                     .budget = &f.budget,
                                     .cancel = &cancel};
    struct selection *selection = NULL;
    ck_assert(!storage_select(db_storage(f.db), &request, &selection, &err));
    ck_assert_int_eq(err.kind, ERR_CANCELED);
    matcher_done(m);
    teardown(&f);
}
END_TEST

START_TEST(the_opening_can_be_ended)
{
    struct fixture f;
    struct err err = {0};
    setup(&f);
    static const struct test_series series = {.labels = "a=x", .step_ms = 1, .count = 1};
    test_dir_block(&f.dir, 1, 0, 100, &series, 1);
    struct db_reading reading = {.cancel = true};
    const struct db_options options = {.read_only = true, .reading = &reading};
    struct db *db = NULL;
    ck_assert(!db_open(f.dir.path, &options, &db, &err));
    ck_assert_int_eq(err.kind, ERR_CANCELED);
    ck_assert_ptr_null(db);
    reading.cancel = false;
    ck_assert_msg(db_open(f.dir.path, &options, &db, &err), "%s", err.msg);
    db_close(db);
    teardown(&f);
}
END_TEST

static void *read_selection(void *context)
{
    struct selection *selection = context;
    struct err err = {0};
    struct samples samples = {0};
    struct cursor *cursor = cursor_create(selection);
    for (size_t round = 0; round < 20; round++) {
        for (size_t i = 0; i < selection_count(selection); i++) {
            bool more = true;
            samples.count = 0;
            cursor_open(cursor, i);
            while (more)
                ck_assert(cursor_next(cursor, &samples, &more, &err));
            ck_assert_uint_eq(samples.count, 120);
        }
    }
    cursor_destroy(cursor);
    samples_done(&samples);
    return NULL;
}

START_TEST(cursors_run_on_several_threads_beside_refreshes)
{
    struct fixture f;
    struct err err = {0};
    setup(&f);
    static struct test_series series[50];
    for (size_t i = 0; i < ARRAY_COUNT(series); i++)
        series[i] = (struct test_series){
            .labels = arena_printf(f.dir.arena, "a=x,b=%zu", i), .step_ms = 1, .count = 60};
    test_dir_block(&f.dir, 1, 0, 100, series, ARRAY_COUNT(series));
    for (size_t i = 0; i < ARRAY_COUNT(series); i++)
        series[i].begin_ms = 100;
    test_dir_block(&f.dir, 2, 100, 200, series, ARRAY_COUNT(series));
    open_db(&f);
    struct selection *selection = select_range(&f, "a=x", 0, 1000);
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_selection, selection), 0);
    for (unsigned i = 0; i < 10; i++)
        ck_assert(db_refresh(f.db, &err));
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    selection_close(selection);
    teardown(&f);
}
END_TEST

START_TEST(looks_again_by_itself)
{
    struct fixture f;
    struct err err = {0};
    setup(&f);
    struct db_options options = {.read_only = true, .refresh_ms = 5, .warn = warn, .context = &f};
    ck_assert_msg(db_open(f.dir.path, &options, &f.db, &err), "%s", err.msg);
    static const struct test_series series = {.labels = "a=x", .step_ms = 1, .count = 1};
    test_dir_block(&f.dir, 1, 0, 100, &series, 1);
    struct db_stats stats = {0};
    for (int64_t begin = clock_monotonic_ns();
         stats.block_count == 0 && clock_monotonic_ns() - begin < 10000000000;)
        db_stats(f.db, &stats);
    ck_assert_uint_eq(stats.block_count, 1);
    teardown(&f);
}
END_TEST

START_TEST(says_that_there_is_no_directory)
{
    struct err err = {0};
    struct db *db = NULL;
    struct db_options options = {.read_only = true};
    ck_assert(!db_open("/missing/data", &options, &db, &err));
    ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(err.msg, "/missing/data"));
}
END_TEST

TEST_MAIN("db", the_opening_can_be_ended, merges_series_of_blocks_in_label_order,
          reads_only_chunks_that_overlap_the_range, counts_equal_times_of_overlapping_blocks_once,
          equal_times_are_left_to_the_source_that_waits, merges_any_overlap,
          gives_what_is_before_a_damaged_chunk, leaves_deleted_ranges_out,
          keeps_a_block_that_cannot_be_opened_anew, sees_blocks_come_and_go,
          leaves_damaged_blocks_out_and_says_so_once,
          counts_a_compacted_block_instead_of_its_parents, lists_label_names_and_values,
          series_that_are_looked_at_for_names_are_charged, counts_labels_of_the_newest_block,
          a_query_over_its_budget_ends_with_the_limit, a_canceled_query_ends,
          cursors_run_on_several_threads_beside_refreshes, looks_again_by_itself,
          says_that_there_is_no_directory)
