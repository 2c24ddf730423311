#include "storage/live_histogram.h"

#include <math.h>

#include "base/mem.h"
#include "storage/chunk.h"
#include "storage/histogram_reader.h"
#include "storage/live_series.h"

struct live_histogram *live_histogram_create(void)
{
    struct live_histogram *open = mem_new(struct live_histogram);
    histogram_appender_init(&open->appender, CHUNK_HISTOGRAM);
    return open;
}

void live_histogram_destroy(struct live_histogram *open)
{
    if (!open)
        return;
    histogram_appender_done(&open->appender);
    free(open);
}

static int64_t range_end(int64_t t_ms)
{
    return t_ms / LIVE_CHUNK_RANGE_MS * LIVE_CHUNK_RANGE_MS + LIVE_CHUNK_RANGE_MS;
}

/* The end of a chunk that has come so far, if as many more as fit get chunks of equal length. */
static int64_t foresee_end(int64_t begin_ms, int64_t last_ms, int64_t end_ms, double times_to_full)
{
    double chunks =
        (double)(end_ms - begin_ms) / ((double)(last_ms - begin_ms + 1) * times_to_full);
    if (chunks <= 1)
        return end_ms;
    return (int64_t)((double)begin_ms + (double)(end_ms - begin_ms) / floor(chunks));
}

static bool live_histogram_is_full(struct live_histogram *open, int64_t t_ms)
{
    const struct histogram_appender *a = &open->appender;
    size_t size = a->out.size;
    int64_t next_range_ms = open->is_foreseen ? range_end(a->begin_ms) : open->next_at_ms;
    if (!open->is_foreseen && size >= LIVE_HISTOGRAM_TARGET_BYTES / 4) {
        open->next_at_ms = foresee_end(a->begin_ms, a->t_ms, open->next_at_ms,
                                       (double)LIVE_HISTOGRAM_TARGET_BYTES / (double)size);
        open->is_foreseen = true;
    }
    return (t_ms >= open->next_at_ms || size >= (size_t)2 * LIVE_HISTOGRAM_TARGET_BYTES) &&
           (a->count >= LIVE_HISTOGRAM_SAMPLES_MIN || t_ms >= next_range_ms);
}

static uint8_t encoding_of(const struct raw_histogram *h, bool has_start)
{
    if (h->is_float)
        return has_start ? CHUNK_FLOAT_HISTOGRAM_ST : CHUNK_FLOAT_HISTOGRAM;
    return has_start ? CHUNK_HISTOGRAM_ST : CHUNK_HISTOGRAM;
}

enum live_histogram_cut live_histogram_cut(struct live_histogram *open, int64_t t_ms,
                                           int64_t start_ms, const struct raw_histogram *h,
                                           uint8_t *ret_reset)
{
    struct histogram_appender *a = &open->appender;
    *ret_reset = CHUNK_RESET_UNKNOWN;
    if (a->is_float != h->is_float)
        return LIVE_HISTOGRAM_FULL;
    struct histogram_fit fit = histogram_appender_fit(a, h);
    *ret_reset = fit.reset;
    if ((start_ms != 0 && !a->has_starts) || live_histogram_is_full(open, t_ms))
        return LIVE_HISTOGRAM_FULL;
    return fit.same_chunk ? LIVE_HISTOGRAM_GOES_ON : LIVE_HISTOGRAM_DIFFERS;
}

void live_histogram_begin(struct live_histogram *open, enum live_histogram_cut why, uint8_t reset)
{
    histogram_appender_begin(&open->appender, reset);
    if (why == LIVE_HISTOGRAM_FULL)
        open->is_foreseen = false;
}

void live_histogram_append(struct live_histogram *open, int64_t t_ms, int64_t start_ms,
                           const struct raw_histogram *h)
{
    struct histogram_appender *a = &open->appender;
    if (a->count == 0) {
        uint8_t encoding = encoding_of(h, start_ms != 0);
        if (encoding != a->encoding) {
            uint8_t reset = a->reset;
            histogram_appender_done(a);
            histogram_appender_init(a, encoding);
            a->reset = reset;
        }
        open->next_at_ms = range_end(t_ms);
    }
    histogram_appender_append(a, t_ms, start_ms, h);
}
