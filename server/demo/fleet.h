#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "model/labels.h"
#include "server/demo/random.h"

/*
 * A small fleet as a Prometheus would see it: targets, each scraped at its own offset in the
 * interval, each with its own outages and restarts. Stepping a target through time gives the values
 * of all its series at one scrape; those of the same seed are always the same.
 *
 * Thread: one at a time.
 */
struct target;

/* One kind of target: which series it has, and how they move. */
struct target_class {
    const char *name;
    size_t state_size;
    void (*declare)(struct target *target);
    /* A process has (re)started at this time: counters begin at 0. */
    void (*start)(struct target *target, int64_t time_ms);
    /* Sets the value of each series; `seconds` since the scrape before. */
    void (*scrape)(struct target *target, int64_t time_ms, double seconds);
};

extern const struct target_class target_app;
extern const struct target_class target_node;

struct outage {
    int64_t begin_ms;
    int64_t end_ms;
};

#define OUTAGES_MAX 4

struct target {
    const struct target_class *class;
    struct fleet *fleet;
    struct random random;
    const char *job;
    const char *instance;
    size_t number; /* of the instance */
    void *state;
    const struct labels **labels; /* one a series */
    double *values;               /* one a series; stale: not there */
    size_t count;
    size_t cap;
    size_t up, duration, scraped; /* series that Prometheus adds */
    int64_t begin_ms;             /* the first scrape is not before, the last one not behind */
    int64_t end_ms;
    int64_t offset_ms;
    int64_t step; /* of the next scrape */
    struct outage outages[OUTAGES_MAX];
    size_t outage_count;
    bool down;
    bool started;
};

struct fleet_options {
    size_t instance_count;
    int64_t begin_ms;
    int64_t end_ms;
    int64_t interval_ms;
    uint64_t seed;
};

struct fleet {
    struct fleet_options options;
    struct arena *arena;
    struct symbols *symbols;
    struct target *targets;
    size_t target_count;
    size_t series_count;
};

void fleet_init(struct fleet *fleet, const struct fleet_options *options, struct arena *arena,
                struct symbols *symbols);

/* The time of the target's next scrape; INT64_MAX: there is none. */
int64_t target_next_ms(const struct target *target);

/* Scrapes it: `values` are those of the time that target_next_ms gave. */
void target_scrape(struct target *target);

/* Is it gone for good: its last scrape ends every series, `up` too? */
bool target_ends(const struct target *target);

/* For `declare`: a series with these further labels, name, value, name, value..., NULL. */
size_t target_series(struct target *target, const char *metric, ...);
