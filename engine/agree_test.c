/*
 * Both engines over the same random series, floats and native histograms with all that may happen
 * to them: the answers must be equal to the last bit, and so must be what is told beside them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "engine/engine.h"
#include "engine/fn/test_random.h"
#include "storage/test_storage.h"

#define SAMPLES_SHORT 160
#define SAMPLES_LONG 1800 /* more than a lane holds at once */
#define INTERVAL_MS 15000

/* What a series is like. */
struct kind {
    const char *name;
    bool floats, histograms;
    bool custom;  /* own bounds */
    bool gauge;   /* and says so */
    bool resets;  /* now and then */
    bool changes; /* of schema, or of bounds */
    bool hints;   /* of its own, that may be wrong */
    bool starts;  /* start timestamps */
};

static const struct kind kinds[] = {
    {.name = "floats_total", .floats = true, .resets = true, .starts = true},
    {.name = "plain_total", .histograms = true},
    {.name = "resets_total", .histograms = true, .resets = true, .starts = true},
    {.name = "schemas_total", .histograms = true, .resets = true, .changes = true},
    {.name = "gauge", .histograms = true, .gauge = true, .resets = true},
    {.name = "custom_total", .histograms = true, .custom = true, .resets = true},
    {.name = "bounds_total", .histograms = true, .custom = true, .resets = true, .changes = true},
    {.name = "mixed_total", .floats = true, .histograms = true, .resets = true, .starts = true},
    {.name = "hints", .histograms = true, .resets = true, .hints = true},
    {.name = "kinds",
     .histograms = true,
     .custom = true,
     .resets = true,
     .changes = true,
     .hints = true,
     .gauge = true},
};

#define BUCKETS_MAX 12

/* A histogram that grows from sample to sample. */
struct growing {
    int32_t schema;
    int32_t first; /* bucket number */
    bool custom;
    double threshold;
    double zero;
    double counts[BUCKETS_MAX];
    double negative[BUCKETS_MAX];
    double value; /* of the float beside it */
};

static void growing_reset(struct growing *growing)
{
    growing->zero = growing->value = 0;
    for (size_t i = 0; i < BUCKETS_MAX; i++)
        growing->counts[i] = growing->negative[i] = 0;
}

static void growing_grow(struct growing *growing, uint64_t *random, bool falls)
{
    for (size_t i = 0; i < BUCKETS_MAX; i++) {
        if (test_random(random) % 3 == 0)
            growing->counts[i] += test_random(random) % 5;
        if (!growing->custom && i < 3 && test_random(random) % 4 == 0)
            growing->negative[i] += test_random(random) % 3;
        if (falls && growing->counts[i] > 2 && test_random(random) % 6 == 0)
            growing->counts[i] -= 2;
    }
    growing->zero += test_random(random) % 2;
    growing->value += test_random(random) % 7;
}

static void growing_change(struct growing *growing, uint64_t *random, const struct kind *kind)
{
    growing->schema = (int32_t)(test_random(random) % 4);
    growing->first = (int32_t)(test_random(random) % 5) - 2;
    growing->threshold = test_random(random) % 3 ? 0.001 : 0.01;
    if (kind->hints && kind->custom)
        growing->custom = test_random(random) % 2;
}

/* Only the buckets that hold something, as a scrape gives them. */
static struct histogram_side growing_side(const double *counts, int32_t first, struct arena *arena)
{
    struct histogram_span *spans = arena_array(arena, struct histogram_span, BUCKETS_MAX);
    double *buckets = arena_array(arena, double, BUCKETS_MAX);
    struct histogram_side side = {.spans = spans, .buckets = buckets};
    int32_t behind = 0;
    for (int32_t i = 0; i < BUCKETS_MAX; i++) {
        if (counts[i] == 0)
            continue;
        if (side.span_count == 0 || first + i != behind)
            spans[side.span_count++] = (struct histogram_span){.offset = first + i - behind};
        spans[side.span_count - 1].length++;
        buckets[side.bucket_count++] = counts[i];
        behind = first + i + 1;
    }
    return side;
}

static double side_total(const struct histogram_side *side)
{
    double total = 0;
    for (uint32_t i = 0; i < side->bucket_count; i++)
        total += side->buckets[i];
    return total;
}

/* With other bounds where the schema is another; no bucket behind the last, which is open. */
static void growing_show_custom(const struct growing *growing, struct arena *arena,
                                struct histogram *h)
{
    static const double bounds[] = {-1, 0.5, 1, 2, 4, 5, 8, 10, 16, 20, 32, 64};
    double counts[BUCKETS_MAX] = {0};
    uint32_t skipped = (uint32_t)growing->schema;
    h->schema = HISTOGRAM_SCHEMA_CUSTOM;
    h->custom_bounds = bounds + skipped;
    h->custom_bound_count = ARRAY_COUNT(bounds) - skipped;
    for (size_t i = 0; i < BUCKETS_MAX && i <= h->custom_bound_count; i++)
        counts[i] = growing->counts[i];
    h->positive = growing_side(counts, 0, arena);
}

static struct histogram *growing_show(const struct growing *growing, struct arena *arena)
{
    struct histogram *h = arena_new(arena, struct histogram);
    if (growing->custom) {
        growing_show_custom(growing, arena, h);
    } else {
        h->schema = growing->schema;
        h->zero_threshold = growing->threshold;
        h->zero_count = growing->zero;
        h->positive = growing_side(growing->counts, growing->first, arena);
        h->negative = growing_side(growing->negative, growing->first, arena);
    }
    h->count = h->zero_count + side_total(&h->positive) + side_total(&h->negative);
    h->sum = h->count * 1.7;
    return h;
}

static void fill_sample(const struct kind *kind, struct growing *growing, uint64_t *random,
                        struct arena *arena, struct test_sample *sample)
{
    if (kind->resets && test_random(random) % 25 == 0)
        growing_reset(growing);
    if (kind->changes && test_random(random) % 12 == 0)
        growing_change(growing, random, kind);
    growing_grow(growing, random, kind->gauge);
    sample->value = growing->value;
    if (test_random(random) % 40 == 0) {
        sample->value = value_stale();
        return;
    }
    if (!kind->histograms || (kind->floats && test_random(random) % 30 < 15))
        return;
    struct histogram *h = growing_show(growing, arena);
    if (kind->gauge)
        h->hint = HISTOGRAM_GAUGE;
    if (kind->hints)
        h->hint = (enum histogram_hint)(test_random(random) % 4);
    sample->histogram = h;
}

static int64_t start_of(uint64_t *random, int64_t before_ms, int64_t time_ms, int64_t last_start_ms)
{
    switch (test_random(random) % 8) {
    case 0:
        return before_ms;
    case 1:
        return time_ms - (int64_t)(test_random(random) % 20000);
    case 2:
        return time_ms;
    case 3:
        return 0;
    default:
        return last_start_ms;
    }
}

static void fill_series(struct test_storage *storage, const struct kind *kind, size_t count,
                        uint64_t *random)
{
    static const char *const values[] = {"a", "b"};
    for (size_t v = 0; v < ARRAY_COUNT(values); v++) {
        test_storage_add(storage,
                         (const char *const[]){"__name__", kind->name, "v", values[v], NULL}, NULL,
                         NULL, 0);
        struct test_series *series = &storage->series[storage->count - 1];
        struct growing growing = {.schema = 1, .threshold = 0.001, .custom = kind->custom};
        int64_t time_ms = 0, start_ms = 0;
        for (size_t i = 0; i < count; i++) {
            struct test_sample sample = {0};
            int64_t before_ms = time_ms;
            time_ms += INTERVAL_MS;
            if (test_random(random) % 20 == 0)
                time_ms += test_random(random) % 400000;
            sample.time_ms = time_ms;
            fill_sample(kind, &growing, random, storage->arena, &sample);
            if (kind->starts)
                sample.start_ms = start_ms = start_of(random, before_ms, time_ms, start_ms);
            struct err err = {0};
            ck_assert_msg(test_series_append(series, &sample, storage->arena, &err), "%s", err.msg);
        }
    }
}

static void append_side(const char *name, const struct histogram_side *side, struct buf *out)
{
    buf_printf(out, " %s", name);
    for (uint32_t i = 0; i < side->span_count; i++)
        buf_printf(out, " (%d,%u)", (int)side->spans[i].offset, side->spans[i].length);
    for (uint32_t i = 0; i < side->bucket_count; i++)
        buf_printf(out, " %.17g", side->buckets[i]);
}

/* All of it, the layout too. */
static void append_histogram(const struct histogram *h, struct buf *out)
{
    buf_printf(out, " hint %d schema %d zero %.17g %.17g count %.17g sum %.17g", (int)h->hint,
               (int)h->schema, h->zero_threshold, h->zero_count, h->count, h->sum);
    append_side("positive", &h->positive, out);
    append_side("negative", &h->negative, out);
    for (uint32_t i = 0; i < h->custom_bound_count; i++)
        buf_printf(out, " <%.17g", h->custom_bounds[i]);
}

static void append_row(const struct result_info *info, const struct result_row *row,
                       struct buf *out)
{
    labels_print(info->symbols, row->labels, out);
    for (size_t i = 0; i < row->count; i++) {
        const struct histogram *h = row->histograms ? row->histograms[i] : NULL;
        if (!h && value_is_stale(row->values[i]))
            continue;
        buf_printf(out, "\n  [%zu]", i);
        if (row->times_ms)
            buf_printf(out, " @%" PRId64, row->times_ms[i]);
        if (h)
            append_histogram(h, out);
        else if (row->values[i] != row->values[i])
            buf_text(out, " NaN");
        else
            buf_printf(out, " %.17g", row->values[i]);
    }
    buf_byte(out, '\n');
}

static int order_of_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Notes as Prometheus has them: in no order. */
static void append_notes(const struct annotations *notes, struct str query, struct buf *out)
{
    char *texts[ANNOTATIONS_MAX];
    for (size_t i = 0; i < notes->count; i++) {
        AUTO(buf_done) struct buf text = {0};
        annotation_print(&notes->items[i], query, &text);
        texts[i] = arena_text(notes->arena, buf_view(&text));
    }
    qsort(texts, notes->count, sizeof *texts, order_of_texts);
    for (size_t i = 0; i < notes->count; i++)
        buf_printf(out, "%s\n", texts[i]);
}

static void answer(struct engine *engine, const struct query_spec *spec, struct buf *out)
{
    struct err err = {0};
    AUTO(running_destroy) struct running *running = NULL;
    bool good = running_create(engine, spec, &running, &err) && running_open(running, &err);
    enum pull got = PULL_ERR;
    if (good) {
        struct result_info info = running_info(running);
        struct result_row row;
        while ((got = running_next(running, &row, &err)) == PULL_BATCH)
            append_row(&info, &row, out);
    }
    if (got == PULL_ERR) {
        buf_clear(out);
        buf_printf(out, "error: %s\n", err.msg);
        return;
    }
    append_notes(running_annotations(running), spec->text, out);
}

static void agree_on(struct engine *engine, const struct query_spec *spec)
{
    struct query_spec reference = *spec;
    reference.engine = ENGINE_REFERENCE;
    AUTO(buf_done) struct buf got = {0};
    AUTO(buf_done) struct buf want = {0};
    answer(engine, spec, &got);
    answer(engine, &reference, &want);
    if (str_eq(buf_view(&got), buf_view(&want)))
        return;
    size_t at = 0;
    while (at < got.len && at < want.len && got.ptr[at] == want.ptr[at])
        at++;
    size_t from = at < 300 ? 0 : at - 300;
    ck_abort_msg("%.*s [%" PRId64 " .. %" PRId64 " / %" PRId64
                 "], from byte %zu:\n--- got\n%s\n--- want\n%s",
                 (int)spec->text.len, spec->text.ptr, spec->start_ms, spec->end_ms, spec->step_ms,
                 from, buf_terminated(&got) + from, buf_terminated(&want) + from);
}

/* %s: a selector of one metric. */
static const char *const shapes[] = {
    "%s",
    "%s offset 1m",
    "timestamp(%s)",
    "start_timestamp(%s)",
    "%s smoothed",
    "rate(%s[2m])",
    "rate(%s[2m] offset 30s)",
    "increase(%s[5m])",
    "delta(%s[3m])",
    "irate(%s[2m])",
    "idelta(%s[2m])",
    "resets(%s[5m])",
    "changes(%s[5m])",
    "sum_over_time(%s[3m])",
    "avg_over_time(%s[3m])",
    "min_over_time(%s[3m])",
    "stddev_over_time(%s[3m])",
    "quantile_over_time(1.5, %s[3m])",
    "mad_over_time(%s[3m])",
    "deriv(%s[3m])",
    "predict_linear(%s[3m], 60)",
    "double_exponential_smoothing(%s[3m], 0.3, 0.6)",
    "count_over_time(%s[3m])",
    "present_over_time(%s[3m])",
    "absent_over_time(%s[1m])",
    "first_over_time(%s[3m])",
    "last_over_time(%s[3m])",
    "ts_of_first_over_time(%s[3m])",
    "ts_of_last_over_time(%s[3m])",
    "ts_of_max_over_time(%s[3m])",
    "rate(%s[2m] anchored)",
    "increase(%s[2m] smoothed)",
    "delta(%s[2m] anchored)",
    "delta(%s[2m] smoothed)",
    "resets(%s[2m] anchored)",
    "changes(%s[2m] anchored)",
    "rate(%s[10m:30s])",
    "sum_over_time(%s[10m:1m])",
    "avg_over_time(rate(%s[1m])[10m:1m])",
    "last_over_time(%s[5m:45s])",
    "last_over_time(histogram_quantiles(%s, \"__name__\", 1)[5m:45s])",
    "first_over_time((sort(topk(1, histogram_quantiles(%s, \"__name__\", 1, 0.1))))[5m:45s])",
    "resets(%s[5m:1m])",
    "histogram_count(rate(%s[2m]))",
    "histogram_sum(increase(%s[90s]))",
    "histogram_avg(%s)",
    "histogram_count(avg_over_time(%s[20s]))",
    "sum by (v) (rate(%s[2m]))",
    "rate(%s[2m]) > 1e9",
    "rate(%s[5m] @ 600)",
};

static void agree_on_all(struct engine *engine, size_t count, uint64_t *random)
{
    static const int64_t steps_ms[] = {1000, 15000, 45000, 60000, 137000, 600000};
    for (size_t k = 0; k < ARRAY_COUNT(kinds); k++) {
        for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
            AUTO(buf_done) struct buf text = {0};
            struct str shape = str_of(shapes[i]);
            for (size_t c = 0; c < shape.len; c++) {
                if (shape.ptr[c] == '%')
                    buf_text(&text, kinds[k].name), c++;
                else
                    buf_byte(&text, shape.ptr[c]);
            }
            struct query_spec spec = {.text = buf_view(&text)};
            spec.start_ms = spec.end_ms = test_random(random) % (count * INTERVAL_MS * 2);
            if (test_random(random) % 5) {
                spec.step_ms = steps_ms[test_random(random) % ARRAY_COUNT(steps_ms)];
                spec.end_ms += spec.step_ms * (1 + test_random(random) % (count / 4));
            }
            agree_on(engine, &spec);
        }
    }
}

static void agree_in(const struct engine_options *options, size_t count, uint64_t seed)
{
    uint64_t random = seed;
    struct test_storage storage;
    test_storage_init(&storage);
    storage.chunk_samples = 20;
    for (size_t k = 0; k < ARRAY_COUNT(kinds); k++)
        fill_series(&storage, &kinds[k], count, &random);
    struct engine *engine = engine_create(&storage.storage, options);
    agree_on_all(engine, count, &random);
    engine_destroy(engine);
    test_storage_done(&storage);
}

static const struct engine_options plain = {
    .thread_count = 1,
    .parse = {.experimental_functions = true, .extended_selectors = true},
    .fallback = FALLBACK_NONE,
};

START_TEST(engines_agree)
{
    for (uint64_t seed = 1; seed <= 4; seed++)
        agree_in(&plain, SAMPLES_SHORT, seed);
}
END_TEST

START_TEST(engines_agree_on_long_series)
{
    agree_in(&plain, SAMPLES_LONG, 5);
}
END_TEST

START_TEST(engines_agree_on_start_timestamps)
{
    struct engine_options options = plain;
    options.modes.start_timestamps = true;
    options.thread_count = 3;
    for (uint64_t seed = 11; seed <= 13; seed++)
        agree_in(&options, SAMPLES_SHORT, seed);
}
END_TEST

START_TEST(engines_agree_on_delayed_names)
{
    struct engine_options options = plain;
    options.modes.delayed_names = true;
    options.modes.type_and_unit = true;
    agree_in(&options, SAMPLES_SHORT, 21);
}
END_TEST

TEST_MAIN("agree", engines_agree, engines_agree_on_long_series, engines_agree_on_start_timestamps,
          engines_agree_on_delayed_names)
