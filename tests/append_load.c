/*
 * The writer of tests/crash.py: appends batches whose every sample follows from its number, until
 * it is killed, and afterwards says what a directory holds.
 *
 *     append_load write DIR SEED   "open", then "ack WRITER NUMBER" for each batch acknowledged
 *     append_load check DIR        "last WRITER NUMBER whole|part" for each writer; 1 if anything
 *                                  before that batch is missing, is there twice, or is another
 * value
 *
 * Three writers append side by side. Of their series, most are there from the beginning; the others
 * change their name every few batches. With an odd seed the log is synced, and a seed that divides
 * by three brings a disk that is full now and then: a limit on the size of files, so that writes
 * end in the middle of a record.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "storage/append.h"

#define WRITERS 3
#define SLOTS 40
#define LASTING_SLOTS 30
#define GENERATION 20 /* batches */
#define BASE_MS INT64_C(1700000000000)
#define STEP_MS 100
#define SEGMENT_SIZE ((size_t)1 << 20)
#define SNAPSHOT_LOG_SIZE ((uint64_t)64 << 10)
#define REFRESH_MS 20 /* and so often full chunks go into files */

/* A block every 300 batches; writers go less apart than what the head takes. */
#define BLOCK_RANGE_MS (300 * STEP_MS)
#define APART_MAX 50

struct writer {
    struct db *db;
    unsigned number;
    unsigned seed;
    _Atomic uint64_t next; /* batch */
    struct writer *all;
};

/* What is there of a writer's batches. */
struct found {
    uint64_t last;
    uint64_t last_count; /* samples of that batch */
    uint64_t count;      /* of all */
};

static void warn(void *context, const char *message)
{
    fprintf(stderr, "%s\n", message);
}

static bool slot_is_histogram(unsigned slot)
{
    return slot % 10 == 9;
}

static unsigned generation_of(unsigned slot, uint64_t number)
{
    return slot < LASTING_SLOTS ? 0 : (unsigned)(number / GENERATION);
}

static double value_at(unsigned slot, uint64_t number)
{
    return (double)(number * 1000 + slot);
}

/* A batch of one writer, with all that it borrows. */
struct batch {
    char texts[SLOTS][3][16];
    struct wal_label labels[SLOTS][4];
    struct append_series series[SLOTS];
    struct append_sample samples[SLOTS];
    struct append_histogram histograms[SLOTS];
    uint64_t bucket;
};

static void batch_fill(struct batch *batch, unsigned writer, uint64_t number)
{
    static const struct histogram_span span = {.offset = 1, .length = 1};
    int64_t t_ms = BASE_MS + (int64_t)number * STEP_MS;
    batch->bucket = number;
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        char(*texts)[16] = batch->texts[slot];
        snprintf(texts[0], sizeof texts[0], "%u", generation_of(slot, number));
        snprintf(texts[1], sizeof texts[1], "%u", slot);
        snprintf(texts[2], sizeof texts[2], "%u", writer);
        struct wal_label *labels = batch->labels[slot];
        labels[0] = (struct wal_label){STR("__name__"), STR("load")};
        labels[1] = (struct wal_label){STR("generation"), str_of(texts[0])};
        labels[2] = (struct wal_label){STR("slot"), str_of(texts[1])};
        labels[3] = (struct wal_label){STR("writer"), str_of(texts[2])};
        struct append_series *series = &batch->series[slot];
        *series = (struct append_series){.labels = labels, .label_count = 4};
        double v = value_at(slot, number);
        if (slot_is_histogram(slot)) {
            struct append_histogram *histogram = &batch->histograms[slot];
            *histogram = (struct append_histogram){
                .t_ms = t_ms,
                .raw = {.sum = v, .count = number, .sides[0] = {&span, &batch->bucket, 1, 1}},
            };
            series->histograms = histogram;
            series->histogram_count = 1;
        } else {
            batch->samples[slot] = (struct append_sample){.t_ms = t_ms, .v = v};
            series->samples = &batch->samples[slot];
            series->sample_count = 1;
        }
    }
}

static void say(const char *line, size_t len)
{
    if (write(STDOUT_FILENO, line, len) != (ssize_t)len)
        _exit(3);
}

/* Waits for those who are far behind. */
static void writer_wait(const struct writer *writer)
{
    for (unsigned i = 0; i < WRITERS; i++)
        while (atomic_load(&writer->all[i].next) + APART_MAX < atomic_load(&writer->next))
            usleep(200);
}

static void *writer_run(void *context)
{
    struct writer *writer = context;
    struct batch *filled = mem_new(struct batch);
    struct append_batch batch = {.series = filled->series, .count = SLOTS, .future_ms = INT64_MAX};
    for (;;) {
        writer_wait(writer);
        batch_fill(filled, writer->number, writer->next);
        struct append_result result;
        struct err err = {0};
        if (db_append(writer->db, &batch, APPEND_ALL_OR_NOTHING, &result, &err)) {
            char line[64];
            int len = snprintf(line, sizeof line, "ack %u %llu\n", writer->number,
                               (unsigned long long)writer->next);
            say(line, (size_t)len);
            writer->next++;
        } else if (err.kind != ERR_IO) {
            fprintf(stderr, "batch %llu: %s\n", (unsigned long long)writer->next, err.msg);
            _exit(2);
        }
        usleep((unsigned)rand_r(&writer->seed) % 500);
    }
    return NULL;
}

static void limit_files(rlim_t size)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = size;
    setrlimit(RLIMIT_FSIZE, &limit);
}

/* Now and then the segment may not grow beyond where it is, or little more. */
static void *disk_run(void *context)
{
    unsigned seed = *(unsigned *)context;
    for (;;) {
        usleep((unsigned)rand_r(&seed) % 20000);
        limit_files((rlim_t)((unsigned)rand_r(&seed) % SEGMENT_SIZE));
        usleep((unsigned)rand_r(&seed) % 20000);
        limit_files(RLIM_INFINITY);
    }
    return NULL;
}

/* One series' samples into what was found of its writer. */
static bool series_check(const struct samples *samples, unsigned slot, unsigned generation,
                         struct found *found)
{
    const struct histogram_samples *histograms = samples->histograms;
    bool is_histogram = slot_is_histogram(slot);
    size_t count = is_histogram ? histograms->count : samples->count;
    if (samples->count + histograms->count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        int64_t t_ms = is_histogram ? histograms->times_ms[i] : samples->times_ms[i];
        uint64_t number = (uint64_t)(t_ms - BASE_MS) / STEP_MS;
        double v = is_histogram ? histograms->items[i]->sum : samples->values[i];
        if ((t_ms - BASE_MS) % STEP_MS != 0 || generation_of(slot, number) != generation ||
            v != value_at(slot, number))
            return false;
        if (number > found->last) {
            found->last = number;
            found->last_count = 0;
        }
        found->last_count += number == found->last;
        found->count++;
    }
    return true;
}

static unsigned label_number(const struct symbols *symbols, const struct labels *labels,
                             const char *name)
{
    struct str text = symbols_get(symbols, labels_get(labels, symbols_find(symbols, str_of(name))));
    char digits[16];
    snprintf(digits, sizeof digits, "%.*s", STR_ARGS(text));
    return (unsigned)strtoul(digits, NULL, 10);
}

static bool selection_check(struct selection *selection, const struct symbols *symbols,
                            struct found *found, struct err *err)
{
    struct histogram_samples histograms = {0};
    struct samples samples = {.histograms = &histograms};
    struct cursor *cursor = cursor_create(selection);
    bool good = true;
    for (size_t i = 0; i < selection_count(selection) && good; i++) {
        const struct labels *labels = selection_labels(selection, i);
        bool more = true;
        samples.count = 0;
        histogram_samples_clear(&histograms);
        cursor_open(cursor, i);
        while (more && good)
            good = cursor_next(cursor, &samples, &more, err);
        unsigned writer = label_number(symbols, labels, "writer");
        if (good && !(writer < WRITERS &&
                      series_check(&samples, label_number(symbols, labels, "slot"),
                                   label_number(symbols, labels, "generation"), &found[writer])))
            good =
                err_set(err, ERR_CORRUPT, "series %zu of writer %u has other samples", i, writer);
    }
    cursor_destroy(cursor);
    histogram_samples_done(&histograms);
    samples_done(&samples);
    return good;
}

static bool db_find(struct db *db, struct found *found, struct err *err)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct symbols *symbols = symbols_new(arena);
    struct matcher *matcher;
    if (!matcher_new(arena, MATCH_EQUAL, STR("__name__"), STR("load"), &matcher, err))
        return false;
    struct select_request request = {
        .matchers = &matcher,
        .matcher_count = 1,
        .begin_ms = INT64_MIN,
        .end_ms = INT64_MAX,
        .arena = arena,
        .symbols = symbols,
    };
    struct selection *selection;
    bool good = storage_select(db_storage(db), &request, &selection, err);
    if (good) {
        good = selection_check(selection, symbols, found, err);
        selection_close(selection);
    }
    symbols_done(symbols);
    for (unsigned i = 0; i < WRITERS && good; i++)
        if (found[i].last && found[i].count - found[i].last_count != (found[i].last - 1) * SLOTS)
            good = err_set(err, ERR_CORRUPT, "writer %u: %llu samples before batch %llu", i,
                           (unsigned long long)(found[i].count - found[i].last_count),
                           (unsigned long long)found[i].last);
    return good;
}

static _Noreturn void load_write(struct db *db, const struct found *found, unsigned seed)
{
    say("open\n", 5);
    struct writer writers[WRITERS];
    pthread_t thread;
    for (unsigned i = 0; i < WRITERS; i++) {
        /* The last one may be there in parts: it is sent again. */
        uint64_t next = found[i].last ? found[i].last : 1;
        writers[i] =
            (struct writer){.db = db, .number = i, .seed = seed + i, .next = next, .all = writers};
    }
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_create(&thread, NULL, writer_run, &writers[i]);
    if (seed % 3 == 0)
        pthread_create(&thread, NULL, disk_run, &seed);
    for (;;)
        pause();
}

static void load_check(const struct found *found)
{
    for (unsigned i = 0; i < WRITERS; i++)
        printf("last %u %llu %s\n", i, (unsigned long long)found[i].last,
               found[i].last_count == SLOTS ? "whole" : "part");
}

int main(int argc, char **argv)
{
    bool writes = argc == 4 && strcmp(argv[1], "write") == 0;
    if (!writes && !(argc == 3 && strcmp(argv[1], "check") == 0)) {
        fprintf(stderr, "usage: append_load write DIR SEED | check DIR\n");
        return 2;
    }
    signal(SIGXFSZ, SIG_IGN);
    unsigned seed = writes ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    struct db_options options = {
        .wal_sync = seed % 2,
        .wal_segment_size = SEGMENT_SIZE,
        .refresh_ms = writes ? REFRESH_MS : 0,
        .map_ms = REFRESH_MS,
        .snapshot_log_size = seed % 4 < 2 ? SNAPSHOT_LOG_SIZE : 0,
        .compacts = writes,
        .block_range_ms = BLOCK_RANGE_MS,
        .block_range_max_ms = 9 * BLOCK_RANGE_MS,
        .compact_ms = REFRESH_MS,
        .warn = warn,
    };
    struct db *db;
    struct err err = {0};
    struct found found[WRITERS] = {0};
    if (!db_open(argv[2], &options, &db, &err) || !db_find(db, found, &err)) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    if (writes)
        load_write(db, found, seed);
    load_check(found);
    db_close(db);
    return 0;
}
