/*
 * Two rounds are kept, the one that is made and the one before it, each in an arena of its own and
 * in the order of its labels: walking both at once shows what is new and what has gone.
 */
#include "server/recorder.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "model/sample.h"
#include "server/exposition.h"

/* The series of one scrape, each with its sample. */
struct round {
    struct arena *arena;
    struct append_series *series;
    size_t count;
};

struct recorder {
    struct db *db;
    struct metadata *metadata;
    const char *job;
    char *instance;
    struct round rounds[2];
    struct round *last; /* that was written */
    int64_t last_ms;
};

/* About a scrape: behind its own samples. */
enum report {
    REPORT_UP,
    REPORT_DURATION,
    REPORT_SAMPLES,
    REPORT_SAMPLES_KEPT,
    REPORT_SERIES_ADDED,
    REPORT_COUNT,
};

static const char *const report_names[] = {
    [REPORT_UP] = "up",
    [REPORT_DURATION] = "scrape_duration_seconds",
    [REPORT_SAMPLES] = "scrape_samples_scraped",
    [REPORT_SAMPLES_KEPT] = "scrape_samples_post_metric_relabeling",
    [REPORT_SERIES_ADDED] = "scrape_series_added",
};

struct recorder *recorder_create(struct db *db, struct metadata *metadata, const char *job,
                                 const char *instance)
{
    struct recorder *recorder = mem_new(struct recorder);
    recorder->db = db;
    recorder->metadata = metadata;
    recorder->job = job;
    recorder->instance = mem_strdup(instance);
    for (size_t i = 0; i < ARRAY_COUNT(recorder->rounds); i++)
        recorder->rounds[i].arena = arena_create(NULL);
    recorder->last = &recorder->rounds[0];
    recorder->last_ms = INT64_MIN;
    return recorder;
}

void recorder_destroy(struct recorder *recorder)
{
    if (!recorder)
        return;
    for (size_t i = 0; i < ARRAY_COUNT(recorder->rounds); i++)
        arena_destroy(recorder->rounds[i].arena);
    free(recorder->instance);
    free(recorder);
}

static int label_order(const void *left, const void *right)
{
    const struct wal_label *a = left, *b = right;
    return str_cmp(a->name, b->name);
}

static int series_order(const void *left, const void *right)
{
    const struct append_series *a = left, *b = right;
    for (size_t i = 0; i < a->label_count && i < b->label_count; i++) {
        int order = str_cmp(a->labels[i].name, b->labels[i].name);
        order = order ? order : str_cmp(a->labels[i].value, b->labels[i].value);
        if (order)
            return order;
    }
    return (a->label_count > b->label_count) - (a->label_count < b->label_count);
}

static void round_add(struct round *round, const struct recorder *recorder,
                      const struct wal_label *labels, size_t count,
                      const struct append_sample *sample)
{
    struct wal_label *all = arena_array(round->arena, struct wal_label, count + 2);
    memcpy(all, labels, count * sizeof *labels);
    all[count++] = (struct wal_label){STR("instance"), str_of(recorder->instance)};
    all[count++] = (struct wal_label){STR("job"), str_of(recorder->job)};
    qsort(all, count, sizeof *all, label_order);

    struct append_sample *copy = arena_new(round->arena, struct append_sample);
    *copy = *sample;
    round->series[round->count++] = (struct append_series){
        .labels = all, .label_count = count, .samples = copy, .sample_count = 1};
}

/* Series of `before` that `now` has not, or with `now` NULL all: with a stale marker, into `out`.
 */
static void stale_add(const struct round *before, const struct round *now, int64_t t_ms,
                      struct arena *arena, struct append_series *out, size_t *count)
{
    struct append_sample *marker = arena_new(arena, struct append_sample);
    *marker = (struct append_sample){.t_ms = t_ms, .v = value_stale()};
    size_t at = 0;
    for (size_t i = 0; i < before->count; i++) {
        int order = 1;
        while (now && at < now->count &&
               (order = series_order(&now->series[at], &before->series[i])) < 0)
            at++;
        if (now && at < now->count && order == 0)
            continue;
        out[*count] = before->series[i];
        out[(*count)++].samples = marker;
    }
}

static void metadata_keep(struct recorder *recorder, const struct exposition *exposition)
{
    for (size_t i = 0; i < exposition->family_count; i++) {
        const struct exposition_family *family = &exposition->families[i];
        const struct append_metadata about = {family->type, STR(""), family->help};
        metadata_set(recorder->metadata, family->name, &about);
    }
}

static size_t count_new(const struct round *before, const struct round *now)
{
    size_t count = 0, at = 0;
    for (size_t i = 0; i < now->count; i++) {
        while (at < before->count && series_order(&before->series[at], &now->series[i]) < 0)
            at++;
        count += at == before->count || series_order(&before->series[at], &now->series[i]) != 0;
    }
    return count;
}

/* The scrape's own samples in order, then those about it. */
static void round_fill(struct round *round, const struct recorder *recorder,
                       const struct scrape *scrape, const struct exposition *found, bool good)
{
    round->series =
        arena_array(round->arena, struct append_series, found->sample_count + REPORT_COUNT);
    round->count = 0;
    for (size_t i = 0; i < found->sample_count; i++) {
        const struct exposition_sample *from = &found->samples[i];
        struct append_sample sample = {.t_ms = scrape->t_ms, .v = from->v};
        round_add(round, recorder, from->labels, from->label_count, &sample);
    }
    qsort(round->series, round->count, sizeof *round->series, series_order);
    const double reports[REPORT_COUNT] = {
        [REPORT_UP] = good,
        [REPORT_DURATION] = (double)scrape->duration_ns / 1e9,
        [REPORT_SAMPLES] = (double)found->sample_count,
        [REPORT_SAMPLES_KEPT] = (double)found->sample_count,
        [REPORT_SERIES_ADDED] = (double)count_new(recorder->last, round),
    };
    for (size_t i = 0; i < REPORT_COUNT; i++) {
        const struct wal_label name = {STR("__name__"), str_of(report_names[i])};
        struct append_sample sample = {.t_ms = scrape->t_ms, .v = reports[i]};
        round_add(round, recorder, &name, 1, &sample);
    }
    qsort(round->series, round->count, sizeof *round->series, series_order);
}

static bool batch_append(struct recorder *recorder, const struct append_series *series,
                         size_t count, struct append_result *ret_result, struct err *err)
{
    struct append_batch batch = {.series = series, .count = count, .future_ms = INT64_MAX};
    return db_append(recorder->db, &batch, APPEND_KEEP_GOOD, ret_result, err);
}

bool recorder_take(struct recorder *recorder, const struct scrape *scrape,
                   struct append_result *ret_result, struct err *err)
{
    struct round *before = recorder->last;
    struct round *now = &recorder->rounds[before == &recorder->rounds[0]];
    struct exposition found = {0};
    struct err append_err;
    arena_reset(now->arena);
    char *text = arena_text(now->arena, scrape->text);
    bool good = exposition_read((struct str){text, scrape->text.len}, now->arena, &found, err);
    round_fill(now, recorder, scrape, &found, good);

    size_t count = now->count;
    struct append_series *all =
        arena_array(now->arena, struct append_series, now->count + before->count);
    memcpy(all, now->series, now->count * sizeof *all);
    stale_add(before, now, scrape->t_ms, now->arena, all, &count);
    if (!batch_append(recorder, all, count, ret_result, &append_err)) {
        *err = append_err;
        good = false;
        if (err->kind != ERR_BAD_DATA)
            return false;
    }
    recorder->last = now;
    recorder->last_ms = scrape->t_ms;
    metadata_keep(recorder, &found);
    return good;
}

bool recorder_end(struct recorder *recorder, int64_t t_ms, struct err *err)
{
    struct round *last = recorder->last;
    struct append_result result;
    size_t count = 0;
    if (last->count == 0)
        return true;
    if (t_ms <= recorder->last_ms)
        t_ms = recorder->last_ms + 1;
    struct append_series *all = arena_array(last->arena, struct append_series, last->count);
    stale_add(last, NULL, t_ms, last->arena, all, &count);
    last->count = 0;
    return batch_append(recorder, all, count, &result, err);
}
