#include "storage/append_run.h"

#include <stdio.h>
#include <string.h>

#include "base/float_text.h"
#include "base/mem.h"
#include "storage/append_check.h"
#include "storage/append_labels.h"

/* Prometheus reads schemas up to this one, and keeps them as the finest it knows. */
#define SCHEMA_RESERVED_MAX 52

/* More than an error has room for: what is refused behind is only counted. */
#define LINES_SIZE_MAX 8192

const struct classic_scale late_by_scale = {1e3, 7, {600, 1800, 3600, 7200, 10800, 21600, 43200}};

void append_run_begin(struct append_run *run, const struct append_batch *batch,
                      enum append_mode mode, int64_t block_range_ms, int64_t window_ms)
{
    *run = (struct append_run){
        .batch = batch,
        .mode = mode,
        .arena = arena_create(NULL),
        .behind_ms = block_range_ms / 2,
        .window_ms = window_ms,
    };
    run->items = arena_array(run->arena, struct append_item, batch->count);
    size_t entry_count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const struct append_series *series = &batch->series[i];
        run->items[i] = (struct append_item){
            .hash = append_labels_hash(series->labels, series->label_count),
            .same_as = (uint32_t)i,
            .newest_ms = INT64_MIN,
        };
        entry_count += series->sample_count + series->histogram_count;
    }
    run->entries = arena_array(run->arena, struct append_entry, entry_count);
}

void append_run_done(struct append_run *run)
{
    map_done(&run->fresh);
    buf_done(&run->lines);
    arena_destroy(run->arena);
}

/* Begins the next line; false: there is no room, or one is enough. */
static bool run_line(struct append_run *run)
{
    if (run->lines.len > LINES_SIZE_MAX)
        return false;
    if (run->lines.len > 0)
        buf_byte(&run->lines, '\n');
    return true;
}

static const struct wal_label *sorted_labels(struct append_run *run,
                                             const struct append_series *series, size_t *ret_count,
                                             enum append_labels *ret_verdict)
{
    struct wal_label *labels = arena_array(run->arena, struct wal_label, series->label_count);
    if (series->label_count)
        memcpy(labels, series->labels, series->label_count * sizeof *labels);
    *ret_count = series->label_count;
    *ret_verdict = append_labels_check(labels, ret_count);
    return labels;
}

static const char *labels_complaint(enum append_labels verdict)
{
    switch (verdict) {
    case APPEND_LABELS_DUPLICATE:
        return "invalid labels for series, labels ";
    case APPEND_LABELS_TOO_LARGE:
        return "labels that are too large, got ";
    case APPEND_LABELS_INVALID:
    case APPEND_LABELS_GOOD:
        break;
    }
    return "invalid metric name or labels, got ";
}

/* A series that is left out for its labels. */
static void refuse_labels(struct append_run *run, const struct append_series *series,
                          const struct wal_label *labels, enum append_labels verdict)
{
    /* Prometheus counts series in 1.0, and in 2.0 their samples. */
    run->result.invalid_label_count +=
        run->mode == APPEND_KEEP_GOOD ? series->sample_count + series->histogram_count : 1;
    AUTO(buf_done) struct buf line = {0};
    buf_text(&line, labels_complaint(verdict));
    append_labels_print(labels, series->label_count, &line);
    if (verdict == APPEND_LABELS_DUPLICATE) {
        struct str name = append_labels_duplicate(labels, series->label_count);
        buf_printf(&line, ", duplicated label %.*s", STR_ARGS(name));
    }
    if (!run->result.invalid_labels[0])
        snprintf(run->result.invalid_labels, sizeof run->result.invalid_labels, "%s",
                 buf_terminated(&line));
    if (run->mode == APPEND_KEEP_GOOD && run_line(run))
        buf_str(&run->lines, buf_view(&line));
}

static bool labels_are_same(const struct append_item *item, const struct wal_label *labels,
                            size_t count)
{
    if (item->label_count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!str_eq(item->labels[i].name, labels[i].name) ||
            !str_eq(item->labels[i].value, labels[i].value))
            return false;
    return true;
}

/* A series that the head has not: perhaps the batch had it before. */
static void item_is_fresh(struct append_run *run, uint32_t at, const struct wal_label *labels,
                          size_t count)
{
    struct append_item *item = &run->items[at];
    item->labels = labels;
    item->label_count = count;
    uint64_t hash = append_labels_hash(labels, count);
    struct map_probe probe = map_find(&run->fresh, hash);
    for (; map_hit(&run->fresh, &probe); map_next(&run->fresh, &probe)) {
        if (labels_are_same(&run->items[probe.index], labels, count)) {
            item->same_as = probe.index;
            item->is_repeated = true;
            return;
        }
    }
    map_insert(&run->fresh, hash, at);
}

/* Which series is it? False: its labels are refused. */
static bool item_find(struct append_run *run, uint32_t at)
{
    const struct append_series *series = &run->batch->series[at];
    struct append_item *item = &run->items[at];
    struct head_index *index = run->state->index;
    item->series = head_index_recall(index, item->hash, series->labels, series->label_count);
    if (!item->series) {
        size_t count;
        enum append_labels verdict;
        const struct wal_label *labels = sorted_labels(run, series, &count, &verdict);
        if (verdict != APPEND_LABELS_GOOD) {
            refuse_labels(run, series, labels, verdict);
            return false;
        }
        item->series = head_index_seek(index, labels, count);
        if (!item->series) {
            item_is_fresh(run, at, labels, count);
            return true;
        }
        head_index_remember(index, append_labels_hash(labels, count), labels, count);
    }
    item->is_repeated = item->series->batch == run->number;
    item->series->batch = run->number;
    return true;
}

static int64_t time_before(int64_t t_ms, int64_t by_ms)
{
    return t_ms < INT64_MIN + by_ms ? INT64_MIN : t_ms - by_ms;
}

/* Before the head's first sample there is nothing that others could be behind of. */
static struct append_bounds run_bounds(struct append_run *run, int64_t t_ms)
{
    if (!run->has_base) {
        run->has_base = true;
        run->newest_ms = t_ms;
    }
    int64_t behind_ms = time_before(run->newest_ms, run->behind_ms);
    int64_t blocks_ms = run->state->min_valid_ms;
    return (struct append_bounds){
        .min_valid_ms = behind_ms > blocks_ms ? behind_ms : blocks_ms,
        .takes_late = run->window_ms > 0,
        .late_ms = time_before(run->newest_ms, run->window_ms),
    };
}

/* " for series {...}" */
static void line_series(struct append_run *run, const struct append_series *series)
{
    size_t count;
    enum append_labels verdict;
    const struct wal_label *labels = sorted_labels(run, series, &count, &verdict);
    buf_text(&run->lines, " for series ");
    append_labels_print(labels, count, &run->lines);
}

static void line_duplicate(struct append_run *run, int64_t t_ms, const double *existing,
                           double value)
{
    buf_text(&run->lines, "duplicate sample for timestamp");
    if (t_ms == 0)
        return; /* Prometheus takes it for one that was not told */
    char text[FLOAT_TEXT_SIZE];
    buf_printf(&run->lines, " %lld; overrides not allowed: existing ", (long long)t_ms);
    if (existing)
        buf_append(&run->lines, text, float_text_g(text, *existing));
    else
        buf_text(&run->lines, "is a histogram");
    buf_text(&run->lines, ", new value ");
    buf_append(&run->lines, text, float_text_g(text, value));
}

static void count_refused(struct append_run *run, enum append_verdict verdict,
                          enum sample_type type)
{
    struct append_result *result = &run->result;
    if (verdict == APPEND_OUT_OF_ORDER) {
        result->out_of_order_count++;
        run->counters.out_of_order[type]++;
    } else if (verdict == APPEND_TOO_OLD) {
        result->too_old_count++;
        run->counters.too_old[type]++;
    } else if (verdict == APPEND_OUT_OF_BOUNDS) {
        result->out_of_bounds_count++;
        run->counters.out_of_bounds[type]++;
    } else {
        result->duplicate_count++;
    }
}

/* Prometheus counts none where nothing is taken out of order and the time is out of bounds. */
static void count_late(struct append_run *run, enum append_verdict verdict, int64_t t_ms)
{
    bool late =
        verdict == APPEND_LATE || verdict == APPEND_TOO_OLD || verdict == APPEND_OUT_OF_ORDER;
    if (late && t_ms < run->newest_ms)
        classic_histogram_observe(run->late_by_ms, &late_by_scale,
                                  (uint64_t)run->newest_ms - (uint64_t)t_ms);
}

/* Counts what is refused, and tells of it. */
static void refuse_time(struct append_run *run, uint32_t at, enum append_verdict verdict,
                        const struct append_sample *sample)
{
    count_refused(run, verdict, sample ? SAMPLE_FLOAT : SAMPLE_HISTOGRAM);
    if (!run_line(run))
        return;
    if (verdict == APPEND_OUT_OF_ORDER)
        buf_text(&run->lines, "out of order sample");
    else if (verdict == APPEND_TOO_OLD)
        buf_text(&run->lines, "too old sample");
    else if (verdict == APPEND_OUT_OF_BOUNDS)
        buf_text(&run->lines, "out of bounds");
    else if (!sample)
        buf_text(&run->lines, "duplicate sample for timestamp");
    else if (verdict == APPEND_DUPLICATE_HISTOGRAM)
        line_duplicate(run, sample->t_ms, NULL, sample->v);
    else
        line_duplicate(run, sample->t_ms, &run->items[at].series->open.v, sample->v);
    line_series(run, &run->batch->series[at]);
}

static void refuse_future(struct append_run *run, uint32_t at)
{
    run->result.out_of_bounds_count++;
    if (!run_line(run))
        return;
    buf_text(&run->lines, "out of bounds: timestamp is too far in the future");
    line_series(run, &run->batch->series[at]);
}

static void run_take(struct append_run *run, uint32_t at, enum append_verdict verdict,
                     const struct append_sample *sample, const struct append_histogram *histogram)
{
    struct append_item *item = &run->items[at];
    struct append_item *first = &run->items[item->same_as];
    int64_t t_ms = sample ? sample->t_ms : histogram->t_ms;
    bool late = verdict == APPEND_LATE || (run->window_ms > 0 && t_ms < first->newest_ms);
    if (!late && t_ms > first->newest_ms)
        first->newest_ms = t_ms;
    item->is_needed = true;
    first->is_needed = true;
    run->entries[run->entry_count++] = (struct append_entry){at, sample, histogram, late};
    run->result.late_count += late;
    if (sample)
        run->result.sample_count++;
    else
        run->result.histogram_count++;
}

/* A block ends behind its last sample: none could hold that of the last millisecond there is. */
static bool time_is_beyond(const struct append_run *run, int64_t t_ms)
{
    return t_ms > run->batch->future_ms || t_ms == INT64_MAX;
}

static bool check_sample(struct append_run *run, uint32_t at, const struct append_sample *sample)
{
    if (time_is_beyond(run, sample->t_ms)) {
        refuse_future(run, at);
        return false;
    }
    const struct live_series *series = run->items[at].series;
    struct append_bounds bounds = run_bounds(run, sample->t_ms);
    enum append_verdict verdict =
        series ? append_check_sample(series, sample->t_ms, sample->v, &bounds)
               : append_check_first(sample->t_ms, &bounds);
    count_late(run, verdict, sample->t_ms);
    if (verdict != APPEND_FITS && verdict != APPEND_LATE) {
        refuse_time(run, at, verdict, sample);
        return false;
    }
    run_take(run, at, verdict, sample, NULL);
    return true;
}

/* As it is kept: Prometheus makes schemas coarser that it does not know yet. */
static const struct append_histogram *kept_histogram(struct append_run *run,
                                                     const struct append_histogram *histogram)
{
    const struct raw_histogram *raw = &histogram->raw;
    if (raw->schema <= HISTOGRAM_SCHEMA_MAX || raw->schema > SCHEMA_RESERVED_MAX)
        return histogram;
    for (size_t s = 0; s < 2; s++) {
        uint64_t needed = 0;
        for (uint32_t i = 0; i < raw->sides[s].span_count; i++)
            needed += raw->sides[s].spans[i].length;
        if (needed != raw->sides[s].bucket_count ||
            !raw_spans_check(raw->sides[s].spans, raw->sides[s].span_count, raw->schema, 0))
            return histogram; /* the check will say so */
    }
    struct append_histogram *kept = arena_new(run->arena, struct append_histogram);
    *kept = *histogram;
    raw_histogram_reduce(&kept->raw, HISTOGRAM_SCHEMA_MAX, run->arena);
    return kept;
}

static bool check_histogram(struct append_run *run, uint32_t at,
                            const struct append_histogram *given)
{
    if (time_is_beyond(run, given->t_ms)) {
        refuse_future(run, at);
        return false;
    }
    const struct live_series *series = run->items[at].series;
    struct append_bounds bounds = run_bounds(run, given->t_ms);
    enum append_verdict verdict = append_check_first(given->t_ms, &bounds);
    if (verdict != APPEND_FITS && verdict != APPEND_LATE) {
        count_late(run, verdict, given->t_ms);
        refuse_time(run, at, verdict, NULL);
        return false;
    }
    const struct append_histogram *histogram = kept_histogram(run, given);
    struct err err = {0};
    if (!raw_histogram_check(&histogram->raw, run->arena, &err)) {
        run->result.invalid_histogram_count++;
        if (run_line(run)) {
            buf_text(&run->lines, err.msg);
            line_series(run, &run->batch->series[at]);
        }
        return false;
    }
    if (series)
        verdict = append_check_histogram(series, histogram->t_ms, &histogram->raw, &bounds);
    count_late(run, verdict, given->t_ms);
    if (verdict != APPEND_FITS && verdict != APPEND_LATE) {
        refuse_time(run, at, verdict, NULL);
        return false;
    }
    run_take(run, at, verdict, NULL, histogram);
    return true;
}

/* False: something was refused. */
static bool check_series(struct append_run *run, uint32_t at)
{
    const struct append_series *series = &run->batch->series[at];
    bool keep = run->mode == APPEND_KEEP_GOOD;
    if (!item_find(run, at))
        return !keep;
    if (series->sample_count == 0 && series->histogram_count == 0 && keep) {
        if (run_line(run)) {
            buf_text(&run->lines, "TimeSeries must contain at least one sample or histogram");
            line_series(run, series);
        }
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < series->sample_count && (good || keep); i++)
        good &= check_sample(run, at, &series->samples[i]);
    for (size_t i = 0; i < series->histogram_count && (good || keep); i++)
        good &= check_histogram(run, at, &series->histograms[i]);
    run->result.exemplar_count += series->exemplar_count;
    return good;
}

bool append_run_check(struct append_run *run, struct head_state *state, uint32_t number)
{
    run->state = state;
    run->number = number;
    run->has_base = state->begin_ms <= state->end_ms;
    run->newest_ms = state->end_ms;
    for (uint32_t i = 0; i < run->batch->count; i++)
        if (!check_series(run, i) && run->mode == APPEND_ALL_OR_NOTHING)
            return false;
    return true;
}
