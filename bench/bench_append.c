/*
 * Samples in: batches as remote write sends them, into head and log.
 *
 *     bench_append [SERIES [ROUNDS [BATCH]]]
 *
 * SERIES counters with ten labels each get a sample every 15 s, ROUNDS times, in batches of BATCH
 * series. Printed: samples per CPU second over all of them, and of the first round (which makes the
 * series) apart; resident memory, full chunks being in files; what a compaction
 * takes (with 721 rounds, of three hours, there is something to do: a block of the first two); and
 * how long it takes to read the log again, with one thread and with two.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "storage/append.h"
#include "storage/db_compact.h"

#define LABELS 10
#define MAP_ROUNDS 30 /* so often full chunks go into files */
#define STEP_MS 15000
#define BEGIN_MS INT64_C(1700000000000)

struct texts {
    char of[LABELS][24];
};

struct source {
    struct wal_label *labels; /* LABELS for each */
    struct append_series *series;
    struct append_sample *samples;
    struct texts *texts;
    size_t count;
};

static void source_init(struct source *source, size_t count)
{
    static const char *const names[LABELS] = {"__name__", "cluster",  "code",     "container",
                                              "endpoint", "handler",  "instance", "job",
                                              "method",   "namespace"};
    static const unsigned values[LABELS] = {200, 1, 5, 20, 3, 40, 1000, 10, 4, 8};
    source->count = count;
    source->texts = mem_new_array(struct texts, count);
    source->labels = mem_new_array(struct wal_label, count * LABELS);
    source->series = mem_new_array(struct append_series, count);
    source->samples = mem_new_array(struct append_sample, count);
    for (size_t i = 0; i < count; i++) {
        size_t left = i;
        for (size_t k = 0; k < LABELS; k++) {
            char *text = source->texts[i].of[k];
            size_t value = k == 6 ? i / 200 : left % values[k];
            snprintf(text, 24, "%s-value-%zu", names[k], value);
            left = k == 0 ? i / 7 : left / 2 + 1;
            source->labels[i * LABELS + k] = (struct wal_label){str_of(names[k]), str_of(text)};
        }
        source->series[i] = (struct append_series){
            .labels = &source->labels[i * LABELS],
            .label_count = LABELS,
            .samples = &source->samples[i],
            .sample_count = 1,
        };
    }
}

static void source_done(struct source *source)
{
    free(source->texts);
    free(source->labels);
    free(source->series);
    free(source->samples);
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double resident_mib(void)
{
    char text[200] = "";
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file)
        return 0;
    const char *resident = fgets(text, sizeof text, file) ? strchr(text, ' ') : NULL;
    fclose(file);
    return resident ? strtod(resident, NULL) * 4096 / (1 << 20) : 0;
}

static void give_round(struct db *db, struct source *source, size_t round, size_t batch_size)
{
    for (size_t i = 0; i < source->count; i++)
        source->samples[i] = (struct append_sample){
            .t_ms = BEGIN_MS + (int64_t)round * STEP_MS + (int64_t)(i / 200 % 15) * 1000,
            .v = (double)(round * (i % 7) + i),
        };
    for (size_t begin = 0; begin < source->count; begin += batch_size) {
        size_t count = source->count - begin;
        struct append_batch batch = {
            .series = source->series + begin,
            .count = count < batch_size ? count : batch_size,
            .future_ms = INT64_MAX,
        };
        struct append_result result;
        struct err err = {0};
        if (!db_append(db, &batch, APPEND_ALL_OR_NOTHING, &result, &err)) {
            fprintf(stderr, "%s\n", err.msg);
            exit(1);
        }
    }
}

static struct db *open_db(const char *path, size_t replay_threads)
{
    struct db_options options = {.map_ms = 1, .replay_threads = replay_threads};
    struct db *db;
    struct err err = {0};
    if (!db_open(path, &options, &db, &err)) {
        fprintf(stderr, "%s\n", err.msg);
        exit(1);
    }
    return db;
}

/* Full chunks go into files. */
static void give_refresh(struct db *db)
{
    struct err err = {0};
    if (!db_refresh(db, &err)) {
        fprintf(stderr, "%s\n", err.msg);
        exit(1);
    }
}

static void give_compaction(struct db *db)
{
    struct err err = {0};
    struct db_compact_stats stats;
    double begin = cpu_seconds();
    if (!db_compact(db, &err)) {
        fprintf(stderr, "%s\n", err.msg);
        exit(1);
    }
    db_compact_stats(db, &stats);
    printf("append/compaction %.3f s, %llu blocks of %.1f MiB, %.1f MiB held\n",
           cpu_seconds() - begin, (unsigned long long)stats.written_total,
           (double)stats.block_bytes / (1 << 20), (double)stats.memory_peak_bytes / (1 << 20));
}

int main(int argc, char **argv)
{
    size_t series_count = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;
    size_t rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 240;
    size_t batch_size = argc > 3 ? strtoul(argv[3], NULL, 10) : 2000;
    char path[] = "/tmp/millrace-append-XXXXXX";
    if (!mkdtemp(path))
        return 1;
    struct source source;
    source_init(&source, series_count);
    double before_mib = resident_mib();
    struct db *db = open_db(path, 1);

    double begin = cpu_seconds();
    give_round(db, &source, 0, batch_size);
    double first = cpu_seconds();
    for (size_t round = 1; round < rounds; round++) {
        give_round(db, &source, round, batch_size);
        if (round % MAP_ROUNDS == 0)
            give_refresh(db);
    }
    double end = cpu_seconds();
    printf("append/new_series %.0f samples/s\n", (double)series_count / (first - begin));
    printf("append/samples %.0f samples/s\n",
           (double)series_count * (double)(rounds - 1) / (end - first));
    malloc_trim(0);
    printf("append/memory %.1f MiB\n", resident_mib() - before_mib);
    give_compaction(db);
    db_close(db);

    for (size_t threads = 1; threads <= 2; threads++) {
        int64_t begin_ns = clock_monotonic_ns();
        begin = cpu_seconds();
        db = open_db(path, threads);
        printf("append/replay %.3f s, %.3f s of CPU, %zu threads\n",
               (double)(clock_monotonic_ns() - begin_ns) / 1e9, cpu_seconds() - begin, threads);
        db_close(db);
    }
    source_done(&source);
    struct err err = {0};
    return !file_remove_all(path, &err);
}
