/*
 * Any bytes, behind a byte that says which encoding, as a chunk: what decodes is the same after it
 * was packed anew, as compaction and remote read do, and decoded again.
 */
#include <math.h>
#include <stdlib.h>

#include "model/histogram_samples.h"
#include "model/sample.h"
#include "storage/chunk.h"
#include "storage/chunk_pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Counts of whole histograms are integers, and exact as floats up to here. */
static bool side_is_exact(const struct histogram_side *side)
{
    for (uint32_t i = 0; i < side->bucket_count; i++)
        if (!(side->buckets[i] < 0x1p53))
            return false;
    return true;
}

static bool is_exact(const struct histogram *h)
{
    return h->count < 0x1p53 && h->zero_count < 0x1p53 && side_is_exact(&h->positive) &&
           side_is_exact(&h->negative);
}

/* Not what no server takes; a zero threshold that is no number is not equal to itself. */
static bool is_sound(const struct histogram *h)
{
    static struct err err;
    return !isnan(h->zero_threshold) && (!h->is_whole || is_exact(h)) && histogram_check(h, &err);
}

static bool all_sound(const struct histogram_samples *histograms)
{
    for (size_t i = 0; i < histograms->count; i++)
        if (!is_sound(histograms->items[i]))
            return false;
    return true;
}

static void compare_floats(const struct samples *a, const struct samples *b)
{
    if (a->count != b->count)
        abort();
    for (size_t i = 0; i < a->count; i++)
        if (a->times_ms[i] != b->times_ms[i] || a->starts_ms[i] != b->starts_ms[i] ||
            value_bits(a->values[i]) != value_bits(b->values[i]))
            abort();
}

static void compare_histograms(const struct histogram_samples *a, const struct histogram_samples *b)
{
    if (a->count != b->count)
        abort();
    for (size_t i = 0; i < a->count; i++) {
        const struct histogram *x = a->items[i];
        const struct histogram *y = b->items[i];
        if (a->times_ms[i] != b->times_ms[i] || a->starts_ms[i] != b->starts_ms[i] ||
            x->is_whole != y->is_whole || value_bits(x->sum) != value_bits(y->sum) ||
            (x->hint == HISTOGRAM_GAUGE) != (y->hint == HISTOGRAM_GAUGE) || !histogram_equal(x, y))
            abort();
    }
}

/* All chunks of the pack, one after another. */
static void unpack(const struct chunk_pack *pack, struct samples *into)
{
    static struct err err;
    for (size_t i = 0; i < pack->count; i++) {
        const struct packed_chunk *chunk = &pack->chunks[i];
        if (!chunk_decode(chunk->encoding, (const uint8_t *)pack->bytes.ptr + chunk->at,
                          chunk->size, into, &err))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct err err;
    if (size == 0 || size > 4096)
        return 0;
    struct histogram_samples histograms = {0};
    struct histogram_samples histograms_again = {0};
    struct samples samples = {.histograms = &histograms, .wants_starts = true};
    struct samples again = {.histograms = &histograms_again, .wants_starts = true};
    if (chunk_decode(CHUNK_XOR + data[0] % 6, data + 1, size - 1, &samples, &err) &&
        all_sound(&histograms)) {
        struct chunk_pack pack = {0};
        chunk_pack_samples(&pack, &samples, INT64_MIN, INT64_MAX);
        unpack(&pack, &again);
        compare_floats(&samples, &again);
        compare_histograms(&histograms, &histograms_again);
        chunk_pack_done(&pack);
    }
    histogram_samples_done(&histograms);
    histogram_samples_done(&histograms_again);
    samples_done(&samples);
    samples_done(&again);
    return 0;
}
