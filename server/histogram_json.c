#include "server/histogram_json.h"

#include "base/float_text.h"

static void quoted_float(double v, struct buf *out)
{
    buf_byte(out, '"');
    out->len += float_text_json(buf_reserve(out, FLOAT_TEXT_SIZE), v);
    buf_byte(out, '"');
}

static void bucket_json(const struct histogram_bucket *bucket, struct buf *out)
{
    char bounds = bucket->lower_inclusive ? (bucket->upper_inclusive ? '3' : '1')
                                          : (bucket->upper_inclusive ? '0' : '2');
    buf_byte(out, '[');
    buf_byte(out, bounds);
    buf_byte(out, ',');
    quoted_float(bucket->lower, out);
    buf_byte(out, ',');
    quoted_float(bucket->upper, out);
    buf_byte(out, ',');
    quoted_float(bucket->count, out);
    buf_byte(out, ']');
}

void histogram_json(const struct histogram *h, struct buf *out)
{
    buf_text(out, "{\"count\":");
    quoted_float(h->count, out);
    buf_text(out, ",\"sum\":");
    quoted_float(h->sum, out);

    bool any = false;
    struct histogram_walk walk = histogram_walk(h);
    for (struct histogram_bucket bucket; histogram_walk_next(&walk, &bucket);) {
        if (bucket.count == 0)
            continue;
        buf_text(out, any ? "," : ",\"buckets\":[");
        bucket_json(&bucket, out);
        any = true;
    }
    buf_text(out, any ? "]}" : "}");
}
