#include "tests/script/series_description.h"

#include "base/float_text.h"
#include "base/test.h"
#include "tests/script/start_times.h"

/* name{...}: the labels, then the values; a histogram by its count and sum. */
static void print(const struct series_description *series, const struct symbols *symbols,
                  struct buf *out)
{
    labels_print_metric(symbols, series->labels, out);
    for (size_t i = 0; i < series->count; i++) {
        const struct described_value *value = &series->values[i];
        buf_byte(out, ' ');
        if (value->omitted)
            buf_byte(out, '_');
        else if (value->histogram)
            buf_printf(out, "{%g %g%s}", value->histogram->count, value->histogram->sum,
                       value->hint_set ? " hint" : "");
        else
            out->len += float_text_g(buf_reserve(out, FLOAT_TEXT_SIZE), value->value);
    }
}

static void reads(const char *line, const char *want)
{
    AUTO(arena_destroy) struct arena *arena = arena_create(NULL);
    struct symbols *symbols = symbols_new(arena);
    AUTO(buf_done) struct buf out = {0};
    struct series_description series;
    struct err err = {0};
    bool ok = start_times_is_line(str_of(line))
                  ? start_times_parse(str_of(line), arena, symbols, &series, &err)
                  : series_description_parse(str_of(line), arena, symbols, &series, &err);
    if (ok)
        print(&series, symbols, &out);
    else
        buf_text(&out, err.msg);
    ck_assert_str_eq(buf_terminated(&out), want);
    symbols_done(symbols);
}

START_TEST(values_repeat_and_step)
{
    reads("a 1 2x2 _ _x2 3+1x2 4-0.5x1", "a 1 2 2 2 _ _ _ 3 4 5 4 3.5");
    reads("a -1+-2x1", "expected a value at byte 6: \"-2x1\"");
    reads("a Inf -Inf NaN 1e3 .5", "a +Inf -Inf NaN 1000 0.5");
    reads("a 0x3", "a 0 0 0 0");
    reads("a", "a");
}
END_TEST

START_TEST(labels_may_be_quoted)
{
    reads("{a=\"b\",} 1", "{a=\"b\"} 1");
    reads("{\"x y\", \"l.m\"='n'} 1", "{\"x y\", \"l.m\"=\"n\"} 1");
    reads("a:b{c=\"\\\"\"} 1", "a:b{c=\"\\\"\"} 1");
    reads("a{b=1} 1", "expected a quoted string at byte 5: \"1} 1\"");
    reads("1", "expected a series at byte 1: \"1\"");
}
END_TEST

START_TEST(histograms_repeat_and_step)
{
    reads("a {{}} {{schema:1 count:3 sum:4.5 buckets:[1 2]}}", "a {0 0} {3 4.5}");
    reads("a {{count:1 sum:2}}+{{count:1 counter_reset_hint:reset}}x2",
          "a {1 2 hint} {2 2 hint} {3 2 hint}");
    reads("a {{count:3 counter_reset_hint:gauge}}x1", "a {3 0 hint} {3 0 hint}");
    reads("a {{count:1 count:2}}", "duplicate key \"count\" in histogram");
    reads("a {{weight:1}}",
          "expected a key of histograms, as buckets:[5 10 7] at byte 5: \"weight:1}}\"");
    reads("a {{buckets:[1 2}}", "expected a space or \"]\" at byte 17: \"}}\"");
}
END_TEST

START_TEST(start_times_are_offsets)
{
    reads("a{b=\"c\"}@st -30s _ _x2 0s -1mx1 -30s-1mx2",
          "a{b=\"c\"} -30000 _ _ _ 0 -60000 -60000 -30000 -90000 -150000");
    reads("a@st 1", "expected a duration at byte 6: \"1\"");
}
END_TEST

TEST_MAIN("series_description", values_repeat_and_step, labels_may_be_quoted,
          histograms_repeat_and_step, start_times_are_offsets)
