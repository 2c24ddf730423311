/*
 * Any bytes, behind a byte that says which of the four encodings, as a chunk of native histograms:
 * as many samples as it says, or none at all; totals are the same without buckets.
 */
#include <stdlib.h>

#include "model/histogram_samples.h"
#include "model/sample.h"
#include "storage/chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(double a, double b)
{
    return value_bits(a) == value_bits(b);
}

static void compare(const struct samples *a, const struct samples *b)
{
    if (a->count != b->count || a->histograms->count != b->histograms->count)
        abort();
    for (size_t i = 0; i < a->histograms->count; i++) {
        const struct histogram *h = a->histograms->items[i];
        const struct histogram *totals = b->histograms->items[i];
        if (!same(h->count, totals->count) || !same(h->sum, totals->sum) ||
            h->schema != totals->schema || h->hint != totals->hint ||
            a->histograms->times_ms[i] != b->histograms->times_ms[i])
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t encodings[] = {CHUNK_HISTOGRAM, CHUNK_FLOAT_HISTOGRAM, CHUNK_HISTOGRAM_ST,
                                        CHUNK_FLOAT_HISTOGRAM_ST};
    static struct err err;
    if (size == 0 || size > 4096)
        return 0;
    uint8_t encoding = encodings[data[0] % 4];
    struct histogram_samples histograms = {0};
    struct histogram_samples totals = {.totals_only = true};
    struct samples samples = {.histograms = &histograms, .wants_starts = true};
    struct samples of_totals = {.histograms = &totals};
    bool good = chunk_decode(encoding, data + 1, size - 1, &samples, &err);
    if (good != chunk_decode(encoding, data + 1, size - 1, &of_totals, &err))
        abort();
    size_t count = 0;
    if (good) {
        if (!chunk_count(encoding, data + 1, size - 1, &count) ||
            samples.count + histograms.count != count ||
            !chunk_times_rise(samples.times_ms, samples.count) ||
            !chunk_times_rise(histograms.times_ms, histograms.count))
            abort();
        compare(&samples, &of_totals);
    } else if (err.kind != ERR_CORRUPT || samples.count + histograms.count != 0) {
        abort();
    }
    histogram_samples_done(&histograms);
    histogram_samples_done(&totals);
    samples_done(&samples);
    samples_done(&of_totals);
    return 0;
}
