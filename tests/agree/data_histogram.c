#include "base/attr.h"
#include "base/float_text.h"
#include "tests/agree/data.h"

enum { BUCKETS = 5 };

/* What a histogram literal says. */
struct literal {
    int schema;
    int offset;
    bool whole; /* counts are whole numbers */
    double positive[BUCKETS];
    double negative[BUCKETS];
    double zero, zero_width, sum;
    bool nan; /* an observation was NaN */
    const char *bounds;
    const char *hint;
};

static void float_append(struct buf *out, double v)
{
    out->len += float_text_g(buf_reserve(out, FLOAT_TEXT_SIZE), v);
}

static double buckets_append(struct buf *out, const char *key, const double *counts, size_t count)
{
    double total = 0;
    buf_printf(out, " %s:[", key);
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_byte(out, ' ');
        float_append(out, counts[i]);
        total += counts[i];
    }
    buf_byte(out, ']');
    return total;
}

static const char *literal_text(const struct literal *literal, struct arena *arena)
{
    AUTO(buf_done) struct buf out = {0};
    double count = literal->zero + literal->nan;
    buf_printf(&out, "{{schema:%d sum:", literal->schema);
    float_append(&out, literal->nan ? __builtin_nan("") : literal->sum);
    if (literal->bounds) {
        buf_printf(&out, " custom_values:[%s]", literal->bounds);
        count += buckets_append(&out, "buckets", literal->positive, 4);
    } else {
        buf_text(&out, " z_bucket:");
        float_append(&out, literal->zero);
        buf_text(&out, " z_bucket_w:");
        float_append(&out, literal->zero_width);
        buf_printf(&out, " offset:%d n_offset:%d", literal->offset, literal->offset + 1);
        count += buckets_append(&out, "buckets", literal->positive, BUCKETS);
        count += buckets_append(&out, "n_buckets", literal->negative, BUCKETS);
    }
    buf_text(&out, " count:");
    float_append(&out, count);
    if (literal->hint)
        buf_printf(&out, " counter_reset_hint:%s", literal->hint);
    buf_text(&out, "}}");
    return arena_text(arena, buf_view(&out));
}

static void literal_begin(struct literal *literal, enum data_histogram_kind kind, struct dice *dice)
{
    static const char *const BOUNDS[] = {"0.5 1 5", "0.5 2 5", "-1 0 1", "1 2 3"};
    static const int SCHEMAS[] = {0, 0, 1, 2, 3, -1, -2};
    static const double WIDTHS[] = {0.001, 0.001, 0.001, 0.5, 0.01, 2};
    *literal = (struct literal){
        .schema = DICE_PICK(dice, SCHEMAS),
        .offset = (int)dice_below(dice, 5) - 2,
        .whole = dice_once_in(dice, 2),
        .zero_width = DICE_PICK(dice, WIDTHS),
        .hint = kind == DATA_GAUGE ? "gauge" : NULL,
    };
    if (kind == DATA_CUSTOM) {
        literal->schema = -53;
        literal->bounds = DICE_PICK(dice, BOUNDS);
    }
}

static double some_count(const struct literal *literal, struct dice *dice)
{
    double count = (double)dice_below(dice, 6);
    return literal->whole || count == 0 ? count : count + 0.1;
}

static void literal_observe(struct literal *literal, enum data_histogram_kind kind,
                            struct dice *dice)
{
    bool both_sides = dice_once_in(dice, 3);
    for (size_t i = 0; i < BUCKETS; i++) {
        bool gauge = kind == DATA_GAUGE;
        double more = dice_once_in(dice, 3) ? some_count(literal, dice) : 0;
        literal->positive[i] = gauge ? more : literal->positive[i] + more;
        if (both_sides)
            literal->negative[i] += some_count(literal, dice);
    }
    if (kind != DATA_CUSTOM)
        literal->zero += some_count(literal, dice);
    literal->sum += (double)dice_below(dice, 100) / 8 - (kind == DATA_GAUGE ? 6 : 0);
    literal->nan = literal->nan || dice_once_in(dice, 300);
}

void data_make_histograms(const char **values, enum data_histogram_kind kind, size_t float_every,
                          struct dice *dice, struct arena *arena)
{
    static const char *const HINTS[] = {"reset", "not_reset", "unknown", "gauge"};
    struct literal literal;
    size_t hole_every = 3 + dice_below(dice, 10);
    literal_begin(&literal, kind, dice);
    for (size_t i = 0; i < DATA_STEPS; i++) {
        if (dice_once_in(dice, 20))
            literal_begin(&literal, kind, dice);
        literal_observe(&literal, kind, dice);
        struct literal told = literal;
        if (dice_once_in(dice, 60))
            told.hint = DICE_PICK(dice, HINTS);
        values[i] = literal_text(&told, arena);
        if (dice_once_in(dice, hole_every))
            values[i] = "_";
        else if (dice_once_in(dice, 30))
            values[i] = "stale";
        else if (float_every && dice_once_in(dice, float_every))
            values[i] = arena_printf(arena, "%zu", dice_below(dice, 50));
    }
}
