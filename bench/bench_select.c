/*
 * Selecting and reading over blocks, as a fleet of counters would fill them: bench_select [SERIES
 * [HOURS]]. Blocks of 2 h in a folder of its own under /tmp.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "bench/bench.h"
#include "model/symbols.h"
#include "storage/block_write.h"
#include "storage/chunk.h"
#include "storage/chunk_xor.h"
#include "storage/db_select.h"

#define STEP_MS 15000
#define BLOCK_MS (2 * 3600 * 1000)
#define CHUNK_SAMPLES 120
#define CHUNKS_MAX 8

static void stop(const struct err *err)
{
    fprintf(stderr, "bench_select: %s\n", err->msg);
    exit(1);
}

/* requests_total{code=,handler=,instance=,job=,method=,zone=}: numbers in label order. */
static const struct labels *fleet_labels(struct symbols *symbols, struct arena *arena, size_t i)
{
    static const char *const names[] = {"__name__", "code", "handler", "instance", "job", "zone"};
    const char *values[] = {
        "requests_total",
        i % 5 ? "200" : "500",
        arena_printf(arena, "/api/v1/path%zu", i / 5 % 30),
        arena_printf(arena, "host-%zu.example.org:9100", i / 150),
        "api",
        i / 150 % 2 ? "eu-west-1a" : "eu-west-1b",
    };
    struct label pairs[7];
    for (size_t k = 0; k < 6; k++)
        pairs[k] = (struct label){symbols_add(symbols, str_of(names[k])),
                                  symbols_add(symbols, str_of(values[k]))};
    pairs[6] = (struct label){symbols_add(symbols, STR("zzz")),
                              symbols_add(symbols, str_of(arena_printf(arena, "%zu", i % 5)))};
    return labels_new(arena, pairs, 7);
}

static int labels_order(const void *a, const void *b, void *symbols)
{
    return labels_cmp(symbols, *(const struct labels *const *)a, *(const struct labels *const *)b);
}

static void write_series(struct block_writer *writer, const struct labels *labels, int64_t begin_ms)
{
    static struct xor_appender appenders[CHUNKS_MAX];
    struct block_write_chunk chunks[CHUNKS_MAX];
    struct err err = {0};
    size_t count = 0;
    double v = (double)(bench_random() % 1000);
    int64_t t = begin_ms + (int64_t)(bench_random() % STEP_MS);
    for (size_t i = 0; t < begin_ms + BLOCK_MS; i++, t += STEP_MS) {
        if (i % CHUNK_SAMPLES == 0) {
            struct xor_appender *appender = &appenders[count++];
            if (appender->bytes)
                xor_appender_reset(appender);
            else
                xor_appender_init(appender);
            chunks[count - 1] = (struct block_write_chunk){.begin_ms = t, .encoding = CHUNK_XOR};
        }
        xor_appender_append(&appenders[count - 1], t, v);
        chunks[count - 1].end_ms = t;
        v += (double)(bench_random() % 100);
    }
    for (size_t i = 0; i < count; i++) {
        chunks[i].data = appenders[i].bytes;
        chunks[i].size = appenders[i].size;
    }
    if (!block_writer_series(writer, labels, chunks, count, &err))
        stop(&err);
}

static struct block *write_block(const char *dir, struct symbols *symbols,
                                 const struct labels *const *series, size_t count, int64_t begin_ms)
{
    struct err err = {0};
    struct block_writer *writer = NULL;
    struct block_write_options options = {.symbols = symbols,
                                          .begin_ms = begin_ms,
                                          .end_ms = begin_ms + BLOCK_MS,
                                          .ulid = ulid_make((uint64_t)begin_ms, 0, 0)};
    if (!block_writer_create(dir, &options, &writer, &err))
        stop(&err);
    for (size_t i = 0; i < count; i++)
        block_writer_declare(writer, series[i]);
    for (size_t i = 0; i < count; i++)
        write_series(writer, series[i], begin_ms);
    if (!block_writer_finish(writer, &err))
        stop(&err);
    block_writer_close(writer);

    struct block *block = NULL;
    AUTO(buf_done) struct buf path = {0};
    buf_printf(&path, "%s/%s", dir, options.ulid.text);
    if (!block_open(buf_terminated(&path), &block, &err))
        stop(&err);
    return block;
}

static long memory_kb(void)
{
    char line[256];
    long kb = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kb = strtol(line + 6, NULL, 10);
    if (file)
        fclose(file);
    return kb;
}

struct corpus {
    struct block **blocks;
    size_t block_count;
    int64_t end_ms;
};

static void read_all(struct selection *selection, size_t *ret_samples)
{
    struct err err = {0};
    struct samples samples = {0};
    struct cursor *cursor = cursor_create(selection);
    *ret_samples = 0;
    for (size_t i = 0; i < selection_count(selection); i++) {
        bool more = true;
        cursor_open(cursor, i);
        while (more) {
            samples.count = 0;
            if (!cursor_next(cursor, &samples, &more, &err))
                stop(&err);
            *ret_samples += samples.count;
        }
    }
    cursor_destroy(cursor);
    samples_done(&samples);
}

static void run(const struct corpus *corpus, enum match_kind kind, const char *name,
                const char *value, const char *label)
{
    struct err err = {0};
    struct budget budget;
    budget_init(&budget, NULL, "bench", 0);
    struct arena *arena = arena_create(&budget);
    struct symbols *symbols = symbols_new(arena);
    struct matcher *matcher = NULL;
    if (!matcher_new(arena, kind, str_of(name), str_of(value), &matcher, &err))
        stop(&err);
    struct select_request request = {.matchers = &matcher,
                                     .matcher_count = 1,
                                     .end_ms = corpus->end_ms,
                                     .arena = arena,
                                     .symbols = symbols,
                                     .budget = &budget};
    struct db_sources sources = {.blocks = mem_new_array(struct block *, corpus->block_count),
                                 .block_count = corpus->block_count};
    for (size_t i = 0; i < corpus->block_count; i++)
        sources.blocks[i] = block_ref(corpus->blocks[i]);

    struct selection *selection = NULL;
    size_t samples = 0;
    int64_t begin = bench_cpu_ns();
    if (!db_select(&sources, &request, &selection, &err))
        stop(&err);
    int64_t selected = bench_cpu_ns();
    read_all(selection, &samples);
    int64_t done = bench_cpu_ns();
    printf("select_%s %.3f ms\n", label, (double)(selected - begin) / 1e6);
    printf("select_%s_series %zu series\n", label, selection_count(selection));
    printf("select_%s_held %zu bytes\n", label, (size_t)budget.peak_bytes);
    printf("read_%s %.2f ns/sample\n", label, (double)(done - selected) / (double)samples);
    printf("read_%s_peak %ld kB\n", label, memory_kb());
    selection_close(selection);
    matcher_done(matcher);
    symbols_done(symbols);
    arena_destroy(arena);
}

int main(int argc, char **argv)
{
    size_t series_count = argc > 1 ? strtoul(argv[1], NULL, 10) : 7500;
    size_t hours = argc > 2 ? strtoul(argv[2], NULL, 10) : 12;
    char dir[] = "/tmp/bench_select.XXXXXX";
    struct err err = {0};
    if (!mkdtemp(dir))
        return 1;

    struct arena *arena = arena_create(NULL);
    struct symbols *symbols = symbols_new(arena);
    const struct labels **series = mem_new_array(const struct labels *, series_count);
    for (size_t i = 0; i < series_count; i++)
        series[i] = fleet_labels(symbols, arena, i);
    qsort_r(series, series_count, sizeof *series, labels_order, symbols);

    struct corpus corpus = {.blocks = mem_new_array(struct block *, hours / 2),
                            .end_ms = (int64_t)hours * 3600 * 1000};
    int64_t begin = bench_cpu_ns();
    for (size_t i = 0; i < hours / 2; i++)
        corpus.blocks[corpus.block_count++] =
            write_block(dir, symbols, series, series_count, (int64_t)i * BLOCK_MS);
    printf("write_blocks %.1f ms\n", (double)(bench_cpu_ns() - begin) / 1e6);
    printf("before_peak %ld kB\n", memory_kb());
    for (int round = 0; round < 2; round++) {
        run(&corpus, MATCH_EQUAL, "__name__", "requests_total", "equal");
        run(&corpus, MATCH_REGEX, "handler", ".*path1.*", "regex");
        run(&corpus, MATCH_NOT_EQUAL, "code", "200", "not_equal");
    }
    for (size_t i = 0; i < corpus.block_count; i++)
        block_unref(corpus.blocks[i]);
    free(corpus.blocks);
    free(series);
    symbols_done(symbols);
    arena_destroy(arena);
    return file_remove_all(dir, &err) ? 0 : 1;
}
