#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/db.h"
#include "storage/raw_histogram.h"
#include "storage/wal_record.h"

/*
 * Samples for a database that is open for writing, from whoever received them: a batch of series
 * with their samples. When db_append has returned, what it counts as written is in the log (a
 * process that is killed loses nothing of it; with `wal_sync` nor does a loss of power), and the
 * next select sees it.
 *
 * What is refused, and in which words, is Prometheus's: head_append.go and write_handler.go.
 *
 * Thread: any; batches are written one after another.
 */
struct append_sample {
    int64_t t_ms;
    int64_t start_ms; /* 0: none */
    double v;         /* the stale marker too */
};

struct append_histogram {
    int64_t t_ms;
    int64_t start_ms;         /* 0: none */
    struct raw_histogram raw; /* not checked yet; a stale marker has a stale sum */
};

struct append_exemplar {
    const struct wal_label *labels;
    size_t label_count;
    int64_t t_ms;
    double v;
};

/* What Prometheus's records and remote write 2.0 call them, by number. */
enum append_metric {
    APPEND_METRIC_UNKNOWN = 0,
    APPEND_METRIC_COUNTER = 1,
    APPEND_METRIC_GAUGE = 2,
    APPEND_METRIC_HISTOGRAM = 3,
    APPEND_METRIC_GAUGE_HISTOGRAM = 4,
    APPEND_METRIC_SUMMARY = 5,
    APPEND_METRIC_INFO = 6,
    APPEND_METRIC_STATESET = 7,
};

struct append_metadata {
    enum append_metric type;
    struct str unit;
    struct str help;
};

/*
 * Labels are put in order and checked here; a label with an empty value is no label. Exemplars are
 * counted and left, and metadata is left: who keeps them has db_append_notes.
 */
struct append_series {
    const struct wal_label *labels;
    size_t label_count;
    const struct append_sample *samples; /* in the order they were sent */
    size_t sample_count;
    const struct append_histogram *histograms; /* behind the samples, as Prometheus takes them */
    size_t histogram_count;
    const struct append_exemplar *exemplars;
    size_t exemplar_count;
    const struct append_metadata *metadata; /* NULL: none was sent */
};

/* Everything is borrowed for the call. */
struct append_batch {
    const struct append_series *series;
    size_t count;
    int64_t future_ms; /* samples beyond are refused as too far in the future */
};

enum append_mode {
    /*
     * Remote write 1.0: one refused sample, and nothing is written. Series with invalid labels are
     * left out and counted, and are no error: Prometheus logs them.
     */
    APPEND_ALL_OR_NOTHING,
    /* Remote write 2.0: what is good is written, whatever else is refused. */
    APPEND_KEEP_GOOD,
};

/*
 * How many were written (a sample that is there already with the same value counts) and refused.
 * With an error of another kind than ERR_BAD_DATA, and with it in APPEND_ALL_OR_NOTHING, nothing is
 * written.
 */
struct append_result {
    size_t sample_count;
    size_t histogram_count;
    size_t exemplar_count;
    size_t series_count; /* new ones */
    size_t late_count;   /* out of order, of those written */

    size_t out_of_order_count;
    size_t out_of_bounds_count; /* before what may still be written, or too far in the future */
    size_t too_old_count;       /* out of order, and before those that are taken */
    size_t duplicate_count;     /* another value at a time that is there */
    size_t invalid_histogram_count;
    size_t invalid_label_count; /* series with invalid labels; APPEND_KEEP_GOOD: their samples */
    char invalid_labels[512];   /* the first of these series and why; "": there is none */
};

/*
 * True: nothing was refused, but for series with invalid labels in APPEND_ALL_OR_NOTHING. False:
 *
 *     ERR_BAD_DATA   something was refused and always will be: 400. The first offender's line, and
 *                    with APPEND_KEEP_GOOD those of the others behind it, one a line, as far as
 *                    there is room: "out of order sample for series {__name__="up"}"
 *     ERR_LIMIT      a limit of the database was reached, which may end: 503
 *     ERR_IO         the log cannot be written, a full disk or a damaged one: 503. Reads go on,
 *                    and writes do as soon as it can be.
 *     ERR_UNSUPPORTED the database is open for reading only
 *
 * The result is written in any case.
 */
bool db_append(struct db *db, const struct append_batch *batch, enum append_mode mode,
               struct append_result *ret_result, struct err *err) MUST_CHECK;

/* Something known of a series beside its samples: one of both. Labels are in order. */
struct append_note {
    const struct wal_label *labels;
    size_t label_count;
    const struct append_exemplar *exemplar;
    const struct append_metadata *metadata;
};

/*
 * Writes into the log what the caller keeps in memory itself, so that it is told of it when the
 * database is opened again (db_options.exemplar, .metadata). Notes on series that are not there are
 * passed over, as is metadata that was told last of its series. Fails as db_append: ERR_IO,
 * ERR_UNSUPPORTED; nothing is written then.
 */
bool db_append_notes(struct db *db, const struct append_note *notes, size_t count, struct err *err)
    MUST_CHECK;
