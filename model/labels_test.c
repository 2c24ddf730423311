#include "model/labels.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/test.h"

static struct arena *arena;
static struct symbols *symbols;

static void setup(void)
{
    arena = arena_create(NULL);
    symbols = symbols_new(arena);
}

static void teardown(void)
{
    symbols_done(symbols);
    arena_destroy(arena);
}

static uint32_t sym(const char *text)
{
    return symbols_add(symbols, str_of(text));
}

/* "name", "value", ..., NULL */
static const struct labels *set(const char *const *texts)
{
    AUTO(labels_builder_done) struct labels_builder builder = {0};
    labels_builder_reset(&builder, symbols, &labels_empty);
    for (; *texts; texts += 2)
        labels_builder_set(&builder, sym(texts[0]), sym(texts[1]));
    return labels_builder_labels(&builder, arena);
}

#define SET(...) set((const char *const[]){__VA_ARGS__, NULL})

static void prints(const struct labels *labels, const char *want)
{
    AUTO(buf_done) struct buf buf = {0};
    labels_print(symbols, labels, &buf);
    ck_assert_str_eq(buf_terminated(&buf), want);
}

START_TEST(builder_sorts_replaces_and_removes)
{
    setup();
    const struct labels *labels = SET("z", "1", "a", "2", "z", "3", "m", "4", "m", "");
    prints(labels, "{a=\"2\", z=\"3\"}");
    ck_assert(labels_equal(labels, SET("z", "3", "a", "2")));
    ck_assert_uint_eq(labels_hash(labels), labels_hash(SET("z", "3", "a", "2")));
    ck_assert_uint_eq(labels_get(labels, sym("z")), sym("3"));
    ck_assert_uint_eq(labels_get(labels, sym("nope")), SYM_EMPTY);
    teardown();
}
END_TEST

START_TEST(order_is_bytewise_by_name_and_value)
{
    setup();
    const struct labels *sorted[] = {
        &labels_empty, SET("a", "1"), SET("a", "1", "b", "1"), SET("a", "10"), SET("b", "0"),
    };
    for (size_t i = 0; i < ARRAY_COUNT(sorted); i++)
        for (size_t j = 0; j < ARRAY_COUNT(sorted); j++) {
            int order = labels_cmp(symbols, sorted[i], sorted[j]);
            ck_assert_int_eq((order > 0) - (order < 0), (i > j) - (i < j));
        }
    teardown();
}
END_TEST

START_TEST(keeps_and_drops)
{
    setup();
    const struct labels *labels =
        SET("__name__", "up", "job", "x", "instance", "y", "__unit__", "s");
    uint32_t names[] = {sym("job"), sym("zone")};
    struct name_set jobs = name_set_new(arena, names, 2);
    prints(labels_keep(labels, jobs, arena), "{job=\"x\"}");
    prints(labels_without(labels, jobs, arena), "{__unit__=\"s\", instance=\"y\"}");
    prints(labels_drop_name(labels, arena), "{instance=\"y\", job=\"x\"}");
    const struct labels *nameless = SET("a", "b");
    ck_assert_ptr_eq(labels_drop_name(nameless, arena), nameless);
    teardown();
}
END_TEST

START_TEST(prints_as_a_person_writes)
{
    setup();
    AUTO(buf_done) struct buf buf = {0};
    labels_print_metric(symbols, SET("__name__", "up"), &buf);
    buf_byte(&buf, ' ');
    labels_print_metric(symbols, SET("__name__", "up", "job", "a\"b"), &buf);
    buf_byte(&buf, ' ');
    labels_print_metric(symbols, SET("__name__", "a.b", "c.d", "e"), &buf);
    ck_assert_str_eq(buf_terminated(&buf), "up up{job=\"a\\\"b\"} {\"a.b\", \"c.d\"=\"e\"}");
    teardown();
}
END_TEST

START_TEST(hashes_as_prometheus_does)
{
    setup();
    AUTO(buf_done) struct buf scratch = {0};
    ck_assert_uint_eq(hash_bytes_xx64("a", 1), UINT64_C(0xd24ec4f1a98c6e5b));
    ck_assert_uint_eq(labels_prometheus_hash(symbols, SET("a", "b"), &scratch),
                      hash_bytes_xx64("\1a\1b", 4));

    char text[301];
    memset(text, 'x', 300);
    text[300] = '\0';
    labels_prometheus_hash(symbols, SET("a", text), &scratch);
    ck_assert_uint_eq(buf_view(&scratch).len, 2 + 4 + 300);
    ck_assert_mem_eq(buf_view(&scratch).ptr, "\1a\377\54\1\0xx", 8);
    teardown();
}
END_TEST

/* Of short texts it takes more than they do. */
START_TEST(the_table_of_symbols_is_charged)
{
    struct budget budget;
    size_t count = 10000;
    budget_init(&budget, NULL, "--query.memory-limit", 0);
    arena = arena_create(&budget);
    symbols = symbols_new(arena);
    for (size_t i = 0; i < count; i++) {
        char text[16];
        snprintf(text, sizeof text, "%zu", i);
        sym(text);
    }
    ck_assert_uint_gt(budget.used_bytes, arena_used(arena) + count * sizeof(struct str));
    teardown();
    ck_assert_uint_eq(budget.used_bytes, 0);
}
END_TEST

TEST_MAIN("labels", builder_sorts_replaces_and_removes, order_is_bytewise_by_name_and_value,
          keeps_and_drops, prints_as_a_person_writes, hashes_as_prometheus_does,
          the_table_of_symbols_is_charged)
