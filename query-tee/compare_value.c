#include <math.h>
#include <string.h>

#include "base/float_text.h"
#include "query-tee/compare_inside.h"
#include "query-tee/json_read.h"

static uint64_t value_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return bits;
}

/* Doubles as integers in the same order, so that neighbours differ by one, and -0 is 0. */
static int64_t value_rank(double v)
{
    int64_t bits = (int64_t)value_bits(v);
    return bits < 0 ? INT64_MIN - bits : bits;
}

static uint64_t value_ulps(double a, double b)
{
    int64_t left = value_rank(a);
    int64_t right = value_rank(b);
    return left > right ? (uint64_t)left - (uint64_t)right : (uint64_t)right - (uint64_t)left;
}

static bool value_parse(struct str text, double *ret_v)
{
    bool range;
    return float_parse(text, ret_v, &range);
}

bool compare_values_agree(const struct compare_options *options, struct str a, struct str b)
{
    double left;
    double right;
    if (str_eq(a, b))
        return true;
    if (!value_parse(a, &left) || !value_parse(b, &right))
        return false;
    if (isnan(left) || isnan(right))
        return isnan(left) && isnan(right);
    if (options->bits)
        return value_bits(left) == value_bits(right);
    if (left == right)
        return true;
    if (isinf(left) || isinf(right))
        return false;

    double distance = fabs(left - right);
    /* Nothing is a share of 0: beside it, the tolerance is taken as it is. */
    double larger = left == 0 || right == 0 ? 1 : fmax(fabs(left), fabs(right));
    return distance <= options->tolerance_absolute ||
           distance <= options->tolerance_relative * larger ||
           value_ulps(left, right) <= options->tolerance_ulps;
}

/* {"count":"2","sum":"3","buckets":[[0,"1","2","2"],...]} */
struct histogram_text {
    struct str count;
    struct str sum;
    struct str buckets; /* without its brackets; empty if there are none */
};

static bool histogram_text_read(struct str text, struct histogram_text *ret_histogram)
{
    struct json_reader json = {.at = text.ptr, .end = text.ptr + text.len, .last = true};
    struct histogram_text histogram = {0};
    bool there = true;
    if (!json_take(&json, '{'))
        return false;
    for (bool first = true;; first = false) {
        struct json_string key;
        struct str value;
        if (!json_member(&json, '}', first, &there))
            return false;
        if (!there)
            break;
        if (!json_read_key(&json, &key) || !json_skip(&json, &value) || value.len < 2)
            return false;
        struct str inside = {value.ptr + 1, value.len - 2};
        if (str_eq(key.text, STR("count")) && *value.ptr == '"')
            histogram.count = inside;
        else if (str_eq(key.text, STR("sum")) && *value.ptr == '"')
            histogram.sum = inside;
        else if (str_eq(key.text, STR("buckets")) && *value.ptr == '[')
            histogram.buckets = inside;
        else
            return false;
    }
    *ret_histogram = histogram;
    return true;
}

struct bucket_text {
    struct str rule; /* which of its borders belong to it */
    struct json_string low;
    struct json_string high;
    struct json_string count;
};

static bool bucket_read(struct json_reader *json, struct bucket_text *ret_bucket)
{
    return json_take(json, '[') && json_read_number(json, &ret_bucket->rule) &&
           json_take(json, ',') && json_read_string(json, &ret_bucket->low) &&
           json_take(json, ',') && json_read_string(json, &ret_bucket->high) &&
           json_take(json, ',') && json_read_string(json, &ret_bucket->count) &&
           json_take(json, ']');
}

static bool buckets_agree(const struct compare_options *options, struct str a, struct str b)
{
    struct json_reader left = {.at = a.ptr, .end = a.ptr + a.len, .last = true};
    struct json_reader right = {.at = b.ptr, .end = b.ptr + b.len, .last = true};
    for (bool first = true;; first = false) {
        struct bucket_text l;
        struct bucket_text r;
        bool left_end = json_read_end(&left);
        bool right_end = json_read_end(&right);
        if (left_end || right_end)
            return left_end && right_end;
        if (!first && !(json_take(&left, ',') && json_take(&right, ',')))
            return false;
        if (!bucket_read(&left, &l) || !bucket_read(&right, &r))
            return false;
        if (!str_eq(l.rule, r.rule) || !compare_values_agree(options, l.low.text, r.low.text) ||
            !compare_values_agree(options, l.high.text, r.high.text) ||
            !compare_values_agree(options, l.count.text, r.count.text))
            return false;
    }
}

bool compare_histograms_agree(const struct compare_options *options, struct str a, struct str b)
{
    struct histogram_text left;
    struct histogram_text right;
    if (str_eq(a, b))
        return true;
    return histogram_text_read(a, &left) && histogram_text_read(b, &right) &&
           compare_values_agree(options, left.count, right.count) &&
           compare_values_agree(options, left.sum, right.sum) &&
           buckets_agree(options, left.buckets, right.buckets);
}
