#include <math.h>

#include "base/float_text.h"
#include "model/histogram.h"

static bool spans_check(const struct histogram_side *side, uint32_t first, struct err *err)
{
    uint64_t needed = 0;
    for (uint32_t i = 0; i < side->span_count; i++) {
        if (i >= first && side->spans[i].offset < 0)
            return err_set(err, ERR_BAD_DATA,
                           "span number %u with offset %d: histogram has a span whose offset is "
                           "negative",
                           i + 1, side->spans[i].offset);
        needed += side->spans[i].length;
    }
    if (needed != side->bucket_count)
        return err_set(err, ERR_BAD_DATA,
                       "spans need %llu buckets, have %u buckets: histogram spans specify "
                       "different number of buckets than provided",
                       (unsigned long long)needed, side->bucket_count);
    return true;
}

static bool counts_check(const struct histogram_side *side, struct err *err)
{
    for (uint32_t i = 0; i < side->bucket_count; i++) {
        if (!(side->buckets[i] < 0))
            continue;
        char text[FLOAT_TEXT_SIZE];
        int len = (int)float_text_g(text, side->buckets[i]);
        return err_set(err, ERR_BAD_DATA,
                       "bucket number %u has observation count of %.*s: histogram has a bucket "
                       "whose observation count is negative",
                       i + 1, len, text);
    }
    return true;
}

static bool bounds_check(const struct histogram *h, struct err *err)
{
    double last = -INFINITY;
    for (uint32_t i = 0; i < h->custom_bound_count; i++) {
        double bound = h->custom_bounds[i];
        if (isnan(bound))
            return err_set(err, ERR_BAD_DATA, "histogram custom bounds must not be NaN");
        if (i > 0 && bound <= last) {
            char text_last[FLOAT_TEXT_SIZE];
            char text[FLOAT_TEXT_SIZE];
            int len_last = (int)float_text_fixed(text_last, last, 6);
            int len = (int)float_text_fixed(text, bound, 6);
            return err_set(err, ERR_BAD_DATA,
                           "previous bound is %.*s and current is %.*s: histogram custom bounds "
                           "must be in strictly increasing order",
                           len_last, text_last, len, text);
        }
        last = bound;
    }
    if (isinf(last) && last > 0)
        return err_set(err, ERR_BAD_DATA,
                       "last +Inf bound must not be explicitly defined: histogram custom bounds "
                       "must be finite");
    return true;
}

static bool custom_parts_check(const struct histogram *h, struct err *err)
{
    if (!bounds_check(h, err) || !spans_check(&h->positive, 0, err))
        return false;
    uint64_t covered = 0;
    for (uint32_t i = 0; i < h->positive.span_count; i++)
        covered += (uint64_t)h->positive.spans[i].offset + h->positive.spans[i].length;
    if (covered > (uint64_t)h->custom_bound_count + 1)
        return err_set(err, ERR_BAD_DATA,
                       "only %u custom bounds defined which is insufficient to cover total span "
                       "length of %llu: histogram custom bounds are too few",
                       h->custom_bound_count, (unsigned long long)covered);
    return true;
}

static bool custom_check(const struct histogram *h, struct err *err)
{
    if (!custom_parts_check(h, err))
        return err_wrap(err, "custom buckets");
    const char *wrong = NULL;
    if (h->zero_count != 0)
        wrong = "must have zero count of 0";
    else if (h->zero_threshold != 0)
        wrong = "must have zero threshold of 0";
    else if (h->negative.span_count > 0)
        wrong = "must not have negative spans";
    else if (h->negative.bucket_count > 0)
        wrong = "must not have negative buckets";
    return !wrong || err_set(err, ERR_BAD_DATA, "custom buckets: %s", wrong);
}

static bool exponential_check(const struct histogram *h, struct err *err)
{
    if (!spans_check(&h->positive, 1, err))
        return err_wrap(err, "positive side");
    if (!spans_check(&h->negative, 1, err) || !counts_check(&h->negative, err))
        return err_wrap(err, "negative side");
    if (h->zero_count < 0) {
        char text[FLOAT_TEXT_SIZE];
        int len = (int)float_text_g(text, h->zero_count);
        return err_set(err, ERR_BAD_DATA,
                       "zero bucket has observation count of %.*s: histogram has a bucket whose "
                       "observation count is negative",
                       len, text);
    }
    if (h->custom_bound_count > 0)
        return err_set(err, ERR_BAD_DATA,
                       "histogram with exponential schema must not have custom bounds");
    return true;
}

bool histogram_check(const struct histogram *h, struct err *err)
{
    if (histogram_is_custom(h)) {
        if (!custom_check(h, err))
            return false;
    } else if (h->schema < HISTOGRAM_SCHEMA_MIN || h->schema > HISTOGRAM_SCHEMA_MAX) {
        return err_set(err, ERR_BAD_DATA,
                       "histogram has an invalid schema, which must be between %d and %d for "
                       "exponential buckets, or %d for custom buckets, got schema %d",
                       HISTOGRAM_SCHEMA_MIN, HISTOGRAM_SCHEMA_MAX, HISTOGRAM_SCHEMA_CUSTOM,
                       h->schema);
    } else if (!exponential_check(h, err)) {
        return false;
    }
    if (h->count < 0) {
        char text[FLOAT_TEXT_SIZE];
        int len = (int)float_text_g(text, h->count);
        return err_set(err, ERR_BAD_DATA,
                       "observation count is  %.*s: histogram's observation count is negative", len,
                       text);
    }
    return counts_check(&h->positive, err) || err_wrap(err, "positive side");
}
