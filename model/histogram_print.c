#include "base/float_text.h"
#include "model/histogram_side.h"

static void print_number(struct buf *out, double v)
{
    out->len += float_text_g(buf_reserve(out, FLOAT_TEXT_SIZE), v);
}

static void print_bucket(struct buf *out, const struct histogram_bucket *bucket)
{
    buf_byte(out, bucket->lower_inclusive ? '[' : '(');
    print_number(out, bucket->lower);
    buf_byte(out, ',');
    print_number(out, bucket->upper);
    buf_text(out, bucket->upper_inclusive ? "]:" : "):");
    print_number(out, bucket->count);
}

void histogram_print(const struct histogram *h, struct buf *out)
{
    buf_text(out, "{count:");
    print_number(out, h->count);
    buf_text(out, ", sum:");
    print_number(out, h->sum);
    struct histogram_walk walk = histogram_walk(h);
    walk.whole = true;
    for (struct histogram_bucket bucket; histogram_walk_next(&walk, &bucket);) {
        if (bucket.count == 0)
            continue;
        buf_text(out, ", ");
        print_bucket(out, &bucket);
    }
    buf_byte(out, '}');
}

bool histogram_check_text(const struct histogram *h, struct err *err)
{
    return !histogram_is_custom(h) || h->zero_count == 0 ||
           err_set(err, ERR_EXECUTION, "histograms with custom buckets have no zero bucket");
}

/* Puts a space between two parts. */
static void print_key(struct buf *out, const char *key)
{
    if (out->ptr[out->len - 1] != '{')
        buf_byte(out, ' ');
    buf_text(out, key);
}

static void print_part(struct buf *out, const char *key, double v)
{
    if (v == 0)
        return;
    print_key(out, key);
    print_number(out, v);
}

/* All from the first populated bucket to the last: empty ones between as they are, gaps as 0. */
static void print_side(const struct histogram_side *side, const char *offset_key, const char *key,
                       struct buf *out)
{
    bool begun = false;
    int64_t printed = 0; /* the end of what has been printed, */
    int64_t run = 0;     /* and the begin of the buckets without a gap before this one */
    int64_t last = INT64_MIN;
    struct side_cursor cursor = side_cursor(side->spans, side->span_count);
    for (; side_cursor_load(&cursor); side_cursor_take(&cursor, 1)) {
        if (cursor.index != last + 1)
            run = cursor.index;
        last = cursor.index;
        double count = side->buckets[cursor.bucket];
        if (count == 0)
            continue;
        if (!begun) {
            printed = cursor.index;
            if (printed != 0) {
                print_key(out, offset_key);
                buf_printf(out, "%d", (int)printed);
            }
            print_key(out, key);
        }
        buf_byte(out, begun ? ' ' : '[');
        begun = true;
        bool gap = run >= printed;
        for (; printed < cursor.index; printed++) {
            int64_t behind = cursor.index - printed;
            print_number(out, gap ? 0 : side->buckets[cursor.bucket - behind]);
            buf_byte(out, ' ');
        }
        print_number(out, count);
        printed = cursor.index + 1;
    }
    if (begun)
        buf_byte(out, ']');
}

void histogram_print_literal(const struct histogram *h, struct buf *out)
{
    static const char *const hints[] = {
        [HISTOGRAM_RESET] = "reset",
        [HISTOGRAM_NOT_RESET] = "not_reset",
        [HISTOGRAM_GAUGE] = "gauge",
    };
    buf_text(out, "{{");
    print_part(out, "schema:", h->schema);
    print_part(out, "count:", h->count);
    print_part(out, "sum:", h->sum);
    print_part(out, "z_bucket:", h->zero_count);
    print_part(out, "z_bucket_w:", h->zero_threshold);
    if (histogram_is_custom(h)) {
        print_key(out, "custom_values:[");
        for (uint32_t i = 0; i < h->custom_bound_count; i++) {
            if (i > 0)
                buf_byte(out, ' ');
            print_number(out, h->custom_bounds[i]);
        }
        buf_byte(out, ']');
    }
    if (hints[h->hint]) {
        print_key(out, "counter_reset_hint:");
        buf_text(out, hints[h->hint]);
    }
    print_side(&h->positive, "offset:", "buckets:", out);
    print_side(&h->negative, "n_offset:", "n_buckets:", out);
    buf_text(out, "}}");
}
