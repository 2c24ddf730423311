#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/varint.h"
#include "storage/postings.h"

/*
 * A block's index: symbols, series, and for each label pair the list of its series.
 *
 * Opening checks what is read often and without a checksum of its own (table of contents, symbols,
 * postings offset table); series and lists are checked each time they are read. Every failure is
 * ERR_CORRUPT and names the offset.
 *
 * Thread: any; read-only once open.
 */
struct index;

/* The bytes are borrowed until close, and so is every text that is handed out. */
bool index_open(const uint8_t *bytes, size_t size, struct index **ret_index, struct err *err)
    MUST_CHECK;
void index_close(struct index *index);

/* Bytes on the heap that find symbols in the file. */
size_t index_symbol_bytes(const struct index *index);

/* Symbols are numbers below index_symbol_end; version 1 leaves holes. */
uint32_t index_symbol_end(const struct index *index);
bool index_symbol(const struct index *index, uint32_t ref, struct str *ret_text, struct err *err)
    MUST_CHECK;

/* Label names, sorted. */
size_t index_name_count(const struct index *index);
struct str index_name(const struct index *index, size_t name);
/* How many values the name has; 0: the name is not there. */
size_t index_value_count(const struct index *index, struct str name);

/*
 * The values of one name in order, each with the place of its list:
 *
 *     struct index_values values;
 *     index_values_begin(index, name, &values);
 *     while (index_values_next(&values))
 *         use(values.value, values.postings_offset);
 *
 * A name that is not there has no values.
 */
struct index_values {
    const struct index *index;
    const struct index_name *name;
    size_t sample;   /* of the next value */
    uint32_t offset; /* of the next value */
    uint32_t left;
    struct str value;
    uint64_t postings_offset;
};

void index_values_begin(const struct index *index, struct str name, struct index_values *values);
/* Goes on at the first value that is not before `value`; only forward. */
void index_values_seek(struct index_values *values, struct str value);
bool index_values_next(struct index_values *values);

/* The list of a pair; empty where there is none. */
bool index_postings(const struct index *index, struct str name, struct str value,
                    struct postings_view *ret_view, struct err *err) MUST_CHECK;
/* The list at a place that index_values named. */
bool index_postings_at(const struct index *index, uint64_t offset, struct postings_view *ret_view,
                       struct err *err) MUST_CHECK;
/* The list of all series. */
bool index_postings_all(const struct index *index, struct postings_view *ret_view, struct err *err)
    MUST_CHECK;

struct chunk_meta {
    int64_t begin_ms;
    int64_t end_ms; /* of the last sample */
    uint64_t ref;   /* segment << 32 | offset */
};

/*
 * One series, read front to back: first its labels, all of them, then its chunks.
 *
 *     struct index_series series;
 *     if (!index_series_open(index, id, &series, err)) ...
 *     while (index_series_label(&series, &name_ref, &value_ref)) ...
 *     while (index_series_chunk(&series, &meta)) ...
 *     if (!index_series_check(&series, err)) ...
 */
struct index_series {
    struct bytes_reader at;
    uint64_t offset;
    uint64_t labels_left;
    uint64_t chunks_left;
    bool in_chunks;
    struct chunk_meta last;
};

bool index_series_open(const struct index *index, uint32_t id, struct index_series *ret_series,
                       struct err *err) MUST_CHECK;
/* Where the series stands in the file. */
uint64_t index_series_offset(const struct index *index, uint32_t id);
bool index_series_label(struct index_series *series, uint32_t *ret_name, uint32_t *ret_value);
void index_series_skip_labels(struct index_series *series);
bool index_series_chunk(struct index_series *series, struct chunk_meta *ret_meta);
/* Was all that was read there? */
bool index_series_check(const struct index_series *series, struct err *err) MUST_CHECK;

DEFINE_AUTO(struct index *, index_close)
