#include "server/exposition.h"

#include "base/buf.h"
#include "base/float_text.h"
#include "base/test.h"

static void check(const char *text, const char *expected)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    AUTO(buf_done) struct buf out = {0};
    struct exposition exposition;
    struct err err;
    if (!exposition_read(str_of(text), arena, &exposition, &err)) {
        ck_assert_str_eq(err.msg, expected);
        return;
    }
    for (size_t i = 0; i < exposition.family_count; i++) {
        const struct exposition_family *family = &exposition.families[i];
        buf_printf(&out, "%.*s %d <%.*s>\n", STR_ARGS(family->name), (int)family->type,
                   STR_ARGS(family->help));
    }
    for (size_t i = 0; i < exposition.sample_count; i++) {
        const struct exposition_sample *sample = &exposition.samples[i];
        for (size_t k = 0; k < sample->label_count; k++)
            buf_printf(&out, "%.*s=<%.*s> ", STR_ARGS(sample->labels[k].name),
                       STR_ARGS(sample->labels[k].value));
        out.len += float_text_g(buf_reserve(&out, FLOAT_TEXT_SIZE), sample->v);
        buf_byte(&out, '\n');
    }
    ck_assert_str_eq(buf_terminated(&out), expected);
}

START_TEST(families_have_type_and_help)
{
    check("# HELP a Of a.\\nAnd \\\\.\n# TYPE a counter\n# note\n# TYPE b histogram\n\n",
          "a 1 <Of a.\nAnd \\.>\nb 3 <>\n");
}
END_TEST

START_TEST(samples_have_labels_and_values)
{
    check("a 1\nb{x=\"1\",y=\"q\\\"\\\\\\n\"} 2.5e-05\nc{le=\"+Inf\"} +Inf\nd{} NaN",
          "__name__=<a> 1\n"
          "__name__=<b> x=<1> y=<q\"\\\n> 2.5e-05\n"
          "__name__=<c> le=<+Inf> +Inf\n"
          "__name__=<d> NaN\n");
}
END_TEST

START_TEST(says_which_line_is_none)
{
    check("a 1\nb{x=\"1\n", "line 2 is no sample");
    check("\nb{x} 1", "line 2 is no sample");
    check("a", "line 1 is no sample");
    check("a one", "line 1 is no sample");
    check("{a=\"b\"} 1", "line 1 is no sample");
    check("b{=\"1\"} 1", "line 1 is no sample");
    check("b{x=\"1\\\"} 1", "line 1 is no sample");
    check("b{x=\"1\"", "line 1 is no sample");
}
END_TEST

TEST_MAIN("exposition", families_have_type_and_help, samples_have_labels_and_values,
          says_which_line_is_none)
