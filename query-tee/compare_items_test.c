/*
 * Random answers against a count too simple to be wrong: few names, so that all come in any order,
 * are missing, and stand several times.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/test.h"
#include "query-tee/compare.h"
#include "query-tee/spool.h"

#define ROUND_COUNT 3000
#define ITEM_COUNT_MAX 9
#define NAME_COUNT 6

struct item {
    unsigned name;
    unsigned value;
};

struct answer {
    struct item items[ITEM_COUNT_MAX];
    size_t count;
};

static uint64_t random_state = 1;

static unsigned random_below(unsigned limit)
{
    random_state = hash_mix(random_state, 0x51);
    return (unsigned)(random_state >> 33) % limit;
}

static void answer_fill(struct answer *answer)
{
    answer->count = random_below(ITEM_COUNT_MAX + 1);
    for (size_t i = 0; i < answer->count; i++)
        answer->items[i] = (struct item){random_below(NAME_COUNT), random_below(2)};
}

/* Like `from`, but for a change or two. */
static void answer_change(struct answer *answer, const struct answer *from)
{
    *answer = *from;
    for (unsigned i = random_below(3); i > 0 && answer->count > 1; i--) {
        size_t a = random_below((unsigned)answer->count);
        size_t b = random_below((unsigned)answer->count);
        struct item kept = answer->items[a];
        answer->items[a] = answer->items[b];
        answer->items[b] = kept;
        if (random_below(3) == 0)
            answer->items[a].value ^= 1;
        if (random_below(3) == 0)
            answer->count--;
    }
}

static struct spool *answer_spool(const struct answer *answer)
{
    AUTO(buf_done) struct buf body = {0};
    buf_text(&body, "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[");
    for (size_t i = 0; i < answer->count; i++)
        buf_printf(&body, "%s{\"metric\":{\"n\":\"%u\"},\"value\":[1,\"%u\"]}", i ? "," : "",
                   answer->items[i].name, answer->items[i].value);
    buf_text(&body, "]}}");
    return spool_of(body.ptr, body.len);
}

/* The copies of a name, in their order. */
static size_t answer_copies(const struct answer *answer, unsigned name, unsigned *values)
{
    size_t count = 0;
    for (size_t i = 0; i < answer->count; i++)
        if (answer->items[i].name == name)
            values[count++] = answer->items[i].value;
    return count;
}

static void count_simply(const struct answer *a, const struct answer *b, uint64_t *counts)
{
    for (unsigned name = 0; name < NAME_COUNT; name++) {
        unsigned a_values[ITEM_COUNT_MAX];
        unsigned b_values[ITEM_COUNT_MAX];
        size_t a_count = answer_copies(a, name, a_values);
        size_t b_count = answer_copies(b, name, b_values);
        size_t both = a_count < b_count ? a_count : b_count;
        for (size_t i = 0; i < both; i++)
            counts[DIFF_VALUE] += a_values[i] != b_values[i];
        if (both == 0) {
            counts[DIFF_MISSING_SERIES] += a_count;
            counts[DIFF_EXTRA_SERIES] += b_count;
        } else {
            counts[DIFF_DUPLICATE_SERIES] += a_count - both + b_count - both;
        }
    }
}

static void check_pair(const struct answer *a, const struct answer *b)
{
    AUTO(spool_destroy) struct spool *left = answer_spool(a);
    AUTO(spool_destroy) struct spool *right = answer_spool(b);
    struct compare_options options = COMPARE_DEFAULTS;
    options.skip_recent_ms = 0;
    struct compare_request request = {.kind = ANSWER_QUERY, .query = STR("")};
    AUTO(comparison_done) struct comparison comparison;
    compare_answers(&request, &options, &(struct compare_side){left, 200, "application/json"},
                    &(struct compare_side){right, 200, "application/json"}, &comparison);

    uint64_t wanted[DIFF_COUNT] = {0};
    count_simply(a, b, wanted);
    for (size_t i = 0; i < DIFF_COUNT; i++)
        ck_assert_msg(comparison.counts[i] == wanted[i], "%s: %d and not %d",
                      difference_name((enum difference_class)i), (int)comparison.counts[i],
                      (int)wanted[i]);
    ck_assert_uint_eq(comparison.series_count, a->count);
}

START_TEST(agrees_with_counting)
{
    for (size_t i = 0; i < ROUND_COUNT; i++) {
        struct answer a;
        struct answer b;
        answer_fill(&a);
        if (i % 2)
            answer_fill(&b);
        else
            answer_change(&b, &a);
        check_pair(&a, &b);
    }
}
END_TEST

TEST_MAIN("compare_items", agrees_with_counting)
