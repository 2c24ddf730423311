#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "storage/raw_histogram.h"
#include "storage/tombstones.h"

/*
 * The records of WAL and WBL: one decoder for all types, into arrays that are kept from record to
 * record. Every byte is checked.
 *
 * Thread: one at a time.
 */
enum wal_record_type {
    WAL_SERIES = 1,
    WAL_SAMPLES = 2,
    WAL_TOMBSTONES = 3,
    WAL_EXEMPLARS = 4,
    WAL_MMAP_MARKERS = 5,
    WAL_METADATA = 6,
    WAL_HISTOGRAMS = 7,
    WAL_FLOAT_HISTOGRAMS = 8,
    WAL_CUSTOM_HISTOGRAMS = 9,
    WAL_CUSTOM_FLOAT_HISTOGRAMS = 10,
    WAL_SAMPLES_V2 = 11,
    WAL_HISTOGRAMS_V2 = 12,
    WAL_FLOAT_HISTOGRAMS_V2 = 13,
};

struct wal_label {
    struct str name; /* in the record's bytes */
    struct str value;
};

struct wal_series {
    uint64_t ref;
    size_t label_begin; /* in wal_record.labels */
    size_t label_count;
};

struct wal_sample {
    uint64_t ref;
    int64_t t_ms;
    double v;
};

struct wal_tombstone {
    uint64_t ref;
    struct time_range range;
};

/* Out-of-order samples of the series up to here are in the head chunk at this place. */
struct wal_marker {
    uint64_t ref;
    uint64_t place; /* file number << 32 | offset */
};

struct wal_histogram {
    uint64_t ref;
    int64_t t_ms;
    int64_t start_ms; /* 0: none */
    struct raw_histogram raw;
};

struct wal_exemplar {
    uint64_t ref;
    int64_t t_ms;
    double v;
    size_t label_begin; /* in wal_record.labels */
    size_t label_count;
};

/* The fields of metadata that have names. */
#define WAL_FIELD_UNIT "UNIT"
#define WAL_FIELD_HELP "HELP"

/* What is known of a series' metric. */
struct wal_metadata {
    uint64_t ref;
    uint8_t kind; /* Prometheus's number of a metric type */
    struct str unit;
    struct str help;
};

struct wal_record {
    uint8_t type; /* 0: of an unknown type, to be passed over */

    struct wal_series *series;
    size_t series_count, series_cap;
    struct wal_label *labels;
    size_t label_count, label_cap;
    struct wal_sample *samples;
    size_t sample_count, sample_cap;
    int64_t *starts_ms; /* as many as samples, of type 11 with any start timestamp; 0: none */
    size_t start_cap;
    bool has_starts;
    struct wal_tombstone *tombstones;
    size_t tombstone_count, tombstone_cap;
    struct wal_marker *markers;
    size_t marker_count, marker_cap;
    struct wal_histogram *histograms;
    size_t histogram_count, histogram_cap;
    struct arena *arena; /* of what the histograms borrow */
    struct wal_exemplar *exemplars;
    size_t exemplar_count, exemplar_cap;
    struct wal_metadata *metadata;
    size_t metadata_count, metadata_cap;
};

/*
 * Only the arrays of the record's type are filled. ERR_CORRUPT. The arrays stay until the next
 * call, and texts as long as the bytes.
 */
bool wal_record_decode(const uint8_t *bytes, size_t size, struct wal_record *record,
                       struct err *err) MUST_CHECK;
void wal_record_done(struct wal_record *record);
