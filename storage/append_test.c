#include "storage/append.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/test.h"
#include "storage/test_blocks.h"

#define HOUR_MS ((int64_t)60 * 60 * 1000)

static struct test_dir dir;
static struct db *db;
static struct err err;
static struct append_result result;

static void open_with(struct db_options options)
{
    err_clear(&err);
    ck_assert_msg(db_open(dir.path, &options, &db, &err), "%s", err.msg);
}

static void reopen(void)
{
    db_close(TAKE(db));
    open_with((struct db_options){0});
}

static void begin(void)
{
    test_dir_init(&dir);
    open_with((struct db_options){0});
}

static void end(void)
{
    db_close(TAKE(db));
    test_dir_done(&dir);
}

/* "a=1,b=2" as pairs, in the order given. */
static struct wal_label *labels_of(const char *text, size_t *ret_count)
{
    struct wal_label *labels = arena_array(dir.arena, struct wal_label, strlen(text) + 1);
    size_t count = 0;
    while (*text) {
        size_t name = strcspn(text, "=");
        const char *value = text + name + 1;
        size_t len = strcspn(value, ",");
        labels[count++] = (struct wal_label){{text, name}, {value, len}};
        text = value[len] ? value + len + 1 : value + len;
    }
    *ret_count = count;
    return labels;
}

/* One series and its samples: a histogram where `count` is not 0, of one bucket with this count. */
struct given {
    const char *labels;
    int64_t t_ms;
    double v;
    uint64_t count;
};

static struct append_histogram *histogram_of(const struct given *given)
{
    static const struct histogram_span span = {.offset = 1, .length = 1};
    uint64_t *bucket = arena_new(dir.arena, uint64_t);
    *bucket = given->count;
    struct append_histogram *histogram = arena_new(dir.arena, struct append_histogram);
    *histogram = (struct append_histogram){
        .t_ms = given->t_ms,
        .raw = {.sum = given->v, .count = given->count, .sides[0] = {&span, bucket, 1, 1}},
    };
    return histogram;
}

static struct append_series series_of(const struct given *given)
{
    struct append_series series = {0};
    series.labels = labels_of(given->labels, &series.label_count);
    if (given->count) {
        series.histograms = histogram_of(given);
        series.histogram_count = 1;
        return series;
    }
    struct append_sample *sample = arena_new(dir.arena, struct append_sample);
    *sample = (struct append_sample){.t_ms = given->t_ms, .v = given->v};
    series.samples = sample;
    series.sample_count = 1;
    return series;
}

static bool append(enum append_mode mode, const struct given *given, size_t count)
{
    struct append_series *series = arena_array(dir.arena, struct append_series, count);
    for (size_t i = 0; i < count; i++)
        series[i] = series_of(&given[i]);
    struct append_batch batch = {.series = series, .count = count, .future_ms = INT64_MAX};
    err_clear(&err);
    return db_append(db, &batch, mode, &result, &err);
}

#define APPEND(mode, ...) \
    append((mode), (const struct given[]){__VA_ARGS__}, \
           sizeof((const struct given[]){__VA_ARGS__}) / sizeof(struct given))
#define APPEND_GOOD(...) ck_assert_msg(APPEND(APPEND_ALL_OR_NOTHING, __VA_ARGS__), "%s", err.msg)

static struct selection *select_all(void)
{
    struct matcher *all = test_matcher(&dir, "__name__!=");
    struct select_request request = {
        .matchers = &all,
        .matcher_count = 1,
        .begin_ms = INT64_MIN,
        .end_ms = INT64_MAX,
        .arena = dir.arena,
        .symbols = dir.symbols,
    };
    struct selection *selection;
    err_clear(&err);
    ck_assert_msg(storage_select(db_storage(db), &request, &selection, &err), "%s", err.msg);
    return selection;
}

static void check(const char *expected)
{
    struct selection *selection = select_all();
    AUTO(buf_done) struct buf got = {0};
    test_print(selection, dir.symbols, &got);
    selection_close(selection);
    ck_assert_str_eq(buf_terminated(&got), expected);
}

/* Now, and after the log was read again. */
static void check_and_again(const char *expected)
{
    check(expected);
    reopen();
    check(expected);
}

START_TEST(keeps_what_it_was_given)
{
    begin();
    APPEND_GOOD({"__name__=a,x=1", 10, 1, 0}, {"__name__=a,x=2", 10, 2, 0});
    APPEND_GOOD({"__name__=a,x=1", 20, 3, 0}, {"__name__=a,x=1", 30, NAN, 0});
    ck_assert_uint_eq(result.sample_count, 2);
    ck_assert_uint_eq(result.series_count, 0);
    check_and_again(
        "{__name__=\"a\", x=\"1\"} 10:1 20:3 30:nan\n"
        "{__name__=\"a\", x=\"2\"} 10:2\n");
    APPEND_GOOD({"__name__=a,x=2", 40, 5, 0}, {"__name__=a,x=3", 40, 6, 0});
    ck_assert_uint_eq(result.series_count, 1);
    check_and_again(
        "{__name__=\"a\", x=\"1\"} 10:1 20:3 30:nan\n"
        "{__name__=\"a\", x=\"2\"} 10:2 40:5\n"
        "{__name__=\"a\", x=\"3\"} 40:6\n");
    end();
}
END_TEST

START_TEST(keeps_the_order_of_kinds_within_a_batch)
{
    begin();
    APPEND_GOOD({"__name__=a", 10, 1, 0}, {"__name__=a", 20, 1, 3}, {"__name__=a", 30, 1, 0},
                {"__name__=a", 40, 1, 5}, {"__name__=a", 50, 1, 7});
    check_and_again("{__name__=\"a\"} 10:1 20:?3 30:1 40:?5 50:-7\n");
    end();
}
END_TEST

START_TEST(puts_labels_in_order_and_drops_empty_ones)
{
    begin();
    APPEND_GOOD({"x=1,__name__=a,empty=", 10, 1, 0});
    APPEND_GOOD({"__name__=a,x=1", 20, 2, 0}, {"x=1,__name__=a", 30, 3, 0});
    ck_assert_uint_eq(result.series_count, 0);
    check_and_again("{__name__=\"a\", x=\"1\"} 10:1 20:2 30:3\n");
    end();
}
END_TEST

START_TEST(ends_histograms_with_a_stale_marker_of_their_kind)
{
    begin();
    APPEND_GOOD({"__name__=a", 10, 1, 3});
    APPEND_GOOD({"__name__=a", 20, value_stale(), 0});
    APPEND_GOOD({"__name__=a", 30, 1, 4});
    check_and_again("{__name__=\"a\"} 10:?3 20:nan 30:?4\n");
    end();
}
END_TEST

START_TEST(fills_many_chunks)
{
    begin();
    AUTO(buf_done) struct buf expected = {0};
    buf_text(&expected, "{__name__=\"a\"}");
    for (int i = 1; i <= 500; i++) {
        APPEND_GOOD({"__name__=a", i * 15000, i, 0});
        buf_printf(&expected, " %d:%d", i * 15000, i);
    }
    buf_text(&expected, "\n");
    check_and_again(buf_terminated(&expected));
    struct db_stats stats;
    db_stats(db, &stats);
    ck_assert_uint_eq(stats.head_chunk_count, 5);
    end();
}
END_TEST

START_TEST(takes_an_equal_sample_twice)
{
    begin();
    APPEND_GOOD({"__name__=a", 10, 1, 0}, {"__name__=h", 10, 1, 3}, {"__name__=n", 10, NAN, 0});
    APPEND_GOOD({"__name__=a", 10, 1, 0}, {"__name__=h", 10, 1, 3}, {"__name__=n", 10, NAN, 0});
    check_and_again("{__name__=\"a\"} 10:1\n{__name__=\"h\"} 10:?3\n{__name__=\"n\"} 10:nan\n");
    end();
}
END_TEST

/* Two in one batch both pass, as in Prometheus: the head has seen neither. */
START_TEST(leaves_out_what_is_out_of_order_within_a_batch)
{
    begin();
    APPEND_GOOD({"__name__=a", 20, 1, 0}, {"__name__=a", 10, 2, 0}, {"__name__=a", 20, 3, 0});
    ck_assert_uint_eq(result.sample_count, 3);
    check_and_again("{__name__=\"a\"} 20:1\n");
    end();
}
END_TEST

static void check_refused(const char *message)
{
    ck_assert_int_eq(err.kind, ERR_BAD_DATA);
    ck_assert_str_eq(err.msg, message);
}

START_TEST(refuses_in_the_words_of_prometheus)
{
    begin();
    APPEND_GOOD({"__name__=a", 2 * HOUR_MS, 1.5, 0}, {"__name__=h", 2 * HOUR_MS, 1, 3});
    ck_assert(!APPEND(APPEND_ALL_OR_NOTHING, {"__name__=a", 2 * HOUR_MS - 1, 2, 0}));
    check_refused("out of order sample for series {__name__=\"a\"}");
    ck_assert_uint_eq(result.out_of_order_count, 1);
    ck_assert(!APPEND(APPEND_ALL_OR_NOTHING, {"__name__=a", 2 * HOUR_MS, 2, 0}));
    check_refused(
        "duplicate sample for timestamp 7200000; overrides not allowed: existing 1.5, "
        "new value 2 for series {__name__=\"a\"}");
    ck_assert_uint_eq(result.duplicate_count, 1);
    ck_assert(!APPEND(APPEND_ALL_OR_NOTHING, {"__name__=h", 2 * HOUR_MS, 2, 0}));
    check_refused(
        "duplicate sample for timestamp 7200000; overrides not allowed: existing is a "
        "histogram, new value 2 for series {__name__=\"h\"}");
    ck_assert(!APPEND(APPEND_ALL_OR_NOTHING, {"__name__=h", 2 * HOUR_MS, 1, 4}));
    check_refused("duplicate sample for timestamp for series {__name__=\"h\"}");
    ck_assert(!APPEND(APPEND_ALL_OR_NOTHING, {"__name__=b", HOUR_MS - 1, 2, 0}));
    check_refused("out of bounds for series {__name__=\"b\"}");
    ck_assert_uint_eq(result.out_of_bounds_count, 1);
    APPEND_GOOD({"__name__=b", HOUR_MS, 2, 0});
    end();
}
END_TEST

START_TEST(refuses_what_is_too_far_in_the_future)
{
    begin();
    struct append_series series = series_of(&(struct given){"__name__=a", 1001, 1, 0});
    struct append_batch batch = {.series = &series, .count = 1, .future_ms = 1000};
    ck_assert(!db_append(db, &batch, APPEND_ALL_OR_NOTHING, &result, &err));
    check_refused("out of bounds: timestamp is too far in the future for series {__name__=\"a\"}");
    batch.future_ms = 1001;
    ck_assert(db_append(db, &batch, APPEND_ALL_OR_NOTHING, &result, &err));
    end();
}
END_TEST

/* No block could hold it, nor a snapshot. */
START_TEST(refuses_the_last_millisecond_of_all_time)
{
    begin();
    struct append_series series = series_of(&(struct given){"__name__=a", INT64_MAX, 1, 0});
    struct append_batch batch = {.series = &series, .count = 1, .future_ms = INT64_MAX};
    ck_assert(!db_append(db, &batch, APPEND_ALL_OR_NOTHING, &result, &err));
    check_refused("out of bounds: timestamp is too far in the future for series {__name__=\"a\"}");
    end();
}
END_TEST

START_TEST(refuses_a_histogram_that_does_not_add_up)
{
    begin();
    struct append_series series = series_of(&(struct given){"__name__=a", 10, 1, 3});
    struct append_histogram wrong = series.histograms[0];
    wrong.raw.count = 4;
    series.histograms = &wrong;
    struct append_batch batch = {.series = &series, .count = 1, .future_ms = 1000};
    ck_assert(!db_append(db, &batch, APPEND_ALL_OR_NOTHING, &result, &err));
    check_refused(
        "3 observations found in buckets, but the Count field is 4: histogram's "
        "observation count should equal the number of observations found in the buckets "
        "(in absence of NaN) for series {__name__=\"a\"}");
    ck_assert_uint_eq(result.invalid_histogram_count, 1);
    end();
}
END_TEST

START_TEST(refuses_what_no_record_could_hold)
{
    enum { LABELS = 200, TEXT_SIZE = 1 << 20 };
    begin();
    char *text = arena_array(dir.arena, char, TEXT_SIZE);
    memset(text, 'x', TEXT_SIZE);
    struct wal_label *labels = arena_array(dir.arena, struct wal_label, LABELS);
    for (int i = 1; i < LABELS; i++)
        labels[i] =
            (struct wal_label){str_of(arena_printf(dir.arena, "n%03d", i)), {text, TEXT_SIZE}};
    labels[0] = (struct wal_label){STR("__name__"), STR("a")};
    struct append_series series = series_of(&(struct given){"__name__=a", 10, 1, 0});
    series.labels = labels;
    series.label_count = LABELS;
    struct append_batch batch = {.series = &series, .count = 1, .future_ms = 1000};
    ck_assert(!db_append(db, &batch, APPEND_KEEP_GOOD, &result, &err));
    ck_assert_ptr_nonnull(strstr(err.msg, "labels that are too large, got {__name__=\"a\", n001="));
    ck_assert_uint_eq(result.invalid_label_count, 1);

    series = series_of(&(struct given){"__name__=a", 10, 1, 3});
    struct append_histogram wide = series.histograms[0];
    wide.raw.sides[0].bucket_count = 9 << 20;
    series.histograms = &wide;
    ck_assert(!db_append(db, &batch, APPEND_KEEP_GOOD, &result, &err));
    check_refused(
        "histogram has more than 8388608 buckets, spans and bounds for series "
        "{__name__=\"a\"}");
    ck_assert_uint_eq(result.invalid_histogram_count, 1);
    end();
}
END_TEST

START_TEST(writes_all_or_nothing)
{
    begin();
    APPEND_GOOD({"__name__=a", 10, 1, 0});
    ck_assert(!APPEND(APPEND_ALL_OR_NOTHING, {"__name__=b", 10, 1, 0}, {"__name__=a", 5, 1, 0},
                      {"__name__=c", 10, 1, 0}));
    ck_assert_uint_eq(result.sample_count, 0);
    check_and_again("{__name__=\"a\"} 10:1\n");
    end();
}
END_TEST

START_TEST(keeps_the_good_and_names_the_others)
{
    begin();
    APPEND_GOOD({"__name__=a", 10, 1, 0});
    ck_assert(!APPEND(APPEND_KEEP_GOOD, {"__name__=b", 10, 1, 0}, {"__name__=a", 5, 1, 0},
                      {"x=1", 5, 1, 0}, {"__name__=b,y=1,y=2", 5, 1, 0}, {"__name__=a", 20, 1, 0}));
    check_refused(
        "out of order sample for series {__name__=\"a\"}\n"
        "invalid metric name or labels, got {x=\"1\"}\n"
        "invalid labels for series, labels {__name__=\"b\", y=\"1\", y=\"2\"}, "
        "duplicated label y");
    ck_assert_uint_eq(result.sample_count, 2);
    ck_assert_uint_eq(result.invalid_label_count, 2);
    check_and_again("{__name__=\"a\"} 10:1 20:1\n{__name__=\"b\"} 10:1\n");
    end();
}
END_TEST

START_TEST(passes_over_invalid_labels_where_all_or_nothing_is_asked)
{
    begin();
    APPEND_GOOD({"__name__=a", 10, 1, 0}, {"__name__=\xff", 10, 1, 0}, {"__name__=,b=1", 10, 1, 0});
    ck_assert_uint_eq(result.invalid_label_count, 2);
    ck_assert_str_eq(result.invalid_labels,
                     "invalid metric name or labels, got {__name__=\"\\xff\"}");
    check_and_again("{__name__=\"a\"} 10:1\n");
    end();
}
END_TEST

START_TEST(lets_only_one_process_write)
{
    begin();
    struct db_options options = {0};
    struct db *second = NULL;
    ck_assert(!db_open(dir.path, &options, &second, &err));
    ck_assert_int_eq(err.kind, ERR_EXECUTION);
    options.read_only = true;
    ck_assert(db_open(dir.path, &options, &second, &err));
    struct append_batch batch = {0};
    ck_assert(!db_append(second, &batch, APPEND_ALL_OR_NOTHING, &result, &err));
    ck_assert_int_eq(err.kind, ERR_UNSUPPORTED);
    db_close(second);
    reopen();
    end();
}
END_TEST

START_TEST(takes_an_empty_batch)
{
    begin();
    struct append_batch batch = {0};
    ck_assert(db_append(db, &batch, APPEND_ALL_OR_NOTHING, &result, &err));
    ck_assert(db_append(db, &batch, APPEND_KEEP_GOOD, &result, &err));
    check_and_again("");
    end();
}
END_TEST

START_TEST(says_that_a_series_has_no_samples)
{
    begin();
    struct append_series series = series_of(&(struct given){"__name__=a", 1, 1, 0});
    series.sample_count = 0;
    struct append_batch batch = {.series = &series, .count = 1};
    ck_assert(db_append(db, &batch, APPEND_ALL_OR_NOTHING, &result, &err));
    ck_assert(!db_append(db, &batch, APPEND_KEEP_GOOD, &result, &err));
    check_refused(
        "TimeSeries must contain at least one sample or histogram for series "
        "{__name__=\"a\"}");
    end();
}
END_TEST

/* Of the one histogram there is. */
static void check_start(int64_t start_ms)
{
    struct selection *selection = select_all();
    struct histogram_samples histograms = {0};
    struct samples samples = {.histograms = &histograms};
    struct cursor *cursor = cursor_create(selection);
    bool more = true;
    cursor_open(cursor, 0);
    while (more)
        ck_assert(cursor_next(cursor, &samples, &more, &err));
    ck_assert_uint_eq(histograms.count, 1);
    ck_assert_int_eq(histograms.starts_ms[0], start_ms);
    cursor_destroy(cursor);
    histogram_samples_done(&histograms);
    samples_done(&samples);
    selection_close(selection);
}

/* What memory shows is what the log has, also where that is no start. */
START_TEST(keeps_start_timestamps_if_it_is_told_to)
{
    for (int keeps = 0; keeps < 2; keeps++) {
        begin();
        db_close(TAKE(db));
        open_with((struct db_options){.keeps_starts = keeps});
        struct append_series series = series_of(&(struct given){"__name__=a", 1000, 1, 3});
        struct append_histogram started = series.histograms[0];
        started.start_ms = 400;
        series.histograms = &started;
        struct append_batch batch = {.series = &series, .count = 1, .future_ms = INT64_MAX};
        ck_assert(db_append(db, &batch, APPEND_ALL_OR_NOTHING, &result, &err));
        check_start(keeps ? 400 : 0);
        reopen();
        check_start(keeps ? 400 : 0);
        end();
    }
}
END_TEST

START_TEST(limits_the_series)
{
    begin();
    db_close(TAKE(db));
    open_with((struct db_options){.head_series_max = 2});
    APPEND_GOOD({"__name__=a", 10, 1, 0}, {"__name__=b", 10, 1, 0});
    ck_assert(!APPEND(APPEND_KEEP_GOOD, {"__name__=a", 20, 1, 0}, {"__name__=c", 10, 1, 0}));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    APPEND_GOOD({"__name__=a", 20, 1, 0});
    check_and_again("{__name__=\"a\"} 10:1 20:1\n{__name__=\"b\"} 10:1\n");
    end();
}
END_TEST

static void limit_files(rlim_t size)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Files below a folder that this process holds open. */
static size_t open_count(const char *folder)
{
    AUTO(file_names_done) struct file_names names = {0};
    size_t count = 0;
    ck_assert(file_names_read("/proc/self/fd", &names, &err));
    for (size_t i = 0; i < names.count; i++) {
        char target[4096] = "";
        const char *link = arena_printf(dir.arena, "/proc/self/fd/%s", names.items[i]);
        if (readlink(link, target, sizeof target - 1) > 0)
            count += str_starts(str_of(target), str_of(folder));
    }
    return count;
}

/* What was read at the start can go from the disk when it is removed. */
START_TEST(holds_nothing_of_the_log_but_what_it_writes)
{
    begin();
    APPEND_GOOD({"__name__=a", 10, 1, 0});
    reopen();
    APPEND_GOOD({"__name__=a", 20, 1, 0});
    ck_assert_uint_eq(open_count(arena_printf(dir.arena, "%s/wal", dir.path)), 1);
    end();
}
END_TEST

START_TEST(goes_on_when_there_is_space_again)
{
    begin();
    signal(SIGXFSZ, SIG_IGN);
    APPEND_GOOD({"__name__=a", 10, 1, 0});
    limit_files(100);
    ck_assert(!APPEND(APPEND_KEEP_GOOD, {"__name__=a", 20, 1, 0},
                      {"__name__=b,text=0123456789", 10, 1, 0}));
    ck_assert_int_eq(err.kind, ERR_IO);
    ck_assert_uint_eq(result.sample_count, 0);
    check("{__name__=\"a\"} 10:1\n");
    limit_files(RLIM_INFINITY);
    APPEND_GOOD({"__name__=a", 30, 1, 0}, {"__name__=c", 10, 1, 0});
    check_and_again("{__name__=\"a\"} 10:1 30:1\n{__name__=\"c\"} 10:1\n");
    end();
}
END_TEST

START_TEST(gives_every_series_a_reference_of_its_own)
{
    begin();
    AUTO(buf_done) struct buf expected = {0};
    for (int i = 0; i < 6; i++) {
        char labels[64];
        snprintf(labels, sizeof labels, "__name__=a,x=%d", i);
        APPEND_GOOD({labels, 10, i, 0});
        buf_printf(&expected, "{__name__=\"a\", x=\"%d\"} 10:%d\n", i, i);
        check_and_again(buf_terminated(&expected));
    }
    end();
}
END_TEST

#define THREAD_BATCHES 200
#define THREAD_SERIES 20

static atomic_bool ended;

static void *write_batches(void *context)
{
    const char *name = context;
    struct append_series series[THREAD_SERIES];
    char texts[THREAD_SERIES][16];
    struct wal_label labels[THREAD_SERIES][2];
    struct append_sample sample;
    for (size_t i = 0; i < THREAD_SERIES; i++) {
        snprintf(texts[i], sizeof texts[i], "%zu", i);
        labels[i][0] = (struct wal_label){STR("__name__"), str_of(name)};
        labels[i][1] = (struct wal_label){STR("x"), str_of(texts[i])};
        series[i] = (struct append_series){
            .labels = labels[i], .label_count = 2, .samples = &sample, .sample_count = 1};
    }
    struct append_batch batch = {.series = series, .count = THREAD_SERIES, .future_ms = INT64_MAX};
    for (int i = 1; i <= THREAD_BATCHES; i++) {
        sample = (struct append_sample){.t_ms = i * 1000, .v = i};
        struct append_result local;
        struct err local_err = {0};
        bool good = db_append(db, &batch, APPEND_ALL_OR_NOTHING, &local, &local_err);
        ck_assert_msg(good, "%s", local_err.msg);
    }
    return NULL;
}

/* All series of a batch have their samples at once. */
static void *read_batches(void *context)
{
    while (!atomic_load(&ended)) {
        AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
        struct symbols *symbols = symbols_new(arena);
        struct matcher *matcher;
        struct err local = {0};
        ck_assert(matcher_new(arena, MATCH_EQUAL, STR("__name__"), STR("a"), &matcher, &local));
        struct select_request request = {.matchers = &matcher,
                                         .matcher_count = 1,
                                         .begin_ms = INT64_MIN,
                                         .end_ms = INT64_MAX,
                                         .arena = arena,
                                         .symbols = symbols};
        struct selection *selection;
        ck_assert(storage_select(db_storage(db), &request, &selection, &local));
        struct cursor *cursor = cursor_create(selection);
        struct samples samples = {0};
        size_t first_count = 0;
        for (size_t i = 0; i < selection_count(selection); i++) {
            bool more = true;
            samples.count = 0;
            cursor_open(cursor, i);
            while (more)
                ck_assert(cursor_next(cursor, &samples, &more, &local));
            first_count = i == 0 ? samples.count : first_count;
            ck_assert_uint_eq(samples.count, first_count);
        }
        cursor_destroy(cursor);
        samples_done(&samples);
        selection_close(selection);
        symbols_done(symbols);
    }
    return NULL;
}

static void *refresh_all_the_time(void *context)
{
    while (!atomic_load(&ended)) {
        struct err local = {0};
        ck_assert_msg(db_refresh(db, &local), "%s", local.msg);
    }
    return NULL;
}

START_TEST(takes_batches_of_many_while_others_read)
{
    begin();
    db_close(TAKE(db));
    open_with((struct db_options){.wal_sync = true, .wal_segment_size = 1 << 16});
    static char names[][2] = {"a", "b", "c"};
    pthread_t writers[3], others[3];
    for (size_t i = 0; i < 3; i++)
        pthread_create(&writers[i], NULL, write_batches, names[i]);
    for (size_t i = 0; i < 3; i++)
        pthread_create(&others[i], NULL, i == 2 ? refresh_all_the_time : read_batches, NULL);
    for (size_t i = 0; i < 3; i++)
        pthread_join(writers[i], NULL);
    atomic_store(&ended, true);
    for (size_t i = 0; i < 3; i++)
        pthread_join(others[i], NULL);
    for (int again = 0; again < 2; again++) {
        struct db_stats stats;
        db_stats(db, &stats);
        ck_assert_uint_eq(stats.head_series_count, 3 * THREAD_SERIES);
        ck_assert_int_eq(stats.head_end_ms, THREAD_BATCHES * 1000);
        ck_assert_uint_eq(stats.head_chunk_count, 3 * THREAD_SERIES * 2);
        reopen();
    }
    end();
}
END_TEST

TEST_MAIN("append", keeps_what_it_was_given, keeps_the_order_of_kinds_within_a_batch,
          puts_labels_in_order_and_drops_empty_ones,
          ends_histograms_with_a_stale_marker_of_their_kind, fills_many_chunks,
          takes_an_equal_sample_twice, leaves_out_what_is_out_of_order_within_a_batch,
          refuses_in_the_words_of_prometheus, refuses_what_is_too_far_in_the_future,
          refuses_the_last_millisecond_of_all_time, refuses_a_histogram_that_does_not_add_up,
          refuses_what_no_record_could_hold, writes_all_or_nothing,
          keeps_the_good_and_names_the_others,
          passes_over_invalid_labels_where_all_or_nothing_is_asked, lets_only_one_process_write,
          takes_an_empty_batch, says_that_a_series_has_no_samples,
          keeps_start_timestamps_if_it_is_told_to, limits_the_series,
          holds_nothing_of_the_log_but_what_it_writes, goes_on_when_there_is_space_again,
          gives_every_series_a_reference_of_its_own, takes_batches_of_many_while_others_read)
