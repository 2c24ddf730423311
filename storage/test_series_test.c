#include "storage/test_series.h"

#include "base/test.h"
#include "model/histogram_samples.h"
#include "storage/test_storage.h"

/* Buckets from number 0 on, one observation wide of each count given. */
static struct histogram made(const double *buckets, uint32_t count,
                             const struct histogram_span *span)
{
    struct histogram h = {
        .positive = {.spans = span, .buckets = buckets, .span_count = 1, .bucket_count = count},
    };
    for (uint32_t i = 0; i < count; i++)
        h.count += buckets[i];
    return h;
}

struct fixture {
    struct test_series series;
    struct arena *arena;
    int64_t time_ms;
};

static void fixture_done_auto(struct fixture *f)
{
    test_series_done(&f->series);
    arena_destroy(f->arena);
}

static void append(struct fixture *f, const struct histogram *h)
{
    struct err err;
    f->time_ms += 1000;
    const struct test_sample sample = {.time_ms = f->time_ms, .value = 1, .histogram = h};
    ck_assert(test_series_append(&f->series, &sample, f->arena, &err));
}

/* All samples; done with samples_done and histogram_samples_done. */
static void read_all(const struct fixture *f, struct samples *into)
{
    struct err err;
    for (size_t i = 0; i < f->series.chunk_count; i++)
        ck_assert_msg(test_series_chunk_read(f->series.chunks[i], into, &err), "%s", err.msg);
}

/* The hints of all histograms: u, r, n, g. */
static void hints_are(const struct fixture *f, const char *want)
{
    struct histogram_samples histograms = {0};
    struct samples samples = {.histograms = &histograms};
    read_all(f, &samples);
    ck_assert_uint_eq(histograms.count, strlen(want));
    for (size_t i = 0; i < histograms.count; i++)
        ck_assert_int_eq("urng"[histograms.items[i]->hint], want[i]);
    histogram_samples_done(&histograms);
    samples_done(&samples);
}

static const struct histogram_span two = {.length = 2}, three = {.length = 3};
static const double small[] = {1, 2}, large[] = {2, 2}, wide[] = {2, 2, 5};

START_TEST(a_chunk_begins_where_the_counter_does)
{
    AUTO(fixture_done) struct fixture f = {.arena = arena_create(NULL)};
    const struct histogram first = made(small, 2, &two), more = made(large, 2, &two);
    append(&f, &first);
    append(&f, &more);
    append(&f, &first);
    append(&f, &more);
    hints_are(&f, "unun");
}
END_TEST

START_TEST(buckets_that_are_new_do_not_cut_and_those_before_get_them)
{
    AUTO(fixture_done) struct fixture f = {.arena = arena_create(NULL)};
    const struct histogram first = made(small, 2, &two), more = made(wide, 3, &three);
    append(&f, &first);
    append(&f, &more);
    hints_are(&f, "un");
    struct histogram_samples histograms = {0};
    struct samples samples = {.histograms = &histograms};
    read_all(&f, &samples);
    const struct histogram *read = histograms.items[0];
    ck_assert_uint_eq(read->positive.bucket_count, 3);
    ck_assert_double_eq(read->positive.buckets[1], 2);
    ck_assert_double_eq(read->positive.buckets[2], 0);
    histogram_samples_done(&histograms);
    samples_done(&samples);
}
END_TEST

START_TEST(hints_scales_and_floats_cut)
{
    AUTO(fixture_done) struct fixture f = {.arena = arena_create(NULL)};
    struct histogram h = made(small, 2, &two);
    append(&f, &h);
    append(&f, &h);
    h.hint = HISTOGRAM_RESET;
    append(&f, &h);
    h.hint = HISTOGRAM_GAUGE;
    append(&f, &h);
    append(&f, &h);
    h.hint = HISTOGRAM_UNKNOWN;
    append(&f, &h);
    h.schema = 1;
    append(&f, &h);
    append(&f, NULL);
    append(&f, &h);
    hints_are(&f, "unugguuu");
}
END_TEST

START_TEST(a_chunk_that_grows_large_ends)
{
    AUTO(fixture_done) struct fixture f = {.arena = arena_create(NULL)};
    double buckets[] = {1, 1};
    for (int i = 0; i < 400; i++) {
        buckets[0] += i * 0.37;
        buckets[1] += i * 1.73;
        const struct histogram h = made(buckets, 2, &two);
        append(&f, &h);
    }
    ck_assert_uint_gt(f.series.chunk_count, 4);
    for (size_t i = 0; i < f.series.chunk_count; i++)
        ck_assert_uint_lt(f.series.chunks[i]->histograms.out.size, 3000);
}
END_TEST

START_TEST(refuses_what_comes_too_late)
{
    AUTO(fixture_done) struct fixture f = {.arena = arena_create(NULL)};
    const struct histogram first = made(small, 2, &two), more = made(large, 2, &two);
    struct err err;
    append(&f, &first);
    struct test_sample sample = {.time_ms = f.time_ms, .histogram = &first};
    ck_assert(test_series_append(&f.series, &sample, f.arena, &err));
    hints_are(&f, "u");
    sample.histogram = &more;
    ck_assert(!test_series_append(&f.series, &sample, f.arena, &err));
    sample.time_ms--;
    ck_assert(!test_series_append(&f.series, &sample, f.arena, &err));
}
END_TEST

START_TEST(readers_of_totals_are_told_of_resets)
{
    struct test_storage storage;
    struct err err;
    test_storage_init(&storage);
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct symbols *symbols = symbols_new(arena);
    struct test_series *series = test_storage_series(&storage, symbols, &labels_empty);
    const struct histogram first = made(small, 2, &two), more = made(large, 2, &two);
    const struct histogram *const histograms[] = {&more, &first, &more};
    for (int i = 0; i < 3; i++)
        ck_assert(test_series_append(
            series, &(struct test_sample){.time_ms = i, .histogram = histograms[i]}, storage.arena,
            &err));

    const struct select_request request = {.arena = arena, .symbols = symbols, .end_ms = 9};
    struct selection *selection;
    ck_assert(storage_select(&storage.storage, &request, &selection, &err));
    struct cursor *cursor = cursor_create(selection);
    cursor_open(cursor, 0);
    struct histogram_samples totals = {.totals_only = true};
    struct samples samples = {.histograms = &totals};
    for (bool more_samples = true; more_samples;)
        ck_assert(cursor_next(cursor, &samples, &more_samples, &err));
    ck_assert_uint_eq(totals.count, 3);
    ck_assert_int_eq(totals.items[0]->hint, HISTOGRAM_UNKNOWN);
    ck_assert_int_eq(totals.items[1]->hint, HISTOGRAM_RESET);
    ck_assert_int_eq(totals.items[2]->hint, HISTOGRAM_NOT_RESET);
    for (size_t i = 0; i < totals.count; i++)
        ck_assert_uint_eq(totals.items[i]->positive.bucket_count, 0);
    ck_assert_double_eq(totals.items[2]->count, 4);

    histogram_samples_done(&totals);
    samples_done(&samples);
    cursor_destroy(cursor);
    selection_close(selection);
    symbols_done(symbols);
    test_storage_done(&storage);
}
END_TEST

TEST_MAIN("test_series", a_chunk_begins_where_the_counter_does,
          buckets_that_are_new_do_not_cut_and_those_before_get_them, hints_scales_and_floats_cut,
          a_chunk_that_grows_large_ends, refuses_what_comes_too_late,
          readers_of_totals_are_told_of_resets)
