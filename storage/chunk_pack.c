#include "storage/chunk_pack.h"

#include <stdlib.h>

#include "base/mem.h"
#include "model/histogram_samples.h"
#include "storage/chunk.h"
#include "storage/chunk_xor.h"
#include "storage/chunk_xor2_write.h"
#include "storage/histogram_reader.h"

void chunk_pack_begin(struct chunk_pack *pack, uint8_t encoding)
{
    pack->encoding = encoding;
    pack->count = 0;
    buf_clear(&pack->bytes);
    pack->floats.count = 0;
    pack->floats.wants_starts = true;
    if (pack->histograms.arena)
        histogram_appender_begin(&pack->histograms, CHUNK_RESET_UNKNOWN);
}

void chunk_pack_done(struct chunk_pack *pack)
{
    free(pack->chunks);
    buf_done(&pack->bytes);
    samples_done(&pack->floats);
    if (pack->histograms.arena)
        histogram_appender_done(&pack->histograms);
    *pack = (struct chunk_pack){0};
}

static void pack_add(struct chunk_pack *pack, struct packed_chunk chunk, const uint8_t *bytes)
{
    chunk.at = pack->bytes.len;
    buf_append(&pack->bytes, bytes, chunk.size);
    mem_grow(pack->chunks, struct packed_chunk, pack->count, &pack->cap);
    pack->chunks[pack->count++] = chunk;
}

static bool pack_has_starts(const struct chunk_pack *pack)
{
    for (size_t i = 0; i < pack->floats.count; i++)
        if (pack->floats.starts_ms[i])
            return true;
    return false;
}

static void pack_end_floats(struct chunk_pack *pack)
{
    struct samples *floats = &pack->floats;
    if (floats->count == 0)
        return;
    struct packed_chunk chunk = {.begin_ms = floats->times_ms[0],
                                 .end_ms = floats->times_ms[floats->count - 1]};
    if (pack->encoding == CHUNK_XOR2 || pack_has_starts(pack)) {
        struct bit_writer out = {0};
        chunk_xor2_encode(floats, 0, floats->count, &out);
        chunk.encoding = CHUNK_XOR2;
        chunk.size = out.size;
        pack_add(pack, chunk, out.bytes);
        free(out.bytes);
    } else {
        struct xor_appender out;
        xor_appender_init(&out);
        for (size_t i = 0; i < floats->count; i++)
            xor_appender_append(&out, floats->times_ms[i], floats->values[i]);
        chunk.encoding = CHUNK_XOR;
        chunk.size = out.size;
        pack_add(pack, chunk, out.bytes);
        xor_appender_done(&out);
    }
    floats->count = 0;
}

static void pack_end_histograms(struct chunk_pack *pack)
{
    const struct histogram_appender *a = &pack->histograms;
    if (a->count == 0)
        return;
    struct packed_chunk chunk = {
        .begin_ms = a->begin_ms, .end_ms = a->t_ms, .encoding = a->encoding, .size = a->out.size};
    pack_add(pack, chunk, a->out.bytes);
    histogram_appender_begin(&pack->histograms, CHUNK_RESET_UNKNOWN);
}

void chunk_pack_end(struct chunk_pack *pack)
{
    pack_end_floats(pack);
    pack_end_histograms(pack);
}

void chunk_pack_float(struct chunk_pack *pack, int64_t t_ms, int64_t start_ms, double v)
{
    struct samples *floats = &pack->floats;
    pack_end_histograms(pack);
    if (floats->count == (pack->encoding ? XOR_COUNT_MAX : CHUNK_PACK_COUNT))
        pack_end_floats(pack);
    samples_reserve(floats, 1);
    floats->times_ms[floats->count] = t_ms;
    floats->starts_ms[floats->count] = start_ms;
    floats->values[floats->count++] = v;
}

static uint8_t pack_histogram_encoding(const struct chunk_pack *pack, int64_t start_ms,
                                       const struct raw_histogram *h)
{
    if (pack->encoding)
        return pack->encoding;
    if (h->is_float)
        return start_ms ? CHUNK_FLOAT_HISTOGRAM_ST : CHUNK_FLOAT_HISTOGRAM;
    return start_ms ? CHUNK_HISTOGRAM_ST : CHUNK_HISTOGRAM;
}

/* Begins a chunk for the histogram unless it goes into the open one. */
static void pack_histogram_fit(struct chunk_pack *pack, int64_t start_ms,
                               const struct raw_histogram *h)
{
    struct histogram_appender *a = &pack->histograms;
    uint8_t reset = CHUNK_RESET_UNKNOWN;
    if (a->count) {
        size_t count_max = pack->encoding ? HISTOGRAM_ST_COUNT_MAX : CHUNK_PACK_COUNT;
        bool fits = a->is_float == h->is_float && (a->has_starts || start_ms == 0);
        if (fits) {
            struct histogram_fit fit = histogram_appender_fit(a, h);
            reset = fit.reset;
            fits = fit.same_chunk && a->count < count_max;
        }
        if (fits)
            return;
        pack_end_histograms(pack);
    }
    uint8_t encoding = pack_histogram_encoding(pack, start_ms, h);
    if (!a->arena || a->encoding != encoding) {
        if (a->arena)
            histogram_appender_done(a);
        histogram_appender_init(a, encoding);
    }
    histogram_appender_begin(a, reset);
}

void chunk_pack_histogram(struct chunk_pack *pack, int64_t t_ms, int64_t start_ms,
                          const struct raw_histogram *h)
{
    pack_end_floats(pack);
    pack_histogram_fit(pack, start_ms, h);
    histogram_appender_append(&pack->histograms, t_ms, start_ms, h);
}

static void pack_stale(struct chunk_pack *pack, int64_t t_ms, int64_t start_ms)
{
    const struct histogram_appender *a = &pack->histograms;
    if (!a->arena || a->count == 0) {
        chunk_pack_float(pack, t_ms, start_ms, value_stale());
        return;
    }
    struct raw_histogram marker = {.is_float = a->is_float, .sum = value_stale()};
    if (a->reset == CHUNK_RESET_GAUGE)
        marker.hint = HISTOGRAM_GAUGE;
    chunk_pack_histogram(pack, t_ms, start_ms, &marker);
}

void chunk_pack_samples(struct chunk_pack *pack, const struct samples *samples, int64_t begin_ms,
                        int64_t end_ms)
{
    const struct histogram_samples *histograms = samples->histograms;
    size_t histogram_count = histograms ? histograms->count : 0;
    AUTO(arena_destroy) struct arena *scratch = arena_create(NULL);
    chunk_pack_begin(pack, 0);
    for (size_t f = 0, h = 0; f < samples->count || h < histogram_count;) {
        bool is_float = h == histogram_count ||
                        (f < samples->count && samples->times_ms[f] < histograms->times_ms[h]);
        size_t at = is_float ? f++ : h++;
        int64_t t_ms = is_float ? samples->times_ms[at] : histograms->times_ms[at];
        if (t_ms < begin_ms || t_ms > end_ms)
            continue;
        if (!is_float) {
            arena_reset(scratch);
            const struct histogram *h_at = histograms->items[at];
            struct raw_histogram raw = raw_histogram_of(h_at, !h_at->is_whole, scratch);
            chunk_pack_histogram(pack, t_ms, histograms->starts_ms[at], &raw);
            continue;
        }
        int64_t start_ms = samples->wants_starts ? samples->starts_ms[at] : 0;
        if (value_is_stale(samples->values[at]))
            pack_stale(pack, t_ms, start_ms);
        else
            chunk_pack_float(pack, t_ms, start_ms, samples->values[at]);
    }
    chunk_pack_end(pack);
}
