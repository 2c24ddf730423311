/*
 * `millrace demo-data`: scrapes a made-up fleet and writes blocks of two hours. A block's samples
 * are packed as they are made; then its series are written in label order.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "model/flags.h"
#include "model/sample.h"
#include "model/symbols.h"
#include "server/demo/fleet.h"
#include "server/param.h"
#include "server/server.h"
#include "storage/block_write.h"
#include "storage/chunk.h"
#include "storage/chunk_xor.h"

#define BLOCK_MS INT64_C(7200000)
#define CHUNK_SAMPLES 120
#define INSTANCES_MAX 20000
#define HOURS_MAX 8784
#define BAR_WIDTH 40

struct demo_options {
    int64_t instances;
    int64_t hours;
    int64_t interval_ms;
    const char *end;
    int64_t seed;
};

/* clang-format off */
static const struct flag demo_flags[] = {
    {"instances", 0, FLAG_COUNT, offsetof(struct demo_options, instances), "20", "N",
     "Machines of the fleet; each has two targets and about 170 series."},
    {"hours", 0, FLAG_COUNT, offsetof(struct demo_options, hours), "6", "N",
     "How much time the data covers."},
    {"interval", 0, FLAG_DURATION, offsetof(struct demo_options, interval_ms), "15s", "DURATION",
     "Time between scrapes."},
    {"end", 0, FLAG_TEXT, offsetof(struct demo_options, end), NULL, "TIME",
     "Where the data ends, Unix seconds or RFC 3339; default: now."},
    {"seed", 0, FLAG_COUNT, offsetof(struct demo_options, seed), "1", "N",
     "The same seed and end give the same bytes."},
};
/* clang-format on */

/* A series of the fleet while it is written. */
struct demo_series {
    const struct labels *labels;
    struct xor_appender appender;
    int64_t chunk_begin_ms;
    int64_t last_ms;
    bool there;                       /* its last sample was a value, not its end */
    struct block_write_chunk *chunks; /* finished ones of the block, in its arena */
    size_t chunk_count;
    size_t chunk_cap;
};

struct demo {
    const char *dir;
    struct fleet fleet;
    struct demo_series *series;  /* target after target */
    struct demo_series **sorted; /* by labels */
    struct arena *chunk_arena;   /* of the block at hand */
    uint64_t sample_count;
    bool tty;
};

static void series_cut_chunk(struct demo *demo, struct demo_series *series)
{
    struct xor_appender *appender = &series->appender;
    if (xor_appender_count(appender) == 0)
        return;
    if (series->chunk_count == series->chunk_cap) {
        size_t cap = series->chunk_cap ? series->chunk_cap * 2 : 4;
        struct block_write_chunk *chunks =
            arena_array(demo->chunk_arena, struct block_write_chunk, cap);
        if (series->chunk_count)
            memcpy(chunks, series->chunks, series->chunk_count * sizeof *chunks);
        series->chunks = chunks;
        series->chunk_cap = cap;
    }
    uint8_t *data = arena_alloc(demo->chunk_arena, appender->size, 1);
    memcpy(data, appender->bytes, appender->size);
    series->chunks[series->chunk_count++] = (struct block_write_chunk){
        .begin_ms = series->chunk_begin_ms,
        .end_ms = series->last_ms,
        .data = data,
        .size = appender->size,
        .encoding = CHUNK_XOR,
    };
    xor_appender_reset(appender);
}

static void series_append(struct demo *demo, struct demo_series *series, int64_t time_ms, double v)
{
    if (xor_appender_count(&series->appender) == CHUNK_SAMPLES)
        series_cut_chunk(demo, series);
    if (xor_appender_count(&series->appender) == 0)
        series->chunk_begin_ms = time_ms;
    xor_appender_append(&series->appender, time_ms, v);
    series->last_ms = time_ms;
    demo->sample_count++;
}

/* All scrapes of a target before the block's end. */
static void demo_scrape_target(struct demo *demo, struct target *target, struct demo_series *series,
                               int64_t end_ms)
{
    for (;;) {
        int64_t time_ms = target_next_ms(target);
        if (time_ms >= end_ms)
            return;
        target_scrape(target);
        for (size_t i = 0; i < target->count; i++) {
            bool there = !value_is_stale(target->values[i]);
            if (there || series[i].there)
                series_append(demo, &series[i], time_ms, target->values[i]);
            series[i].there = there;
        }
    }
}

static bool demo_write_series(struct demo *demo, struct block_writer *writer, struct err *err)
{
    for (size_t i = 0; i < demo->fleet.series_count; i++)
        if (demo->series[i].chunk_count)
            block_writer_declare(writer, demo->series[i].labels);
    for (size_t i = 0; i < demo->fleet.series_count; i++) {
        struct demo_series *series = demo->sorted[i];
        if (series->chunk_count &&
            !block_writer_series(writer, series->labels, series->chunks, series->chunk_count, err))
            return false;
        series->chunks = NULL;
        series->chunk_count = series->chunk_cap = 0;
    }
    return block_writer_finish(writer, err);
}

static bool demo_write_block(struct demo *demo, int64_t begin_ms, int64_t end_ms, struct err *err)
{
    demo->chunk_arena = arena_create(NULL);
    struct demo_series *series = demo->series;
    for (size_t i = 0; i < demo->fleet.target_count; i++) {
        struct target *target = &demo->fleet.targets[i];
        demo_scrape_target(demo, target, series, end_ms);
        series += target->count;
    }
    for (size_t i = 0; i < demo->fleet.series_count; i++)
        series_cut_chunk(demo, &demo->series[i]);

    struct random random = random_of(demo->fleet.options.seed, (uint64_t)begin_ms);
    struct block_write_options options = {
        .symbols = demo->fleet.symbols,
        .begin_ms = begin_ms,
        .end_ms = end_ms,
    };
    uint64_t high = random_next(&random);
    options.ulid = ulid_make((uint64_t)end_ms, high, random_next(&random));
    AUTO(block_writer_close) struct block_writer *writer = NULL;
    bool good = block_writer_create(demo->dir, &options, &writer, err) &&
                demo_write_series(demo, writer, err);
    arena_destroy(demo->chunk_arena);
    demo->chunk_arena = NULL;
    return good;
}

static void demo_progress(const struct demo *demo, size_t done, size_t count)
{
    if (!demo->tty) {
        fprintf(stderr, "block %zu of %zu written, %llu samples\n", done, count,
                (unsigned long long)demo->sample_count);
        return;
    }
    char bar[BAR_WIDTH + 1];
    size_t full = count ? done * BAR_WIDTH / count : BAR_WIDTH;
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', full);
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r[%s] %3zu %%  %zu series, %.1f M samples%s", bar,
            count ? done * 100 / count : 100, demo->fleet.series_count,
            (double)demo->sample_count / 1e6, done == count ? "\n" : "");
}

static int demo_series_cmp(const void *a, const void *b, void *symbols)
{
    const struct demo_series *left = *(struct demo_series *const *)a;
    const struct demo_series *right = *(struct demo_series *const *)b;
    return labels_cmp(symbols, left->labels, right->labels);
}

static void demo_prepare(struct demo *demo)
{
    struct fleet *fleet = &demo->fleet;
    demo->series = mem_new_array(struct demo_series, fleet->series_count);
    demo->sorted = mem_new_array(struct demo_series *, fleet->series_count);
    size_t at = 0;
    for (size_t i = 0; i < fleet->target_count; i++)
        for (size_t k = 0; k < fleet->targets[i].count; k++) {
            struct demo_series *series = &demo->series[at];
            series->labels = fleet->targets[i].labels[k];
            xor_appender_init(&series->appender);
            demo->sorted[at++] = series;
        }
    qsort_r(demo->sorted, at, sizeof *demo->sorted, demo_series_cmp, fleet->symbols);
}

static bool demo_write(struct demo *demo, struct err *err)
{
    const struct fleet_options *options = &demo->fleet.options;
    int64_t first_ms = options->begin_ms - options->begin_ms % BLOCK_MS;
    int64_t data_end_ms = options->end_ms + 1;
    size_t count = (size_t)((data_end_ms - first_ms + BLOCK_MS - 1) / BLOCK_MS), done = 0;
    demo_prepare(demo);
    if (demo->tty)
        demo_progress(demo, 0, count);
    bool good = true;
    for (int64_t at = first_ms; at < data_end_ms && good; at += BLOCK_MS) {
        int64_t begin_ms = at < options->begin_ms ? options->begin_ms : at;
        int64_t end_ms = at + BLOCK_MS < data_end_ms ? at + BLOCK_MS : data_end_ms;
        good = demo_write_block(demo, begin_ms, end_ms, err);
        if (good)
            demo_progress(demo, ++done, count);
    }
    for (size_t i = 0; i < demo->fleet.series_count; i++)
        xor_appender_done(&demo->series[i].appender);
    free(demo->series);
    free(demo->sorted);
    return good;
}

/* Blocks that are there would overlap with ours. */
static bool dir_prepare(const char *path, struct err *err)
{
    if (!file_make_folder(path, err))
        return false;
    DIR *dir = opendir(path);
    bool empty = true;
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        struct ulid ulid;
        empty =
            empty && !ulid_parse(str_of(entry->d_name), &ulid) && strcmp(entry->d_name, "wal") != 0;
    }
    if (dir)
        closedir(dir);
    if (!empty)
        return err_set(err, ERR_EXECUTION, "%s holds data already: name a new directory", path);
    return true;
}

static bool demo_check(const struct demo_options *options, int64_t *ret_end_ms, struct err *err)
{
    struct moment end = moment_of_ms(clock_now_ms() / 1000 * 1000);
    if (options->instances < 1 || options->instances > INSTANCES_MAX)
        return err_set(err, ERR_BAD_DATA, "flag --instances: not in 1 to %d", INSTANCES_MAX);
    if (options->hours < 1 || options->hours > HOURS_MAX)
        return err_set(err, ERR_BAD_DATA, "flag --hours: not in 1 to %d", HOURS_MAX);
    if (options->interval_ms < 1000 || options->interval_ms > 3600000)
        return err_set(err, ERR_BAD_DATA, "flag --interval: not in 1s to 1h");
    if (options->end && !moment_parse(str_of(options->end), &end, err))
        return err_wrap(err, "flag --end");
    *ret_end_ms = moment_ms(end);
    if (*ret_end_ms < options->hours * 3600000 || *ret_end_ms > INT64_C(1) << 52)
        return err_set(err, ERR_BAD_DATA, "flag --end: out of range");
    return true;
}

static bool demo_run(const char *dir, const struct demo_options *options, int64_t end_ms,
                     struct err *err)
{
    struct demo demo = {.dir = dir, .tty = isatty(STDERR_FILENO)};
    struct fleet_options fleet_options = {
        .instance_count = (size_t)options->instances,
        .begin_ms = end_ms - options->hours * 3600000,
        .end_ms = end_ms,
        .interval_ms = options->interval_ms,
        .seed = (uint64_t)options->seed,
    };
    if (!dir_prepare(dir, err))
        return false;
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct symbols *symbols = symbols_new(arena);
    fleet_init(&demo.fleet, &fleet_options, arena, symbols);
    bool good = demo_write(&demo, err);
    symbols_done(symbols);
    if (good)
        printf("%s: %zu series, %llu samples, %lld hours up to %.3f\n", dir,
               demo.fleet.series_count, (unsigned long long)demo.sample_count,
               (long long)options->hours, (double)end_ms / 1000);
    return good;
}

int command_demo_data(int argc, char **argv)
{
    struct demo_options options = {0};
    struct flags flags = {.table = demo_flags, .count = ARRAY_COUNT(demo_flags), .into = &options};
    struct err err;
    int64_t end_ms = 0;
    err_clear(&err);
    bool good = flags_parse(&flags, argc, argv, &err);
    if (good && flags.help) {
        AUTO(buf_done) struct buf out = {0};
        buf_text(&out,
                 "usage: millrace demo-data DIR [flags]\n\n"
                 "Writes the metrics of a made-up fleet as blocks of Prometheus's.\n\n");
        flags_print(demo_flags, ARRAY_COUNT(demo_flags), &out);
        fwrite(out.ptr, 1, out.len, stdout);
        return 0;
    }
    if (good && flags.word_count != 1)
        good = err_set(&err, ERR_BAD_DATA, "demo-data wants one directory");
    if (!good || !demo_check(&options, &end_ms, &err)) {
        fprintf(stderr, "millrace: %s (millrace demo-data --help lists the flags)\n", err.msg);
        return EXIT_USAGE;
    }
    if (demo_run(flags.words[0], &options, end_ms, &err))
        return 0;
    fprintf(stderr, "millrace: %s\n", err.msg);
    return EXIT_FAILED;
}
