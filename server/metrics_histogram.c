#include "server/metrics_histogram.h"

#include <inttypes.h>

#include "base/float_text.h"

static uint64_t now(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void put_number(struct buf *out, double v)
{
    out->len += float_text_g(buf_reserve(out, FLOAT_TEXT_SIZE), v);
}

void put_histogram(struct buf *out, const char *name, const char *labels,
                   const struct classic_histogram *histogram, const struct classic_scale *scale)
{
    const char *comma = *labels ? "," : "";
    uint64_t below = 0;
    for (size_t i = 0; i < scale->count; i++) {
        below += now(&histogram->buckets[i]);
        buf_printf(out, "%s_bucket{%s%sle=\"", name, labels, comma);
        put_number(out, scale->bounds[i]);
        buf_printf(out, "\"} %" PRIu64 "\n", below);
    }
    uint64_t count = now(&histogram->count);
    if (count < below)
        count = below; /* some are being counted: their buckets came first */
    buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, comma, count);
    buf_printf(out, "%s_sum%s%s%s ", name, *labels ? "{" : "", labels, *labels ? "}" : "");
    put_number(out, (double)now(&histogram->sum) / scale->unit);
    buf_printf(out, "\n%s_count%s%s%s %" PRIu64 "\n", name, *labels ? "{" : "", labels,
               *labels ? "}" : "", count);
}
