#pragma once

#include "model/annotations.h"

/*
 * What Prometheus tells a user beside a result, kind by kind, in its words (util/annotations).
 * `begin`: the byte of the query that the note points to. A metric name that is empty is left out
 * where the text says "for metric name".
 *
 * Thread: the one that runs the query.
 */

/* Warnings. */
void note_ratio(struct annotations *notes, size_t begin, double ratio, double capped);
void note_quantile(struct annotations *notes, size_t begin, double phi);
void note_bad_bucket(struct annotations *notes, size_t begin, struct str le, struct str metric);
void note_mixed(struct annotations *notes, size_t begin, struct str metric);
void note_mixed_aggregation(struct annotations *notes, size_t begin);
void note_classic_and_native(struct annotations *notes, size_t begin, struct str metric);
void note_not_counter(struct annotations *notes, size_t begin, struct str metric);
void note_not_gauge(struct annotations *notes, size_t begin, struct str metric);
void note_mixed_schemas(struct annotations *notes, size_t begin, struct str metric);
void note_bucket_layout(struct annotations *notes, size_t begin, const char *op);
void note_sort(struct annotations *notes, size_t begin);

enum note_operation { NOTE_ADDITION, NOTE_SUBTRACTION, NOTE_AGGREGATION };

void note_reset_collision(struct annotations *notes, size_t begin, enum note_operation operation);
void note_start_overlap(struct annotations *notes, size_t begin, struct str metric,
                        uint64_t occurrences);

/* Infos. That of raised counts is annotations_add_raises. */
void note_no_counter_name(struct annotations *notes, size_t begin, struct str metric);
void note_no_counter_type(struct annotations *notes, size_t begin, struct str metric,
                          struct str type);
void note_sample_types(struct annotations *notes, size_t begin, bool left_is_histogram,
                       const char *op, bool right_is_histogram);
void note_histogram_ignored(struct annotations *notes, size_t begin, const char *aggregation);
void note_histograms_ignored(struct annotations *notes, size_t begin, struct str metric);
void note_quantile_nan(struct annotations *notes, size_t begin, struct str metric);
void note_quantile_skewed(struct annotations *notes, size_t begin, struct str metric);
void note_fraction_nan(struct annotations *notes, size_t begin, struct str metric);
void note_bounds_reconciled(struct annotations *notes, size_t begin, enum note_operation operation);
