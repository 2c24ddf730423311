/* Decoding and packing of histogram chunks: counters of 20 and 160 buckets, integers and floats. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "bench/bench.h"
#include "model/histogram_samples.h"
#include "storage/chunk.h"
#include "storage/chunk_histogram_write.h"

#define CHUNKS 400
#define SAMPLES 100
#define BUCKETS_MAX 160

/* A few observations, most of them in the middle. */
static void observe(uint64_t *counts, uint32_t bucket_count)
{
    for (uint64_t i = bench_random() % 20; i > 0; i--) {
        uint64_t sum = bench_random() % bucket_count + bench_random() % bucket_count;
        counts[sum / 2]++;
    }
}

static void pack(struct histogram_appender *appender, bool is_float, uint32_t bucket_count)
{
    uint64_t counts[BUCKETS_MAX] = {0};
    uint64_t buckets[BUCKETS_MAX];
    struct histogram_span span = {.offset = -10, .length = bucket_count};
    histogram_appender_init(appender, is_float ? CHUNK_FLOAT_HISTOGRAM : CHUNK_HISTOGRAM);
    for (int64_t i = 0; i < SAMPLES; i++) {
        observe(counts, bucket_count);
        uint64_t total = 0;
        for (uint32_t b = 0; b < bucket_count; b++) {
            buckets[b] = is_float ? value_bits((double)counts[b]) : counts[b];
            total += counts[b];
        }
        struct raw_histogram h = {.is_float = is_float, .schema = 3, .sum = (double)total * 0.173};
        h.count = is_float ? value_bits((double)total) : total;
        h.sides[0] = (struct raw_side){&span, buckets, 1, bucket_count};
        histogram_appender_append(appender, 1700000000000 + i * 15000, 0, &h);
    }
}

static double unpack(const struct histogram_appender *chunks, bool totals_only)
{
    struct histogram_samples histograms = {.totals_only = totals_only};
    struct samples samples = {.histograms = &histograms};
    struct err err = {0};
    int64_t begin = bench_cpu_ns();
    for (size_t i = 0; i < CHUNKS; i++) {
        histogram_samples_clear(&histograms);
        if (!chunk_decode(chunks[i].encoding, chunks[i].out.bytes, chunks[i].out.size, &samples,
                          &err))
            exit(1);
    }
    double ns = (double)(bench_cpu_ns() - begin) / CHUNKS / SAMPLES;
    histogram_samples_done(&histograms);
    samples_done(&samples);
    return ns;
}

static double least_of_5(const struct histogram_appender *chunks, bool totals_only)
{
    double best = unpack(chunks, totals_only);
    for (int round = 0; round < 4; round++) {
        double again = unpack(chunks, totals_only);
        best = again < best ? again : best;
    }
    return best;
}

static void run(bool is_float, uint32_t bucket_count)
{
    struct histogram_appender *chunks = mem_new_array(struct histogram_appender, CHUNKS);
    size_t size = 0;
    int64_t begin = bench_cpu_ns();
    for (size_t i = 0; i < CHUNKS; i++) {
        pack(&chunks[i], is_float, bucket_count);
        size += chunks[i].out.size;
    }
    double packed_ns = (double)(bench_cpu_ns() - begin) / CHUNKS / SAMPLES;
    char name[64];
    snprintf(name, sizeof name, "%s_%u", is_float ? "float" : "integer", bucket_count);
    printf("chunk_histogram_decode_%s %.0f ns/histogram\n", name, least_of_5(chunks, false));
    printf("chunk_histogram_totals_%s %.0f ns/histogram\n", name, least_of_5(chunks, true));
    printf("chunk_histogram_encode_%s %.0f ns/histogram\n", name, packed_ns);
    printf("chunk_histogram_size_%s %.1f bytes/histogram\n", name, (double)size / CHUNKS / SAMPLES);
    for (size_t i = 0; i < CHUNKS; i++)
        histogram_appender_done(&chunks[i]);
    free(chunks);
}

int main(void)
{
    for (int is_float = 0; is_float < 2; is_float++) {
        run(is_float, 20);
        run(is_float, BUCKETS_MAX);
    }
    return 0;
}
