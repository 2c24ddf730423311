#include "query-tee/fuzz/language.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/test.h"

/* A backend of three metrics; one has a name that is no identifier. */
static bool answer(void *context, const char *path, struct buf *ret_body, struct err *err)
{
    int *asked = context;
    ++*asked;
    if (strstr(path, "/label/__name__/values"))
        buf_text(ret_body, "{\"status\":\"success\",\"data\":[\"a_total\",\"h_bucket\",\"a.b\"]}");
    else if (strstr(path, "/series?") && strstr(path, "h_bucket"))
        buf_text(ret_body,
                 "{\"data\":[{\"__name__\":\"h_bucket\",\"le\":\"1\",\"job\":\"x\"},"
                 "{\"__name__\":\"h_bucket\",\"le\":\"+Inf\",\"job\":\"x\"}]}");
    else if (strstr(path, "/series?"))
        buf_text(ret_body, "{\"data\":[{\"__name__\":\"n\",\"job\":\"x\\\"y\"}]}");
    else if (strstr(path, "/query?"))
        buf_text(ret_body, "{\"data\":{\"result\":[{\"metric\":{},\"histogram\":[1,{}]}]}}");
    else
        return err_set(err, ERR_NOT_FOUND, "no such thing");
    return true;
}

static void learn(struct catalog *catalog, struct dice *dice, struct arena *arena)
{
    int asked = 0;
    struct err err = {0};
    const struct catalog_source source = {answer, &asked, 1000000, 2000000, 100};
    ck_assert_msg(catalog_learn(catalog, &source, dice, arena, &err), "%s", err.msg);
    ck_assert_int_gt(asked, 4);
}

START_TEST(names_and_samples_tell_the_types)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct dice dice = dice_of(1, 1);
    struct catalog catalog;
    learn(&catalog, &dice, arena);
    ck_assert_uint_eq(catalog.count, 3);
    ck_assert_uint_eq(catalog.type_counts[CATALOG_COUNTER], 1);
    ck_assert_uint_eq(catalog.type_counts[CATALOG_BUCKETS], 1);
    ck_assert_uint_eq(catalog.type_counts[CATALOG_NATIVE], 1);
    const struct catalog_metric *metric = catalog_pick(&catalog, CATALOG_BUCKETS, &dice);
    ck_assert_str_eq(metric->name, "h_bucket");
    ck_assert_uint_eq(metric->label_count, 2);
    ck_assert_str_eq(metric->labels[0].name, "le");
    ck_assert_uint_eq(metric->labels[0].value_count, 2);
}
END_TEST

static bool answer_nonsense(void *context, const char *path, struct buf *ret_body, struct err *err)
{
    (void)path;
    (void)err;
    buf_text(ret_body, context);
    return true;
}

START_TEST(nonsense_is_an_error)
{
    static const struct {
        const char *body;
        enum err_kind kind;
    } cases[] = {
        {"<html>", ERR_CORRUPT},
        {"{\"status\":\"success\"}", ERR_CORRUPT},
        {"{\"data\":[7]}", ERR_CORRUPT},
        {"{\"data\":[]}", ERR_NOT_FOUND},
    };
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char body[64];
        struct err err = {0};
        struct catalog catalog;
        struct dice dice = dice_of(1, 1);
        snprintf(body, sizeof body, "%s", cases[i].body);
        const struct catalog_source source = {answer_nonsense, body, 0, 1000, 10};
        ck_assert(!catalog_learn(&catalog, &source, &dice, arena, &err));
        ck_assert_int_eq(err.kind, cases[i].kind);
    }
}
END_TEST

START_TEST(questions_are_the_same_for_a_seed)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct dice dice = dice_of(1, 1);
    struct catalog catalog;
    struct language language;
    learn(&catalog, &dice, arena);
    language_init(&language, &catalog, arena);
    size_t quoted = 0, ranges = 0;
    for (uint64_t i = 0; i < 500; i++) {
        AUTO(buf_done) struct buf text = {0};
        AUTO(buf_done) struct buf again = {0};
        struct question question, same;
        struct dice one = dice_of(7, i), two = dice_of(7, i);
        language_ask(&language, 1000000, 2000000, 50, &one, arena, &question);
        language_ask(&language, 1000000, 2000000, 50, &two, arena, &same);
        part_print(question.root, &text);
        part_print(same.root, &again);
        ck_assert(str_eq(buf_view(&text), buf_view(&again)));
        ck_assert_ptr_null(memchr(text.ptr, '\0', text.len));
        ck_assert(question.start_ms >= 1000000 && question.start_ms <= 2000000);
        ck_assert(question.end_ms >= question.start_ms);
        ck_assert(question.step_ms > 0 || question.end_ms == question.start_ms);
        quoted += strstr(buf_terminated(&text), "{\"a.b\"") != NULL;
        ranges += question.step_ms > 0;
    }
    ck_assert_uint_gt(quoted, 20);
    ck_assert_uint_gt(ranges, 200);
}
END_TEST

/* What still fails: the query has the word in it. */
struct needle {
    struct part **root;
    const char *word;
};

static bool has_needle(void *context)
{
    const struct needle *needle = context;
    AUTO(buf_done) struct buf text = {0};
    part_print(*needle->root, &text);
    return strstr(buf_terminated(&text), needle->word) != NULL;
}

START_TEST(what_fails_is_made_small)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct dice dice = dice_of(1, 1);
    struct catalog catalog;
    struct language language;
    learn(&catalog, &dice, arena);
    language_init(&language, &catalog, arena);
    size_t found = 0;
    for (uint64_t i = 0; i < 3000; i++) {
        struct question question;
        struct dice own = dice_of(9, i);
        language_ask(&language, 1000000, 2000000, 50, &own, arena, &question);
        struct needle needle = {&question.root, "changes("};
        AUTO(buf_done) struct buf text = {0};
        part_print(question.root, &text);
        if (!has_needle(&needle) || strstr(buf_terminated(&text), ":"))
            continue;
        found++;
        part_shrink(&question.root, has_needle, &needle);
        buf_clear(&text);
        part_print(question.root, &text);
        ck_assert(str_starts(buf_view(&text), STR("changes(")));
        ck_assert_ptr_null(strstr(buf_terminated(&text), "offset"));
    }
    ck_assert_uint_gt(found, 10);
}
END_TEST

TEST_MAIN("language", names_and_samples_tell_the_types, nonsense_is_an_error,
          questions_are_the_same_for_a_seed, what_fails_is_made_small)
