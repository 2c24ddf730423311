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
