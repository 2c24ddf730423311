#include "query-tee/tally.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"

static const double second_bounds[] = {.005, .01, .025, .05, .1, .25, .5, .75, 1,
                                       1.5,  2,   3,    4,   5,  10,  25, 50,  100};
static const double relative_bounds[] = {-30,  -10, -3,  -1, -.3, -.1, -.03, -.01, -.003, 0,
                                         .003, .01, .03, .1, .3,  1,   3,    10,   30};
static const double ratio_bounds[] = {.01, .02, .05, .1, .2, .35, .5, .7, .85, 1,
                                      1.2, 1.5, 2,   3,  5,  10,  20, 50, 100};
static const double size_bounds[] = {100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

#define KIND_counter(bounds) .kind = "counter"
#define KIND_histogram(b) .kind = "histogram", .bounds = (b), .bound_count = ARRAY_COUNT(b)
#define KIND_native(b) KIND_histogram(b), .native = true

static const struct {
    const char *name;
    const char *kind;
    const char *help;
    const double *bounds;
    size_t bound_count;
    bool native; /* and where the scraper takes that, a native histogram */
} metrics[] = {
#define TALLY(name_, kind_, metric, help_, bounds_) \
    {.name = metric, .help = help_, KIND_##kind_(bounds_)},
#include "query-tee/tally.def"
#undef TALLY
};

struct cell {
    enum tally_metric metric;
    char *labels;
    uint64_t count;
    double sum;
    uint64_t *buckets; /* NULL: a counter */
    struct native native;
};

struct tally {
    pthread_mutex_t mutex;
    struct map map;
    struct cell *cells;
    size_t count;
    size_t cap;
    uint64_t dropped;
};

struct tally *tally_create(void)
{
    struct tally *tally = mem_new(struct tally);
    pthread_mutex_init(&tally->mutex, NULL);
    return tally;
}

void tally_destroy(struct tally *tally)
{
    if (!tally)
        return;
    for (size_t i = 0; i < tally->count; i++) {
        free(tally->cells[i].labels);
        free(tally->cells[i].buckets);
        native_done(&tally->cells[i].native);
    }
    free(tally->cells);
    map_done(&tally->map);
    pthread_mutex_destroy(&tally->mutex);
    free(tally);
}

/* With the mutex held; NULL: there is none. */
static struct cell *tally_find(struct tally *tally, enum tally_metric metric, struct str labels,
                               uint64_t hash)
{
    for (struct map_probe at = map_find(&tally->map, hash); map_hit(&tally->map, &at);
         map_next(&tally->map, &at)) {
        struct cell *cell = &tally->cells[at.index];
        if (cell->metric == metric && str_eq(str_of(cell->labels), labels))
            return cell;
    }
    return NULL;
}

/* The same, and makes it; NULL: there are too many. */
static struct cell *tally_cell(struct tally *tally, enum tally_metric metric, struct str labels)
{
    uint64_t hash = hash_mix(hash_bytes(labels.ptr, labels.len), metric);
    struct cell *cell = tally_find(tally, metric, labels, hash);
    if (cell)
        return cell;
    if (tally->count == TALLY_CELLS_MAX) {
        tally->dropped++;
        return NULL;
    }
    mem_grow(tally->cells, struct cell, tally->count, &tally->cap);
    cell = &tally->cells[tally->count];
    *cell = (struct cell){.metric = metric, .labels = mem_new_array(char, labels.len + 1)};
    memcpy(cell->labels, labels.ptr, labels.len);
    if (metrics[metric].bound_count)
        cell->buckets = mem_new_array(uint64_t, metrics[metric].bound_count);
    map_insert(&tally->map, hash, (uint32_t)tally->count++);
    return cell;
}

void tally_add(struct tally *tally, enum tally_metric metric, uint64_t n, const char *fmt, ...)
{
    AUTO(buf_done) struct buf labels = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&labels, fmt, ap);
    va_end(ap);
    pthread_mutex_lock(&tally->mutex);
    struct cell *cell = tally_cell(tally, metric, buf_view(&labels));
    if (cell)
        cell->count += n;
    pthread_mutex_unlock(&tally->mutex);
}

void tally_observe(struct tally *tally, enum tally_metric metric, double v, const char *fmt, ...)
{
    AUTO(buf_done) struct buf labels = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&labels, fmt, ap);
    va_end(ap);
    size_t bucket = 0;
    while (bucket < metrics[metric].bound_count && !(v <= metrics[metric].bounds[bucket]))
        bucket++;
    pthread_mutex_lock(&tally->mutex);
    struct cell *cell = tally_cell(tally, metric, buf_view(&labels));
    if (cell) {
        cell->count++;
        cell->sum += v;
        if (bucket < metrics[metric].bound_count)
            cell->buckets[bucket]++;
        if (metrics[metric].native)
            native_observe(&cell->native, v);
    }
    pthread_mutex_unlock(&tally->mutex);
}

void tally_print(struct tally *tally, struct exposition *exposition)
{
    pthread_mutex_lock(&tally->mutex);
    for (size_t m = 0; m < TALLY_COUNT; m++) {
        exposition_family(exposition, metrics[m].name, metrics[m].help, metrics[m].kind);
        for (size_t i = 0; i < tally->count; i++) {
            const struct cell *cell = &tally->cells[i];
            if (cell->metric != m)
                continue;
            struct exposition_histogram histogram = {
                .count = cell->count,
                .sum = cell->sum,
                .bounds = metrics[m].bounds,
                .buckets = cell->buckets,
                .bound_count = metrics[m].bound_count,
                .native = metrics[m].native ? &cell->native : NULL,
            };
            if (cell->buckets)
                exposition_histogram(exposition, cell->labels, &histogram);
            else
                exposition_count(exposition, cell->labels, cell->count);
        }
    }
    exposition_family(exposition, "millrace_querytee_metrics_dropped_total",
                      "Observations that had more sets of labels than are kept.", "counter");
    exposition_count(exposition, "", tally->dropped);
    pthread_mutex_unlock(&tally->mutex);
}

void tally_escape(struct buf *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\n') {
            buf_text(out, "\\n");
            continue;
        }
        if (*value == '\\' || *value == '"')
            buf_byte(out, '\\');
        buf_byte(out, *value);
    }
}
