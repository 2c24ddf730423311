#include "engine/op/sample_count.h"

#include "model/sample.h"

/* The fields of Prometheus's FloatHistogram, and a sample, in bytes. */
#define HISTOGRAM_FIELDS_SIZE 168
#define SAMPLE_SIZE 16

size_t sample_weight(const struct histogram *h)
{
    size_t spans = h->positive.span_count + h->negative.span_count;
    size_t buckets = h->positive.bucket_count + h->negative.bucket_count;
    size_t size = HISTOGRAM_FIELDS_SIZE + 8 * (spans + buckets + h->custom_bound_count);
    return (size + SAMPLE_SIZE / 2) / SAMPLE_SIZE;
}

/* One sample a step at most: where there is a result. */
static void count_selected(const struct window_call *call, bool weighs, uint64_t *steps)
{
    for (size_t i = 0; i < call->refs.count; i++) {
        const struct histogram *h = call->histograms_out ? call->histograms_out[i] : NULL;
        if (h && weighs)
            steps[i] += sample_weight(h);
        else
            steps[i] += h || !value_is_stale(call->out[i]);
    }
}

/* A window that moves forward over one kind of samples, and what lies in it. */
struct counted {
    const int64_t *times_ms;
    size_t count;
    size_t lo, hi; /* samples of it: [lo, hi) */
    uint64_t weight;
};

static uint64_t weight_at(const struct window_call *call, bool histograms, size_t i)
{
    if (histograms)
        return sample_weight(call->histograms->items[i]);
    return !value_is_stale(call->values[i]);
}

/* To (after_ms, until_ms]. */
static void counted_move(struct counted *counted, const struct window_call *call, bool histograms,
                         int64_t after_ms, int64_t until_ms)
{
    for (; counted->hi < counted->count && counted->times_ms[counted->hi] <= until_ms;
         counted->hi++)
        counted->weight += weight_at(call, histograms, counted->hi);
    for (; counted->lo < counted->hi && counted->times_ms[counted->lo] <= after_ms; counted->lo++)
        counted->weight -= weight_at(call, histograms, counted->lo);
}

static void count_in_windows(const struct window_call *call, enum window_edges edges,
                             uint64_t *steps)
{
    struct counted floats = {.times_ms = call->times_ms, .count = call->sample_count};
    struct counted histograms = {0};
    if (call->histograms)
        histograms = (struct counted){.times_ms = call->histograms->times_ms,
                                      .count = call->histograms->count};
    int64_t before_ms = edges == WINDOW_PLAIN ? 0 : call->lookback_ms;
    int64_t behind_ms = edges == WINDOW_SMOOTHED ? call->lookback_ms : 0;
    for (size_t i = 0; i < call->refs.count; i++) {
        int64_t ref_ms = grid_time(&call->refs, i);
        int64_t after_ms = ms_sub(ms_sub(ref_ms, call->range_ms), before_ms);
        counted_move(&floats, call, false, after_ms, ms_sub(ref_ms, -behind_ms));
        counted_move(&histograms, call, true, after_ms, ms_sub(ref_ms, -behind_ms));
        steps[i] += floats.weight + histograms.weight;
    }
}

void sample_count_windows(const struct window_kernel *kernel, const struct window_call *call,
                          enum window_edges edges, uint64_t *steps)
{
    if (kernel == &window_select)
        count_selected(call, true, steps);
    else if (kernel == &window_select_time || kernel == &window_select_start ||
             kernel == &window_select_float_time)
        count_selected(call, false, steps);
    else if (kernel != &window_select_smoothed) /* which Prometheus does not count */
        count_in_windows(call, edges, steps);
}
