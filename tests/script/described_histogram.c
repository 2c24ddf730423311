#include "tests/script/described_histogram.h"

#include <strings.h>

#include "base/mem.h"
#include "model/histogram.h"
#include "model/sample.h"
#include "parser/scan.h"

enum key {
    KEY_SCHEMA,
    KEY_SUM,
    KEY_COUNT,
    KEY_ZERO_COUNT,
    KEY_ZERO_WIDTH,
    KEY_CUSTOM,
    KEY_BUCKETS,
    KEY_OFFSET,
    KEY_NEGATIVE_BUCKETS,
    KEY_NEGATIVE_OFFSET,
    KEY_HINT,
    KEY_COUNT_OF_KEYS,
};

static const char *const key_names[] = {
    [KEY_SCHEMA] = "schema",
    [KEY_SUM] = "sum",
    [KEY_COUNT] = "count",
    [KEY_ZERO_COUNT] = "z_bucket",
    [KEY_ZERO_WIDTH] = "z_bucket_w",
    [KEY_CUSTOM] = "custom_values",
    [KEY_BUCKETS] = "buckets",
    [KEY_OFFSET] = "offset",
    [KEY_NEGATIVE_BUCKETS] = "n_buckets",
    [KEY_NEGATIVE_OFFSET] = "n_offset",
    [KEY_HINT] = "counter_reset_hint",
};

static const char *const hint_names[] = {
    [HISTOGRAM_UNKNOWN] = "unknown",
    [HISTOGRAM_RESET] = "reset",
    [HISTOGRAM_NOT_RESET] = "not_reset",
    [HISTOGRAM_GAUGE] = "gauge",
};

/* What stands between the braces, before it becomes a histogram. */
struct description {
    struct histogram *histogram;
    double *positive, *negative;
    uint32_t positive_count, negative_count;
    int32_t offset, negative_offset;
    unsigned seen; /* a bit a key */
};

static bool word_is(struct str word, const char *name)
{
    return word.len == strlen(name) && strncasecmp(word.ptr, name, word.len) == 0;
}

static size_t name_find(const char *const *names, size_t count, struct str word)
{
    size_t i = 0;
    while (i < count && !word_is(word, names[i]))
        i++;
    return i;
}

static bool integer_read(struct reader *reader, int32_t *ret_value, struct err *err)
{
    bool minus = reader_take(reader, '-');
    uint64_t value;
    if (!reader_count(reader, &value, err))
        return false;
    *ret_value = minus ? -(int32_t)value : (int32_t)value;
    return true;
}

/* [1 2 3] */
static bool numbers_read(struct reader *reader, struct arena *arena, double **ret_numbers,
                         uint32_t *ret_count, struct err *err)
{
    if (!reader_take(reader, '['))
        return reader_fail(reader, "\"[\"", err);
    /* Each takes a byte at least. */
    double *numbers = arena_array(arena, double, reader->text.len - reader->pos);
    uint32_t count = 0;
    do {
        if (!reader_number(reader, &numbers[count++], err))
            return false;
        bool spaced = reader_skip_spaces(reader);
        if (reader_take(reader, ']')) {
            *ret_numbers = numbers;
            *ret_count = count;
            return true;
        }
        if (!spaced)
            return reader_fail(reader, "a space or \"]\"", err);
    } while (!reader_at_end(reader));
    return reader_fail(reader, "\"]\"", err);
}

static bool hint_read(struct reader *reader, struct histogram *h, struct err *err)
{
    struct reader before = *reader;
    size_t hint =
        name_find(hint_names, sizeof hint_names / sizeof *hint_names, reader_word(reader));
    if (hint == sizeof hint_names / sizeof *hint_names)
        return reader_fail(&before, "unknown, reset, not_reset or gauge", err);
    h->hint = (enum histogram_hint)hint;
    return true;
}

static bool key_read(struct reader *reader, enum key key, struct description *description,
                     struct arena *arena, struct err *err)
{
    struct histogram *h = description->histogram;
    switch (key) {
    case KEY_SCHEMA:
        return integer_read(reader, &h->schema, err);
    case KEY_SUM:
        return reader_number(reader, &h->sum, err);
    case KEY_COUNT:
        return reader_number(reader, &h->count, err);
    case KEY_ZERO_COUNT:
        return reader_number(reader, &h->zero_count, err);
    case KEY_ZERO_WIDTH:
        return reader_number(reader, &h->zero_threshold, err);
    case KEY_CUSTOM: {
        double *bounds;
        if (!numbers_read(reader, arena, &bounds, &h->custom_bound_count, err))
            return false;
        h->custom_bounds = bounds;
        return true;
    }
    case KEY_BUCKETS:
        return numbers_read(reader, arena, &description->positive, &description->positive_count,
                            err);
    case KEY_OFFSET:
        return integer_read(reader, &description->offset, err);
    case KEY_NEGATIVE_BUCKETS:
        return numbers_read(reader, arena, &description->negative, &description->negative_count,
                            err);
    case KEY_NEGATIVE_OFFSET:
        return integer_read(reader, &description->negative_offset, err);
    case KEY_HINT:
        return hint_read(reader, h, err);
    case KEY_COUNT_OF_KEYS:
        break;
    }
    __builtin_unreachable();
}

static bool pair_read(struct reader *reader, struct description *description, struct arena *arena,
                      struct err *err)
{
    struct reader before = *reader;
    size_t begin = reader->pos;
    while (is_alpha(reader_byte(reader)))
        reader->pos++;
    struct str word = {reader->text.ptr + begin, reader->pos - begin};
    size_t key = name_find(key_names, KEY_COUNT_OF_KEYS, word);
    if (key == KEY_COUNT_OF_KEYS)
        return reader_fail(&before, "a key of histograms, as buckets:[5 10 7]", err);
    if (!reader_take(reader, ':'))
        return reader_fail(reader, "\":\"", err);
    if (description->seen & (1u << key))
        return err_set(err, ERR_BAD_DATA, "duplicate key \"%s\" in histogram", key_names[key]);
    description->seen |= 1u << key;
    return key_read(reader, (enum key)key, description, arena, err);
}

static struct histogram_side side_of(const double *buckets, uint32_t count, int32_t offset,
                                     struct arena *arena)
{
    if (count == 0)
        return (struct histogram_side){0};
    struct histogram_span *span = arena_new(arena, struct histogram_span);
    *span = (struct histogram_span){.offset = offset, .length = count};
    return (struct histogram_side){
        .spans = span,
        .buckets = buckets,
        .span_count = 1,
        .bucket_count = count,
    };
}

bool described_histogram_read(struct reader *reader, struct arena *arena,
                              struct described_value *ret_value, struct err *err)
{
    if (!reader_take(reader, '{') || !reader_take(reader, '{'))
        return reader_fail(reader, "\"{{\"", err);
    struct histogram *h = arena_new(arena, struct histogram);
    struct description description = {.histogram = h};
    reader_skip_spaces(reader);
    while (!reader_take(reader, '}')) {
        if (!pair_read(reader, &description, arena, err))
            return false;
        if (!reader_skip_spaces(reader) && reader_byte(reader) != '}')
            return reader_fail(reader, "a space or \"}}\"", err);
    }
    if (!reader_take(reader, '}'))
        return reader_fail(reader, "\"}}\"", err);
    h->positive =
        side_of(description.positive, description.positive_count, description.offset, arena);
    h->negative = side_of(description.negative, description.negative_count,
                          description.negative_offset, arena);
    *ret_value = (struct described_value){
        .histogram = h,
        .hint_set = description.seen & (1u << KEY_HINT),
    };
    return true;
}

bool described_histogram_step(struct described_value *value, const struct described_value *step,
                              bool minus, struct arena *arena, struct err *err)
{
    if (value->histogram->schema > step->histogram->schema)
        return err_set(err, ERR_BAD_DATA,
                       "error combining histograms: cannot merge from schema %d to %d",
                       step->histogram->schema, value->histogram->schema);
    unsigned clashes = 0;
    const struct histogram *made =
        minus ? histogram_subtract(arena, value->histogram, step->histogram, &clashes)
              : histogram_add(arena, value->histogram, step->histogram, &clashes);
    if (!made)
        return err_set(err, ERR_BAD_DATA, "error combining histograms: incompatible buckets");
    value->histogram = made;
    return true;
}
