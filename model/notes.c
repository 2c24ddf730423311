#include "model/notes.h"

#include "base/float_text.h"
#include "base/quote.h"

#define WARN ANNOTATION_WARNING
#define INFO ANNOTATION_INFO

struct go_float {
    char text[FLOAT_TEXT_SIZE + 1];
};

static struct go_float go_float(double v)
{
    struct go_float out;
    out.text[float_text_g(out.text, v)] = '\0';
    return out;
}

/* `text`, and the metric in quotes behind it. */
static void add_named(struct annotations *notes, enum annotation_level level, size_t begin,
                      const char *text, struct str metric)
{
    AUTO(buf_done) struct buf quoted = {0};
    quote_append(&quoted, metric);
    annotations_add(notes, level, begin, "%s %s", text, buf_terminated(&quoted));
}

/* The same with "for metric name", where there is one. */
static void add_maybe_named(struct annotations *notes, enum annotation_level level, size_t begin,
                            const char *text, struct str metric)
{
    AUTO(buf_done) struct buf all = {0};
    buf_text(&all, text);
    if (metric.len) {
        buf_text(&all, " for metric name ");
        quote_append(&all, metric);
    }
    annotations_add(notes, level, begin, "%s", buf_terminated(&all));
}

static const char *operation_text(enum note_operation operation)
{
    static const char *const TEXTS[] = {"addition", "subtraction", "aggregation"};
    return TEXTS[operation];
}

static const char *sample_text(bool is_histogram)
{
    return is_histogram ? "histogram" : "float";
}

void note_ratio(struct annotations *notes, size_t begin, double ratio, double capped)
{
    annotations_add(notes, WARN, begin,
                    "ratio value should be between -1 and 1, got %s, capping to %s",
                    go_float(ratio).text, go_float(capped).text);
}

void note_quantile(struct annotations *notes, size_t begin, double phi)
{
    annotations_add(notes, WARN, begin, "quantile value should be between 0 and 1, got %s",
                    go_float(phi).text);
}

void note_bad_bucket(struct annotations *notes, size_t begin, struct str le, struct str metric)
{
    AUTO(buf_done) struct buf text = {0};
    buf_text(&text, "bucket label \"le\" is missing or has a malformed value of ");
    quote_append(&text, le);
    add_maybe_named(notes, WARN, begin, buf_terminated(&text), metric);
}

void note_mixed(struct annotations *notes, size_t begin, struct str metric)
{
    add_named(notes, WARN, begin, "encountered a mix of histograms and floats for metric name",
              metric);
}

void note_mixed_aggregation(struct annotations *notes, size_t begin)
{
    annotations_add(notes, WARN, begin,
                    "encountered a mix of histograms and floats for aggregation");
}

void note_classic_and_native(struct annotations *notes, size_t begin, struct str metric)
{
    add_maybe_named(notes, WARN, begin, "vector contains a mix of classic and native histograms",
                    metric);
}

void note_not_counter(struct annotations *notes, size_t begin, struct str metric)
{
    add_named(notes, WARN, begin, "this native histogram metric is not a counter:", metric);
}

void note_not_gauge(struct annotations *notes, size_t begin, struct str metric)
{
    add_named(notes, WARN, begin, "this native histogram metric is not a gauge:", metric);
}

void note_mixed_schemas(struct annotations *notes, size_t begin, struct str metric)
{
    add_named(notes, WARN, begin,
              "vector contains a mix of histograms with exponential and custom buckets schemas "
              "for metric name",
              metric);
}

void note_bucket_layout(struct annotations *notes, size_t begin, const char *op)
{
    annotations_add(notes, WARN, begin,
                    "incompatible bucket layout encountered for binary operator %s", op);
}

void note_sort(struct annotations *notes, size_t begin)
{
    annotations_add(notes, WARN, begin,
                    "sort is ineffective for range queries since results are always ordered by "
                    "labels");
}

void note_reset_collision(struct annotations *notes, size_t begin, enum note_operation operation)
{
    annotations_add(notes, WARN, begin, "conflicting counter resets during histogram %s",
                    operation_text(operation));
}

void note_start_overlap(struct annotations *notes, size_t begin, struct str metric,
                        uint64_t occurrences)
{
    AUTO(buf_done) struct buf text = {0};
    buf_text(&text,
             "sample has start time that overlaps with previous sample timestamp for "
             "metric ");
    quote_append(&text, metric);
    annotations_add_counted(notes, WARN, begin, occurrences, buf_view(&text));
}

void note_no_counter_name(struct annotations *notes, size_t begin, struct str metric)
{
    add_named(
        notes, INFO, begin,
        "metric might not be a counter, name does not end in _total/_sum/_count/_bucket:", metric);
}

void note_no_counter_type(struct annotations *notes, size_t begin, struct str metric,
                          struct str type)
{
    AUTO(buf_done) struct buf text = {0};
    buf_text(&text,
             "metric might not be a counter, __type__ label is not set to \"counter\" or "
             "\"histogram\", got ");
    quote_append(&text, type);
    buf_text(&text, ":");
    add_named(notes, INFO, begin, buf_terminated(&text), metric);
}

void note_sample_types(struct annotations *notes, size_t begin, bool left_is_histogram,
                       const char *op, bool right_is_histogram)
{
    annotations_add(notes, INFO, begin,
                    "incompatible sample types encountered for binary operator \"%s\": %s %s %s",
                    op, sample_text(left_is_histogram), op, sample_text(right_is_histogram));
}

void note_histogram_ignored(struct annotations *notes, size_t begin, const char *aggregation)
{
    annotations_add(notes, INFO, begin, "ignored histogram in %s aggregation", aggregation);
}

void note_histograms_ignored(struct annotations *notes, size_t begin, struct str metric)
{
    add_named(notes, INFO, begin,
              "ignored histograms in a range containing both floats and histograms for metric "
              "name",
              metric);
}

void note_quantile_nan(struct annotations *notes, size_t begin, struct str metric)
{
    add_maybe_named(notes, INFO, begin,
                    "input to histogram_quantile has NaN observations, result is NaN", metric);
}

void note_quantile_skewed(struct annotations *notes, size_t begin, struct str metric)
{
    add_maybe_named(notes, INFO, begin,
                    "input to histogram_quantile has NaN observations, result is skewed higher",
                    metric);
}

void note_fraction_nan(struct annotations *notes, size_t begin, struct str metric)
{
    add_maybe_named(notes, INFO, begin,
                    "input to histogram_fraction has NaN observations, which are excluded from "
                    "all fractions",
                    metric);
}

void note_bounds_reconciled(struct annotations *notes, size_t begin, enum note_operation operation)
{
    annotations_add(notes, INFO, begin, "mismatched custom buckets were reconciled during %s",
                    operation_text(operation));
}
