#include "engine/reference/source.h"

#include <stdlib.h>

#include "base/mem.h"
#include "model/sample.h"

bool ref_source_open(struct ref_source *source, struct ref *ref,
                     const struct select_request *wanted, bool wants_starts, struct err *err)
{
    *source = (struct ref_source){
        .ref = ref,
        .begin_ms = wanted->begin_ms,
        .end_ms = wanted->end_ms,
        .samples.wants_starts = wants_starts,
    };
    source->samples.histograms = &source->histograms;
    if (!query_select(ref->query, wanted, &source->selection, err))
        return false;
    source->cursor = cursor_create(source->selection);
    ref->series_selected += selection_count(source->selection);
    return arena_check(ref->arena, err);
}

void ref_source_close(struct ref_source *source)
{
    if (!source->ref)
        return;
    cursor_destroy(source->cursor);
    selection_close(source->selection);
    samples_done(&source->samples);
    histogram_samples_done(&source->histograms);
    free(source->points);
    free(source->apart);
    budget_release(&source->ref->query->budget, source->charged_bytes);
    *source = (struct ref_source){0};
}

/* Charges what has been taken since the last time. */
static bool source_charge(struct ref_source *source, struct err *err)
{
    size_t bytes = source->samples.cap * (sizeof(int64_t) + sizeof(double)) +
                   histogram_samples_bytes(&source->histograms) +
                   (source->cap + source->apart_cap) * sizeof *source->points;
    if (source->samples.wants_starts)
        bytes += source->samples.cap * sizeof(int64_t);
    if (bytes <= source->charged_bytes)
        return true;
    if (!budget_charge(&source->ref->query->budget, bytes - source->charged_bytes, err))
        return false;
    source->charged_bytes = bytes;
    return true;
}

static void source_put(struct ref_source *source, const struct reference_point *point)
{
    if (point->time_ms < source->begin_ms || point->time_ms > source->end_ms)
        return;
    mem_grow(source->points, struct reference_point, source->count, &source->cap);
    source->points[source->count++] = *point;
}

static struct reference_point source_float(const struct samples *samples, size_t i)
{
    return (struct reference_point){
        .time_ms = samples->times_ms[i],
        .start_ms = samples->starts_ms ? samples->starts_ms[i] : 0,
        .value = samples->values[i],
    };
}

static struct reference_point source_histogram(const struct ref_source *source, size_t i)
{
    const struct histogram_samples *samples = &source->histograms;
    return (struct reference_point){
        .time_ms = samples->times_ms[i],
        .start_ms = source->samples.wants_starts ? samples->starts_ms[i] : 0,
        .histogram = samples->items[i],
    };
}

/* Puts what one round of the cursor gave: all floats, and histograms from `histogram` on. */
static void source_merge(struct ref_source *source, size_t histogram)
{
    const struct samples *floats = &source->samples;
    const struct histogram_samples *histograms = &source->histograms;
    for (size_t i = 0; i < floats->count; i++) {
        struct reference_point point = source_float(floats, i);
        for (; histogram < histograms->count && histograms->times_ms[histogram] < point.time_ms;
             histogram++) {
            struct reference_point before = source_histogram(source, histogram);
            source_put(source, &before);
        }
        source_put(source, &point);
    }
    for (; histogram < histograms->count; histogram++) {
        struct reference_point point = source_histogram(source, histogram);
        source_put(source, &point);
    }
}

bool ref_source_read(struct ref_source *source, size_t series, struct err *err)
{
    source->count = 0;
    histogram_samples_clear(&source->histograms);
    cursor_open(source->cursor, series);
    for (bool more = true; more;) {
        size_t histogram = source->histograms.count;
        source->samples.count = 0;
        if (!query_alive(source->ref->query, err) ||
            !cursor_next(source->cursor, &source->samples, &more, err))
            return false;
        source->ref->samples_read += source->samples.count + (source->histograms.count - histogram);
        source_merge(source, histogram);
        if (!source_charge(source, err))
            return false;
    }
    return true;
}

bool ref_source_part(struct ref_source *source, struct err *err)
{
    size_t count = 0;
    source->apart_count = 0;
    for (size_t i = 0; i < source->count; i++) {
        const struct reference_point *point = &source->points[i];
        if (point->histogram) {
            mem_grow(source->apart, struct reference_point, source->apart_count,
                     &source->apart_cap);
            source->apart[source->apart_count++] = *point;
        } else if (!value_is_stale(point->value)) {
            source->points[count++] = *point;
        }
    }
    source->count = count;
    return source_charge(source, err);
}

/* The iterator that Prometheus puts around the series' own. */
struct totals {
    struct ref_source *source;
    struct arena *arena;
    size_t at;                    /* the sample it stands on */
    bool moved;                   /* it has stood on one knowingly: */
    int64_t last_ms;              /* that sample's time */
    const struct histogram *seen; /* the last one looked at; NULL: a jump lies behind it */
    size_t seen_count;            /* samples before this one have been looked at, or never will */
};

static void totals_look(struct totals *totals)
{
    struct reference_point *point = &totals->source->points[totals->at];
    const struct histogram *h = point->histogram;
    if (totals->at < totals->seen_count || !h)
        return;
    totals->seen_count = totals->at + 1;
    struct histogram *total = arena_new(totals->arena, struct histogram);
    total->schema = h->schema;
    total->hint = h->hint;
    total->count = h->count;
    total->sum = h->sum;
    if (h->hint == HISTOGRAM_UNKNOWN && totals->seen)
        total->hint = histogram_is_reset(h, totals->seen) ? HISTOGRAM_RESET : HISTOGRAM_NOT_RESET;
    totals->seen = h;
    point->histogram = total;
}

static void totals_seek(struct totals *totals, int64_t time_ms, int64_t buffer_ms)
{
    struct ref_source *source = totals->source;
    const struct reference_point *points = source->points;
    int64_t from_ms = ms_sub(time_ms, buffer_ms);
    if (totals->at < source->count && (!totals->moved || from_ms > totals->last_ms)) {
        if (from_ms > points[totals->at].time_ms)
            totals->seen = NULL;
        while (totals->at < source->count && points[totals->at].time_ms < from_ms)
            totals->at++;
        if (totals->at == source->count)
            return;
        totals->moved = true;
        totals->last_ms = points[totals->at].time_ms;
    }
    while (totals->at < source->count && totals->last_ms < time_ms) {
        totals_look(totals);
        if (++totals->at < source->count)
            totals->last_ms = points[totals->at].time_ms;
    }
}

bool ref_source_make_totals(struct ref_source *source, const struct ref_seeks *seeks,
                            struct err *err)
{
    struct totals totals = {
        .source = source,
        .arena = histogram_samples_region(&source->histograms),
    };
    int64_t buffer_ms = seeks->buffer_ms;
    for (size_t i = 0; i < seeks->count; i++) {
        int64_t time_ms = ms_add(seeks->first_ms, (int64_t)(i * (uint64_t)seeks->step_ms));
        totals_seek(&totals, time_ms, buffer_ms);
        if (totals.at < source->count &&
            (!seeks->exact_only || source->points[totals.at].time_ms == time_ms))
            totals_look(&totals);
        if (seeks->next_buffer_ms < buffer_ms)
            buffer_ms = seeks->next_buffer_ms;
    }
    return source_charge(source, err);
}
