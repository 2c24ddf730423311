#include "storage/test_series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "storage/chunk.h"

#define CHUNK_RANGE_MS INT64_C(86400000)
#define CHUNK_TARGET_BYTES 1024
#define CHUNK_HISTOGRAMS_MIN 10

static int64_t range_end(int64_t time_ms)
{
    return (time_ms / CHUNK_RANGE_MS + 1) * CHUNK_RANGE_MS;
}

/*
 * A chunk of histograms that is a quarter full foresees when it should end, for those of its range
 * to be of one length.
 */
static bool chunk_is_full(struct test_series_chunk *chunk, int64_t time_ms)
{
    size_t size = chunk->histograms.out.size;
    int64_t range_end_ms = range_end(chunk->begin_ms);
    if (!chunk->is_foreseen && size >= CHUNK_TARGET_BYTES / 4) {
        double count = (double)(range_end_ms - chunk->begin_ms) /
                       ((double)(chunk->end_ms - chunk->begin_ms + 1) *
                        ((double)CHUNK_TARGET_BYTES / (double)size));
        if (count > 1)
            chunk->next_at_ms = (int64_t)((double)chunk->begin_ms +
                                          (double)(range_end_ms - chunk->begin_ms) / floor(count));
        chunk->is_foreseen = true;
    }
    return (time_ms >= chunk->next_at_ms || size >= (size_t)2 * CHUNK_TARGET_BYTES) &&
           (chunk->histograms.count >= CHUNK_HISTOGRAMS_MIN || time_ms >= range_end_ms);
}

static struct test_series_chunk *series_new_chunk(struct test_series *series, int64_t time_ms,
                                                  bool holds_histograms)
{
    struct test_series_chunk *chunk = mem_new(struct test_series_chunk);
    *chunk = (struct test_series_chunk){
        .begin_ms = time_ms,
        .holds_histograms = holds_histograms,
        .floats.wants_starts = true,
        .next_at_ms = range_end(time_ms),
    };
    if (holds_histograms)
        histogram_appender_init(&chunk->histograms, CHUNK_FLOAT_HISTOGRAM_ST);
    mem_grow(series->chunks, struct test_series_chunk *, series->chunk_count, &series->chunk_cap);
    series->chunks[series->chunk_count++] = chunk;
    return chunk;
}

/* The last chunk, if the sample goes into it; else a new one. `raw`: of a histogram. */
static struct test_series_chunk *series_chunk(struct test_series *series, int64_t time_ms,
                                              const struct raw_histogram *raw)
{
    struct test_series_chunk *last =
        series->chunk_count ? series->chunks[series->chunk_count - 1] : NULL;
    bool goes_on = last && last->holds_histograms == (raw != NULL);
    if (goes_on && raw)
        goes_on = !chunk_is_full(last, time_ms) &&
                  histogram_appender_fit(&last->histograms, raw).same_chunk;
    else if (goes_on)
        goes_on = last->floats.count < series->chunk_samples && time_ms < last->next_at_ms;
    return goes_on ? last : series_new_chunk(series, time_ms, raw != NULL);
}

static void chunk_add_float(struct test_series_chunk *chunk, const struct test_sample *sample)
{
    struct samples *floats = &chunk->floats;
    samples_reserve(floats, 1);
    floats->times_ms[floats->count] = sample->time_ms;
    floats->values[floats->count] = sample->value;
    floats->starts_ms[floats->count++] = sample->start_ms;
}

static bool sample_is_same(const struct test_sample *a, const struct test_sample *b)
{
    if (a->histogram && b->histogram)
        return histogram_equal(a->histogram, b->histogram);
    return !a->histogram && !b->histogram && value_bits(a->value) == value_bits(b->value);
}

bool test_series_append(struct test_series *series, const struct test_sample *sample,
                        struct arena *arena, struct err *err)
{
    const struct test_sample *last = &series->last;
    if (series->chunk_count && sample->time_ms < last->time_ms)
        return err_set(err, ERR_BAD_DATA, "out of order sample");
    if (series->chunk_count && sample->time_ms == last->time_ms)
        return sample_is_same(sample, last) ||
               err_set(err, ERR_BAD_DATA, "duplicate sample for timestamp");

    /* A stale marker is of the kind of the sample that it ends. */
    bool is_histogram =
        sample->histogram || (value_is_stale(sample->value) && series->chunk_count &&
                              series->chunks[series->chunk_count - 1]->holds_histograms);
    if (is_histogram) {
        AUTO(arena_destroy) struct arena *scratch = arena_create(NULL);
        struct raw_histogram raw = {.is_float = true, .sum = value_stale()};
        if (sample->histogram)
            raw = raw_histogram_of(sample->histogram, true, scratch);
        struct test_series_chunk *chunk = series_chunk(series, sample->time_ms, &raw);
        histogram_appender_append(&chunk->histograms, sample->time_ms, sample->start_ms, &raw);
        chunk->end_ms = sample->time_ms;
    } else {
        struct test_series_chunk *chunk = series_chunk(series, sample->time_ms, NULL);
        chunk_add_float(chunk, sample);
        chunk->end_ms = sample->time_ms;
    }
    series->last = *sample;
    if (sample->histogram)
        series->last.histogram = histogram_copy(arena, sample->histogram);
    return true;
}

void test_series_done(struct test_series *series)
{
    for (size_t i = 0; i < series->chunk_count; i++) {
        samples_done(&series->chunks[i]->floats);
        if (series->chunks[i]->holds_histograms)
            histogram_appender_done(&series->chunks[i]->histograms);
        free(series->chunks[i]);
    }
    free(series->chunks);
    *series = (struct test_series){0};
}

bool test_series_chunk_read(const struct test_series_chunk *chunk, struct samples *into,
                            struct err *err)
{
    if (chunk->holds_histograms)
        return chunk_decode(chunk->histograms.encoding, chunk->histograms.out.bytes,
                            chunk->histograms.out.size, into, err);
    const struct samples *floats = &chunk->floats;
    samples_reserve(into, floats->count);
    memcpy(into->times_ms + into->count, floats->times_ms, floats->count * sizeof(int64_t));
    memcpy(into->values + into->count, floats->values, floats->count * sizeof(double));
    if (into->wants_starts)
        memcpy(into->starts_ms + into->count, floats->starts_ms, floats->count * sizeof(int64_t));
    into->count += floats->count;
    return true;
}
