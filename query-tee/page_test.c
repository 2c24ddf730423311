#include "query-tee/page.h"

#include <jansson.h>

#include "base/test.h"
#include "query-tee/test_tee.h"

static struct test_tee self;

static void begin(void)
{
    TEST_TEE_OPEN(&self, 2, "--proxy.compare-responses=false");
}

static void add_difference(const char *query)
{
    struct summary_difference difference = {
        .time_ms = 1760000000000,
        .route = "api_v1_query",
        .backend = self.backends[1].name,
        .query = query,
        .classes = "value 3",
        .line = "{\"query\":\"up\"}",
    };
    summary_add_difference(self.tee->summary, &difference);
}

static const json_t *data_of(const json_t *json, const char *key)
{
    return json_object_get(json_object_get(json, "data"), key);
}

static json_t *page_json(void)
{
    AUTO(buf_done) struct buf out = {0};
    page_print_json(self.tee, &out);
    json_t *json = json_loadb(out.ptr, out.len, 0, NULL);
    ck_assert_ptr_nonnull(json);
    ck_assert_str_eq(json_string_value(json_object_get(json, "status")), "success");
    return json;
}

static json_int_t number_of(const json_t *json, const char *key)
{
    ck_assert_msg(json_is_number(json_object_get(json, key)), "%s", key);
    return (json_int_t)json_number_value(json_object_get(json, key));
}

START_TEST(tells_in_json_what_has_happened)
{
    begin();
    summary_add_answer(self.tee->summary, 0, false, 1000000, 10);
    summary_add_answer(self.tee->summary, 1, true, 2000000, 10);
    summary_add_verdict(self.tee->summary, 1, SUMMARY_DIFFERENT);
    shapes_add_answer(self.tee->shapes, STR("sum(m)"), 1, 1000000, 10);
    shapes_add_question(self.tee->shapes, STR("sum(m)"), true);
    add_difference("up");
    json_t *json = page_json();
    const json_t *backends = data_of(json, "backends"), *shapes = data_of(json, "shapes");
    ck_assert_uint_eq(json_array_size(backends), 2);
    const json_t *first = json_array_get(backends, 0), *second = json_array_get(backends, 1);
    ck_assert_str_eq(json_string_value(json_object_get(first, "name")), self.backends[0].name);
    ck_assert(json_is_true(json_object_get(first, "preferred")));
    ck_assert(json_is_false(json_object_get(second, "preferred")));
    ck_assert_int_eq(number_of(first, "answers"), 1);
    ck_assert_int_eq(number_of(first, "failures"), 0);
    ck_assert_int_eq(number_of(second, "failures"), 1);
    ck_assert_int_eq(number_of(second, "different"), 1);
    ck_assert_uint_eq(json_array_size(shapes), 1);
    const json_t *shape = json_array_get(shapes, 0);
    ck_assert_str_eq(json_string_value(json_object_get(shape, "shape")), "sum(m)");
    ck_assert_int_eq(number_of(shape, "compared"), 1);
    ck_assert_int_eq(number_of(shape, "different"), 1);
    ck_assert_uint_eq(json_array_size(data_of(json, "differences")), 1);
    json_decref(json);
    test_tee_close(&self);
}
END_TEST

START_TEST(tells_of_nothing_where_nothing_has_happened)
{
    begin();
    json_t *json = page_json();
    ck_assert_uint_eq(json_array_size(data_of(json, "backends")), 2);
    ck_assert_uint_eq(json_array_size(data_of(json, "shapes")), 0);
    ck_assert_uint_eq(json_array_size(data_of(json, "differences")), 0);
    json_decref(json);
    test_tee_close(&self);
}
END_TEST

/* A query is what a client thought of, and the page is read by somebody else. */
START_TEST(shows_queries_and_never_runs_them)
{
    AUTO(buf_done) struct buf out = {0}, long_query = {0};
    begin();
    add_difference("<script>alert(\"1\")</script> & more");
    for (int i = 0; i < 1000; i++)
        buf_text(&long_query, "\xc3\xa4");
    add_difference(buf_terminated(&long_query));
    page_print(self.tee, &out);
    const char *text = buf_terminated(&out);
    ck_assert_ptr_null(strstr(text, "<script>"));
    ck_assert_ptr_nonnull(
        strstr(text, "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; more"));
    ck_assert_ptr_nonnull(strstr(text, "\xc3\xa4..."));
    ck_assert_ptr_nonnull(strstr(text, "2025-10-09"));
    ck_assert_ptr_nonnull(strstr(text, self.backends[1].name));
    test_tee_close(&self);
}
END_TEST

/* Each metric is announced once, in front of its values. */
START_TEST(announces_each_gauge_once)
{
    AUTO(buf_done) struct buf out = {0};
    size_t count = 0;
    begin();
    struct exposition exposition = {.out = &out};
    page_print_gauges(self.tee, &exposition);
    exposition_end(&exposition);
    for (char *line = strtok((char *)(uintptr_t)buf_terminated(&out), "\n"), *name = NULL; line;
         line = strtok(NULL, "\n")) {
        if (strncmp(line, "# TYPE ", 7) == 0) {
            name = line + 7;
            *strchr(name, ' ') = '\0';
            count++;
        } else if (*line != '#') {
            ck_assert_ptr_nonnull(name);
            ck_assert_int_eq(strncmp(line, name, strlen(name)), 0);
        }
    }
    ck_assert_uint_ge(count, 8);
    ck_assert(test_tee_tells(&self, "millrace_querytee_comparisons_waiting 0"));
    ck_assert(test_tee_tells(&self, "millrace_querytee_grpc_connections 0"));
    test_tee_close(&self);
}
END_TEST

TEST_MAIN("page", tells_in_json_what_has_happened, tells_of_nothing_where_nothing_has_happened,
          shows_queries_and_never_runs_them, announces_each_gauge_once)
