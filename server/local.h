#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "engine/engine.h"
#include "model/flags.h"
#include "storage/db.h"

/* What `query` and `explain` are told, and the engine they run over a directory. */
struct ask_options {
    const char *time;
    const char *start;
    const char *end;
    const char *step;
    const char *output;
    const char *features;
    const char *disabled; /* functions that do not stream */
    const char *engine;
    bool analyze;
    int64_t lookback_ms;
    int64_t timeout_ms;
    int64_t memory_limit;
    int64_t thread_count;
};

/* The first is of `query` alone, the last of `explain`. */
extern const struct flag ask_flags[];
extern const size_t ask_flag_count;

/* When a query is to be evaluated. */
struct ask_range {
    bool instant;
    bool moved; /* no time was named, and the data ends before now: its end is taken */
    int64_t start_ms;
    int64_t end_ms;
    int64_t step_ms;
};

/*
 * `data_end_ms`: INT64_MIN where it is not known. `graph`: a range is wanted, the last hour if none
 * is named. ERR_BAD_DATA names the flag.
 */
bool ask_range_read(const struct ask_options *options, int64_t data_end_ms, bool graph,
                    struct ask_range *ret_range, struct err *err) MUST_CHECK;

/* --engine. */
bool ask_engine_read(const struct ask_options *options, enum engine_kind *ret_engine,
                     struct err *err) MUST_CHECK;

/* A directory opened read-only, with an engine over it. */
struct local {
    struct db *db;
    struct engine *engine;
};

bool local_open(const char *dir, const struct ask_options *options, struct local *ret_local,
                struct err *err) MUST_CHECK;
void local_close(struct local *local);

/* The time of the newest sample; INT64_MIN if there is none. */
int64_t local_data_end_ms(const struct local *local);

/* Is it the URL of a server, not a directory? */
bool ask_is_url(const char *target);
