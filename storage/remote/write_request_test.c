#include "storage/remote/write_request.h"

#include "base/test.h"
#include "model/sample.h"
#include "storage/remote/test_message.h"

static const struct write_options no_limits;

static struct arena *arena;
static struct budget budget;
static struct write_request request;
static struct err err;

static void setup(size_t limit_bytes)
{
    arena_destroy(arena);
    budget_init(&budget, NULL, "--limit", limit_bytes);
    arena = arena_create(&budget);
    err_clear(&err);
}

typedef bool decode(struct str bytes, const struct write_options *options, struct arena *arena,
                    struct write_request *ret_request, struct err *err);

/* Takes the message over. */
static bool try_decode(decode *fn, struct buf *message, const struct write_options *options)
{
    setup(0);
    struct str bytes = arena_str(arena, buf_view(message));
    buf_done(message);
    return fn(bytes, options, arena, &request, &err);
}

static void check_refused(decode *fn, struct buf *message, const struct write_options *options,
                          const char *why)
{
    ck_assert(!try_decode(fn, message, options));
    ck_assert_int_eq(err.kind, ERR_BAD_DATA);
    ck_assert_str_eq(err.msg, why);
}

static void put_label(struct buf *series, unsigned field, const char *name, const char *value)
{
    struct buf label = {0};
    message_text(&label, 1, name);
    message_text(&label, 2, value);
    message_end(series, field, &label);
}

static void put_sample(struct buf *series, double v, int64_t t_ms)
{
    struct buf sample = {0};
    message_double(&sample, 1, v);
    message_varint(&sample, 2, (uint64_t)t_ms);
    message_end(series, 2, &sample);
}

static void check_label(const struct wal_label *label, const char *name, const char *value)
{
    ck_assert(str_eq(label->name, str_of(name)));
    ck_assert(str_eq(label->value, str_of(value)));
}

START_TEST(reads_series_of_1_0)
{
    struct buf message = {0}, series = {0}, exemplar = {0}, about = {0};
    put_label(&series, 1, "job", "a");
    put_sample(&series, 1.5, 1000);
    put_label(&series, 1, "__name__", "up");
    put_sample(&series, value_stale(), -5);
    put_label(&exemplar, 1, "trace_id", "x");
    message_double(&exemplar, 2, 3);
    message_varint(&exemplar, 3, 999);
    message_end(&series, 3, &exemplar);
    message_end(&message, 1, &series);
    message_varint(&about, 1, 1);
    message_text(&about, 2, "up");
    message_text(&about, 4, "Is it.");
    message_text(&about, 5, "seconds");
    message_end(&message, 3, &about);
    ck_assert(try_decode(write_request_decode_1, &message, &no_limits));

    ck_assert_uint_eq(request.count, 1);
    const struct append_series *got = &request.series[0];
    ck_assert_uint_eq(got->label_count, 2);
    check_label(&got->labels[0], "job", "a");
    check_label(&got->labels[1], "__name__", "up");
    ck_assert_uint_eq(got->sample_count, 2);
    ck_assert(got->samples[0].v == 1.5 && got->samples[0].t_ms == 1000);
    ck_assert(value_is_stale(got->samples[1].v) && got->samples[1].t_ms == -5);
    ck_assert_uint_eq(got->exemplar_count, 1);
    check_label(&got->exemplars[0].labels[0], "trace_id", "x");
    ck_assert(got->exemplars[0].v == 3 && got->exemplars[0].t_ms == 999);
    ck_assert_uint_eq(request.metadata_count, 1);
    ck_assert(str_eq(request.metadata[0].family, STR("up")));
    ck_assert_int_eq(request.metadata[0].about.type, APPEND_METRIC_COUNTER);
    ck_assert(str_eq(request.metadata[0].about.help, STR("Is it.")));
    ck_assert(str_eq(request.metadata[0].about.unit, STR("seconds")));
}
END_TEST

START_TEST(reads_labels_however_they_are_written)
{
    static const char long_text[] =
        "0123456789012345678901234567890123456789012345678901234567890123456789"
        "0123456789012345678901234567890123456789012345678901234567890123456789";
    struct buf message = {0}, series = {0}, backward = {0}, twice = {0}, more = {0}, empty = {0};
    put_label(&series, 1, "plain", "label");
    put_label(&series, 1, "", "");
    message_text(&backward, 2, "value");
    message_text(&backward, 1, "name");
    message_end(&series, 1, &backward);
    message_text(&twice, 1, "first");
    message_text(&twice, 1, "second");
    message_end(&series, 1, &twice);
    message_text(&more, 1, "name");
    message_text(&more, 2, "value");
    message_varint(&more, 7, 1);
    message_end(&series, 1, &more);
    put_label(&series, 1, "long", long_text);
    message_end(&series, 1, &empty);
    message_end(&message, 1, &series);
    ck_assert(try_decode(write_request_decode_1, &message, &no_limits));

    const struct wal_label *got = request.series[0].labels;
    ck_assert_uint_eq(request.series[0].label_count, 7);
    check_label(&got[0], "plain", "label");
    check_label(&got[1], "", "");
    check_label(&got[2], "name", "value");
    check_label(&got[3], "second", "");
    check_label(&got[4], "name", "value");
    check_label(&got[5], "long", long_text);
    check_label(&got[6], "", "");
}
END_TEST

static void put_span(struct buf *histogram, unsigned field, int offset, unsigned length)
{
    struct buf span = {0};
    message_zigzag(&span, 1, offset);
    message_varint(&span, 2, length);
    message_end(histogram, field, &span);
}

/* A series of 1.0 with one histogram, which is taken over. */
static void put_histogram_series(struct buf *message, struct buf *histogram)
{
    struct buf series = {0};
    put_label(&series, 1, "__name__", "h");
    message_end(&series, 4, histogram);
    message_end(message, 1, &series);
}

START_TEST(reads_histograms_with_counts)
{
    struct buf message = {0}, histogram = {0};
    message_varint(&histogram, 1, 9);
    message_double(&histogram, 3, 2.5);
    message_zigzag(&histogram, 4, -3);
    message_double(&histogram, 5, 0.001);
    message_varint(&histogram, 6, 2);
    put_span(&histogram, 8, -1, 1);
    message_zigzag(&histogram, 9, 4);
    put_span(&histogram, 11, 0, 2);
    put_span(&histogram, 11, 3, 1);
    message_varints(&histogram, 12, (const uint64_t[]){10, 3, 1}, 3); /* 5, -2, -1 */
    message_varint(&histogram, 14, 3);
    message_varint(&histogram, 15, 1234);
    message_varint(&histogram, 17, 77); /* is not there yet in 1.0 */
    put_histogram_series(&message, &histogram);
    ck_assert(try_decode(write_request_decode_1, &message, &no_limits));

    const struct append_histogram *got = &request.series[0].histograms[0];
    const struct raw_histogram *raw = &got->raw;
    ck_assert_int_eq(got->t_ms, 1234);
    ck_assert_int_eq(got->start_ms, 0);
    ck_assert(!raw->is_float && raw->hint == HISTOGRAM_GAUGE && raw->schema == -3);
    ck_assert(raw->sum == 2.5 && raw->zero_threshold == 0.001);
    ck_assert_uint_eq(raw->count, 9);
    ck_assert_uint_eq(raw->zero_count, 2);
    ck_assert_uint_eq(raw->sides[0].span_count, 2);
    ck_assert_int_eq(raw->sides[0].spans[1].offset, 3);
    ck_assert_uint_eq(raw->sides[0].bucket_count, 3);
    ck_assert_uint_eq(raw->sides[0].buckets[0], 5);
    ck_assert_uint_eq(raw->sides[0].buckets[1], 3);
    ck_assert_uint_eq(raw->sides[0].buckets[2], 2);
    ck_assert_int_eq(raw->sides[1].spans[0].offset, -1);
    ck_assert_uint_eq(raw->sides[1].buckets[0], 4);
}
END_TEST

START_TEST(reads_histograms_of_floats_with_custom_buckets)
{
    struct buf message = {0}, histogram = {0};
    message_double(&histogram, 2, 3.5);
    message_varint(&histogram, 6, 4); /* of the other kind: not this histogram's */
    message_zigzag(&histogram, 4, -53);
    put_span(&histogram, 11, 0, 3);
    message_double(&histogram, 13, 1.5);
    message_doubles(&histogram, 13, (const double[]){2, 0}, 2);
    message_doubles(&histogram, 16, (const double[]){0.5, 1}, 2);
    message_zigzag(&histogram, 12, 1); /* not this histogram's either */
    put_histogram_series(&message, &histogram);
    ck_assert(try_decode(write_request_decode_1, &message, &no_limits));

    const struct raw_histogram *raw = &request.series[0].histograms[0].raw;
    ck_assert(raw->is_float && raw->schema == -53);
    ck_assert(value_of_bits(raw->count) == 3.5);
    ck_assert_uint_eq(raw->zero_count, 0);
    ck_assert_uint_eq(raw->sides[0].bucket_count, 3);
    ck_assert(value_of_bits(raw->sides[0].buckets[0]) == 1.5);
    ck_assert(value_of_bits(raw->sides[0].buckets[1]) == 2);
    ck_assert_uint_eq(raw->custom_bound_count, 2);
    ck_assert(raw->custom_bounds[1] == 1);
}
END_TEST

START_TEST(a_row_of_doubles_that_is_cut_short_is_refused)
{
    struct buf message = {0}, histogram = {0};
    message_bytes(&histogram, 13, STR("........."));
    put_histogram_series(&message, &histogram);
    check_refused(write_request_decode_1, &message, &no_limits, "unexpected EOF");
}
END_TEST

/* A series of 2.0: labels by numbers, one sample. */
static void put_series(struct buf *message, const uint64_t *refs, size_t count)
{
    struct buf series = {0};
    message_varints(&series, 1, refs, count);
    put_sample(&series, 1, 1000);
    message_end(message, 5, &series);
}

static void put_symbols(struct buf *message)
{
    static const char *const symbols[] = {"", "__name__", "up", "job", "a", "down"};
    for (size_t i = 0; i < ARRAY_COUNT(symbols); i++)
        message_text(message, 4, symbols[i]);
}

START_TEST(reads_series_of_2_0_with_symbols_behind_them)
{
    struct buf message = {0}, series = {0}, sample = {0}, about = {0}, exemplar = {0};
    message_varints(&series, 1, (const uint64_t[]){1, 2, 3}, 3);
    message_varint(&series, 1, 4);
    message_double(&sample, 1, 2);
    message_varint(&sample, 2, 3000);
    message_varint(&sample, 3, 500);
    message_end(&series, 2, &sample);
    message_varints(&exemplar, 1, (const uint64_t[]){3, 5}, 2);
    message_double(&exemplar, 2, 8);
    message_end(&series, 4, &exemplar);
    message_varint(&about, 1, 2);
    message_varint(&about, 3, 5);
    message_end(&series, 5, &about);
    message_end(&message, 5, &series);
    put_symbols(&message);
    ck_assert(try_decode(write_request_decode_2, &message, &no_limits));

    ck_assert_int_eq(request.refused.kind, ERR_NONE);
    ck_assert_uint_eq(request.count, 1);
    const struct append_series *got = &request.series[0];
    ck_assert_uint_eq(got->label_count, 2);
    check_label(&got->labels[0], "__name__", "up");
    check_label(&got->labels[1], "job", "a");
    ck_assert_int_eq(got->samples[0].t_ms, 3000);
    ck_assert_int_eq(got->samples[0].start_ms, 500);
    check_label(&got->exemplars[0].labels[0], "job", "down");
    ck_assert_ptr_nonnull(got->metadata);
    ck_assert_int_eq(got->metadata->type, APPEND_METRIC_GAUGE);
    ck_assert(str_eq(got->metadata->help, STR("down")));
}
END_TEST

START_TEST(of_2_0_keeps_what_is_good)
{
    struct buf message = {0}, exemplar = {0}, named = {0};
    put_symbols(&message);
    put_series(&message, (const uint64_t[]){1, 2, 3}, 3);
    put_series(&message, (const uint64_t[]){1, 9}, 2);
    message_varints(&named, 1, (const uint64_t[]){1, 5}, 2);
    put_sample(&named, 1, 1000);
    message_varints(&exemplar, 1, (const uint64_t[]){7, 7}, 2);
    message_end(&named, 4, &exemplar);
    message_end(&message, 5, &named);
    ck_assert(try_decode(write_request_decode_2, &message, &no_limits));

    ck_assert_str_eq(
        request.refused.msg,
        "parsing labels for series [1 2 3]: invalid labelRefs length 3\n"
        "parsing labels for series [1 9]: labelRefs 1 (name) = 9 (value) outside of symbols table "
        "(size 6)\n"
        "parsing exemplar for series {__name__=\"down\"}: labelRefs 7 (name) = 7 (value) outside "
        "of symbols table (size 6)");
    ck_assert_uint_eq(request.invalid_label_count, 2);
    ck_assert_uint_eq(request.count, 1);
    check_label(&request.series[0].labels[0], "__name__", "down");
    ck_assert_uint_eq(request.series[0].sample_count, 1);
    ck_assert_uint_eq(request.series[0].exemplar_count, 0);
}
END_TEST

START_TEST(metadata_without_its_symbol_loses_the_series)
{
    struct buf message = {0}, series = {0}, about = {0};
    put_symbols(&message);
    message_varints(&series, 1, (const uint64_t[]){1, 2}, 2);
    put_sample(&series, 1, 1000);
    message_varint(&about, 4, 6);
    message_end(&series, 5, &about);
    message_end(&message, 5, &series);
    ck_assert(try_decode(write_request_decode_2, &message, &no_limits));
    ck_assert_str_eq(request.refused.msg,
                     "parsing metadata for series [1 2]: metadata unit_ref 6 "
                     "outside of symbols table (size 6)");
    ck_assert_uint_eq(request.count, 0);
}
END_TEST

START_TEST(type_and_unit_become_labels_where_that_is_wanted)
{
    static const struct write_options options = {.type_and_unit = true};
    struct buf message = {0}, series = {0}, about = {0};
    put_symbols(&message);
    message_text(&message, 4, "__unit__");
    message_varints(&series, 1, (const uint64_t[]){6, 5, 1, 2}, 4);
    put_sample(&series, 1, 1000);
    message_varint(&about, 1, 4);
    message_varint(&about, 4, 4);
    message_end(&series, 5, &about);
    message_end(&message, 5, &series);
    ck_assert(try_decode(write_request_decode_2, &message, &options));
    ck_assert_uint_eq(request.series[0].label_count, 3);
    check_label(&request.series[0].labels[0], "__name__", "up");
    check_label(&request.series[0].labels[1], "__type__", "gaugehistogram");
    check_label(&request.series[0].labels[2], "__unit__", "a");
}
END_TEST

START_TEST(limits_of_1_0_refuse_the_request)
{
    struct buf message = {0}, series = {0};
    static const struct write_options few_labels = {.label_max = 1};
    static const struct write_options few_series = {.series_max = 1};
    static const struct write_options short_names = {.label_name_size_max = 8};
    static const struct write_options short_values = {.label_value_size_max = 3};
    put_label(&series, 1, "__name__", "up");
    put_label(&series, 1, "long_name", "long");
    message_bytes(&message, 1, buf_view(&series));
    message_end(&message, 1, &series);
    struct str twice = buf_view(&message);

    const struct {
        const struct write_options *options;
        const char *why;
    } cases[] = {
        {&few_labels,
         "too many labels (metric: up, number of labels: 2, limit: 1, "
         "--storage.remote.write-label-limit)"},
        {&few_series,
         "the request has 2 series; the limit is 1 "
         "(--storage.remote.write-series-limit)"},
        {&short_names,
         "label name too long (metric: up, label name: long_name, length: 9, limit: "
         "8, --storage.remote.write-label-name-length-limit)"},
        {&short_values,
         "label value too long (metric: up, label name: long_name, length: 4, "
         "limit: 3, --storage.remote.write-label-value-length-limit)"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct buf copy = {0};
        buf_str(&copy, twice);
        check_refused(write_request_decode_1, &copy, cases[i].options, cases[i].why);
    }
    ck_assert(try_decode(write_request_decode_1, &message, &no_limits));
}
END_TEST

START_TEST(limits_of_2_0_refuse_the_series)
{
    static const struct write_options options = {.label_max = 1};
    struct buf message = {0};
    put_symbols(&message);
    put_series(&message, (const uint64_t[]){1, 2, 3, 4}, 4);
    put_series(&message, (const uint64_t[]){1, 2}, 2);
    ck_assert(try_decode(write_request_decode_2, &message, &options));
    ck_assert_uint_eq(request.count, 1);
    ck_assert_uint_eq(request.limited_count, 1);
    ck_assert_str_eq(request.refused.msg,
                     "too many labels (metric: up, number of labels: 2, "
                     "limit: 1, --storage.remote.write-label-limit)");
}
END_TEST

START_TEST(one_text_meant_by_many_series_counts_each_time)
{
    static const struct write_options options = {.label_text_size_max = 25};
    struct buf message = {0};
    put_symbols(&message);
    put_series(&message, (const uint64_t[]){1, 2}, 2);
    put_series(&message, (const uint64_t[]){1, 2}, 2);
    put_series(&message, (const uint64_t[]){1, 2}, 2);
    check_refused(write_request_decode_2, &message, &options,
                  "the labels of the request's series have more than 25 bytes");
}
END_TEST

/* Two bytes a series on the wire, and much more in memory: refused before it is taken. */
START_TEST(takes_no_more_memory_than_its_budget)
{
    static const unsigned fields[] = {1, 5};
    static decode *const fns[] = {write_request_decode_1, write_request_decode_2};
    for (size_t i = 0; i < 2; i++) {
        AUTO(buf_done) struct buf message = {0};
        for (size_t k = 0; k < 100000; k++)
            message_text(&message, fields[i], "");
        setup(1000000);
        ck_assert(!fns[i](buf_view(&message), &no_limits, arena, &request, &err));
        ck_assert_int_eq(err.kind, ERR_LIMIT);
        ck_assert_uint_lt(arena_used(arena), 1000000);
    }
}
END_TEST

START_TEST(every_message_cut_short_is_told)
{
    AUTO(buf_done) struct buf message = {0};
    struct buf series = {0}, histogram = {0};
    put_label(&series, 1, "__name__", "up");
    put_sample(&series, 1, 1000);
    message_varint(&histogram, 1, 1);
    put_span(&histogram, 11, 0, 1);
    message_varints(&histogram, 12, (const uint64_t[]){2}, 1);
    message_end(&series, 4, &histogram);
    message_end(&message, 1, &series);
    for (size_t len = 1; len < message.len; len++) {
        struct buf part = {0};
        buf_append(&part, message.ptr, len);
        check_refused(write_request_decode_1, &part, &no_limits, "unexpected EOF");
    }
}
END_TEST

TEST_MAIN("write_request", reads_series_of_1_0, reads_labels_however_they_are_written,
          reads_histograms_with_counts, reads_histograms_of_floats_with_custom_buckets,
          a_row_of_doubles_that_is_cut_short_is_refused,
          reads_series_of_2_0_with_symbols_behind_them, of_2_0_keeps_what_is_good,
          metadata_without_its_symbol_loses_the_series,
          type_and_unit_become_labels_where_that_is_wanted, limits_of_1_0_refuse_the_request,
          limits_of_2_0_refuse_the_series, one_text_meant_by_many_series_counts_each_time,
          takes_no_more_memory_than_its_budget, every_message_cut_short_is_told)
