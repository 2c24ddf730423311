#include "storage/postings.h"

#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "storage/postings_match.h"
#include "storage/test_blocks.h"

#define RANGE 2000

/* A random set as flags and as a list. */
static size_t make_list(unsigned one_in, bool *flags, uint8_t *bytes)
{
    size_t count = 0;
    for (uint32_t i = 0; i < RANGE; i++) {
        flags[i] = (unsigned)rand() % one_in == 0;
        if (flags[i])
            store_be32(bytes + 4 * count++, i);
    }
    return count;
}

START_TEST(keeps_and_drops_like_flags)
{
    static const unsigned shares[] = {1, 2, 10, 300, 5000};
    static uint8_t base_bytes[4 * RANGE];
    static uint8_t bytes[4 * RANGE];
    for (unsigned round = 0; round < 400; round++) {
        bool base[RANGE];
        bool marked[RANGE] = {false};
        struct err err = {0};
        struct postings p;
        struct postings_view view = {base_bytes, make_list(shares[round % 5], base, base_bytes)};
        ck_assert(postings_init(&p, view, NULL, &err));
        for (unsigned i = 0; i < 3; i++) {
            bool flags[RANGE];
            view =
                (struct postings_view){bytes, make_list(shares[(size_t)rand() % 5], flags, bytes)};
            bool meets = false;
            for (size_t k = 0; k < RANGE; k++) {
                meets |= base[k] && flags[k];
                marked[k] |= flags[k];
            }
            ck_assert_int_eq(postings_meets(&p, view), meets);
            postings_mark(&p, view);
        }
        bool keep = round % 2;
        if (keep)
            postings_keep_marked(&p);
        else
            postings_drop_marked(&p);
        size_t at = 0;
        for (uint32_t k = 0; k < RANGE; k++)
            if (base[k] && marked[k] == keep)
                ck_assert_uint_eq(p.ids[at++], k);
        ck_assert_uint_eq(p.count, at);
        postings_done(&p);
    }
}
END_TEST

START_TEST(refuses_a_list_that_does_not_rise)
{
    static const uint8_t bytes[] = {0, 0, 0, 2, 0, 0, 0, 2};
    struct err err = {0};
    struct postings p;
    ck_assert(!postings_init(&p, (struct postings_view){bytes, 2}, NULL, &err));
    ck_assert_int_eq(err.kind, ERR_CORRUPT);
}
END_TEST

START_TEST(charges_the_budget)
{
    static const uint8_t bytes[400];
    struct err err = {0};
    struct budget budget;
    struct postings p;
    budget_init(&budget, NULL, "--query.memory-limit", 100);
    ck_assert(!postings_init(&p, (struct postings_view){bytes, 100}, &budget, &err));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    ck_assert_uint_eq(budget.used_bytes, 0);
}
END_TEST

static const char *const names[] = {"a", "b", "c"};
static const char *const values[] = {"", "x", "xy", "xyz", "y", "z.z", "multi\nline"};

/* The value of label `name` in series `i`: every combination, empty ones are left out. */
static size_t value_of(size_t i, size_t name)
{
    for (size_t k = 0; k < name; k++)
        i /= ARRAY_COUNT(values);
    return i % ARRAY_COUNT(values);
}

#define COMBINATIONS (7 * 7 * 7)

static struct block *make_block(struct test_dir *dir)
{
    static struct test_series series[COMBINATIONS];
    size_t count = 0;
    for (size_t i = 1; i < COMBINATIONS; i++) {
        AUTO(buf_done) struct buf text = {0};
        for (size_t k = 0; k < 3; k++)
            if (value_of(i, k))
                buf_printf(&text, "%s%s=%s", text.len ? "," : "", names[k], values[value_of(i, k)]);
        series[count++] = (struct test_series){.labels = arena_text(dir->arena, buf_view(&text)),
                                               .begin_ms = 1,
                                               .step_ms = 1,
                                               .count = 1};
    }
    return test_dir_open(dir, test_dir_block(dir, 1, 0, 1000, series, count));
}

static size_t count_by_hand(struct matcher *const *matchers, size_t matcher_count)
{
    size_t found = 0;
    for (size_t i = 1; i < COMBINATIONS; i++) {
        bool all = true;
        for (size_t m = 0; m < matcher_count; m++) {
            struct str value = STR("");
            for (size_t k = 0; k < 3; k++)
                if (str_eq(matchers[m]->name, str_of(names[k])))
                    value = str_of(values[value_of(i, k)]);
            all &= matcher_matches(matchers[m], value);
        }
        found += all;
    }
    return found;
}

START_TEST(matchers_select_as_if_each_series_were_asked)
{
    static const char *const texts[] = {
        "a=x",   "a=",    "a!=x",     "a!=",        "a=~x|y", "a=~x.*",   "a=~.*",
        "a=~.+", "a!~.*", "a!~.+",    "a!~x|y",     "a=~|x",  "a!~|x",    "a=~",
        "b=xyz", "b!=y",  "b=~(x|y)", "b!~xy?",     "b=~.*z", "b=~z\\.z", "b=~x|y|none",
        "c=~x?", "c!=",   "c=none",   "c=~multi.*", "d=",     "d!=",      "d=~.*",
    };
    struct test_dir dir;
    struct err err = {0};
    test_dir_init(&dir);
    struct block *block = make_block(&dir);
    struct matcher *matchers[ARRAY_COUNT(texts)];
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        matchers[i] = test_matcher(&dir, texts[i]);
    for (unsigned round = 0; round < 3000; round++) {
        struct matcher *chosen[3];
        size_t count = 1 + round % 3;
        for (size_t i = 0; i < count; i++)
            chosen[i] = matchers[(size_t)rand() % ARRAY_COUNT(texts)];
        struct postings found;
        ck_assert_msg(postings_select(block_index(block), chosen, count, NULL, &found, &err), "%s",
                      err.msg);
        ck_assert_uint_eq(found.count, count_by_hand(chosen, count));
        postings_done(&found);
    }
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        matcher_done(matchers[i]);
    block_unref(block);
    test_dir_done(&dir);
}
END_TEST

TEST_MAIN("postings", keeps_and_drops_like_flags, refuses_a_list_that_does_not_rise,
          charges_the_budget, matchers_select_as_if_each_series_were_asked)
