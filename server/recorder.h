#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "server/metadata.h"
#include "storage/append.h"

/*
 * Puts what scrapes of one target find into the database, as Prometheus does: each sample with the
 * target's labels, job and instance; samples about the scrape itself, "up" first of all; a stale
 * marker for each series that the scrape before had and this one has not.
 *
 * Thread: one at a time.
 */
struct recorder;

/* `instance` is copied, the others are borrowed until the recorder is destroyed. */
struct recorder *recorder_create(struct db *db, struct metadata *metadata, const char *job,
                                 const char *instance);
void recorder_destroy(struct recorder *recorder);

struct scrape {
    int64_t t_ms;
    int64_t duration_ns; /* how long it took */
    struct str text;     /* what was found */
};

/*
 * ERR_CORRUPT: the text is none; then "up" is 0. Else an error of db_append: what could not be
 * written is as if it had not been scraped. The result is written in any case.
 */
bool recorder_take(struct recorder *recorder, const struct scrape *scrape,
                   struct append_result *ret_result, struct err *err) MUST_CHECK;

/* The target is gone: stale markers for all its series. */
bool recorder_end(struct recorder *recorder, int64_t t_ms, struct err *err) MUST_CHECK;

DEFINE_AUTO(struct recorder *, recorder_destroy)
