#include "model/flags.h"

#include <stdio.h>
#include <unistd.h>

#include "base/test.h"

struct options {
    const char *name;
    const char *output;
    bool fast;
    bool careful;
    int64_t count;
    int64_t wait_ms;
    int64_t size;
    double ratio;
    struct flag_texts homes;
};

static const struct flag table[] = {
    {"test.name", 0, FLAG_TEXT, offsetof(struct options, name), "nobody", "NAME", "Whose it is."},
    {"output", 'o', FLAG_TEXT, offsetof(struct options, output), NULL, "FORM", "What to print."},
    {"fast", 0, FLAG_SWITCH, offsetof(struct options, fast), "false", NULL, "Hurry."},
    {"count", 0, FLAG_COUNT, offsetof(struct options, count), "20", "N", "How many."},
    {"wait", 0, FLAG_DURATION, offsetof(struct options, wait_ms), "2m", "DURATION", "How long."},
    {"ratio", 0, FLAG_REAL, offsetof(struct options, ratio), "1e-6", "R", "How much."},
    {"careful", 0, FLAG_SWITCH, offsetof(struct options, careful), "true", NULL, "Look first."},
    {"size", 0, FLAG_SIZE, offsetof(struct options, size), "1GiB", "SIZE", "How large."},
    {"home", 0, FLAG_TEXTS, offsetof(struct options, homes), NULL, "PLACE", "Where it lives."},
};

static struct options options;
static struct flags flags;
static struct err err;

/* Up to four arguments, NULL behind the last. */
static bool parse(const char *a, const char *b, const char *c, const char *d)
{
    static char texts[4][64]; /* values point into them */
    char *argv[4] = {0};
    const char *given[4] = {a, b, c, d};
    int argc = 0;
    for (; argc < 4 && given[argc]; argc++) {
        snprintf(texts[argc], sizeof texts[argc], "%s", given[argc]);
        argv[argc] = texts[argc];
    }
    options = (struct options){0};
    flags = (struct flags){.table = table, .count = ARRAY_COUNT(table), .into = &options};
    return flags_parse(&flags, argc, argv, &err);
}

START_TEST(has_defaults)
{
    ck_assert(parse(NULL, NULL, NULL, NULL));
    ck_assert_str_eq(options.name, "nobody");
    ck_assert(!options.fast);
    ck_assert_int_eq(options.count, 20);
    ck_assert_int_eq(options.wait_ms, 120000);
    ck_assert_int_eq(options.size, 1 << 30);
    ck_assert_ptr_null(options.output);
}
END_TEST

START_TEST(takes_values_both_ways)
{
    ck_assert(parse("--test.name=me", "--count", "7", "--wait=1h30m"));
    ck_assert_str_eq(options.name, "me");
    ck_assert_int_eq(options.count, 7);
    ck_assert_int_eq(options.wait_ms, 5400000);
    ck_assert(parse("-o", "json", "--test.name=", NULL));
    ck_assert_str_eq(options.name, "");
    ck_assert_ptr_nonnull(options.output);
}
END_TEST

START_TEST(takes_switches)
{
    ck_assert(parse("--fast", "word", NULL, NULL));
    ck_assert(options.fast);
    ck_assert_uint_eq(flags.word_count, 1);
    ck_assert(parse("--fast", "--no-fast", NULL, NULL));
    ck_assert(!options.fast);
    ck_assert(parse("--fast=true", NULL, NULL, NULL));
    ck_assert(options.fast);
    ck_assert(!parse("--fast=maybe", NULL, NULL, NULL));
    ck_assert_str_eq(err.msg, "flag --fast: \"maybe\" is not true or false");
}
END_TEST

START_TEST(takes_one_dash_where_it_is_usual)
{
    char a[] = "-count=7", b[] = "-fast", c[] = "--ratio", d[] = "0.25", help[] = "-help";
    char unknown[] = "-o=x";
    char *argv[] = {a, b, c, d};
    options = (struct options){0};
    flags = (struct flags){
        .table = table, .count = ARRAY_COUNT(table), .into = &options, .one_dash = true};
    ck_assert(flags_parse(&flags, 4, argv, &err));
    ck_assert_int_eq(options.count, 7);
    ck_assert(options.fast);
    ck_assert(options.ratio == 0.25);
    argv[0] = help;
    ck_assert(flags_parse(&flags, 1, argv, &err) && flags.help);
    argv[0] = unknown;
    ck_assert(!flags_parse(&flags, 1, argv, &err));
    ck_assert_str_eq(err.msg, "unknown flag -o");
}
END_TEST

START_TEST(takes_a_flag_several_times)
{
    ck_assert(parse(NULL, NULL, NULL, NULL));
    ck_assert_uint_eq(options.homes.count, 0);
    ck_assert(parse("--home=here", "--home", "there", NULL));
    ck_assert_uint_eq(options.homes.count, 2);
    ck_assert_str_eq(options.homes.items[0], "here");
    ck_assert_str_eq(options.homes.items[1], "there");

    char *argv[FLAG_TEXTS_MAX + 1];
    static char again[] = "--home=again";
    for (size_t i = 0; i <= FLAG_TEXTS_MAX; i++)
        argv[i] = again;
    options = (struct options){0};
    flags = (struct flags){.table = table, .count = ARRAY_COUNT(table), .into = &options};
    ck_assert(!flags_parse(&flags, FLAG_TEXTS_MAX + 1, argv, &err));
    ck_assert_str_eq(err.msg, "flag --home: at most 16 of it");
}
END_TEST

START_TEST(keeps_words_in_order)
{
    ck_assert(parse("data", "-", "--", "--up"));
    ck_assert_uint_eq(flags.word_count, 3);
    ck_assert_str_eq(flags.words[0], "data");
    ck_assert_str_eq(flags.words[1], "-");
    ck_assert_str_eq(flags.words[2], "--up");
}
END_TEST

START_TEST(says_what_was_wrong)
{
    static const struct {
        const char *arg;
        const char *expected;
    } cases[] = {
        {"--nothing=1", "unknown flag --nothing"},
        {"-x", "unknown flag -x"},
        {"--no-count", "unknown flag --no-count"},
        {"--count", "flag --count wants a value"},
        {"--count=-1", "flag --count: \"-1\" is not a whole number"},
        {"--wait=soon", "flag --wait: \"soon\" is not a duration such as 30s or 1h30m"},
        {"--ratio=-1", "flag --ratio: \"-1\" is not a number from 0 on"},
        {"--ratio=inf", "flag --ratio: \"inf\" is not a number from 0 on"},
        {"--size=big", "flag --size: \"big\" is not a size such as 512MiB, 2GiB or 75%"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        ck_assert(!parse(cases[i].arg, NULL, NULL, NULL));
        ck_assert_str_eq(err.msg, cases[i].expected);
    }
}
END_TEST

START_TEST(reads_sizes)
{
    int64_t size;
    ck_assert(size_parse(STR("4096"), &size) && size == 4096);
    ck_assert(size_parse(STR("1.5KiB"), &size) && size == 1536);
    ck_assert(size_parse(STR("2MB"), &size) && size == 2 << 20);
    ck_assert(size_parse(STR("100%"), &size));
    ck_assert_int_eq(size, (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
    ck_assert(!size_parse(STR(""), &size));
    ck_assert(!size_parse(STR("GiB"), &size));
    ck_assert(!size_parse(STR("-1"), &size));
    ck_assert(!size_parse(STR("nan"), &size));
    ck_assert(!size_parse(STR("99999999TiB"), &size));
}
END_TEST

START_TEST(prints_an_aligned_table)
{
    AUTO(buf_done) struct buf out = {0};
    flags_print(table, 2, &out);
    ck_assert_str_eq(buf_terminated(&out),
                     "  -h, --help                        Show this and end.\n"
                     "  --test.name=NAME                  Whose it is. (default: nobody)\n"
                     "  -o, --output=FORM                 What to print.\n");
    buf_clear(&out);
    flags_print(table + 6, 1, &out);
    ck_assert_str_eq(buf_terminated(&out),
                     "  -h, --help                        Show this and end.\n"
                     "  --careful                         Look first. (default: true)\n");
    ck_assert(parse("-h", "--nothing", NULL, NULL));
    ck_assert(flags.help);
}
END_TEST

TEST_MAIN("flags", has_defaults, takes_values_both_ways, takes_switches,
          takes_one_dash_where_it_is_usual, takes_a_flag_several_times, keeps_words_in_order,
          says_what_was_wrong, reads_sizes, prints_an_aligned_table)
