#pragma once

#include "engine/reference/evaluate.h"
#include "model/histogram_samples.h"
#include "storage/select.h"

/*
 * The series that a selector finds, read one at a time as a whole: points of both kinds in order of
 * time, stale markers among the floats. `{0}` is a closed one.
 *
 *     ref_source_open
 *     for each series: ref_source_read, then `points` until the next one is read;
 *                      ref_source_make_totals, ref_source_part if that is wanted, in this order
 *     ref_source_close, from any state
 *
 * What it holds on the heap is charged to the query's budget.
 */
struct ref_source {
    struct ref *ref;
    int64_t begin_ms;
    int64_t end_ms;
    struct selection *selection;
    struct cursor *cursor;
    struct samples samples;
    struct histogram_samples histograms;
    struct reference_point *points;
    size_t count;
    size_t cap;
    struct reference_point *apart; /* histograms, once ref_source_part has been called */
    size_t apart_count;
    size_t apart_cap;
    size_t charged_bytes;
};

/* As query_select; samples outside of the range are left out. */
bool ref_source_open(struct ref_source *source, struct ref *ref,
                     const struct select_request *wanted, bool wants_starts, struct err *err)
    MUST_CHECK;
bool ref_source_read(struct ref_source *source, size_t series, struct err *err) MUST_CHECK;

/* Takes histograms out of the points read, into `apart`, and leaves stale markers out. */
bool ref_source_part(struct ref_source *source, struct err *err) MUST_CHECK;
void ref_source_close(struct ref_source *source);

static inline void ref_source_close_auto(struct ref_source *source)
{
    ref_source_close(source);
}

/*
 * Makes totals of the histograms read, as Prometheus does where nothing needs their buckets: count,
 * sum, and a hint that says whether the counter started anew since the sample looked at before.
 * It depends on which samples have been looked at: those that seeking the times refs_ms +
 * k * step_ms goes through, buffer_ms behind each of them, and from the second on next_buffer_ms.
 * The sample found is looked at; with `exact_only` just if it is of the time sought.
 */
struct ref_seeks {
    int64_t first_ms;
    int64_t step_ms;
    size_t count;
    int64_t buffer_ms;
    int64_t next_buffer_ms;
    bool exact_only;
};

bool ref_source_make_totals(struct ref_source *source, const struct ref_seeks *seeks,
                            struct err *err) MUST_CHECK;
