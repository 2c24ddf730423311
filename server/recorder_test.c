#include "server/recorder.h"

#include "base/test.h"
#include "storage/test_blocks.h"

static struct test_dir dir;
static struct db *db;
static struct metadata *metadata;
static struct recorder *recorder;
static struct append_result result;
static struct err err;

static void begin(size_t series_max)
{
    test_dir_init(&dir);
    const struct db_options options = {.head_series_max = series_max};
    ck_assert_msg(db_open(dir.path, &options, &db, &err), "%s", err.msg);
    metadata = metadata_create();
    recorder = recorder_create(db, metadata, "j", "i");
}

static void end(void)
{
    recorder_destroy(recorder);
    metadata_destroy(metadata);
    db_close(db);
    test_dir_done(&dir);
}

static bool take(int64_t t_ms, const char *text)
{
    const struct scrape scrape = {t_ms, 2500000, str_of(text)};
    err_clear(&err);
    return recorder_take(recorder, &scrape, &result, &err);
}

/* The series whose name matches this; their labels job and instance are left out. */
static void check(const char *matcher, const char *expected)
{
    struct matcher *wanted = test_matcher(&dir, matcher);
    struct select_request request = {
        .matchers = &wanted,
        .matcher_count = 1,
        .begin_ms = INT64_MIN,
        .end_ms = INT64_MAX,
        .arena = dir.arena,
        .symbols = dir.symbols,
    };
    AUTO(selection_close) struct selection *selection = NULL;
    ck_assert_msg(storage_select(db_storage(db), &request, &selection, &err), "%s", err.msg);
    AUTO(buf_done) struct buf found = {0};
    test_print(selection, dir.symbols, &found);
    matcher_done(wanted);
    ck_assert_str_eq(buf_terminated(&found), expected);
}

START_TEST(samples_get_the_labels_of_their_target)
{
    begin(0);
    ck_assert(take(1000, "a{x=\"1\"} 1\nb 2\n"));
    ck_assert(take(2000, "b 4\na{x=\"1\"} 3\n"));
    check("__name__=a", "{__name__=\"a\", instance=\"i\", job=\"j\", x=\"1\"} 1000:1 2000:3\n");
    check("__name__=b", "{__name__=\"b\", instance=\"i\", job=\"j\"} 1000:2 2000:4\n");
    ck_assert_uint_eq(result.sample_count, 7);
    end();
}
END_TEST

START_TEST(tells_of_the_scrape_itself)
{
    begin(0);
    ck_assert(take(1000, "a 1\nb 2\n"));
    ck_assert(take(2000, "a 1\nc 2\nd 3\n"));
    check("__name__=up", "{__name__=\"up\", instance=\"i\", job=\"j\"} 1000:1 2000:1\n");
    check("__name__=~scrape_.*",
          "{__name__=\"scrape_duration_seconds\", instance=\"i\", job=\"j\"} 1000:0.0025 "
          "2000:0.0025\n"
          "{__name__=\"scrape_samples_post_metric_relabeling\", instance=\"i\", job=\"j\"} 1000:2 "
          "2000:3\n"
          "{__name__=\"scrape_samples_scraped\", instance=\"i\", job=\"j\"} 1000:2 2000:3\n"
          "{__name__=\"scrape_series_added\", instance=\"i\", job=\"j\"} 1000:2 2000:2\n");
    end();
}
END_TEST

START_TEST(series_that_vanish_become_stale_once)
{
    begin(0);
    ck_assert(take(1000, "a 1\nb 1\nc 1\n"));
    ck_assert(take(2000, "b 2\n"));
    ck_assert(take(3000, "b 3\nc 3\n"));
    check("__name__=~[abc]",
          "{__name__=\"a\", instance=\"i\", job=\"j\"} 1000:1 2000:nan\n"
          "{__name__=\"b\", instance=\"i\", job=\"j\"} 1000:1 2000:2 3000:3\n"
          "{__name__=\"c\", instance=\"i\", job=\"j\"} 1000:1 2000:nan 3000:3\n");
    end();
}
END_TEST

START_TEST(all_become_stale_at_the_end_behind_their_last_sample)
{
    begin(0);
    ck_assert(recorder_end(recorder, 500, &err));
    ck_assert(take(1000, "a 1\n"));
    ck_assert(recorder_end(recorder, 900, &err));
    check("__name__=a", "{__name__=\"a\", instance=\"i\", job=\"j\"} 1000:1 1001:nan\n");
    check("__name__=up", "{__name__=\"up\", instance=\"i\", job=\"j\"} 1000:1 1001:nan\n");
    end();
}
END_TEST

START_TEST(a_scrape_that_is_none_is_down)
{
    begin(0);
    ck_assert(take(1000, "a 1\n"));
    ck_assert(!take(2000, "a 1\nnonsense\n"));
    ck_assert_str_eq(err.msg, "line 2 is no sample");
    check("__name__=a", "{__name__=\"a\", instance=\"i\", job=\"j\"} 1000:1 2000:nan\n");
    check("__name__=up", "{__name__=\"up\", instance=\"i\", job=\"j\"} 1000:1 2000:0\n");
    end();
}
END_TEST

START_TEST(what_could_not_be_written_was_not_scraped)
{
    begin(6);
    ck_assert(take(1000, "a 1\n"));
    ck_assert(!take(2000, "b 1\n"));
    ck_assert_int_eq(err.kind, ERR_LIMIT);
    check("__name__=~[ab]", "{__name__=\"a\", instance=\"i\", job=\"j\"} 1000:1\n");
    ck_assert(take(3000, "a 3\n"));
    ck_assert(take(4000, ""));
    check("__name__=~[ab]", "{__name__=\"a\", instance=\"i\", job=\"j\"} 1000:1 3000:3 4000:nan\n");
    end();
}
END_TEST

START_TEST(tells_what_it_learnt_of_metrics)
{
    begin(0);
    ck_assert(take(1000, "# HELP a Of a.\n# TYPE a counter\na 1\n"));
    AUTO(buf_done) struct buf out = {0};
    struct json json = {.out = &out};
    metadata_print(metadata, &(struct metadata_query){.limit = -1}, &json);
    ck_assert_str_eq(buf_terminated(&out),
                     "{\"a\":[{\"type\":\"counter\",\"help\":\"Of a.\",\"unit\":\"\"}]}");
    end();
}
END_TEST

TEST_MAIN("recorder", samples_get_the_labels_of_their_target, tells_of_the_scrape_itself,
          series_that_vanish_become_stale_once,
          all_become_stale_at_the_end_behind_their_last_sample, a_scrape_that_is_none_is_down,
          what_could_not_be_written_was_not_scraped, tells_what_it_learnt_of_metrics)
