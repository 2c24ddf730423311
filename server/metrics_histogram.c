#include "server/metrics_histogram.h"

#include <inttypes.h>

#include "base/float_text.h"

static uint64_t now(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

void metrics_observe(struct metrics_histogram *histogram, const struct metrics_scale *scale,
                     uint64_t v)
{
    for (size_t i = 0; i < scale->count; i++)
        if ((double)v / scale->unit <= scale->bounds[i]) {
            add(&histogram->buckets[i], 1);
            break;
        }
    add(&histogram->count, 1);
    add(&histogram->sum, v);
}

static void put_number(struct buf *out, double v)
{
    out->len += float_text_g(buf_reserve(out, FLOAT_TEXT_SIZE), v);
}

void put_histogram(struct buf *out, const char *name, const char *labels,
                   const struct metrics_histogram *histogram, const struct metrics_scale *scale)
{
    uint64_t below = 0, count = now(&histogram->count);
    for (size_t i = 0; i < scale->count; i++) {
        below += now(&histogram->buckets[i]);
        buf_printf(out, "%s_bucket{%s,le=\"", name, labels);
        put_number(out, scale->bounds[i]);
        buf_printf(out, "\"} %" PRIu64 "\n", below);
    }
    buf_printf(out, "%s_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n", name, labels, count);
    buf_printf(out, "%s_sum{%s} ", name, labels);
    put_number(out, (double)now(&histogram->sum) / scale->unit);
    buf_printf(out, "\n%s_count{%s} %" PRIu64 "\n", name, labels, count);
}
